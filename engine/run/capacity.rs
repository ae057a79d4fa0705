//! The search of one trial: one server, and a client process for each rate that is tried.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::figures::{counted, number};
use crate::key::load::{Extent, Load};
use crate::key::rate::{LEAST, MOST};
use crate::plan::{self, Cell};
use crate::report::expectations::written;
use crate::results::machine::Interference;
use crate::results::search::{Limit, Probe, Search};
use crate::results::{Cost, Measured, Reason, ReasonKind, State, Verdict};
use crate::run::Watch;
use crate::run::bracket::{Bracket, Outcome, STEP, rounded};
use crate::run::launcher::Launcher;
use crate::run::serving::Serving;
use crate::run::trial::{Trial, ask};
use crate::run::verdict::{Circumstances, disturbed, judge};
use crate::scenario::expect::{Expectation, Figure, Unit};

/// A probe with fewer calls than this says nothing.
const FEWEST: f64 = 10.0;

/// How long a probe is drained, unless it is shorter itself or a response may take longer: a queue that is longer than
/// this, and longer than what is expected of a response, has failed whatever becomes of it.
const DRAIN: Duration = Duration::from_secs(1);

/// What a search brought.
#[derive(Debug)]
pub struct Found {
    /// The measurement of the highest rate that held, or of the lowest that did not where none held.
    pub trial: Trial,
    /// What can be said of it; what the client process limited is suspect.
    pub verdict: Verdict,
    /// Why there is no rate that holds, where there is none.
    pub failed: Option<String>,
    /// How it was found.
    pub search: Search,
}

/// Searches the highest rate at which what is expected holds and every call is answered, with a fresh server.
pub fn find(
    cell: &Cell,
    search: &plan::search::Search,
    trial: u32,
    launcher: &Launcher,
    watch: &mut dyn Watch,
) -> Result<Found> {
    let begun = launcher.begun(cell, false)?;
    let lowest = match cell.load.extent() {
        Extent::Duration(time) => (FEWEST / time.as_secs_f64()).clamp(LEAST, MOST),
        Extent::Iterations(_) => LEAST,
    };
    let limits = &search.limits;
    let mut bracket = Bracket::new(start(search.start, trial), lowest, MOST, search.close);
    let server = Serving::of(cell, launcher)?;
    let mut probes: Vec<Probe> = Vec::new();
    let (mut held, mut broken) = (None, None);
    while let Some(rate) = bracket.next() {
        watch.probes(rate);
        let load = probe(&cell.load, search, rate);
        let trial = ask(&server, &load, launcher, &mut |so_far| watch.progress(so_far))
            .map_err(|error| error.context(format!("at {}/s", number(rate))))?;
        let verdict = judge(&trial, &Circumstances::of(&launcher.pinning(cell)?, &cell.load, &trial));
        let fault = fault(&trial.measured, &trial.cost, &verdict, limits);
        bracket.take(match &fault {
            None => Outcome::Held,
            Some(_) if verdict.state == State::Invalid => Outcome::Spoiled,
            Some(_) => Outcome::Broke,
        });
        probes.push(told(rate, &trial.measured, fault));
        *if probes.last().is_some_and(|probe| probe.held) { &mut held } else { &mut broken } = Some((trial, verdict));
    }
    server.stop()?;
    let search = Search { capacity: bracket.held(), limited_by: limited_by(&probes, bracket.broken()), probes };
    let failed = search.capacity.is_none().then(|| {
        let last = search.probes.last();
        let why = last.and_then(|probe| probe.why.as_deref()).unwrap_or_default();
        format!("no rate holds: at {}/s, {why}", last.map_or_else(String::new, |probe| number(probe.rate)))
    });
    let (mut trial, verdict) = held.or(broken).ok_or_else(|| Error::stopped("a search without a probe"))?;
    let verdict = if failed.is_none() { bounded(verdict, &search) } else { verdict };
    // Others may have broken probes above the one that counts, so the whole search is judged, but not twice.
    let own = trial.interference.take();
    let run_queue_ns = own.as_ref().and_then(|own| own.run_queue_ns);
    trial.interference = begun.since()?.map(|whole| Interference { run_queue_ns, ..whole });
    let known = own.is_some_and(|own| own.disturbs());
    let verdict = if known { verdict } else { disturbed(verdict, trial.interference.as_ref()) };
    Ok(Found { trial, verdict, failed, search })
}

