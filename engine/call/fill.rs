//! The bytes of a payload, as a function that both ends know.

use std::fmt;
use std::sync::Arc;

use crate::call::random::SplitMix;
use crate::page_offset::{PAGE, PageOffsetBuf};
use crate::words::words;

words! {
    /// What the bytes of a payload are; their entropy decides what compression can do.
    FillKind {
        /// All bytes zero.
        Zeros = "zeros",
        /// English-like words and spaces.
        Text = "text",
        /// Pseudo-random bytes, which no compressor shrinks.
        Random = "random",
    }
}

/// Bytes as a function of (kind, seed, offset), so that both ends can make and check them.
///
/// The function has a period of [`Fill::PERIOD`] bytes: far beyond any compressor's window met here,
/// prime, so that a lost or doubled chunk shifts it, and small enough to be sent from one block of memory.
pub struct Fill {
    /// The same bytes twice, at places in their pages that are half a page apart.
    blocks: [PageOffsetBuf; 2],
}

impl Fill {
    /// After how many bytes `text` and `random` begin again.
    pub const PERIOD: usize = 1_048_583;
    const CONSTANT: usize = 256 * 1024;

    /// The bytes of that kind and seed.
    pub fn new(kind: FillKind, seed: u64) -> Arc<Self> {
        match kind {
            FillKind::Zeros => Self::constant(0),
            FillKind::Random => Self::written(|block| {
                let mut random = SplitMix::new(seed);
                let mut next = || random.next().to_le_bytes();
                block.chunks_mut(8).for_each(|word| word.copy_from_slice(&next()[..word.len()]));
            }),
            FillKind::Text => {
                const WORDS: [&str; 16] = [
                    "the ", "call ", "of ", "a ", "remote ", "server ", "answers ", "in ", "time ", "and ", "each ",
                    "client ", "waits ", "for ", "its ", "reply ",
                ];
                Self::written(|mut left| {
                    let mut random = SplitMix::new(seed);
                    while !left.is_empty() {
                        let word = WORDS[(random.next() >> 60) as usize].as_bytes();
                        let (here, rest) = left.split_at_mut(word.len().min(left.len()));
                        here.copy_from_slice(&word[..here.len()]);
                        left = rest;
                    }
                })
            }
        }
    }

    /// One byte, again and again.
    pub fn constant(byte: u8) -> Arc<Self> {
        Arc::new(Fill { blocks: Self::blocks(Self::CONSTANT, byte) })
    }

    /// A period of what `write` puts there.
    fn written(write: impl FnOnce(&mut [u8])) -> Arc<Self> {
        let mut blocks = Self::blocks(Self::PERIOD, 0);
        let [first, second] = &mut blocks;
        write(first);
        second.copy_from_slice(first);
        Arc::new(Fill { blocks })
    }

    fn blocks(len: usize, byte: u8) -> [PageOffsetBuf; 2] {
        [PAGE / 4, PAGE / 4 * 3].map(|place| PageOffsetBuf::new(len, byte, place))
    }

    /// The bytes from `offset` to the end of the block that holds them; never empty.
    pub fn at(&self, offset: u64) -> &[u8] {
        let [block, _] = &self.blocks;
        &block[(offset % block.len() as u64) as usize..]
    }

    /// The same as [`Fill::at`], from where the kernel takes them in at full speed as byte `sent` of a stream.
    pub fn to_send(&self, offset: u64, sent: u64) -> &[u8] {
        let [first, second] = &self.blocks;
        let from = (offset % first.len() as u64) as usize;
        // On the kernel's side a stream begins with a page, and goes on without gaps.
        match (sent as usize).wrapping_sub(first[from..].as_ptr().addr()) % PAGE {
            behind if behind < PAGE / 2 => &second[from..],
            _ => &first[from..],
        }
    }

    /// True where `bytes` are what this fill has at `offset`.
    pub fn matches(&self, mut offset: u64, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let here = self.at(offset);
            let n = here.len().min(bytes.len());
            if here[..n] != bytes[..n] {
                return false;
            }
            offset += n as u64;
            bytes = &bytes[n..];
        }
        true
    }

    /// Appends `len` bytes from `offset` to `out`.
    pub fn copy(&self, mut offset: u64, mut len: u64, out: &mut Vec<u8>) {
        while len > 0 {
            let here = self.at(offset);
            let n = (here.len() as u64).min(len);
            out.extend_from_slice(&here[..n as usize]);
            offset += n;
            len -= n;
        }
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fill({} bytes)", self.blocks[0].len())
    }
}

#[cfg(test)]
mod tests {
    use crate::call::fill::{Fill, FillKind};
    use crate::page_offset::PAGE;

    #[test]
    fn what_is_sent_is_the_same_bytes_half_a_page_or_more_behind_their_target() {
        for kind in [FillKind::Zeros, FillKind::Random, FillKind::Text] {
            let fill = Fill::new(kind, 3);
            for offset in [0, 5, 70_001, Fill::PERIOD as u64 - 1, 5 * Fill::PERIOD as u64 + 9] {
                for sent in (0..2 * PAGE as u64).step_by(31) {
                    let here = fill.to_send(offset, sent);
                    assert!(here == fill.at(offset));
                    assert!((sent as usize).wrapping_sub(here.as_ptr().addr()) % PAGE >= PAGE / 2);
                }
            }
        }
    }

    #[test]
    fn a_fill_is_a_function_of_kind_seed_and_offset() {
        for kind in [FillKind::Zeros, FillKind::Text, FillKind::Random] {
            let fill = Fill::new(kind, 7);
            let again = Fill::new(kind, 7);
            let mut bytes = Vec::new();
            fill.copy(Fill::PERIOD as u64 - 10, 3000, &mut bytes);
            assert_eq!(bytes.len(), 3000);
            assert!(again.matches(Fill::PERIOD as u64 - 10, &bytes));
        }
        assert_ne!(Fill::new(FillKind::Random, 1).at(0)[..64], Fill::new(FillKind::Random, 2).at(0)[..64]);
    }
}
