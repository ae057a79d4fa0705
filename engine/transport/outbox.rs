//! Bytes that wait to be written, without copying bodies.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use crate::call::Fill;

/// How many slices one write may gather.
pub const GATHER: usize = 16;
/// How many bytes one write gathers at most: a body of 1 MiB with its head, and less than a kernel holds for a socket.
///
/// It is the writer who shall send. What has to wait for acknowledgements is sent by whoever brings them, from the
/// reader's core, and halves the bandwidth.
const TURN: usize = 5 << 18;
/// Room for small bytes that is kept once they are written; more of it would stay with every connection that ever
/// had much to say.
const KEPT: usize = 64 * 1024;

/// What one end of a connection has to write: small bytes by value, bodies by reference.
#[derive(Debug, Default)]
pub struct Outbox {
    small: Vec<u8>,
    sent: usize,
    pieces: VecDeque<Piece>,
    /// How many bytes have been written since it was new or cleared.
    written: u64,
}

#[derive(Debug)]
enum Piece {
    /// So many of the bytes in `small`.
    Small(usize),
    Fill {
        fill: Arc<Fill>,
        offset: u64,
        len: u64,
    },
    Owned {
        bytes: Vec<u8>,
        sent: usize,
    },
}

/// What one write gathers.
struct Gathered<'s, 'a> {
    slices: &'s mut [IoSlice<'a>; GATHER],
    used: usize,
    bytes: usize,
}

impl<'a> Gathered<'_, 'a> {
    /// Takes what there is room for; whether that is all of it.
    fn take(&mut self, run: &'a [u8]) -> bool {
        let n = run.len().min(TURN - self.bytes);
        if self.used == GATHER || n == 0 {
            return false;
        }
        self.slices[self.used] = IoSlice::new(&run[..n]);
        self.used += 1;
        self.bytes += n;
        n == run.len()
    }
}

impl Outbox {
    /// An empty outbox.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a copy of `bytes`.
    pub fn put(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.small.extend_from_slice(bytes);
        match self.pieces.back_mut() {
            Some(Piece::Small(len)) => *len += bytes.len(),
            _ => self.pieces.push_back(Piece::Small(bytes.len())),
        }
    }

