//! What the figures of a load must show that nothing disturbs: when it calls, and how long its calls queue.

use crate::call::Arrivals;
use crate::drive::schedule::{RateProfile, RateStep};
use crate::results::Measured;
use crate::run::proof::evidence::{Evidence, SEED, schedule};
use crate::run::proof::figure::Figure;

/// How long the queue is looked at, in seconds.
pub(crate) const QUEUED: u64 = 30;
/// How many calls per second it is offered: the one worker is busy for two thirds of the time.
pub(crate) const OFFERED: f64 = 65.0;
/// How many calls per second are Poisson's: so few that they are far between, measured by how late a timer is.
pub(crate) const POISSON: f64 = 50.0;
/// For how long, in seconds.
pub(crate) const LOOKED_AT: u64 = 20;
/// How many clients wait for the one worker.
pub(crate) const WAITING: u64 = 8;

/// The gaps between the actual sends are exponential.
pub(crate) fn poisson(evidence: &Evidence<'_>) -> Vec<Figure> {
    let p = evidence.measured.generator.arrivals.as_ref().map_or(0.0, |test| test.p);
    vec![Figure::timed("p of Kolmogorov and Smirnov", "above 0.05", format_args!("{p:.3}"), p > 0.05)]
}

/// The gaps between the actual sends are alike to a tenth, those between the intended ones to the nanosecond.
pub(crate) fn constant(evidence: &Evidence<'_>) -> Vec<Figure> {
    let right = evidence.measured.generator.arrivals.as_ref().map_or(0.0, |test| test.p);
    let due = due(100.0, Arrivals::Constant, 5);
    let exact = due.len() == 500 && due.windows(2).all(|pair| pair[1] - pair[0] == 10_000_000);
    let scheduled = evidence.measured.counts.scheduled;
    vec![
        Figure::that("gaps between intended sends", "all 10 ms", if exact { "all 10 ms" } else { "others" }, exact),
        Figure::that("calls due", 500, scheduled, scheduled == 500),
        Figure::timed(
            "gaps between sends off by a tenth",
            "below 5 %",
            format_args!("{:.2} %", (1.0 - right) * 100.0),
            right > 0.95,
        ),
    ]
}

/// One worker: Lindley's recursion over the very schedule, with the services that were measured before.
///
/// Before it ran the same worker with a crowd that never lets it rest, which tells what a call costs it, then one client
/// alone, which tells what a call takes that finds it idle, and the crowd again: between what the two crowds tell lies
/// the expectation, which so carries its own error.
pub(crate) fn lindley(evidence: &Evidence<'_>) -> Vec<Figure> {
    let due = due(OFFERED, Arrivals::Poisson, QUEUED);
    let scheduled = evidence.measured.counts.scheduled;
    let calls = Figure::that("calls of the recursion", due.len(), scheduled, due.len() as u64 == scheduled);
    let [crowd, alone, again] = evidence.before[..] else { return vec![calls] };
    let late = evidence.measured.generator.lateness.as_ref().map_or(0, |late| late.mean_ns) as f64;
    let idle = alone.response_time.mean_ns as f64;
    let response = |crowd: &Measured| (mean_response(&due, work(crowd), idle) + late) / 1e9;
    let (one, other) = (response(crowd), response(again));
    let least = alone.service().min_ns;
    vec![
        calls,
        Figure::that(
            "shortest service",
            "10 ms at least",
            format_args!("{:.3} ms", least as f64 / 1e6),
            least >= 10_000_000,
        ),
        Figure::between(
            "mean response",
            (one.min(other), one.max(other)),
            0.05,
            evidence.measured.response_time.mean_ns,
        ),
    ]
}

/// What a call costs a worker that is never idle, in nanoseconds.
fn work(crowd: &Measured) -> f64 {
    crowd.elapsed_ns as f64 / crowd.counts.ok.max(1) as f64
}

/// The mean response time where one worker serves what is due in its order: `work` is what each call costs it, `idle`
/// how long a call takes that finds it idle, waking up and the way there and back included.
fn mean_response(due: &[u64], work: f64, idle: f64) -> f64 {
    let (mut free, mut sum) = (0.0f64, 0.0);
    for due in due {
        free = free.max(*due as f64) + work;
        sum += free - *due as f64 + (idle - work);
    }
    sum / due.len().max(1) as f64
}

/// Calls in the system = rate × response time.
pub(crate) fn little(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (measured, truth) = (evidence.measured, WAITING as f64);
    let inside = measured.calls_per_s * measured.response_time.mean_ns as f64 / 1e9;
    let holds = (inside / truth - 1.0).abs() < 0.05;
    vec![Figure::timed("calls in the system", format_args!("{WAITING} ±5 %"), format_args!("{inside:.2}"), holds)]
}

/// When the calls of a proof are due, in nanoseconds from the beginning.
fn due(rate: f64, arrivals: Arrivals, seconds: u64) -> Vec<u64> {
    schedule(&profile(rate, arrivals), seconds)
}

fn profile(rate: f64, arrivals: Arrivals) -> RateProfile {
    RateProfile { steps: vec![RateStep::held(rate, u64::MAX)], arrivals, seed: SEED, part: None }
}

#[cfg(test)]
mod tests {
    use super::{LOOKED_AT, OFFERED, POISSON, QUEUED, due, mean_response, profile};
    use crate::call::Arrivals;
    use crate::drive::arrival_test::test;
    use crate::drive::schedule::{Limit, Schedule};
    use crate::run::proof::evidence::schedule;

    #[test]
    fn the_recursion_is_that_of_theory() {
        // Of Poisson arrivals and equal services: ρ / (2 (1 - ρ)) services of waiting, and the service itself.
        let (work, rate) = (10e6, OFFERED);
        let load = rate * work / 1e9;
        let theory = work * (1.0 + load / (2.0 * (1.0 - load)));
        let long = mean_response(&due(rate, Arrivals::Poisson, 20_000), work, work);
        assert!((long / theory - 1.0).abs() < 0.02, "{long} {theory}");
        let alone = mean_response(&due(1.0, Arrivals::Constant, 10), work, 12e6);
        assert!((alone - 12e6).abs() < 1.0, "who finds it idle takes as long as the only client: {alone}");
    }

    #[test]
    fn the_arrivals_that_are_asked_for_are_beyond_doubt() {
        let profile = profile(POISSON, Arrivals::Poisson);
        let due = schedule(&profile, LOOKED_AT);
        let asked = test(&due, &Schedule::new(&profile, Limit::Calls(0))).expect("enough");
        assert!(asked.p > 0.9, "what is sent may be worse, and is still not to be doubted: {asked:?}");
    }

    #[test]
    fn the_proof_of_the_queue_shows_more_than_it_allows_for() {
        let due = due(OFFERED, Arrivals::Poisson, QUEUED);
        let queued = mean_response(&due, 10e6, 10.2e6);
        assert!(queued > 1.5 * 10.2e6, "calls that did not queue would be found: {queued}");
        let off = mean_response(&due, 10.1e6, 10.2e6) / queued;
        assert!(off < 1.05, "a service that is known to a hundredth is known well enough: {off}");
    }
}
