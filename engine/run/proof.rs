//! Runs with a known disturbance, and the figures that they must show.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use crate::drive::job::Limit;
use crate::drive::lines::Progress;
use crate::drive::schedule::{Pace, Schedule};
use crate::error::{Error, Result};
use crate::plan::{Cell, Plan};
use crate::report::steadiness::{Unsteady, unsteady};
use crate::results::{Measured, Record, Results, State};
use crate::run::disturbance::{Disturbance, End, Stall};
use crate::run::isolation::{Isolation, isolation};
use crate::run::launcher::Launcher;
use crate::run::placement::Placement;
use crate::run::{Settings, Watch, run};
use crate::scenario::read;

/// Every load that is stalled lasts so long, in seconds.
const WINDOW: f64 = 15.0;
const SECOND: u64 = 1_000_000_000;

/// One run, and what is known about its outcome.
pub struct Proof {
    /// What it is called.
    pub name: String,
    /// The only target.
    target: String,
    /// The only workload, but for its name.
    workload: String,
    disturbance: Disturbance,
    how: How,
}

/// How a proof comes by its figures.
enum How {
    /// From the record of a run.
    Record(fn(&Evidence<'_>) -> Vec<Figure>),
    /// From what one abort does to the clients of others.
    Abort(Shared),
}

/// What connections share, and lose together.
#[derive(Clone, Copy)]
enum Shared {
    /// Nothing: each has a process.
    Nothing,
    /// One of several processes.
    Worker,
    /// The only process.
    Server,
}

/// What a run brought.
struct Evidence<'a> {
    record: &'a Record,
    measured: &'a Measured,
    /// How long the stall really lasted, in seconds.
    stalled: f64,
}

/// One figure against what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Which figure.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub measured: String,
    /// Whether it is.
    pub holds: bool,
}

impl Figure {
    /// A time that must be so many seconds, give or take 5 %.
    fn near(what: &str, expected_s: f64, got_ns: u64) -> Self {
        let got = got_ns as f64 / 1e9;
        Figure {
            what: what.to_owned(),
            expected: format!("{expected_s:.3} s ±5 %"),
            measured: format!("{got:.3} s"),
            holds: (got / expected_s - 1.0).abs() < 0.05,
        }
    }

    /// A figure that must be in a range.
    fn that(what: &str, expected: impl Display, measured: impl Display, holds: bool) -> Self {
        Figure { what: what.to_owned(), expected: expected.to_string(), measured: measured.to_string(), holds }
    }
}

/// Every proof, in the order of the table.
pub fn all() -> Vec<Proof> {
    let open = |more: &str| format!("call: ping, rate: 100, duration: 15s, {more}");
    let stall = |end: End, after: f64, length: f64| {
        let (after, length) = (Duration::from_secs_f64(after), Duration::from_secs_f64(length));
        Disturbance { stall: Some(Stall { end, after, length }), ..Disturbance::default() }
    };
    let proof = |name: &str,
                 (transport, server): (&str, &str),
                 workload: String,
                 disturbance,
                 check: fn(&Evidence<'_>) -> Vec<Figure>| Proof {
        name: format!("{name}, {transport} {}", server.split(',').next().unwrap_or_default()),
        target: format!("transport: {transport}, server: {server}"),
        workload,
        disturbance,
        how: How::Record(check),
    };
    let tcp = ("tcp", "threaded");
    let mut proofs = Vec::new();
    for target in [tcp, ("rpyc", "threaded"), ("rpyc", "forking"), ("http1", "threaded"), ("http2", "threaded")] {
        proofs.push(proof("mid-run stall", target, open("clients: 10"), stall(End::Server, 6.0, 1.5), mid_run));
    }
    let quic = ("quic", "async");
    proofs.push(proof("mid-run stall", quic, open("clients: 10"), stall(End::Server, 6.0, 1.5), mid_run));
    proofs.extend([
        proof("mid-run stall of 2 clients", tcp, open("clients: 2"), stall(End::Server, 6.0, 1.5), mid_run),
        proof("end stall", tcp, open("clients: 10"), stall(End::Server, 13.0, 4.0), end_stall),
        proof("short drain", tcp, open("clients: 10, drain: 1s"), stall(End::Server, 13.0, 4.0), short_drain),
        proof("time-outs", tcp, open("clients: 10, timeout: 2s"), stall(End::Server, 6.0, 2.2), time_outs),
        proof("starved generator", tcp, open("clients: 10"), stall(End::Client, 6.0, 1.0), starved),
        proof(
            "arrivals",
            tcp,
            "call: ping, rate: 200, arrivals: poisson, clients: 10, duration: 15s".to_owned(),
            Disturbance::default(),
            arrivals,
        ),
        proof(
            "known delay",
            tcp,
            "call: ping, iterations: 100".to_owned(),
            Disturbance { fault: Some("delay=20ms"), ..Disturbance::default() },
            delay,
        ),
        proof(
            "burning children",
            ("tcp", "forking"),
            "call: connect, iterations: 20".to_owned(),
            Disturbance { fault: Some("burn=50ms"), ..Disturbance::default() },
            burnt,
        ),
        proof(
            "cold start",
            tcp,
            "call: sleep, hold: 2ms, duration: 10s".to_owned(),
            Disturbance { fault: Some("cold=18ms:5s"), ..Disturbance::default() },
            cold,
        ),
        proof(
            "queueing theory",
            ("tcp", "pooled, options: {workers: 1}"),
            "call: sleep, hold: 10ms, rate: 80, arrivals: poisson, duration: 15s".to_owned(),
            Disturbance::default(),
            lindley,
        ),
        proof(
            "Little's law",
            ("tcp", "pooled, options: {workers: 1}"),
            "call: sleep, hold: 10ms, clients: 8, duration: 4s".to_owned(),
            Disturbance::default(),
            little,
        ),
    ]);
    let aborts = [
        ("forking", Shared::Nothing),
        ("preforked, options: {workers: 3}", Shared::Worker),
        ("threaded", Shared::Server),
        ("pooled", Shared::Server),
        ("per-request", Shared::Server),
        ("async", Shared::Server),
    ];
    proofs.extend(aborts.map(|(server, shared)| Proof {
        how: How::Abort(shared),
        ..proof(
            "abort",
            ("tcp", server),
            "call: ping, iterations: 1, clients: 12, timeout: 10s".to_owned(),
            Disturbance { fault: Some("abort"), ..Disturbance::default() },
            |_| Vec::new(),
        )
    }));
    proofs
}

