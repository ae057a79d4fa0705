//! What the figures of a load must show when one end was stopped for a while.

use crate::call::Arrivals;
use crate::drive::schedule::{RateProfile, RateStep};
use crate::results::State;
use crate::run::proof::evidence::{Evidence, SEED, schedule};
use crate::run::proof::figure::Figure;

/// Every load that is stalled lasts so long, in seconds.
const WINDOW: u64 = 15;
/// And is offered so many calls a second, evenly.
const RATE: f64 = 100.0;
const SECOND: u64 = 1_000_000_000;

/// How long each call of the load must wait for the end of the stall, in seconds, the longest last: those that are due
/// before it begins or after it ends do not.
fn waits(evidence: &Evidence<'_>) -> Vec<f64> {
    let (from, until) = stall(evidence);
    let due = schedule(
        &RateProfile {
            steps: vec![RateStep::held(RATE, u64::MAX)],
            arrivals: Arrivals::Constant,
            seed: SEED,
            part: None,
        },
        WINDOW,
    );
    let wait = |due: u64| if due < from { 0.0 } else { until.saturating_sub(due) as f64 / 1e9 };
    let mut waits: Vec<f64> = due.into_iter().map(wait).collect();
    waits.sort_by(f64::total_cmp);
    waits
}

/// From when until when it was, in nanoseconds from the beginning of the load; nothing where it is not known.
fn stall(evidence: &Evidence<'_>) -> (u64, u64) {
    let known = evidence.stalled.and_then(|stalled| Some((stalled.from_ns?, stalled.length_ns)));
    known.map_or((0, 0), |(from, length)| (from, from + length))
}

/// The wait that this share of calls does not exceed.
fn quantile(waits: &[f64], share: f64) -> f64 {
    let rank = (share * waits.len() as f64).ceil() as usize;
    waits.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

/// A stall in the middle: whoever is due in it waits for its end, and has no longer service for it.
pub(crate) fn mid_run(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (response, waits) = (&evidence.measured.response_time, waits(evidence));
    let service = evidence.measured.service().p95_ns;
    vec![
        Figure::near("p95", quantile(&waits, 0.95), response.p95_ns),
        Figure::near("p99", quantile(&waits, 0.99), response.p99_ns),
        Figure::near("p99.9", quantile(&waits, 0.999), response.p999_ns),
        Figure::timed(
            "service p95",
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
        Figure::near("p99", quantile(&waits(evidence), 0.99), evidence.measured.response_time.p99_ns),
        Figure::that("answered", counts.scheduled, counts.ok, counts.ok == counts.scheduled),
    ]
}

/// The same with a drain that ends before the stall does: what is due in it, or was under way, has no answer.
pub(crate) fn short_drain(evidence: &Evidence<'_>) -> Vec<Figure> {
    /// So many may be under way when the stall begins.
    const CLOSE: u64 = 10;
    let (counts, from) = (&evidence.measured.counts, evidence.measured.response_time.at_least_from);
    let lost = waits(evidence).into_iter().filter(|wait| *wait > 0.0).count() as u64;
    let all = WINDOW as f64 * RATE;
    let share = |lost: u64| (all - lost as f64) / all;
    let (success, truth, close) = (counts.ok as f64 / all, share(lost), CLOSE as f64 / all);
    let said = from.map_or("none".to_owned(), |from| format!("from p{:.1}", from * 100.0));
    let near = |share: f64| lost > 0 && (share - truth).abs() <= close;
    vec![
        Figure::timed(
            "censored",
            format_args!("{lost} ±{CLOSE}"),
            counts.censored,
            lost > 0 && counts.censored.abs_diff(lost) <= CLOSE,
        ),
        Figure::timed(
            "success",
            format_args!("{:.1} % ±{:.1}", truth * 100.0, close * 100.0),
            format_args!("{:.1} %", success * 100.0),
            near(success),
        ),
        Figure::timed(
            "quantiles with ≥",
            format_args!("from p{:.1} ±{:.1}", truth * 100.0, close * 100.0),
            said,
            from.is_some_and(near),
        ),
    ]
}

/// A stall of 3 s under a time-out of 2 s: the ten calls under way time out, and none is lost.
pub(crate) fn time_outs(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (counts, max) = (&evidence.measured.counts, evidence.measured.response_time.max_ns);
    vec![
        Figure::timed("time-outs", 10, counts.timeout, counts.timeout == 10),
        Figure::that(
            "answered or timed out",
            counts.scheduled,
            counts.ok + counts.timeout,
            counts.ok + counts.timeout == counts.scheduled,
        ),
        Figure::that("max", "at least 2 s", format_args!("{:.3} s", max as f64 / 1e9), max >= 2 * SECOND),
    ]
}

/// A client process that was stopped itself must not be believed.
pub(crate) fn starved(evidence: &Evidence<'_>) -> Vec<Figure> {
    let verdict = &evidence.record.verdict;
    let late = evidence.measured.generator.lateness.as_ref().map_or(0, |late| late.max_ns);
    let stalled = evidence.stalled.map_or(0.0, |stalled| stalled.length_ns as f64 / 1e9);
    vec![
        Figure::that(
            "verdict",
            "invalid",
            format!("{:?}", verdict.state).to_lowercase(),
            verdict.state == State::Invalid,
        ),
        Figure::near("latest send", stalled, late),
    ]
}
