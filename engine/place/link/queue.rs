//! The packets that are under way, in the order in which they arrive, in memory that is used again.

use std::collections::VecDeque;

use crate::place::link::tun::MTU;

/// The packets of one way that have not arrived yet.
#[derive(Debug, Default)]
pub struct Queue {
    under_way: VecDeque<Packet>,
    free: Vec<Box<[u8]>>,
}

/// A packet that is under way.
#[derive(Debug)]
pub struct Packet {
    /// When it arrives.
    pub due_ns: u64,
    bytes: Box<[u8]>,
    length: usize,
}

impl Packet {
    /// What is given to the other network.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Queue {
    /// Memory for the next packet; new only where as many were never under way at a time.
    pub fn room(&mut self) -> Box<[u8]> {
        self.free.pop().unwrap_or_else(|| vec![0; MTU].into_boxed_slice())
    }

    /// Gives memory back.
    pub fn spare(&mut self, bytes: Box<[u8]>) {
        self.free.push(bytes);
    }

    /// A packet is under way, which arrives no sooner than those before it.
    pub fn push(&mut self, due_ns: u64, bytes: Box<[u8]>, length: usize) {
        self.under_way.push_back(Packet { due_ns, bytes, length });
    }

    /// How many are under way.
    #[expect(clippy::len_without_is_empty, reason = "nobody asks whether none is")]
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// When the next one arrives.
    pub fn next_ns(&self) -> Option<u64> {
        self.under_way.front().map(|packet| packet.due_ns)
    }

    /// The next one, if it has arrived by now.
    pub fn arrived(&mut self, now_ns: u64) -> Option<Packet> {
        self.next_ns().filter(|due| *due <= now_ns)?;
        self.under_way.pop_front()
    }

    /// Gives the memory of a packet back that was given on.
    pub fn done(&mut self, packet: Packet) {
        self.free.push(packet.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn packets_arrive_in_order_when_they_are_due_and_leave_their_memory_behind() {
        let mut queue = Queue::default();
        for (due, byte) in [(10, 1), (10, 2), (30, 3)] {
            let mut room = queue.room();
            room[0] = byte;
            queue.push(due, room, 1);
        }
        assert!(queue.arrived(9).is_none());
        let mut seen = Vec::new();
        while let Some(packet) = queue.arrived(29) {
            seen.push(packet.bytes().to_vec());
            queue.done(packet);
        }
        assert_eq!((seen, queue.next_ns()), (vec![vec![1], vec![2]], Some(30)));
        assert_eq!(queue.free.len(), 2);
    }
}
