//! Brine, in which rpyc writes values: read token by token without copying, written into any buffer.
//!
//! The tags are those of `rpyc/core/brine.py` of rpyc 6.0.2. A container is a tag and a count, and what it
//! holds follows it, so a flat stream of tokens says everything and nesting costs no memory.

mod reader;
mod tags;
mod token;
mod writer;

pub use reader::Reader;
pub(crate) use tags::{
    BYTES_1, BYTES_4, BYTES_LONG, BYTES_SHORT, COMPLEX, EMPTY_TUPLE, FLOAT, INT_LONG, INT_SHORT, NONE, STREAMED, TEXT,
    TUPLE_3, TUPLE_LONG, TUPLE_SHORT,
};
pub use token::Token;
pub use writer::put;
pub(crate) use writer::{put_bytes_head, put_count, put_int, put_number, put_text};
