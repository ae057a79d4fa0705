//! Bodies in chunks as the reference suite sends them: `{"chunks":["<hex>",…]}`, written and read piece by piece.

use std::sync::Arc;

use serde::de::IgnoredAny;

use crate::call::{Chunks, Fill};
use crate::transport::outbox::Outbox;

/// How many bytes are turned into hex at a time.
const AHEAD: u64 = 64 * 1024;

/// How the text around the hex digits is spaced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spacing {
    open: &'static str,
    between: &'static str,
    close: &'static str,
}

/// As Python's `json.dumps` writes it, which requests uses.
pub(crate) const SPACED: Spacing = Spacing { open: "{\"chunks\": [", between: ", ", close: "]}" };
/// As Flask's `jsonify` writes it.
pub(crate) const COMPACT: Spacing = Spacing { open: "{\"chunks\":[", between: ",", close: "]}\n" };

/// How many chunks `len` bytes have; unlike elsewhere none where there is nothing to send.
pub(crate) fn count(len: u64, chunk: u64) -> u64 {
    len.div_ceil(chunk.max(1))
}

/// A body of chunks that goes out.
pub(crate) struct HexWriter {
    fill: Arc<Fill>,
    spacing: Spacing,
    chunks: Option<Chunks>,
    begun: bool,
    offset: u64,
    left: u64,
}

impl HexWriter {
    /// The first `len` bytes of `fill` in chunks of `chunk` bytes.
    pub(crate) fn new(fill: Arc<Fill>, len: u64, chunk: u64, spacing: Spacing) -> Self {
        let chunks = (len > 0).then(|| Chunks::new(len, Some(chunk)));
        HexWriter { fill, spacing, chunks, begun: false, offset: 0, left: 0 }
    }

    /// How long the text is in bytes, or nothing where that does not fit.
    pub(crate) fn length(len: u64, chunk: u64, spacing: Spacing) -> Option<u64> {
        let chunks = count(len, chunk);
        let digits = len.checked_mul(2)?;
        let quotes = chunks.checked_mul(2)?;
        let between = chunks.saturating_sub(1).checked_mul(spacing.between.len() as u64)?;
        let around = (spacing.open.len() + spacing.close.len()) as u64;
        digits.checked_add(quotes)?.checked_add(between)?.checked_add(around)
    }

    /// Puts the next piece of the text into the outbox; false once all of it is there.
    pub(crate) fn fill_output(&mut self, out: &mut Outbox) -> bool {
        let mut more = true;
        out.put_with(|small| more = self.write(small));
        more
    }

    /// Appends the next piece of the text; false once all of it is there.
    pub(crate) fn write(&mut self, text: &mut Vec<u8>) -> bool {
        let enough = text.len() + AHEAD as usize * 2;
        while text.len() < enough {
            if self.left == 0 {
                let next = self.chunks.as_mut().and_then(Chunks::next);
                let before = match (self.begun, next.is_some()) {
                    (false, _) => self.spacing.open,
                    (true, true) => self.spacing.between,
                    (true, false) => "",
                };
                text.extend_from_slice(before.as_bytes());
                self.begun = true;
                let Some((offset, len)) = next else {
                    text.extend_from_slice(self.spacing.close.as_bytes());
                    return false;
                };
                (self.offset, self.left) = (offset, len);
                text.push(b'"');
            }
            let here = self.fill.at(self.offset);
            let n = (here.len() as u64).min(self.left).min(AHEAD);
            let before = text.len();
            text.resize(before + n as usize * 2, 0);
            for (pair, byte) in text[before..].chunks_exact_mut(2).zip(here) {
                pair.copy_from_slice(&DIGITS[usize::from(*byte)]);
            }
            self.offset += n;
            self.left -= n;
            if self.left == 0 {
                text.push(b'"');
            }
        }
        true
    }
}

/// The two hex digits of every byte.
const DIGITS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut all = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        all[byte] = [digits[byte >> 4], digits[byte & 15]];
        byte += 1;
    }
    all
};

