//! What the figures of a load must show when one end was stopped for a while.

use crate::results::State;
use crate::run::proof::Evidence;
use crate::run::proof::figure::Figure;

/// Every load that is stalled lasts so long, in seconds.
const WINDOW: f64 = 15.0;
const SECOND: u64 = 1_000_000_000;

/// A stall S in the middle of a window T: beyond 1 - S/T quantiles rise evenly up to S.
pub(crate) fn mid_run(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (response, stalled) = (&evidence.measured.response_time, evidence.stalled);
    let truth = |q: f64| stalled - (1.0 - q) * WINDOW;
    let service = evidence.measured.service_time.p99_ns;
    vec![
        Figure::near("p95", truth(0.95), response.p95_ns),
        Figure::near("p99", truth(0.99), response.p99_ns),
        Figure::near("p99.9", truth(0.999), response.p999_ns),
        Figure::that(
            "service p99",
            "below 50 ms",
            format_args!("{:.1} ms", service as f64 / 1e6),
            service < SECOND / 20,
        ),
    ]
}

/// A stall that begins 2 s before the end: all calls of these 2 s wait, the first of them for all of it.
pub(crate) fn end_stall(evidence: &Evidence<'_>) -> Vec<Figure> {
    let counts = &evidence.measured.counts;
    vec![
        Figure::near("p99", evidence.stalled - 0.01 * WINDOW, evidence.measured.response_time.p99_ns),
        Figure::that("answered", counts.scheduled, counts.ok, counts.ok == counts.scheduled),
    ]
}

/// The same with a drain that ends before the stall does.
pub(crate) fn short_drain(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (counts, from) = (&evidence.measured.counts, evidence.measured.response_time.at_least_from);
    let said = from.map_or("none".to_owned(), |from| format!("from p{:.1}", from * 100.0));
    let success = counts.ok as f64 / counts.scheduled.max(1) as f64 * 100.0;
    vec![
        Figure::that("censored", "about 200", counts.censored, (190..=210).contains(&counts.censored)),
        Figure::that("success", "about 86.7 %", format_args!("{success:.1} %"), (86.0..87.5).contains(&success)),
        Figure::that("quantiles with ≥", "from p86.7", said, from.is_some_and(|from| (0.8..0.95).contains(&from))),
    ]
}

/// A stall of 2.2 s under a time-out of 2 s: the ten calls under way time out, and none is lost.
pub(crate) fn time_outs(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (counts, max) = (&evidence.measured.counts, evidence.measured.response_time.max_ns);
    vec![
        Figure::that("time-outs", 10, counts.timeout, counts.timeout == 10),
        Figure::that("answered", counts.scheduled - 10, counts.ok, counts.ok + 10 == counts.scheduled),
        Figure::that("max", "at least 2 s", format_args!("{:.3} s", max as f64 / 1e9), max >= 2 * SECOND),
    ]
}

/// A client process that was stopped itself must not be believed.
pub(crate) fn starved(evidence: &Evidence<'_>) -> Vec<Figure> {
    let verdict = &evidence.record.verdict;
    let late = evidence.measured.generator.lateness.as_ref().map_or(0, |late| late.max_ns);
    vec![
        Figure::that(
            "verdict",
            "invalid",
            format!("{:?}", verdict.state).to_lowercase(),
            verdict.state == State::Invalid,
        ),
        Figure::near("latest send", evidence.stalled, late),
    ]
}