impl Proof {
    /// Runs it, writes its results into a folder of its own inside `out`, and reads its figures from there.
    pub fn show(&self, out: &Path) -> Result<Vec<Figure>> {
        let text = format!(
            "title: Selftest\nquestion: Do the figures show what was done?\ntrials: 1\n\
             targets: [{{{}}}]\nworkloads: [{{name: load, {}}}]\n",
            self.target, self.workload
        );
        let scenario = read("selftest", &text, &[]).map_err(|mistakes| Error::stopped(mistakes.render(false)))?;
        let plan = Plan::of(&scenario);
        let check = match self.how {
            How::Record(check) => check,
            How::Abort(shared) => {
                let cell = plan.cells.first().ok_or_else(|| Error::stopped("the proof has no cell"))?;
                let launcher = Launcher::new(true, Placement::of(None)?, self.disturbance);
                return Ok(aborted(&isolation(cell, &launcher)?, shared));
            }
        };
        let folder = out.join(self.name.replace(|c: char| !c.is_alphanumeric(), "-"));
        let settings = Settings {
            out: folder.clone(),
            scenario: serde_json::to_value(&scenario).unwrap_or_default(),
            offline: true,
            quick: false,
            command: vec!["selftest".to_owned()],
            disturbance: self.disturbance,
        };
        run(&plan, &settings, &mut Silent)?;
        let results = Results::read(&folder)?;
        let failed = |why: &str| vec![Figure::that("trial", "measured", why, false)];
        let Some(record) = results.records.first() else { return Ok(failed("not run")) };
        let Some(measured) = &record.measured else {
            return Ok(failed(record.reason.as_deref().unwrap_or("failed")));
        };
        let stalled = results.manifest.facts.values().find_map(|facts| facts.get("stalled"));
        let stalled = stalled.and_then(|text| text.trim_end_matches(" s").parse().ok()).unwrap_or(0.0);
        let counts = &measured.counts;
        let known = counts.ok + counts.error.total() + counts.timeout + counts.censored;
        let mut figures = vec![Figure::that("calls accounted for", counts.scheduled, known, counts.conserved())];
        figures.extend(check(&Evidence { record, measured, stalled }));
        Ok(figures)
    }
}