/// The value of every hex digit, and [`NONE`] for what is none.
const VALUES: [u8; 256] = {
    let mut all = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        all[b"0123456789abcdef"[value] as usize] = value as u8;
        all[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    all
};
const NONE: u8 = 0xff;

/// A body of chunks that comes in.
///
/// It may be spelled in every way that Python's `json` and `bytes.fromhex` take: with escapes, with white space between
/// the pairs of digits, with other keys beside. Only a key `chunks` that comes twice is refused, since the bytes of the
/// first have gone by then.
#[derive(Debug, Clone)]
pub(crate) struct HexReader {
    at: At,
    string: JsonString,
    /// How much of [`KEY`] the key so far is; none where it is another key.
    key: Option<usize>,
    seen: bool,
    nesting: Nesting,
    /// A number or a word of a value that is of no interest.
    scalar: Vec<u8>,
    chunks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Begin,
    /// In an object: a key, or its end where that is the first.
    Key(bool),
    InKey,
    Colon,
    /// Of no interest: a value, or the end of its list where that is the first.
    Value(bool),
    InString,
    Scalar,
    /// Behind a value.
    After,
    List,
    First,
    Next,
    High,
    Low(u8),
    Between,
    End,
}

const KEY: &[u8] = b"chunks";
/// The longest number that is looked at.
const LONGEST_SCALAR: usize = 4096;

/// The text is not `{"chunks":["<hex>",…]}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotChunks;

/// Which objects and lists are open, outermost first.
#[derive(Debug, Clone, Copy, Default)]
struct Nesting {
    lists: u64,
    depth: u32,
}

impl Nesting {
    fn open(&mut self, list: bool) -> Result<(), NotChunks> {
        if self.depth == u64::BITS {
            return Err(NotChunks);
        }
        self.lists = self.lists << 1 | u64::from(list);
        self.depth += 1;
        Ok(())
    }

    fn in_list(&self) -> bool {
        self.depth > 0 && self.lists & 1 == 1
    }

    /// What follows the end of the innermost one.
    fn close(&mut self) -> At {
        self.lists >>= 1;
        self.depth -= 1;
        if self.depth == 0 { At::End } else { At::After }
    }
}

/// A string of JSON while it is read.
#[derive(Debug, Clone, Copy, Default)]
struct JsonString {
    escaped: bool,
    /// Digits of `\u` that are still to come, and what they say so far.
    digits: u8,
    unit: u16,
}

/// What a byte of a string comes to.
enum Unit {
    /// More has to come.
    Part,
    /// A byte of UTF-8, or an escape, of which only those that are ASCII matter.
    Char(u16),
    /// The string has ended.
    End,
}

impl JsonString {
    fn take(&mut self, byte: u8) -> Result<Unit, NotChunks> {
        if self.digits > 0 {
            let digit = VALUES[usize::from(byte)];
            if digit == NONE {
                return Err(NotChunks);
            }
            self.unit = self.unit << 4 | u16::from(digit);
            self.digits -= 1;
            return Ok(if self.digits == 0 { Unit::Char(self.unit) } else { Unit::Part });
        }
        if std::mem::take(&mut self.escaped) {
            return Ok(Unit::Char(match byte {
                b'"' | b'\\' | b'/' => byte.into(),
                b'b' => 8,
                b't' => 9,
                b'n' => 10,
                b'f' => 12,
                b'r' => 13,
                b'u' => {
                    (self.digits, self.unit) = (4, 0);
                    return Ok(Unit::Part);
                }
                _ => return Err(NotChunks),
            }));
        }
        match byte {
            b'"' => Ok(Unit::End),
            b'\\' => {
                self.escaped = true;
                Ok(Unit::Part)
            }
            0..=0x1f => Err(NotChunks),
            _ => Ok(Unit::Char(byte.into())),
        }
    }
}

/// The value of a hex digit.
fn digit(unit: u16) -> Option<u8> {
    VALUES.get(usize::from(unit)).copied().filter(|value| *value != NONE)
}

/// True for a number or a word of JSON, as Python takes them.
fn is_scalar(text: &[u8]) -> bool {
    matches!(text, b"NaN" | b"Infinity" | b"-Infinity") || serde_json::from_slice::<IgnoredAny>(text).is_ok()
}

impl HexReader {
    /// A reader before the first byte.
    pub(crate) fn new() -> Self {
        HexReader {
            at: At::Begin,
            string: JsonString::default(),
            key: None,
            seen: false,
            nesting: Nesting::default(),
            scalar: Vec::new(),
            chunks: 0,
        }
    }

    /// Reads on and gives the decoded bytes to `take`, piece by piece.
    pub(crate) fn feed(&mut self, mut text: &[u8], mut take: impl FnMut(&[u8])) -> Result<(), NotChunks> {
        let mut decoded = [0; 4096];
        while let Some((byte, rest)) = text.split_first() {
            if self.at == At::High {
                let mut pairs = 0;
                for (pair, byte) in text.chunks_exact(2).zip(&mut decoded) {
                    let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
                    // Digits are below 16, so only a pair with a stranger has one of these bits.
                    if (high | low) & 0xf0 != 0 || self.string.digits > 0 || self.string.escaped {
                        break;
                    }
                    *byte = high << 4 | low;
                    pairs += 1;
                }
                if pairs > 0 {
                    take(&decoded[..pairs]);
                    text = &text[pairs * 2..];
                    continue;
                }
            }
            text = rest;
            self.at = match self.at {
                At::InKey | At::InString | At::High | At::Low(_) => self.in_string(*byte, &mut take)?,
                At::Scalar if !matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r') => {
                    if self.scalar.len() == LONGEST_SCALAR {
                        return Err(NotChunks);
                    }
                    self.scalar.push(*byte);
                    At::Scalar
                }
                At::Scalar => {
                    if !is_scalar(&std::mem::take(&mut self.scalar)) {
                        return Err(NotChunks);
                    }
                    self.between(At::After, *byte)?
                }
                at => self.between(at, *byte)?,
            };
        }
        Ok(())
    }

    /// A byte inside a string.
    fn in_string(&mut self, byte: u8, take: &mut impl FnMut(&[u8])) -> Result<At, NotChunks> {
        let unit = self.string.take(byte)?;
        Ok(match (self.at, unit) {
            (at, Unit::Part) => at,
            (At::InKey, Unit::End) => At::Colon,
            (At::InKey, Unit::Char(unit)) => {
                let next = self.key.filter(|known| KEY.get(*known).is_some_and(|byte| u16::from(*byte) == unit));
                self.key = next.map(|known| known + 1);
                At::InKey
            }
            (At::InString, Unit::End) => At::After,
            (At::High, Unit::End) => At::Between,
            (At::High, Unit::Char(9..=13 | 32)) => At::High,
            (At::High, Unit::Char(unit)) => At::Low(digit(unit).ok_or(NotChunks)?),
            (At::Low(high), Unit::Char(unit)) => {
                take(&[high << 4 | digit(unit).ok_or(NotChunks)?]);
                At::High
            }
            (At::Low(_), Unit::End) => return Err(NotChunks),
            (at, Unit::Char(_) | Unit::End) => at,
        })
    }

    /// A byte outside of strings, numbers and words.
    fn between(&mut self, at: At, byte: u8) -> Result<At, NotChunks> {
        Ok(match (at, byte) {
            (at, b' ' | b'\t' | b'\n' | b'\r') => at,
            (At::Begin, b'{') | (At::Value(_), b'{') => {
                self.nesting.open(false)?;
                At::Key(true)
            }
            (At::Value(_), b'[') => {
                self.nesting.open(true)?;
                At::Value(true)
            }
            (At::Key(_), b'"') => {
                self.key = (self.nesting.depth == 1).then_some(0);
                At::InKey
            }
            (At::Colon, b':') if self.key == Some(KEY.len()) => {
                if std::mem::replace(&mut self.seen, true) {
                    return Err(NotChunks);
                }
                At::List
            }
            (At::Colon, b':') => At::Value(false),
            (At::Value(_), b'"') => At::InString,
            (At::Value(_), b'-' | b'0'..=b'9' | b't' | b'f' | b'n' | b'N' | b'I') => {
                self.scalar.push(byte);
                At::Scalar
            }
            (At::After, b',') => {
                if self.nesting.in_list() {
                    At::Value(false)
                } else {
                    At::Key(false)
                }
            }
            (At::After | At::Key(true), b'}') if !self.nesting.in_list() => self.nesting.close(),
            (At::After | At::Value(true), b']') if self.nesting.in_list() => self.nesting.close(),
            (At::List, b'[') => At::First,
            (At::First | At::Next, b'"') => {
                self.chunks += 1;
                At::High
            }
            (At::First | At::Between, b']') => At::After,
            (At::Between, b',') => At::Next,
            _ => return Err(NotChunks),
        })
    }

    /// How many chunks there were, once the text has ended.
    pub(crate) fn finish(&self) -> Result<u64, NotChunks> {
        if self.at == At::End && self.seen { Ok(self.chunks) } else { Err(NotChunks) }
    }
}