/// Where a trial begins. Each begins at another place between two steps, or all would find the same of the few rates
/// that one search can find, and their agreement would look like precision.
fn start(about: f64, trial: u32) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    rounded(about * STEP.powf((f64::from(trial) * GOLDEN).fract()))
}

/// The load of one probe: ends soon, however long a queue has grown.
fn probe(load: &Load, search: &plan::search::Search, rate: f64) -> Load {
    let longest = search.limits.iter().filter(|limit| limit.figure.unit() == Unit::Time).filter_map(Expectation::fixed);
    let longest = Duration::from_nanos(longest.fold(0.0, f64::max) as u64);
    let duration = load.duration.map(|written| search.window(rate, written));
    let window = duration.unwrap_or(DRAIN);
    let drain = load.drain.min(longest.max(window.min(DRAIN)));
    Load { rate: Some(rate), duration, drain, ..load.clone() }
}

/// What kept a probe from holding, and in words; none where it held.
fn fault(measured: &Measured, cost: &Cost, verdict: &Verdict, limits: &[Expectation]) -> Option<(Limit, String)> {
    let (counts, spoiled) = (&measured.counts, verdict.state != State::Valid);
    let errors = counts.error.total();
    if errors > 0 {
        let why = measured.failures.first().map(|why| format!(": {why}")).unwrap_or_default();
        return Some((Limit::Expectation, format!("{} failed{why}", counted(errors as usize, "call", "calls"))));
    }
    if verdict.state == State::Invalid {
        return Some((Limit::Generator, verdict.sentence()));
    }
    let late = counts.timeout + counts.censored;
    let unanswered = (late > 0).then(|| format!("{} of {} calls were not answered in time", late, counts.scheduled));
    let broken = limits.iter().filter_map(|limit| {
        // What is told against another target's figure is no limit.
        let bound = limit.fixed()?;
        match figure(measured, cost, limit) {
            None => Some(format!("{limit} cannot be judged: the counter is missing")),
            Some((value, at_least)) if limit.holds(value, at_least, bound) => None,
            Some((value, at_least)) => {
                Some(format!("{} {}, expected {limit}", limit.figure, written(limit.figure, value, at_least)))
            }
        }
    });
    let wrong: Vec<String> = broken.chain(unanswered).collect();
    if wrong.is_empty() {
        return None;
    }
    // Times that the client process had no time to take are as much its own as the server's.
    let limit = if spoiled { Limit::Generator } else { Limit::Expectation };
    let reasons = verdict.reasons.iter().filter(|_| spoiled).map(|reason| reason.text.clone());
    Some((limit, wrong.into_iter().chain(reasons).collect::<Vec<_>>().join("; ")))
}

/// A figure of one probe, with whether it is only known to be at least that; none where a counter is missing. A report
/// says the same of all trials of a cell (`report::expectations`).
fn figure(measured: &Measured, cost: &Cost, of: &Expectation) -> Option<(f64, bool)> {
    let own = of.call.as_ref().and_then(|call| measured.calls.get(call));
    let (times, counts) =
        own.map_or((&measured.response_time, &measured.counts), |own| (&own.response_time, &own.counts));
    let exact = |value: f64| Some((value, false));
    let quantile = |at: f64, ns: u64| Some((ns as f64, times.at_least_from.is_some_and(|from| from <= at)));
    match of.figure {
        Figure::Mean => quantile(1.0, times.mean_ns),
        Figure::P50 => quantile(0.5, times.p50_ns),
        Figure::P90 => quantile(0.9, times.p90_ns),
        Figure::P95 => quantile(0.95, times.p95_ns),
        Figure::P99 => quantile(0.99, times.p99_ns),
        Figure::P999 => quantile(0.999, times.p999_ns),
        Figure::Max => quantile(1.0, times.max_ns),
        Figure::Errors => exact(counts.error.total() as f64),
        Figure::Timeouts => exact(counts.timeout as f64),
        Figure::Censored => exact(counts.censored as f64),
        Figure::CallsPerS => exact(measured.calls_per_s),
        Figure::Bandwidth => {
            let bytes = measured.bytes.payload_up + measured.bytes.payload_down;
            exact(bytes as f64 * 1e9 / measured.elapsed_ns.max(1) as f64)
        }
        Figure::CpuPerCall => exact(cost.server.cpu_ns? as f64 / measured.counts.ok.max(1) as f64),
        Figure::Memory => exact(cost.server.peak_memory? as f64),
    }
}

