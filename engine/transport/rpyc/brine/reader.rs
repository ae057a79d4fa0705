//! Values read token by token, without copying.

use crate::call::CallError;
use crate::transport::rpyc::brine::tags::{
    BYTES_1, BYTES_4, BYTES_LONG, BYTES_SHORT, COMPLEX, ELLIPSIS, EMPTY_BYTES, EMPTY_TUPLE, FALSE, FLOAT, FROZENSET,
    INT_LEAST, INT_LONG, INT_MOST, INT_SHORT, INT_ZERO, NONE, NOT_IMPLEMENTED, SLICE, STREAMED, TEXT, TRUE, TUPLE_1,
    TUPLE_3, TUPLE_4, TUPLE_LONG, TUPLE_SHORT,
};
use crate::transport::rpyc::brine::token::Token;

/// How deep values may nest; real peers give up at about the same depth, where Python's stack ends.
const DEPTH: usize = 300;
/// How deep the values of our own calls nest at most, generously.
const SHALLOW: usize = 8;

/// Reads values from a message that is there in full.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

#[cold]
fn malformed(what: &str) -> CallError {
    CallError::protocol(format!("malformed brine: {what}"))
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
    fn take(&mut self, len: usize) -> Result<&'a [u8], CallError> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or_else(|| malformed("it ends too soon"))?;
        self.bytes = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, CallError> {
        let (byte, rest) = self.bytes.split_first().ok_or_else(|| malformed("it ends too soon"))?;
        self.bytes = rest;
        Ok(*byte)
    }

    fn word(&mut self) -> Result<u32, CallError> {
        Ok(self.take(4)?.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    }

    fn double(&mut self) -> Result<f64, CallError> {
        Ok(f64::from_bits(self.take(8)?.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))))
    }

    fn number(&mut self, len: usize) -> Result<Token<'a>, CallError> {
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
    pub fn token(&mut self) -> Result<Token<'a>, CallError> {
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
    pub fn tuple(&mut self) -> Result<u32, CallError> {
        // Every message is mostly made of short tuples, small integers and ids: they take no detour by a token.
        if let Some((tag @ TUPLE_1..=TUPLE_4, rest)) = self.bytes.split_first() {
            self.bytes = rest;
            return Ok(u32::from(tag - TUPLE_1) + 1);
        }
        self.any_tuple()
    }

    fn any_tuple(&mut self) -> Result<u32, CallError> {
        match self.token()? {
            Token::Tuple(count) => Ok(count),
            other => Err(malformed(&format!("a {} where a tuple was due", other.type_name()))),
        }
    }

    /// The tuple that comes next has to have `count` values.
    #[inline(always)]
    pub fn tuple_of(&mut self, count: u32) -> Result<(), CallError> {
        if let Some((tag, rest)) = self.bytes.split_first()
            && (1..=4).contains(&count)
            && u32::from(*tag) == u32::from(TUPLE_1) + count - 1
        {
            self.bytes = rest;
            return Ok(());
        }
        self.any_tuple_of(count)
    }

    fn any_tuple_of(&mut self, count: u32) -> Result<(), CallError> {
        match self.tuple()? {
            len if len == count => Ok(()),
            len => Err(malformed(&format!("a tuple of {len} where one of {count} was due"))),
        }
    }

    /// The integer that comes next.
    #[inline(always)]
    pub fn int(&mut self) -> Result<i64, CallError> {
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

    fn any_int(&mut self) -> Result<i64, CallError> {
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
    pub fn text(&mut self) -> Result<&'a str, CallError> {
        match self.token()? {
            Token::Text(text) => Ok(text),
            other => Err(malformed(&format!("a {} where a str was due", other.type_name()))),
        }
    }

    /// The bytes of the whole value that comes next.
    #[inline]
    pub fn raw(&mut self) -> Result<&'a [u8], CallError> {
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
    fn skip(&mut self) -> Result<(), CallError> {
        let before = *self;
        // Hardly anything nests deeper, and room for all that may is not made for it.
        if self.skip_within::<SHALLOW>()? {
            return Ok(());
        }
        *self = before;
        if self.skip_within::<DEPTH>()? { Ok(()) } else { Err(malformed("values nest too deep")) }
    }

    /// Passes one value; false where it nests deeper than `MOST`.
    fn skip_within<const MOST: usize>(&mut self) -> Result<bool, CallError> {
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

#[cfg(test)]
mod tests {
    use super::{DEPTH, Reader, SHALLOW, Token};
    use crate::transport::rpyc::brine::writer::{put, put_int, put_number};

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