/// A stall S in the middle of a window T: beyond 1 - S/T quantiles rise evenly up to S.
fn mid_run(evidence: &Evidence<'_>) -> Vec<Figure> {
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
fn end_stall(evidence: &Evidence<'_>) -> Vec<Figure> {
    let counts = &evidence.measured.counts;
    vec![
        Figure::near("p99", evidence.stalled - 0.01 * WINDOW, evidence.measured.response_time.p99_ns),
        Figure::that("answered", counts.scheduled, counts.ok, counts.ok == counts.scheduled),
    ]
}

/// The same with a drain that ends before the stall does.
fn short_drain(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (counts, from) = (&evidence.measured.counts, evidence.measured.response_time.at_least_from);
    let said = from.map_or("none".to_owned(), |from| format!("from p{:.1}", from * 100.0));
    vec![
        Figure::that("censored", "about 200", counts.censored, (190..=210).contains(&counts.censored)),
        Figure::that("quantiles with ≥", "from p86.7", said, from.is_some_and(|from| (0.8..0.95).contains(&from))),
    ]
}

/// A stall of 2.2 s under a time-out of 2 s: the ten calls under way time out, and none is lost.
fn time_outs(evidence: &Evidence<'_>) -> Vec<Figure> {
    let (counts, max) = (&evidence.measured.counts, evidence.measured.response_time.max_ns);
    vec![
        Figure::that("time-outs", 10, counts.timeout, counts.timeout == 10),
        Figure::that("answered", counts.scheduled - 10, counts.ok, counts.ok + 10 == counts.scheduled),
        Figure::that("max", "at least 2 s", format_args!("{:.3} s", max as f64 / 1e9), max >= 2 * SECOND),
    ]
}

/// A client process that was stopped itself must not be believed.
fn starved(evidence: &Evidence<'_>) -> Vec<Figure> {
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

/// The gaps between the actual sends are exponential, or the generator says that it was held up.
fn arrivals(evidence: &Evidence<'_>) -> Vec<Figure> {
    let p = evidence.measured.generator.arrivals.as_ref().map_or(0.0, |test| test.p);
    let invalid = evidence.record.verdict.state == State::Invalid;
    let said = format!("{p:.3}{}", if invalid { ", invalid" } else { "" });
    vec![Figure::that("p of Kolmogorov and Smirnov", "above 0.01, or invalid", said, p > 0.01 || invalid)]
}

/// What the service takes is service time.
fn delay(evidence: &Evidence<'_>) -> Vec<Figure> {
    let least = evidence.measured.service_time.min_ns;
    let said = format!("{:.3} ms", least as f64 / 1e6);
    vec![Figure::that("shortest service", "20 ms or little more", said, (20_000_000..24_000_000).contains(&least))]
}

/// What children burn that live for one connection is charged to the server, reaped or not.
fn burnt(evidence: &Evidence<'_>) -> Vec<Figure> {
    let spent = evidence.record.cost.as_ref().and_then(|cost| cost.server.cpu_ns);
    vec![Figure::near("CPU time of the server", 1.0, spent.unwrap_or(0))]
}

/// Replies take 20 ms until the server is 5 s old, and 2 ms from then on.
fn cold(evidence: &Evidence<'_>) -> Vec<Figure> {
    let found = unsteady(&evidence.measured.timeline);
    let said = |text: fn(&Unsteady) -> f64| found.as_ref().map_or(0.0, text);
    let (until, before, after) =
        (said(|found| found.until_ns / 1e9), said(|found| found.before_ns / 1e6), said(|found| found.after_ns / 1e6));
    let within = |value: f64, from: f64, to: f64| (from..=to).contains(&value);
    vec![
        Figure::that("the cut", "5 s ±1 s", format_args!("{until:.2} s"), within(until, 4.0, 6.0)),
        Figure::that("p50 before", "20 ms or little more", format_args!("{before:.1} ms"), within(before, 18.5, 24.0)),
        Figure::that("p50 after", "2 ms or little more", format_args!("{after:.1} ms"), within(after, 1.85, 4.0)),
    ]
}

/// How many clients lost their connection through no fault of theirs, and whether there is still a server.
fn aborted(seen: &Isolation, shared: Shared) -> Vec<Figure> {
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

/// One server, one client: Lindley's recursion over the very schedule, with the mean service of the same run.
fn lindley(evidence: &Evidence<'_>) -> Vec<Figure> {
    let pace = Pace { steps: vec![(80.0, u64::MAX)], arrivals: crate::call::Arrivals::Poisson, seed: 1 };
    let mut schedule = Schedule::new(&pace, Limit::Time(15 * SECOND));
    let service = evidence.measured.service_time.mean_ns;
    let (mut free, mut sum, mut count) = (0u64, 0, 0u64);
    while let Some(due) = schedule.pop() {
        free = free.max(due) + service;
        sum += free - due;
        count += 1;
    }
    let truth = sum as f64 / count.max(1) as f64 / 1e9;
    vec![Figure::near("mean response", truth, evidence.measured.response_time.mean_ns)]
}

/// Calls in the system = rate × response time.
fn little(evidence: &Evidence<'_>) -> Vec<Figure> {
    let measured = evidence.measured;
    let inside = measured.calls_per_s * measured.response_time.mean_ns as f64 / 1e9;
    vec![Figure::that("calls in the system", "8 ±5 %", format_args!("{inside:.2}"), (inside / 8.0 - 1.0).abs() < 0.05)]
}

/// Nobody looks at how a proof goes on.
struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: &Plan, _: usize) {}
    fn says(&mut self, _: &str) {}
    fn progress(&mut self, _: Progress) {}
    fn recorded(&mut self, _: &Cell, _: &Record) {}
}
