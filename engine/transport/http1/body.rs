//! Where a body ends: after a length, with the last chunk of chunked transfer coding, or with the connection.

use crate::transport::outbox::Outbox;
use crate::transport::web::body::{Chunk, Sending};

/// How much of a body in chunks is put into the outbox at a time, in bytes.
const AHEAD: u64 = 1 << 20;
/// How many bytes of chunk extensions and trailers a body may have in all.
const SPARE: u32 = 32 * 1024;

/// A body that is coming in.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Body {
    /// So many bytes are left.
    Length(u64),
    /// Chunked transfer coding (RFC 9112, 7.1).
    Chunked(Coding),
    /// Until the peer closes the connection.
    UntilClose,
}

/// What comes next of a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Bytes of it.
    Bytes(&'a [u8]),
    /// Nothing until more input comes.
    Wait,
    /// It is complete.
    End,
}

impl Body {
    /// A body in chunked transfer coding.
    pub(crate) fn chunked() -> Self {
        Body::Chunked(Coding { at: At::Size, left: 0, digits: 0, spare: SPARE })
    }

    /// Takes the next part from the front of `input`; an error where the coding is broken.
    pub(crate) fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Part<'a>, &'static str> {
        match self {
            Body::Length(0) => Ok(Part::End),
            Body::Chunked(coding) => coding.next(input),
            _ if input.is_empty() => Ok(Part::Wait),
            Body::Length(left) => Ok(Part::Bytes(take(input, left))),
            Body::UntilClose => Ok(Part::Bytes(std::mem::take(input))),
        }
    }
}

fn take<'a>(input: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let (part, rest) = input.split_at((*left).min(input.len() as u64) as usize);
    *input = rest;
    *left -= part.len() as u64;
    part
}

/// Where a reader of chunked transfer coding is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coding {
    at: At,
    left: u64,
    digits: u8,
    spare: u32,
}

#[derive(Debug, Clone, Copy)]
enum At {
    Size,
    Extension,
    SizeEnd,
    Data,
    DataEnd,
    DataEndLine,
    Trailer,
    TrailerLine,
    LastLine,
    End,
}

impl Coding {
    fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Part<'a>, &'static str> {
        loop {
            match self.at {
                At::End => return Ok(Part::End),
                At::Data if !input.is_empty() => {
                    let part = take(input, &mut self.left);
                    if self.left == 0 {
                        self.at = At::DataEnd;
                    }
                    return Ok(Part::Bytes(part));
                }
                _ => {}
            }
            let Some((byte, rest)) = input.split_first() else { return Ok(Part::Wait) };
            *input = rest;
            self.at = self.after(*byte)?;
        }
    }

    fn after(&mut self, byte: u8) -> Result<At, &'static str> {
        Ok(match (self.at, byte) {
            (At::Size, b'\r') if self.digits > 0 => At::SizeEnd,
            (At::Size, b';' | b' ' | b'\t') if self.digits > 0 => At::Extension,
            (At::Size, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or("A chunk size is not a number.")?;
                self.digits += 1;
                if self.digits > 15 {
                    return Err("A chunk size is too large.");
                }
                self.left = self.left << 4 | u64::from(digit);
                At::Size
            }
            (At::Extension, b'\r') => At::SizeEnd,
            (At::SizeEnd, b'\n') => {
                self.digits = 0;
                if self.left == 0 { At::Trailer } else { At::Data }
            }
            (At::DataEnd, b'\r') => At::DataEndLine,
            (At::DataEndLine, b'\n') => At::Size,
            (At::Trailer, b'\r') => At::LastLine,
            (At::LastLine, b'\n') => At::End,
            (At::TrailerLine, b'\n') => At::Trailer,
            (At::Extension | At::Trailer | At::TrailerLine, b) if b != b'\n' => {
                self.spare = self.spare.checked_sub(1).ok_or("Chunk extensions and trailers are too long.")?;
                if matches!(self.at, At::Extension) { At::Extension } else { At::TrailerLine }
            }
            _ => return Err("A chunk does not end where its size says."),
        })
    }
}

