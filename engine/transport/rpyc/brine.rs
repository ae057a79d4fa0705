//! Brine, in which rpyc writes values: read token by token without copying, written into any buffer.
//!
//! The tags are those of `rpyc/core/brine.py` of rpyc 6.0.2. A container is a tag and a count, and what it
//! holds follows it, so a flat stream of tokens says everything and nesting costs no memory.

use crate::call::Fault;

/// How deep values may nest; real peers give up at about the same depth, where Python's stack ends.
const DEPTH: usize = 300;
/// How deep the values of our own calls nest at most, generously.
const SHALLOW: usize = 8;

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
const INT_LEAST: u8 = 0x20;
const INT_MOST: u8 = 0xef;
const INT_ZERO: i64 = 0x50;

/// One step through a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// `None`.
    None,
    /// `NotImplemented`.
    NotImplemented,
    /// `...`.
    Ellipsis,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// The decimal digits of an integer beyond 64 bits.
    Big(&'a str),
    /// A float, bit by bit.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// Bytes that went elsewhere while they streamed in; how many. Never on the wire.
    Streamed(u32),
    /// `str`.
    Text(&'a str),
    /// So many values follow.
    Tuple(u32),
    /// A tuple of start, stop and step follows.
    Slice,
    /// A tuple of the members follows.
    Frozenset,
}

impl Token<'_> {
    /// What Python calls the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Token::None => "NoneType",
            Token::NotImplemented => "NotImplementedType",
            Token::Ellipsis => "ellipsis",
            Token::Bool(_) => "bool",
            Token::Int(_) | Token::Big(_) => "int",
            Token::Float(_) => "float",
            Token::Complex(..) => "complex",
            Token::Bytes(_) | Token::Streamed(_) => "bytes",
            Token::Text(_) => "str",
            Token::Tuple(_) => "tuple",
            Token::Slice => "slice",
            Token::Frozenset => "frozenset",
        }
    }
}

/// Reads values from a message that is there in full.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

#[cold]
fn malformed(what: &str) -> Fault {
    Fault::protocol(format!("malformed brine: {what}"))
}

