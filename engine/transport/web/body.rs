//! Bodies that go out, by reference, piece by piece as the peer's windows allow.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use http::HeaderMap;

use crate::call::{Chunks, Fill};
use crate::transport::web::hex::HexWriter;

/// How much of a body is handed to the library at a time, in bytes, and how long its frames may be.
pub(crate) const PIECE: u64 = 1 << 20;
/// The longest head of a chunk: gRPC's prefix, a tag and a length.
const HEAD: usize = 16;

/// The bytes before a chunk, such as gRPC's prefix.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Head {
    bytes: [u8; HEAD],
    at: u8,
    end: u8,
}

impl Head {
    /// Appends a byte; one that does not fit is a mistake of ours and is left out.
    pub(crate) fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(usize::from(self.end)) {
            *place = byte;
            self.end += 1;
        }
    }

    /// How many bytes it has.
    pub(crate) fn len(&self) -> usize {
        usize::from(self.end)
    }

    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.end)]
    }

    fn rest(&self) -> &[u8] {
        &self.bytes[usize::from(self.at)..usize::from(self.end)]
    }
}

/// A piece of a body: the head of a chunk and bytes that are not copied.
#[derive(Debug)]
pub(crate) struct Piece {
    head: Head,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Fill { fill: Arc<Fill>, offset: u64, len: u64 },
    Owned(Bytes),
}

impl From<Bytes> for Piece {
    fn from(bytes: Bytes) -> Self {
        Piece { head: Head::default(), content: Content::Owned(bytes) }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.head.rest().len()
            + match &self.content {
                Content::Fill { len, .. } => *len as usize,
                Content::Owned(bytes) => bytes.len(),
            }
    }

    fn chunk(&self) -> &[u8] {
        match &self.content {
            _ if !self.head.rest().is_empty() => self.head.rest(),
            Content::Fill { fill, offset, len } => {
                let here = fill.at(*offset);
                &here[..(here.len() as u64).min(*len) as usize]
            }
            Content::Owned(bytes) => bytes,
        }
    }

    fn advance(&mut self, n: usize) {
        let head = n.min(self.head.rest().len());
        self.head.at += head as u8;
        let n = n - head;
        match &mut self.content {
            Content::Fill { offset, len, .. } => {
                *offset += n as u64;
                *len -= n as u64;
            }
            Content::Owned(bytes) => bytes.advance(n),
        }
    }
}

enum Source {
    Fill(Arc<Fill>),
    Bytes(Bytes),
    Hex(HexWriter),
}

/// What a body consists of next, where chunks are framed one by one.
pub(crate) enum Chunk<'a> {
    /// So many bytes of a fill from an offset on.
    Fill(&'a Arc<Fill>, u64, u64),
    /// These bytes.
    Bytes(&'a [u8]),
    /// What a writer makes; it is not cut into chunks.
    Written(&'a mut HexWriter),
}

/// A body that is being sent, and the trailers behind it.
pub(crate) struct Sending {
    source: Source,
    chunks: Chunks,
    head: fn(u64) -> Head,
    offset: u64,
    left: u64,
    ended: bool,
    trailers: Option<HeaderMap>,
}

impl Sending {
    /// The first `len` bytes of `fill` in chunks; each chunk is a run of DATA frames that nothing is mixed into.
    pub(crate) fn fill(fill: Arc<Fill>, len: u64, chunk: Option<u64>) -> Self {
        Self::new(Source::Fill(fill), Chunks::new(len, chunk))
    }

    /// These bytes in chunks.
    pub(crate) fn bytes(bytes: impl Into<Bytes>, chunk: Option<u64>) -> Self {
        let bytes = bytes.into();
        let chunks = Chunks::new(bytes.len() as u64, chunk);
        Self::new(Source::Bytes(bytes), chunks)
    }

    /// What a writer of hex in JSON makes.
    pub(crate) fn hex(writer: HexWriter) -> Self {
        Self::new(Source::Hex(writer), Chunks::new(0, None))
    }

    fn new(source: Source, chunks: Chunks) -> Self {
        Sending { source, chunks, head: |_| Head::default(), offset: 0, left: 0, ended: false, trailers: None }
    }

    /// Puts a head that depends on its length before each chunk.
    pub(crate) fn with_heads(self, head: fn(u64) -> Head) -> Self {
        Sending { head, ..self }
    }

    /// Ends with these trailers.
    pub(crate) fn with_trailers(self, trailers: HeaderMap) -> Self {
        Sending { trailers: Some(trailers), ..self }
    }

    /// True once all has been handed on.
    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// The next piece; `ended` tells whether it was the last.
    pub(crate) fn next(&mut self) -> Piece {
        if let Source::Hex(writer) = &mut self.source {
            let mut text = Vec::new();
            self.ended = !writer.write(&mut text);
            return Piece { head: Head::default(), content: Content::Owned(text.into()) };
        }
        let mut head = Head::default();
        if self.left == 0
            && let Some((offset, len)) = self.chunks.next()
        {
            (self.offset, self.left) = (offset, len);
            head = (self.head)(len);
        }
        let (offset, len) = (self.offset, self.left.min(PIECE));
        self.offset += len;
        self.left -= len;
        self.ended = self.left == 0 && self.chunks.ended();
        let content = match &self.source {
            Source::Bytes(bytes) => Content::Owned(bytes.slice(offset as usize..(offset + len) as usize)),
            Source::Fill(fill) => Content::Fill { fill: fill.clone(), offset, len },
            Source::Hex(_) => Content::Owned(Bytes::new()),
        };
        Piece { head, content }
    }

    /// The next chunk, whole; none once all were given.
    pub(crate) fn next_chunk(&mut self) -> Option<Chunk<'_>> {
        if let Source::Fill(_) | Source::Bytes(_) = &self.source {
            (self.offset, self.left) = self.chunks.next()?;
            self.ended = self.chunks.ended();
        }
        Some(match &mut self.source {
            Source::Hex(writer) => Chunk::Written(writer),
            Source::Fill(fill) => Chunk::Fill(fill, self.offset, self.left),
            Source::Bytes(bytes) => Chunk::Bytes(&bytes[self.offset as usize..(self.offset + self.left) as usize]),
        })
    }

    /// The trailers behind it, once.
    pub(crate) fn take_trailers(&mut self) -> Option<HeaderMap> {
        self.trailers.take()
    }

    /// True where trailers are still to be sent.
    pub(crate) fn has_trailers(&self) -> bool {
        self.trailers.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Head, Sending};
    use crate::call::{Fill, FillKind};
    use bytes::Buf;

    #[test]
    fn pieces_make_up_the_body_with_a_head_before_each_chunk() {
        let fill = Fill::new(FillKind::Random, 3);
        for (len, chunk, heads) in
            [(0, None, 1), (2_500_000, None, 1), (10, Some(4), 3), (3_000_000, Some(2_000_000), 2)]
        {
            let sending = Sending::fill(fill.clone(), len, chunk);
            let mut sending = sending.with_heads(|len| {
                let mut head = Head::default();
                head.push(b'#');
                head.push(len as u8);
                head
            });
            let mut got = Vec::new();
            while !sending.ended {
                let mut piece = sending.next();
                while piece.has_remaining() {
                    let part = piece.chunk();
                    got.extend_from_slice(part);
                    let n = part.len();
                    piece.advance(n);
                }
            }
            assert_eq!(got.len() as u64, len + 2 * heads);
            assert_eq!(got[..2], [b'#', chunk.unwrap_or(len).min(len) as u8]);
            assert!(fill.matches(0, &got[2..][..chunk.unwrap_or(len).min(len) as usize]));
        }
    }
}
