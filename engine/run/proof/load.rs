//! What the figures of a load must show that nothing disturbs: when it calls, and how long its calls queue.

use crate::call::Arrivals;
use crate::drive::job::Limit;
use crate::drive::schedule::{Pace, Schedule};
use crate::run::proof::Evidence;
use crate::run::proof::figure::Figure;

/// How long the queue is looked at, in seconds.
pub(crate) const QUEUED: u64 = 30;
/// How many calls per second it is offered.
pub(crate) const OFFERED: f64 = 80.0;
/// How many clients wait for the one worker.
pub(crate) const WAITING: u64 = 8;

/// The gaps between the actual sends are exponential.
pub(crate) fn poisson(evidence: &Evidence<'_>) -> Vec<Figure> {
    let p = evidence.measured.generator.arrivals.as_ref().map_or(0.0, |test| test.p);
    vec![Figure::that("p of Kolmogorov and Smirnov", "above 0.05", format_args!("{p:.3}"), p > 0.05)]
}

/// The gaps between the actual sends are alike to a tenth, those between the intended ones to the nanosecond.
pub(crate) fn constant(evidence: &Evidence<'_>) -> Vec<Figure> {
    let right = evidence.measured.generator.arrivals.as_ref().map_or(0.0, |test| test.p);
    let due = schedule(100.0, Arrivals::Constant, 5);
    let exact = due.len() == 500 && due.windows(2).all(|pair| pair[1] - pair[0] == 10_000_000);
    let scheduled = evidence.measured.counts.scheduled;
    vec![
        Figure::that("gaps between intended sends", "all 10 ms", if exact { "all 10 ms" } else { "others" }, exact),
        Figure::that("calls due", 500, scheduled, scheduled == 500),
        Figure::that(
            "gaps between sends off by a tenth",
            "below 5 %",
            format_args!("{:.2} %", (1.0 - right) * 100.0),
            right > 0.95,
        ),
    ]
}

/// One worker: Lindley's recursion over the very schedule, with the mean service that one client saw before.
pub(crate) fn lindley(evidence: &Evidence<'_>) -> Vec<Figure> {
    let service = evidence.first.service_time.mean_ns;
    let due = schedule(OFFERED, Arrivals::Poisson, QUEUED);
    let (mut free, mut sum) = (0u64, 0);
    for due in &due {
        free = free.max(*due) + service;
        sum += free - due;
    }
    let truth = sum as f64 / due.len().max(1) as f64 / 1e9;
    let scheduled = evidence.measured.counts.scheduled;
    vec![
        Figure::that("calls of the recursion", due.len(), scheduled, due.len() as u64 == scheduled),
        Figure::near("service of one client", 0.01, service),
        Figure::near("mean response", truth, evidence.measured.response_time.mean_ns),
    ]
}

/// Calls in the system = rate × response time.
pub(crate) fn little(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (measured, truth) = (evidence.measured, WAITING as f64);
    let inside = measured.calls_per_s * measured.response_time.mean_ns as f64 / 1e9;
    let holds = (inside / truth - 1.0).abs() < 0.05;
    vec![Figure::that("calls in the system", format_args!("{WAITING} ±5 %"), format_args!("{inside:.2}"), holds)]
}

/// When the calls of a proof are due, in nanoseconds from the beginning.
fn schedule(rate: f64, arrivals: Arrivals, seconds: u64) -> Vec<u64> {
    let pace = Pace { steps: vec![(rate, u64::MAX)], arrivals, seed: 1 };
    let mut schedule = Schedule::new(&pace, Limit::Time(seconds * 1_000_000_000));
    std::iter::from_fn(|| schedule.pop()).collect()
}