impl<'a> Reader<'a> {
    /// Reads what `bytes` hold.
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes }
    }

    /// True once everything has been read.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    #[inline]
    fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(|| malformed("it ends too soon"))?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Fault> {
        let (byte, rest) = self.bytes.split_first().ok_or_else(|| malformed("it ends too soon"))?;
        self.bytes = rest;
        Ok(*byte)
    }

    fn word(&mut self) -> Result<u32, Fault> {
        Ok(self.take(4)?.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    fn double(&mut self) -> Result<f64, Fault> {
        Ok(f64::from_bits(self.take(8)?.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))))
    }

    fn number(&mut self, len: usize) -> Result<Token<'a>, Fault> {
        let digits = self.take(len)?;
        if (1..=18).contains(&len)
            && let Some(value) = decimal(digits)
        {
            return Ok(Token::Int(value));
        }
        let unsigned = digits.strip_prefix(b"-").unwrap_or(digits);
        if unsigned.is_empty() || !unsigned.iter().all(u8::is_ascii_digit) {
            return Err(malformed("an integer that is not in decimal"));
        }
        let text = std::str::from_utf8(digits).map_err(|_| malformed("an integer that is not in decimal"))?;
        Ok(text.parse().map_or(Token::Big(text), Token::Int))
    }

    /// The next token; a fault where there is none or it is malformed.
    pub fn token(&mut self) -> Result<Token<'a>, Fault> {
        let tag = self.byte()?;
        Ok(match tag {
            INT_LEAST..=INT_MOST => Token::Int(i64::from(tag) - INT_ZERO),
            NONE => Token::None,
            EMPTY_BYTES => Token::Bytes(&[]),
            EMPTY_TUPLE => Token::Tuple(0),
            TRUE => Token::Bool(true),
            FALSE => Token::Bool(false),
            NOT_IMPLEMENTED => Token::NotImplemented,
            ELLIPSIS => Token::Ellipsis,
            TEXT => {
                // One look, not another token: text may be announced again and again, and nothing else may follow it.
                let bytes = match self.byte()? {
                    EMPTY_BYTES => &[],
                    tag @ BYTES_1..=BYTES_4 => self.take(usize::from(tag - BYTES_1) + 1)?,
                    BYTES_SHORT => {
                        let len = self.byte()?;
                        self.take(len.into())?
                    }
                    BYTES_LONG => {
                        let len = self.word()?;
                        self.take(len as usize)?
                    }
                    _ => return Err(malformed("text without bytes")),
                };
                Token::Text(std::str::from_utf8(bytes).map_err(|_| malformed("text that is not UTF-8"))?)
            }
            BYTES_1..=BYTES_4 => Token::Bytes(self.take(usize::from(tag - BYTES_1) + 1)?),
            BYTES_SHORT => {
                let len = self.byte()?;
                Token::Bytes(self.take(len.into())?)
            }
            BYTES_LONG => {
                let len = self.word()?;
                Token::Bytes(self.take(len as usize)?)
            }
            TUPLE_1..=TUPLE_4 => Token::Tuple(u32::from(tag - TUPLE_1) + 1),
            TUPLE_SHORT => Token::Tuple(self.byte()?.into()),
            TUPLE_LONG => Token::Tuple(self.word()?),
            INT_SHORT => {
                let len = self.byte()?;
                self.number(len.into())?
            }
            INT_LONG => {
                let len = self.word()?;
                self.number(len as usize)?
            }
            FLOAT => Token::Float(self.double()?),
            COMPLEX => Token::Complex(self.double()?, self.double()?),
            SLICE => Token::Slice,
            FROZENSET => Token::Frozenset,
            STREAMED => Token::Streamed(self.word()?),
            _ => return Err(malformed(&format!("no value has the tag {tag:#04x}"))),
        })
    }

    /// The number of values in the tuple that comes next.
    #[inline(always)]
    pub fn tuple(&mut self) -> Result<u32, Fault> {
        // Every message is mostly made of short tuples, small integers and ids: they take no detour by a token.
        if let Some((tag @ TUPLE_1..=TUPLE_4, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return Ok(u32::from(tag - TUPLE_1) + 1);
        }
        self.any_tuple()
    }

    fn any_tuple(&mut self) -> Result<u32, Fault> {
        match self.token()? {
            Token::Tuple(count) => Ok(count),
            other => Err(malformed(&format!("a {} where a tuple was due", other.type_name()))),
        }
    }

    /// The tuple that comes next has to have `count` values.
    #[inline(always)]
    pub fn tuple_of(&mut self, count: u32) -> Result<(), Fault> {
        if let Some((tag, rest)) = self.bytes.split_first()
            && (1..=4).contains(&count)
            && u32::from(*tag) == u32::from(TUPLE_1) + count - 1
        {
            self.bytes = rest;
            return Ok(());
        }
        self.any_tuple_of(count)
    }

    fn any_tuple_of(&mut self, count: u32) -> Result<(), Fault> {
        match self.tuple()? {
            len if len == count => Ok(()),
            len => Err(malformed(&format!("a tuple of {len} where one of {count} was due"))),
        }
    }

    /// The integer that comes next.
    #[inline(always)]
    pub fn int(&mut self) -> Result<i64, Fault> {
        if let Some((tag @ INT_LEAST..=INT_MOST, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return Ok(i64::from(*tag) - INT_ZERO);
        }
        if let [INT_SHORT, len @ 1..=18, rest @ ..] = self.bytes
            && let Some((digits, rest)) = rest.split_at_checked(usize::from(*len))
            && let Some(value) = decimal(digits)
        {
            self.bytes = rest;
            return Ok(value);
        }
        self.any_int()
    }

    fn any_int(&mut self) -> Result<i64, Fault> {
        match self.token()? {
            Token::Int(int) => Ok(int),
            other => Err(malformed(&format!("a {} where a small int was due", other.type_name()))),
        }
    }

    /// Passes the name of an object where it is a short text and two short integers, without a look inside them;
    /// stays where it is at anything else.
    #[inline]
    pub(crate) fn pass_name(&mut self) -> bool {
        let [TUPLE_3, TEXT, BYTES_SHORT, len, rest @ ..] = self.bytes else { return false };
        let Some((_, mut rest)) = rest.split_at_checked(usize::from(*len)) else { return false };
        for _ in 0..2 {
            let [INT_SHORT, len, more @ ..] = rest else { return false };
            let Some((_, more)) = more.split_at_checked(usize::from(*len)) else { return false };
            rest = more;
        }
        self.bytes = rest;
        true
    }

    /// The text that comes next.
    pub fn text(&mut self) -> Result<&'a str, Fault> {
        match self.token()? {
            Token::Text(text) => Ok(text),
            other => Err(malformed(&format!("a {} where a str was due", other.type_name()))),
        }
    }

    /// The bytes of the whole value that comes next.
    #[inline]
    pub fn raw(&mut self) -> Result<&'a [u8], Fault> {
        let before = *self;
        if let Some((NONE..=FALSE | INT_LEAST..=INT_MOST, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return Ok(before.until(self));
        }
        self.skip()?;
        Ok(before.until(self))
    }

    /// The bytes between here and `later`, which has to be this reader further on.
    pub(crate) fn until(&self, later: &Reader<'a>) -> &'a [u8] {
        &self.bytes[..self.bytes.len().saturating_sub(later.bytes.len())]
    }

    /// All bytes that are left.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    /// Passes one value, however it nests up to [`DEPTH`]; without recursion, since a peer decides how deep it goes.
    fn skip(&mut self) -> Result<(), Fault> {
        let before = *self;
        // Hardly anything nests deeper, and room for all that may is not made for it.
        if self.skip_within::<SHALLOW>()? {
            return Ok(());
        }
        *self = before;
        if self.skip_within::<DEPTH>()? { Ok(()) } else { Err(malformed("values nest too deep")) }
    }

    /// Passes one value; false where it nests deeper than `MOST`.
    fn skip_within<const MOST: usize>(&mut self) -> Result<bool, Fault> {
        // How many values are still to come in each container that is open, the outermost first.
        let (mut open, mut depth) = ([0u32; MOST], 0);
        loop {
            let inside = match self.token()? {
                Token::Tuple(count) => count,
                Token::Slice => {
                    self.tuple_of(3)?;
                    3
                }
                Token::Frozenset => self.tuple()?,
                _ => 0,
            };
            if inside > 0 {
                let Some(place) = open.get_mut(depth) else { return Ok(false) };
                *place = inside;
                depth += 1;
                continue;
            }
            loop {
                let Some(last) = depth.checked_sub(1) else { return Ok(true) };
                open[last] -= 1;
                if open[last] > 0 {
                    break;
                }
                depth = last;
            }
        }
    }
}

/// The value of at most 18 digits without a sign; none where that is not what they are.
#[inline]
fn decimal(digits: &[u8]) -> Option<i64> {
    let (mut value, mut decimal) = (0u64, true);
    for digit in digits {
        let digit = digit.wrapping_sub(b'0');
        decimal &= digit < 10;
        value = value.wrapping_mul(10).wrapping_add(digit.into());
    }
    decimal.then_some(value as i64)
}

/// Appends a token as real rpyc writes it; the values of a container have to follow.
pub fn put(out: &mut Vec<u8>, token: Token<'_>) {
    match token {
        Token::None => out.push(NONE),
        Token::NotImplemented => out.push(NOT_IMPLEMENTED),
        Token::Ellipsis => out.push(ELLIPSIS),
        Token::Bool(true) => out.push(TRUE),
        Token::Bool(false) => out.push(FALSE),
        Token::Int(int) => put_int(out, int),
        Token::Big(digits) => put_digits(out, digits.as_bytes()),
        Token::Float(float) => {
            out.push(FLOAT);
            out.extend_from_slice(&float.to_be_bytes());
        }
        Token::Complex(real, imaginary) => {
            out.push(COMPLEX);
            out.extend_from_slice(&real.to_be_bytes());
            out.extend_from_slice(&imaginary.to_be_bytes());
        }
        Token::Bytes(bytes) => {
            put_bytes_head(out, bytes.len() as u32);
            out.extend_from_slice(bytes);
        }
        Token::Streamed(len) => {
            out.push(STREAMED);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Token::Text(text) => put_text(out, text),
        Token::Tuple(count) => put_count(out, count),
        Token::Slice => out.push(SLICE),
        Token::Frozenset => out.push(FROZENSET),
    }
}

/// Appends the head of a tuple; its `count` values have to follow.
#[inline]
pub(crate) fn put_count(out: &mut Vec<u8>, count: u32) {
    match count {
        0 => out.push(EMPTY_TUPLE),
        1..=4 => out.push(TUPLE_1 + count as u8 - 1),
        5..=255 => out.extend_from_slice(&[TUPLE_SHORT, count as u8]),
        _ => {
            out.push(TUPLE_LONG);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
}

/// Appends an integer.
#[inline]
pub(crate) fn put_int(out: &mut Vec<u8>, int: i64) {
    match int {
        -48..160 => out.push((int + INT_ZERO) as u8),
        _ => put_decimal(out, int),
    }
}

/// Appends an integer of any size.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u128) {
    match i64::try_from(number) {
        Ok(int) => put_int(out, int),
        Err(_) => put_decimal(out, number),
    }
}

fn put_decimal(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put_digits(out, itoa::Buffer::new().format(number).as_bytes());
}

fn put_digits(out: &mut Vec<u8>, digits: &[u8]) {
    match digits.len() {
        len @ ..256 => out.extend_from_slice(&[INT_SHORT, len as u8]),
        len => {
            out.push(INT_LONG);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(digits);
}

/// Appends the head of `len` bytes, which have to follow.
pub(crate) fn put_bytes_head(out: &mut Vec<u8>, len: u32) {
    match len {
        0 => out.push(EMPTY_BYTES),
        1..=4 => out.push(BYTES_1 + len as u8 - 1),
        5..=255 => out.extend_from_slice(&[BYTES_SHORT, len as u8]),
        _ => {
            out.push(BYTES_LONG);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Appends text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(TEXT);
    put_bytes_head(out, text.len() as u32);
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::{DEPTH, Reader, SHALLOW, Token, put, put_int, put_number};

    fn again(bytes: &[u8]) -> Vec<u8> {
        let (mut reader, mut out) = (Reader::new(bytes), Vec::new());
        while !reader.is_empty() {
            put(&mut out, reader.token().expect("well formed"));
        }
        out
    }

    #[test]
    fn what_real_rpyc_wrote_is_read_and_written_back() {
        // brine.dump of (None, NotImplemented, ..., True, False, (), b"", 900, 18.2, slice(1, 2, 3), frozenset).
        let value = [
            0x14, 0x0b, 0x00, 0x05, 0x06, 0x03, 0x04, 0x02, 0x01, 0x16, 0x03, b'9', b'0', b'0', 0x18, 0x40, 0x32, 0x33,
            0x33, 0x33, 0x33, 0x33, 0x33, 0x19, 0x12, 0x51, 0x52, 0x53, 0x1a, 0x12, 0x55, 0x56, 0x57,
        ];
        assert_eq!(again(&value), value);
        assert_eq!(Reader::new(&value).raw().expect("one value"), value);
    }

    #[test]
    fn integers_take_the_shortest_form_at_every_edge() {
        for (int, bytes) in [
            (-49, b"\x16\x03-49".as_slice()),
            (-48, b"\x20"),
            (0, b"\x50"),
            (159, b"\xef"),
            (160, b"\x16\x03160"),
            (i64::MAX, b"\x16\x139223372036854775807"),
            (i64::MIN, b"\x16\x14-9223372036854775808"),
        ] {
            let mut out = Vec::new();
            put_int(&mut out, int);
            assert_eq!(out, bytes);
            assert_eq!(Reader::new(&out).token().expect("an int"), Token::Int(int));
        }
        let mut out = Vec::new();
        put_number(&mut out, u128::MAX);
        assert_eq!(again(&out), out);
    }

    #[test]
    fn what_is_malformed_is_a_fault() {
        for bytes in [b"".as_slice(), b"\x07", b"\x08\x50", b"\x0f\xff\xff\xff\xff1", b"\x16\x02-a", b"\x19\x50"] {
            assert!(Reader::new(bytes).raw().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn values_nest_to_a_depth_and_no_deeper() {
        let nested = |depth: usize| [vec![0x10; depth], vec![0x50]].concat();
        for depth in [0, 1, SHALLOW, SHALLOW + 1, DEPTH] {
            let value = nested(depth);
            assert_eq!(Reader::new(&value).raw(), Ok(&value[..]), "{depth}");
            assert!(Reader::new(&value[..depth]).raw().is_err(), "{depth}: it ends too soon");
        }
        assert!(Reader::new(&nested(DEPTH + 1)).raw().is_err());
        // ((), (0, 1), slice(0, 0, 0), frozenset((7,))) and what follows it.
        let flat = b"\x13\x02\x11\x50\x51\x19\x12\x50\x50\x50\x1a\x10\x57\x00";
        assert_eq!(Reader::new(flat).raw(), Ok(&flat[..13]));
    }

    #[test]
    fn text_is_announced_once() {
        for times in [2, 1770, 1 << 20] {
            let again = [vec![0x08; times], b"\x0a1".to_vec()].concat();
            assert!(Reader::new(&again).raw().is_err() && Reader::new(&again).token().is_err(), "{times}");
        }
        for text in [b"\x08\x01".as_slice(), b"\x08\x0a1", b"\x08\x0e\x011", b"\x08\x0f\0\0\0\x011"] {
            assert!(matches!(Reader::new(text).token(), Ok(Token::Text("" | "1"))), "{text:?}");
        }
    }
}
