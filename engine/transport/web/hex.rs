//! Bodies in chunks as the reference suite sends them: `{"chunks":["<hex>",…]}`, written and read piece by piece.

use std::sync::Arc;

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
    pub(crate) fn produce(&mut self, out: &mut Outbox) -> bool {
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
#[derive(Debug, Clone)]
pub(crate) struct HexReader {
    at: At,
    chunks: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Object,
    Key,
    Name(usize),
    Colon,
    List,
    First,
    Next,
    High,
    Low(u8),
    Between,
    Close,
    End,
}

const NAME: &[u8] = b"chunks\"";

/// The text is not `{"chunks":["<hex>",…]}`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotChunks;

impl HexReader {
    /// A reader before the first byte.
    pub(crate) fn new() -> Self {
        HexReader { at: At::Object, chunks: 0 }
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
                    if (high | low) & 0xf0 != 0 {
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
            self.at = match (self.at, *byte) {
                (At::High, b'"') => At::Between,
                (At::High, digit) if VALUES[usize::from(digit)] != NONE => At::Low(VALUES[usize::from(digit)]),
                (At::Low(high), digit) if VALUES[usize::from(digit)] != NONE => {
                    take(&[high << 4 | VALUES[usize::from(digit)]]);
                    At::High
                }
                (At::Name(at), byte) if NAME[at] == byte => {
                    if at + 1 == NAME.len() {
                        At::Colon
                    } else {
                        At::Name(at + 1)
                    }
                }
                (At::High | At::Low(_) | At::Name(_), _) => return Err(NotChunks),
                (at, b' ' | b'\t' | b'\n' | b'\r') => at,
                (At::Object, b'{') => At::Key,
                (At::Key, b'"') => At::Name(0),
                (At::Colon, b':') => At::List,
                (At::List, b'[') => At::First,
                (At::First | At::Next, b'"') => {
                    self.chunks += 1;
                    At::High
                }
                (At::First | At::Between, b']') => At::Close,
                (At::Between, b',') => At::Next,
                (At::Close, b'}') => At::End,
                _ => return Err(NotChunks),
            };
        }
        Ok(())
    }

    /// How many chunks there were, once the text has ended.
    pub(crate) fn finish(&self) -> Result<u64, NotChunks> {
        if self.at == At::End { Ok(self.chunks) } else { Err(NotChunks) }
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
                while writer.produce(&mut out) {
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
    fn white_space_is_allowed_between_words_and_nothing_else() {
        assert_eq!(read(b" {\t\"chunks\" :\r\n[ \"0aFF\" , \"\" ] } \n", 1), Ok((vec![0x0a, 0xff], 2)));
        assert_eq!(read(b"{\"chunks\":[]}", 1), Ok((vec![], 0)));
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
        ] {
            assert_eq!(read(bad.as_bytes(), 1), Err(NotChunks), "{bad}");
            assert_eq!(read(bad.as_bytes(), 100), Err(NotChunks), "{bad}");
        }
    }
}
