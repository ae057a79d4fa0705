//! A body in chunks.

use crate::words::words;

words! {
    /// How a payload with chunks is carried.
    Split {
        /// One call whose body comes in chunks.
        Body = "body",
        /// One call for each chunk.
        Calls = "calls",
    }
}

/// The chunks of a body, in order: each with its offset and length. An empty body is one empty chunk.
#[derive(Debug, Clone, Copy)]
pub struct Chunks {
    offset: u64,
    len: u64,
    chunk: u64,
    ended: bool,
}

impl Chunks {
    /// A body of `len` bytes in chunks of `chunk` bytes, the last one short, or whole.
    pub fn new(len: u64, chunk: Option<u64>) -> Self {
        Chunks { offset: 0, len, chunk: chunk.unwrap_or(len).max(1), ended: false }
    }

    /// True once the last chunk has been given out.
    pub fn ended(&self) -> bool {
        self.ended
    }

    /// How many chunks there are in all.
    pub fn count(len: u64, chunk: Option<u64>) -> u64 {
        chunk.map_or(1, |chunk| len.div_ceil(chunk.max(1)).max(1))
    }
}

impl Iterator for Chunks {
    type Item = (u64, u64);
    fn next(&mut self) -> Option<(u64, u64)> {
        if self.ended {
            return None;
        }
        let (offset, len) = (self.offset, self.chunk.min(self.len - self.offset));
        self.offset += len;
        self.ended = self.offset == self.len;
        Some((offset, len))
    }
}

#[cfg(test)]
mod tests {
    use crate::call::chunks::Chunks;

    #[test]
    fn chunks_cover_a_body_and_the_last_is_short() {
        let of = |len, chunk| Chunks::new(len, chunk).collect::<Vec<_>>();
        assert_eq!(of(0, Some(4)), [(0, 0)]);
        assert_eq!(of(3, Some(4)), [(0, 3)]);
        assert_eq!(of(8, Some(4)), [(0, 4), (4, 4)]);
        assert_eq!(of(9, Some(4)), [(0, 4), (4, 4), (8, 1)]);
        assert_eq!(of(9, None), [(0, 9)]);
        assert_eq!(Chunks::count(9, Some(4)), 3);
        assert_eq!(Chunks::count(0, None), 1);
    }
}
