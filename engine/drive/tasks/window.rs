//! When the calls of tasks are begun, and when they are given up.

use crate::drive::schedule::Limit;

/// When calls are begun, and when they are given up, in nanoseconds.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) limit: Limit,
    pub(super) begun: u64,
    pub(super) drain_end: u64,
}

impl Window {
    /// True where a client that has come so many calls far makes one that is due at `due`.
    pub(super) fn has(&self, made: u64, due: u64) -> bool {
        match self.limit {
            Limit::Calls(count) => made < count,
            Limit::Time(ns) => due - self.begun < ns,
        }
    }
}