fn told(rate: f64, measured: &Measured, fault: Option<(Limit, String)>) -> Probe {
    let times = &measured.response_time;
    let (limit, why) = fault.unzip();
    Probe {
        rate,
        held: why.is_none(),
        why,
        limit,
        scheduled: measured.counts.scheduled,
        ok: measured.counts.ok,
        p50_ns: times.p50_ns,
        p99_ns: times.p99_ns,
        at_least_from: times.at_least_from,
    }
}

/// Why no rate above was found to hold: what is expected, where a valid probe broke it at the lowest rate that did not.
fn limited_by(probes: &[Probe], broken: Option<f64>) -> Limit {
    let Some(broken) = broken else { return Limit::Highest };
    let mut tries = probes.iter().filter(|probe| probe.rate == broken);
    if tries.any(|probe| probe.limit == Some(Limit::Expectation)) { Limit::Expectation } else { Limit::Generator }
}

/// The verdict on the rate that was found: a lower bound where not the server was the limit.
fn bounded(verdict: Verdict, search: &Search) -> Verdict {
    let why = match search.limited_by {
        Limit::Expectation => return verdict,
        Limit::Highest => "the highest rate that can be asked for holds, so the capacity is a lower bound".to_owned(),
        Limit::Generator => {
            let why = search.probes.iter().rev().find(|probe| probe.limit == Some(Limit::Generator));
            let why = why.and_then(|probe| probe.why.as_deref()).unwrap_or_default();
            format!("the client, not the server, was the limit, so the capacity is a lower bound: {why}")
        }
    };
    let why = Reason::new(ReasonKind::Search, why);
    Verdict { state: State::Suspect, reasons: verdict.reasons.into_iter().chain([why]).collect() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::{bounded, fault, limited_by, probe, start, told};
    use crate::drive::recorder::Recorder;
    use crate::key::load::Extent;
    use crate::plan::Plan;
    use crate::plan::search::Search as Searching;
    use crate::results::search::{Limit, Probe, Search};
    use crate::results::{Cost, Measured, Reason, ReasonKind, State, Verdict};
    use crate::run::bracket::STEP;
    use crate::scenario::expect::Expectation;
    use crate::scenario::read;

    fn limits(texts: &[&str]) -> Vec<Expectation> {
        texts.iter().map(|text| text.parse().expect("an expectation")).collect()
    }

    /// A second at 1,000/s with a p99 of 4 ms.
    fn calm() -> Measured {
        let mut measured = Recorder::new(1, 0).measured(false, &[], BTreeMap::new());
        measured.elapsed_ns = 1_000_000_000;
        (measured.counts.scheduled, measured.counts.ok) = (1_000, 1_000);
        (measured.response_time.count, measured.response_time.p99_ns) = (1_000, 4_000_000);
        measured
    }

    fn of(measured: &Measured, state: State) -> Option<(Limit, String)> {
        let busy = || vec![Reason::new(ReasonKind::Client, "the client was busy")];
        let reasons = if state == State::Valid { Vec::new() } else { busy() };
        fault(measured, &Cost::default(), &Verdict { state, reasons }, &limits(&["p99 < 5ms", "errors == 0"]))
    }

    #[test]
    fn a_probe_holds_where_all_is_answered_as_expected_by_a_generator_that_kept_up() {
        assert_eq!(of(&calm(), State::Valid), None);
        assert_eq!(of(&calm(), State::Suspect), None, "a busy client that kept to its schedule is no fault");
        type Change = fn(&mut Measured);
        let changes: [(&str, Change); 4] = [
            ("p99 6.00 ms, expected p99 < 5ms", |m| m.response_time.p99_ns = 6_000_000),
            ("p99 ≥ 4.00 ms, expected p99 < 5ms", |m| m.response_time.at_least_from = Some(0.98)),
            ("2 of 1000 calls were not answered in time", |m| (m.counts.ok, m.counts.censored) = (998, 2)),
            ("1 call failed: reset", |m| {
                (m.counts.ok, m.counts.error.connect) = (999, 1);
                m.failures = vec!["reset".to_owned()];
            }),
        ];
        for (expected, change) in changes {
            let mut measured = calm();
            change(&mut measured);
            let (limit, why) = of(&measured, State::Valid).expect(expected);
            assert_eq!((limit, why.as_str()), (Limit::Expectation, expected));
        }
        assert_eq!(of(&calm(), State::Invalid), Some((Limit::Generator, "the client was busy".to_owned())));
        let mut slow = calm();
        slow.response_time.p99_ns = 6_000_000;
        let (limit, why) = of(&slow, State::Suspect).expect("it is too slow");
        assert!(limit == Limit::Generator && why.ends_with("; the client was busy"), "{why}");
        let none = fault(&calm(), &Cost::default(), &Verdict::valid(), &limits(&["memory < 1MiB"]));
        assert!(none.is_some_and(|(_, why)| why.contains("cannot be judged")), "an unknown figure is not met");
    }

    #[test]
    fn a_probe_is_drained_no_longer_than_it_lasts_or_a_response_may_take() {
        let text = "title: t\nquestion: q\ntargets: [{transport: tcp, server: threaded}]\nworkloads:\n\
                    - {name: w, call: ping, rate: search, duration: 2s, expect: [\"p99 < 5ms\"]}\n";
        let scenario = read("test.yaml", text, &[]).expect("a scenario");
        let lasts = |plan: Plan, rate: f64| {
            let cell = &plan.cells[0];
            let probe = probe(&cell.load, cell.search.as_ref().expect("it searches"), rate);
            assert_eq!(probe.rate, Some(rate));
            (probe.extent(), probe.drain)
        };
        let (ms, lasting) = (Duration::from_millis, |ms| Extent::Duration(Duration::from_millis(ms)));
        assert_eq!(lasts(Plan::of(&scenario), 1e5), (lasting(2_000), ms(1_000)));
        let quick = || Plan::quick(&scenario, |plan| plan).plan;
        assert_eq!(lasts(quick(), 1e5), (lasting(100), ms(100)));
        assert_eq!(lasts(quick(), 100.0), (lasting(200), ms(200)));
    }

    #[test]
    fn trials_begin_at_different_places_of_one_step() {
        let starts: Vec<f64> = (1..=20).map(|trial| start(50.0, trial)).collect();
        assert!(starts.iter().all(|rate| (50.0..=50.0 * STEP).contains(rate)), "{starts:?}");
        // Brought down to the last step of a search, they fill it evenly: no two are the same.
        let mut last: Vec<f64> = starts.iter().map(|rate| (rate.ln() / Searching::CLOSE.ln()).fract()).collect();
        last.sort_by(f64::total_cmp);
        assert!(last.windows(2).all(|pair| pair[1] > pair[0]), "{last:?}");
    }

    #[test]
    fn who_was_the_limit_is_said_by_the_lowest_rate_that_broke() {
        let probe = |rate: f64, limit: Option<Limit>| -> Probe {
            told(rate, &calm(), limit.map(|limit| (limit, "because".to_owned())))
        };
        let (by_client, by_server) = (Some(Limit::Generator), Some(Limit::Expectation));
        let of = |probes: &[Probe], broken| limited_by(probes, broken);
        assert_eq!(of(&[probe(1e7, None)], None), Limit::Highest);
        let spoiled = [probe(4.0, by_server), probe(2.0, by_client), probe(2.0, by_client), probe(1.0, None)];
        assert_eq!(of(&spoiled, Some(2.0)), Limit::Generator);
        let judged = [probe(2.0, by_client), probe(2.0, by_server)];
        assert_eq!(of(&judged, Some(2.0)), Limit::Expectation, "the second probe was valid");

        let search = |limited_by| Search { capacity: Some(1.0), limited_by, probes: spoiled.to_vec() };
        assert_eq!(bounded(Verdict::valid(), &search(Limit::Expectation)), Verdict::valid());
        let verdict = bounded(Verdict::valid(), &search(Limit::Generator));
        assert_eq!(verdict.state, State::Suspect);
        assert!(verdict.reasons[0].text.ends_with("a lower bound: because"), "{verdict:?}");
    }
}
