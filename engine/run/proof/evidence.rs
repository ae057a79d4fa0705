//! What a run brought, as a proof reads it.

use crate::drive::schedule::{Limit, RateProfile, Schedule};
use crate::results::{Measured, Record, Results, Stalled};
use crate::run::proof::figure::Figure;

/// The seed of every proof: one by which few calls are already spaced as many would be.
pub(crate) const SEED: u64 = 8;

/// What a run brought.
pub(crate) struct Evidence<'a> {
    /// The record of the last workload, which is the one that something is known of.
    pub(crate) record: &'a Record,
    /// Its figures.
    pub(crate) measured: &'a Measured,
    /// The figures of the workloads before it, in their order.
    pub(crate) before: Vec<&'a Measured>,
    /// When its end was stalled; none where it was not.
    pub(crate) stalled: Option<Stalled>,
}

/// What the figures of a run are read by.
pub(crate) type Check = fn(&Evidence<'_>) -> Vec<Figure>;

/// What the results of a run show, by `check`, and that every call is accounted for.
pub(crate) fn figures(results: &Results, check: Check) -> Vec<Figure> {
    let failed = |why: &str| vec![Figure::that("trial", "measured", why, false)];
    let mut all = Vec::new();
    // What was tried again stands at the end of the file; the workloads are numbered.
    let mut counting: Vec<&Record> = results.counting().collect();
    counting.sort_by_key(|record| results.id(record));
    for record in counting {
        match &record.measured {
            Some(measured) => all.push((record, measured)),
            None => return failed(record.reason.as_deref().unwrap_or("failed")),
        }
    }
    let Some((record, measured)) = all.pop() else { return failed("not run") };
    let counts = &measured.counts;
    let known = counts.ok + counts.error.total() + counts.timeout + counts.censored;
    let mut figures = vec![Figure::that("calls accounted for", counts.scheduled, known, counts.conserved())];
    let before = all.into_iter().map(|(_, measured)| measured).collect();
    figures.extend(check(&Evidence { record, measured, before, stalled: record.stalled }));
    figures
}

/// When the calls of an open loop are due, in nanoseconds from its beginning.
pub(crate) fn schedule(profile: &RateProfile, seconds: u64) -> Vec<u64> {
    let mut schedule = Schedule::new(profile, Limit::Time(seconds * 1_000_000_000));
    std::iter::from_fn(|| schedule.pop()).collect()
}