/// Puts the next piece of a body into the outbox; false once all of it is there. Chunks are `coded`, each a chunk of
/// chunked transfer coding.
pub(crate) fn produce(sending: &mut Sending, coded: bool, out: &mut Outbox) -> bool {
    let mut put = 0;
    while put < AHEAD {
        let Some(chunk) = sending.next_chunk() else { return false };
        let len = match &chunk {
            Chunk::Fill(.., len) => *len,
            Chunk::Bytes(bytes) => bytes.len() as u64,
            Chunk::Written(_) => 0,
        };
        // A chunk of no bytes would end the body.
        let framed = coded && len > 0;
        if framed {
            out.put(format!("{len:x}\r\n").as_bytes());
        }
        match chunk {
            Chunk::Fill(fill, offset, len) => out.put_fill(fill, offset, len),
            Chunk::Bytes(bytes) => out.put(bytes),
            Chunk::Written(writer) => return writer.fill_output(out),
        }
        if framed {
            out.put(b"\r\n");
        }
        if sending.ended() {
            if coded {
                out.put(LAST_CHUNK);
            }
            return false;
        }
        put += len + 8;
    }
    true
}

/// What ends a body in chunked transfer coding.
pub(crate) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::{Body, Part, produce};
    use crate::call::{Fill, FillKind};
    use crate::transport::outbox::Outbox;
    use crate::transport::web::body::Sending;

    fn decode(bytes: &[u8], step: usize) -> Result<(Vec<u8>, bool, usize), &'static str> {
        let (mut body, mut got, mut rest) = (Body::chunked(), Vec::new(), 0);
        for piece in bytes.chunks(step) {
            let mut input = piece;
            loop {
                match body.next(&mut input)? {
                    Part::Bytes(bytes) => got.extend_from_slice(bytes),
                    Part::Wait => break,
                    Part::End => {
                        rest += input.len();
                        break;
                    }
                }
            }
        }
        let ended = matches!(body.next(&mut &b""[..])?, Part::End);
        Ok((got, ended, rest))
    }

    #[test]
    fn chunked_coding_is_read_however_it_is_cut() {
        let coded = b"5;a=\"b\"\r\nhello\r\n00a\r\n, chunked!\r\n0\r\nTrailer: x\r\n\r\nnext";
        for step in 1..=coded.len() {
            let (got, ended, rest) = decode(coded, step).expect("it is well formed");
            assert_eq!((got.as_slice(), ended, rest), (&b"hello, chunked!"[..], true, 4), "in steps of {step}");
        }
    }

    #[test]
    fn broken_coding_is_an_error() {
        for bad in ["\r\n", "x\r\n", "5\nhello", "5\r\nhelloX", "0\r\n\nx", "ffffffffffffffff\r\n", "-1\r\n", "1;\n"] {
            assert!(decode(bad.as_bytes(), 1).is_err(), "{bad:?}");
        }
        let endless = format!("1;{}\r\n", "e".repeat(40_000));
        assert!(decode(endless.as_bytes(), 1000).is_err());
    }

    #[test]
    fn what_is_coded_decodes_to_the_fill() {
        let fill = Fill::new(FillKind::Random, 3);
        for (len, chunk) in [(0, 4), (1, 4), (4, 4), (9, 4), (3_000_000, 65_536)] {
            let (mut sending, mut out) = (Sending::fill(fill.clone(), len, Some(chunk)), Outbox::new());
            let mut bytes = Vec::new();
            while produce(&mut sending, true, &mut out) {
                bytes.extend(out.drain());
            }
            bytes.extend(out.drain());
            let (got, ended, _) = decode(&bytes, 10_007).expect("it is well formed");
            assert!(ended && got.len() as u64 == len && fill.matches(0, &got));
        }
    }
}
