//! What the calls of a client ask, one after the other.

use crate::call::Ask;

/// The calls of each client, in their order.
pub trait Sequence {
    /// The call of that number, from 0, of a client; the same whenever it is asked. Called on the timed path, so that it
    /// allocates nothing: what is drawn by chance is drawn from a seed and these two numbers.
    fn call(&self, client: usize, number: u64) -> Planned;

    /// How many calls are one iteration of the workload.
    fn calls_per_iteration(&self) -> u64 {
        1
    }

    /// The names of its calls, where it has several: figures are kept for each of them too.
    fn names(&self) -> &[String] {
        &[]
    }
}

/// A call that a client is to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What it asks.
    pub ask: Ask,
    /// Which of the names of its sequence it has; 0 where that has none.
    pub name: usize,
}

/// The same call again and again.
#[derive(Debug)]
pub struct One(pub Ask);

impl Sequence for One {
    fn call(&self, _: usize, _: u64) -> Planned {
        Planned { ask: self.0, name: 0 }
    }
}

/// A payload in several calls, one for each of its chunks.
#[derive(Debug)]
pub struct Split {
    /// The call for a whole chunk.
    pub each: Ask,
    /// The call for the last one, which may be shorter.
    pub last: Ask,
    /// How many chunks there are, at least 1.
    pub chunks: u64,
}

impl Sequence for Split {
    fn call(&self, _: usize, number: u64) -> Planned {
        let ask = if (number + 1).is_multiple_of(self.chunks) { self.last } else { self.each };
        Planned { ask, name: 0 }
    }

    fn calls_per_iteration(&self) -> u64 {
        self.chunks
    }
}