    /// Appends what `write` adds to a buffer of small bytes, and returns what it does.
    pub fn put_with<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        let before = self.small.len();
        let returned = write(&mut self.small);
        let added = self.small.len() - before;
        match self.pieces.back_mut() {
            _ if added == 0 => {}
            Some(Piece::Small(len)) => *len += added,
            _ => self.pieces.push_back(Piece::Small(added)),
        }
        returned
    }

    /// Appends `len` bytes of `fill` from `offset`, by reference.
    pub fn put_fill(&mut self, fill: &Arc<Fill>, offset: u64, len: u64) {
        if len == 0 {
            return;
        }
        if len <= 256 {
            self.put_with(|small| fill.copy(offset, len, small));
        } else {
            self.pieces.push_back(Piece::Fill { fill: fill.clone(), offset, len });
        }
    }

    /// Appends `bytes` without copying them.
    pub fn put_owned(&mut self, bytes: Vec<u8>) {
        if bytes.len() <= 256 {
            self.put(&bytes);
        } else {
            self.pieces.push_back(Piece::Owned { bytes, sent: 0 });
        }
    }

    /// True where nothing waits.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// How many bytes wait.
    pub fn len(&self) -> u64 {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Small(len) => *len as u64,
                Piece::Fill { len, .. } => *len,
                Piece::Owned { bytes, sent } => (bytes.len() - sent) as u64,
            })
            .sum()
    }

    /// How many bytes have been written since it was new or cleared.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// How many bytes will have been written once all that waits now is.
    pub fn end(&self) -> u64 {
        self.written + self.len()
    }

    /// Forgets what waits, since it cannot be written any more.
    pub fn give_up(&mut self) {
        self.all_written();
        self.pieces.clear();
    }

    /// All that waits, where it is one run of small bytes.
    pub fn only_run(&self) -> Option<&[u8]> {
        match (self.pieces.front(), self.pieces.len()) {
            (Some(Piece::Small(_)), 1) => Some(&self.small[self.sent..]),
            _ => None,
        }
    }

    /// Puts the next bytes into `slices` and says how many slices it used.
    pub fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>; GATHER]) -> usize {
        let (mut turn, mut small) = (Gathered { slices, used: 0, bytes: 0 }, self.sent);
        for piece in &self.pieces {
            let mut whole = true;
            match piece {
                Piece::Small(len) => {
                    small += len;
                    whole = turn.take(&self.small[small - len..small]);
                }
                Piece::Owned { bytes, sent } => whole = turn.take(&bytes[*sent..]),
                Piece::Fill { fill, offset, len } => {
                    let (mut offset, mut left) = (*offset, *len);
                    while whole && left > 0 {
                        let here = fill.to_send(offset, self.written + turn.bytes as u64);
                        let n = (here.len() as u64).min(left);
                        whole = turn.take(&here[..n as usize]);
                        offset += n;
                        left -= n;
                    }
                }
            }
            if !whole {
                break;
            }
        }
        turn.used
    }

    /// Forgets the first `n` bytes, which have been written.
    pub fn advance(&mut self, mut n: usize) {
        self.written += n as u64;
        if self.only_run().is_some_and(|run| run.len() == n) {
            self.pieces.pop_front();
            self.all_written();
            return;
        }
        while n > 0 {
            match self.pieces.front_mut() {
                None => break,
                Some(Piece::Small(len)) => {
                    let done = n.min(*len);
                    *len -= done;
                    self.sent += done;
                    n -= done;
                    if *len > 0 {
                        break;
                    }
                }
                Some(Piece::Owned { bytes, sent }) => {
                    let done = n.min(bytes.len() - *sent);
                    *sent += done;
                    n -= done;
                    if *sent < bytes.len() {
                        break;
                    }
                }
                Some(Piece::Fill { offset, len, .. }) => {
                    let done = (n as u64).min(*len);
                    *offset += done;
                    *len -= done;
                    n -= done as usize;
                    if *len > 0 {
                        break;
                    }
                }
            }
            self.pieces.pop_front();
        }
        if self.pieces.is_empty() {
            self.all_written();
        }
    }

    fn all_written(&mut self) {
        self.small.clear();
        self.small.shrink_to(KEPT);
        self.sent = 0;
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.give_up();
        self.written = 0;
    }

    /// Takes everything out as one run of bytes; for tests and for streams that need one.
    pub fn drain(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        while !self.is_empty() {
            let mut slices = [IoSlice::new(&[]); GATHER];
            let used = self.gather(&mut slices);
            let before = all.len();
            slices[..used].iter().for_each(|slice| all.extend_from_slice(slice));
            self.advance(all.len() - before);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::Outbox;
    use crate::call::{Fill, FillKind};

    #[test]
    fn room_for_much_is_given_back_once_it_is_written() {
        let mut out = Outbox::new();
        for much in [vec![1; 4 << 20], vec![1; 10]] {
            out.put(&much);
            while !out.is_empty() {
                out.advance(super::TURN.min(out.len() as usize));
            }
            assert!(out.small.capacity() <= super::KEPT, "{}", out.small.capacity());
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_order_however_it_is_written() {
        let fill = Fill::new(FillKind::Random, 5);
        let mut expected = b"head".to_vec();
        fill.copy(10, 3_000_000, &mut expected);
        expected.extend_from_slice(b"tail");
        expected.extend(std::iter::repeat_n(7u8, 1000));
        for step in [1usize, 999, 70_000, usize::MAX] {
            let mut out = Outbox::new();
            out.put(b"he");
            out.put_with(|small| small.extend_from_slice(b"ad"));
            out.put_fill(&fill, 10, 3_000_000);
            out.put(b"tail");
            out.put_owned(vec![7; 1000]);
            assert_eq!(out.len(), expected.len() as u64);
            let mut got = Vec::new();
            if step == 1 {
                got = out.drain();
            }
            while !out.is_empty() {
                let mut slices = [std::io::IoSlice::new(&[]); super::GATHER];
                let used = out.gather(&mut slices);
                assert!(slices[..used].iter().map(|slice| slice.len()).sum::<usize>() <= super::TURN);
                let mut n = 0;
                for slice in &slices[..used] {
                    let take = slice.len().min(step - n);
                    got.extend_from_slice(&slice[..take]);
                    n += take;
                }
                out.advance(n);
            }
            assert!(got == expected);
        }
    }
}