#[cfg(test)]
mod tests {
    use super::{COMPACT, HexReader, HexWriter, NotChunks, SPACED};
    use crate::call::{Fill, FillKind};
    use crate::transport::outbox::Outbox;

    fn read(text: &[u8], step: usize) -> Result<(Vec<u8>, u64), NotChunks> {
        let (mut reader, mut got) = (HexReader::new(), Vec::new());
        for piece in text.chunks(step) {
            reader.feed(piece, |bytes| got.extend_from_slice(bytes))?;
        }
        Ok((got, reader.finish()?))
    }

    #[test]
    fn what_is_written_has_the_length_that_was_promised_and_reads_back() {
        let fill = Fill::new(FillKind::Random, 9);
        for spacing in [SPACED, COMPACT] {
            for (len, chunk) in [(0, 8), (1, 8), (7, 8), (8, 8), (9, 8), (300_000, 65_536), (200_000, 1_000_000)] {
                let (mut writer, mut out) = (HexWriter::new(fill.clone(), len, chunk, spacing), Outbox::new());
                let mut text = Vec::new();
                while writer.fill_output(&mut out) {
                    text.extend(out.drain());
                }
                text.extend(out.drain());
                assert_eq!(HexWriter::length(len, chunk, spacing), Some(text.len() as u64));
                for step in [1, 2, 3, 9_999, text.len()] {
                    let (got, chunks) = read(&text, step).expect("it is well formed");
                    assert_eq!((got.len() as u64, chunks), (len, len.div_ceil(chunk)));
                    assert!(fill.matches(0, &got));
                }
            }
        }
        assert_eq!(HexWriter::length(u64::MAX, 1, COMPACT), None);
    }

