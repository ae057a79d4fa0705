//! Messages of any service as they stand on a stream: each behind five bytes.
//!
//! These are whether it is compressed, and its length in the other four (gRPC over HTTP2, "Length-Prefixed-Message").

use crate::transport::grpc::message::Wrong;

/// Reads messages however their bytes are cut, and holds none of them.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    prefix: [u8; 5],
    /// How many bytes of the prefix have come.
    have: usize,
    /// Bytes of the message that are still to come.
    left: usize,
    count: u64,
}

/// What has come.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame<'a> {
    /// Bytes of a message.
    Bytes(&'a [u8]),
    /// A message has ended.
    End,
}

impl Frames {
    /// Takes the next bytes; an error where a message is compressed.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Frame<'_>)) -> Result<(), Wrong> {
        while !bytes.is_empty() {
            if self.have < self.prefix.len() {
                let want = (self.prefix.len() - self.have).min(bytes.len());
                self.prefix[self.have..self.have + want].copy_from_slice(&bytes[..want]);
                self.have += want;
                bytes = &bytes[want..];
                if self.have < self.prefix.len() {
                    return Ok(());
                }
                let [compressed, a, b, c, d] = self.prefix;
                if compressed != 0 {
                    return Err(Wrong::Compressed);
                }
                self.left = u32::from_be_bytes([a, b, c, d]) as usize;
            }
            let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
            bytes = rest;
            self.left -= part.len();
            if !part.is_empty() {
                take(Frame::Bytes(part));
            }
            if self.left == 0 {
                self.have = 0;
                self.count += 1;
                take(Frame::End);
            }
        }
        Ok(())
    }

    /// How many messages have come; an error where the last one was cut short.
    pub(crate) fn finish(&self) -> Result<u64, Wrong> {
        if self.have == 0 { Ok(self.count) } else { Err(Wrong::Broken("a message is cut short")) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, Frames};

    #[test]
    fn messages_are_read_however_they_are_cut() {
        let bytes = b"\0\0\0\0\x03abc\0\0\0\0\0\0\0\0\0\x01d";
        for step in 1..=bytes.len() {
            let (mut frames, mut got) = (Frames::default(), vec![Vec::new()]);
            for piece in bytes.chunks(step) {
                let take = |frame: Frame<'_>| match frame {
                    Frame::Bytes(part) => got.last_mut().expect("one").extend_from_slice(part),
                    Frame::End => got.push(Vec::new()),
                };
                frames.feed(piece, take).expect("it is well formed");
            }
            assert_eq!(got, [&b"abc"[..], b"", b"d", b""], "in steps of {step}");
            assert_eq!(frames.finish(), Ok(3));
            frames.feed(b"\0\0", |_| {}).expect("it may yet come");
            assert!(frames.finish().is_err());
        }
        assert!(Frames::default().feed(b"\x01\0\0\0\0", |_| {}).is_err(), "compressed");
    }
}
