//! Memory whose place in its page is chosen, so that the kernel copies from and to it at full speed.

use std::ops::{Deref, DerefMut};

/// How long a page is, in bytes.
pub const PAGE: usize = 4096;

/// Bytes whose first has a chosen place in its page.
///
/// The kernel takes bytes in and gives them out by string moves. AMD's (Zen 3, measured here) are sixteen times slower
/// where the target's place in its page is 1 to 31 bytes behind the source's. What goes first over a connection is at the
/// beginning of a page on the kernel's side, as most of what allocators give for large blocks is on ours; from there on
/// both go on in step, and the length of a protocol's first head would decide how fast its bodies move.
pub struct PageOffsetBuf {
    room: Box<[u8]>,
    start: usize,
    len: usize,
}

impl PageOffsetBuf {
    /// `len` times `byte`, the first at `place` in its page; zeros take no memory until they are written to.
    pub fn new(len: usize, byte: u8, place: usize) -> Self {
        let room = vec![byte; len + PAGE].into_boxed_slice();
        let start = place.wrapping_sub(room.as_ptr().addr()) % PAGE;
        PageOffsetBuf { room, start, len }
    }
}

impl Deref for PageOffsetBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.room[self.start..self.start + self.len]
    }
}

impl DerefMut for PageOffsetBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.room[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGE, PageOffsetBuf};

    #[test]
    fn it_is_as_long_as_asked_and_begins_where_it_shall() {
        for (len, place) in [(0, 0), (1, 1), (4095, 2048), (4096, 4095), (1 << 20, 1024)] {
            let mut bytes = PageOffsetBuf::new(len, 7, place);
            assert_eq!(*bytes, vec![7; len]);
            assert_eq!(bytes.as_ptr().addr() % PAGE, place);
            bytes.fill(8);
            assert_eq!(*bytes, vec![8; len]);
        }
    }
}