    #[test]
    fn what_python_takes_for_chunks_is_taken_and_nothing_else() {
        assert_eq!(read(b" {\t\"chunks\" :\r\n[ \"0aFF\" , \"\" ] } \n", 1), Ok((vec![0x0a, 0xff], 2)));
        assert_eq!(read(b"{\"chunks\":[]}", 1), Ok((vec![], 0)));
        // As Python reads them: escapes, space between pairs, and keys that are of no interest.
        for text in [
            r#"{"\u0063hun\u006bs": ["\u0030a", "f\u0046"]}"#,
            r#"{"chunks": [" 0a \n", "\tFF"]}"#,
            r#"{"a": [{"chunks": ["zz"]}, [], -1.5e3, true], "chunks": ["0a", "ff"], "b": "\"]}\\", "c": {}}"#,
            r#"{"a":NaN,"b":-Infinity,"c":null,"chunk":1,"chunkss":2,"":3,"chunks":["0aff",""]}"#,
        ] {
            for step in [1, 2, 3, 100] {
                assert_eq!(read(text.as_bytes(), step), Ok((vec![0x0a, 0xff], 2)), "{text}");
            }
        }
        for bad in [
            "",
            "{}",
            "[]",
            "{\"chunks\":[\"0\"]}",
            "{\"chunks\":[\"0g\"]}",
            "{\"chunks\":[\"00\",]}",
            "{\"chunks\":[\"00\"]",
            "{\"chunks\":[\"00\"]}x",
            "{\"chunks\":[\"0 0\"]}",
            "{\"chunk\":[]}",
            "{\"chunks\":{}}",
            "{\"chunks\":[00]}",
            "{\"chunks\":\"00\"}",
            "{\"chunks\":[\"00\"],}",
            "{\"chunks\":[\"00\"],\"a\"}",
            "{\"chunks\":[\"00\"],\"a\":tru}",
            "{\"chunks\":[\"00\"],\"a\":01}",
            "{\"chunks\":[\"00\"],\"a\":[}",
            "{\"chunks\":[\"00\"],\"a\":[1,]}",
            "{\"chunks\":[\"00\"],\"chunks\":[\"00\"]}",
            "{\"chunks\":[\"\\x30\"]}",
            "{\"chunks\":[\"\\u003\"]}",
            "{\"a\":\"\u{1}\",\"chunks\":[]}",
            &format!("{{\"a\":{}", "[".repeat(100)),
        ] {
            assert_eq!(read(bad.as_bytes(), 1), Err(NotChunks), "{bad}");
            assert_eq!(read(bad.as_bytes(), 100), Err(NotChunks), "{bad}");
        }
    }
}
