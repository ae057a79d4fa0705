//! The tags before values.

pub(crate) const NONE: u8 = 0x00;
pub(crate) const EMPTY_BYTES: u8 = 0x01;
pub(crate) const EMPTY_TUPLE: u8 = 0x02;
pub(crate) const TRUE: u8 = 0x03;
pub(crate) const FALSE: u8 = 0x04;
pub(crate) const NOT_IMPLEMENTED: u8 = 0x05;
pub(crate) const ELLIPSIS: u8 = 0x06;
pub(crate) const TEXT: u8 = 0x08;
pub(crate) const BYTES_1: u8 = 0x0a;
pub(crate) const BYTES_4: u8 = 0x0d;
pub(crate) const BYTES_SHORT: u8 = 0x0e;
pub(crate) const BYTES_LONG: u8 = 0x0f;
pub(crate) const TUPLE_1: u8 = 0x10;
pub(crate) const TUPLE_3: u8 = 0x12;
pub(crate) const TUPLE_4: u8 = 0x13;
pub(crate) const TUPLE_SHORT: u8 = 0x14;
pub(crate) const TUPLE_LONG: u8 = 0x15;
pub(crate) const INT_SHORT: u8 = 0x16;
pub(crate) const INT_LONG: u8 = 0x17;
pub(crate) const FLOAT: u8 = 0x18;
pub(crate) const SLICE: u8 = 0x19;
pub(crate) const FROZENSET: u8 = 0x1a;
pub(crate) const COMPLEX: u8 = 0x1b;
/// Never on the wire: stands for long bytes that went elsewhere while they streamed in.
pub(crate) const STREAMED: u8 = 0x1f;
pub(crate) const INT_LEAST: u8 = 0x20;
pub(crate) const INT_MOST: u8 = 0xef;
pub(crate) const INT_ZERO: i64 = 0x50;
