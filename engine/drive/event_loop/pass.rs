//! What one pass over the callers works with.

use std::sync::atomic::AtomicU64;

use crate::drive::recorder::Recorder;
use crate::drive::schedule::Limit;
use crate::drive::schedule::Schedule;
use crate::mutant;

/// Where calls come from.
pub(super) enum Source {
    /// A caller's next one is due when its last one is over.
    Closed(Limit),
    /// They are due by the clock, and whoever is free makes them.
    Open(Schedule),
}

/// What one pass over the callers works with.
pub(super) struct Pass<'a> {
    pub(super) source: Source,
    pub(super) begun: u64,
    pub(super) last: u64,
    pub(super) recorder: Option<&'a mut Recorder>,
    pub(super) ended: &'a AtomicU64,
    pub(super) over: u64,
    pub(super) under_way: usize,
    /// When the last call of an open loop was due.
    pub(super) last_due: u64,
}

impl Pass<'_> {
    /// When draining ends.
    pub(super) fn drain_end(&mut self, drain: u64) -> u64 {
        let window_end = match &mut self.source {
            Source::Closed(Limit::Time(ns)) => self.begun.saturating_add(*ns),
            Source::Closed(Limit::Calls(_)) => u64::MAX,
            Source::Open(schedule) => match schedule.window_ns() {
                Some(ns) => self.begun.saturating_add(ns),
                None if schedule.peek().is_some() => u64::MAX,
                None => self.last_due,
            },
        };
        window_end.saturating_add(if mutant::is("no-drain") { 0 } else { drain })
    }

    /// True while calls of an open loop are still to be made.
    pub(super) fn more(&mut self) -> bool {
        match &mut self.source {
            Source::Open(schedule) => schedule.peek().is_some(),
            Source::Closed(_) => false,
        }
    }
}
