//! What the figures must show of what a server was made to do: wait, burn, start cold, abort.

use crate::report::steadiness::{Unsteady, unsteady};
use crate::run::isolation::Isolation;
use crate::run::proof::evidence::Evidence;
use crate::run::proof::figure::Figure;

/// What connections share, and lose together.
#[derive(Clone, Copy)]
pub(crate) enum Shared {
    /// Nothing: each has a process.
    Nothing,
    /// One of several processes.
    Worker,
    /// The only process.
    Server,
}

/// What the service takes is service time.
pub(crate) fn delay(evidence: &Evidence<'_>) -> Vec<Figure> {
    let least = evidence.measured.service().min_ns;
    let said = format!("{:.3} ms", least as f64 / 1e6);
    vec![Figure::timed("shortest service", "20 ms or little more", said, (20_000_000..24_000_000).contains(&least))]
}

/// What children burn that live for one connection is charged to the server, reaped or not.
pub(crate) fn burnt(evidence: &Evidence<'_>) -> Vec<Figure> {
    let spent = evidence.record.cost.as_ref().and_then(|cost| cost.server.cpu_ns);
    vec![Figure::near("CPU time of the server", 1.0, spent.unwrap_or(0))]
}

/// Replies take 20 ms until the server is 5 s old, and 2 ms from then on.
pub(crate) fn cold(evidence: &Evidence<'_>) -> Vec<Figure> {
    let found = unsteady(&evidence.measured.timeline);
    let said = |text: fn(&Unsteady) -> f64| found.as_ref().map_or(0.0, text);
    let (until, before, after) =
        (said(|found| found.until_ns / 1e9), said(|found| found.before_ns / 1e6), said(|found| found.after_ns / 1e6));
    let within = |value: f64, from: f64, to: f64| (from..=to).contains(&value);
    vec![
        Figure::timed("the cut", "5 s ±1 s", format_args!("{until:.2} s"), within(until, 4.0, 6.0)),
        Figure::timed("p50 before", "20 ms or little more", format_args!("{before:.1} ms"), within(before, 18.5, 24.0)),
        Figure::timed("p50 after", "2 ms or little more", format_args!("{after:.1} ms"), within(after, 1.85, 4.0)),
    ]
}

/// How many clients lost their connection through no fault of theirs, and whether there is still a server.
pub(crate) fn aborted(seen: &Isolation, shared: Shared) -> Vec<Figure> {
    let (expected, count) = match shared {
        Shared::Nothing => ("none".to_owned(), 0),
        Shared::Worker => (format!("the {} of its worker", seen.together), seen.together),
        Shared::Server => (format!("all {}", seen.others), seen.others),
    };
    let survives = !matches!(shared, Shared::Server);
    let word = |yes: bool| if yes { "yes" } else { "no" };
    let failed = format!("{} of {}", seen.failed, seen.others);
    vec![
        Figure::that("other clients that fail", expected, failed, seen.failed == count),
        Figure::that("serves on", word(survives), word(seen.serves_on), seen.serves_on == survives),
    ]
}
