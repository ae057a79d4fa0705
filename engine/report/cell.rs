//! The trials of a cell taken together: sums, and the figures of their merged histograms.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Context, Result};
use crate::report::ahead::{Contender, Measure, Score};
use crate::report::capacity::Capacity;
use crate::report::order::coordinate;
use crate::report::quantity::{Across, Quantile, Quantity};
use crate::report::steadiness::{Pace, paces, remark};
use crate::report::timeline::{Course, course};
use crate::report::view::Remark;
use crate::results::distribution::{Distribution, empty};
use crate::results::{Coordinates, Counts, Measured, Outcome, Record, Spent, State};
use crate::scenario::AXES;
use crate::statistics::interval::{BOOTSTRAP_FROM, Interval, Trials as Values, figure, redrawn_ranks};
use crate::statistics::median;

/// Samples that must lie beyond a quantile for it to be printed.
const BEYOND: f64 = 10.0;

/// One cell over all its trials; trials whose verdict is invalid count in no figure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Cell {
    /// Its place in the report, from 1.
    pub number: usize,
    /// Target, workload, and the axes that vary.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// Every axis by name, as in the results.
    pub coordinates: Coordinates,
    /// What became of its trials.
    pub trials: Trials,
    /// What became of its calls.
    pub counts: Counts,
    /// Calls of all classes of error.
    pub errors: u64,
    /// From the intended start of a call to the end of its reply.
    pub response: Times,
    /// The parts of connecting, where connecting is what was measured.
    pub connect: Option<Parts>,
    /// Answered calls for each second of all trials; none where nothing was measured.
    pub calls_per_s: Option<f64>,
    /// Payload bytes, both ways together, for each second of all trials; none for calls without a payload.
    pub bandwidth: Option<f64>,
    /// The highest rate that holds, where it was searched: all other figures are those at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// The figures of single trials taken together, with intervals.
    pub over_trials: OverTrials,
    /// Bytes on the wire, both ways, for each byte of payload.
    pub wire_per_payload: Option<f64>,
    /// Bytes that the client wrote for each answered call.
    pub wire_up_per_call: Option<f64>,
    /// Bytes that the client read for each answered call.
    pub wire_down_per_call: Option<f64>,
    /// Protocol messages that the client sent for each answered call.
    pub messages_per_call: Option<f64>,
    /// Calls that were sent again.
    pub retries: u64,
    /// Connections dialled anew after a failure.
    pub reconnects: u64,
    /// How evenly the clients were served, where there are several.
    pub fairness: Option<Fairness>,
    /// What the server spent.
    pub server: Spending,
    /// What the client process spent.
    pub client: Spending,
    /// How the load was driven, as the client process says: `blocking`, `event loop`.
    pub driver: String,
    /// The first few failures in words.
    pub failures: Vec<String>,
    /// Each trial's own figures, for ranking.
    #[serde(skip)]
    scores: Vec<Option<Scored>>,
    /// The merged response times, for a picture.
    #[serde(skip)]
    curve: Vec<Point>,
    /// Whether its trials were steady.
    #[serde(skip)]
    paces: Vec<Pace>,
    /// The trial that is worth seeing over time.
    #[serde(skip)]
    course: Option<Course>,
}

/// One point of the response times by percentile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// One call of so many is longer.
    pub one_beyond_of: f64,
    /// The time, in nanoseconds.
    pub ns: u64,
}

/// How many trials ended how.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct Trials {
    /// All of them.
    pub all: usize,
    /// Those whose figures count.
    pub counted: usize,
    /// Those among them that are suspect.
    pub suspect: usize,
    /// Those among the suspect ones that the client limited: their calls and bytes a second are lower bounds.
    pub limited: usize,
    /// Those measured whose figures do not count.
    pub invalid: usize,
    /// Those that broke.
    pub failed: usize,
    /// Those that were not run.
    pub skipped: usize,
}

/// The geometric means of the trials' own figures with intervals of 95 %, the trial being the unit; none where there
/// are fewer than two trials, or one has no figure.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct OverTrials {
    /// The median response time, in nanoseconds.
    pub p50_ns: Option<Interval>,
    /// Answered calls for each second.
    pub calls_per_s: Option<Interval>,
    /// Payload bytes, both ways together, for each second.
    pub bandwidth: Option<Interval>,
}

/// Times over all trials; a figure that too few calls support is absent.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct Times {
    /// How many calls have a time.
    pub count: u64,
    /// The mean.
    pub mean: Option<Reading>,
    /// The median.
    pub p50: Option<Reading>,
    /// 90 of 100 are at most this long.
    pub p90: Option<Reading>,
    /// 95 of 100 are at most this long.
    pub p95: Option<Reading>,
    /// 99 of 100 are at most this long.
    pub p99: Option<Reading>,
    /// 999 of 1,000 are at most this long.
    pub p999: Option<Reading>,
    /// The longest.
    pub max: Option<Reading>,
}

/// One time read from a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reading {
    /// In nanoseconds.
    pub ns: u64,
    /// True where calls were given up, so that the truth is this or longer.
    pub at_least: bool,
}

/// The parts of connecting.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Parts {
    /// Until the kernel says connected.
    pub dial: Times,
    /// The TLS handshake, where there is one.
    pub tls: Option<Times>,
    /// From connected to the end of the first answer.
    pub first_answer: Times,
}

/// The spread of a figure over the clients of all trials.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Spread {
    /// Of the client that has least.
    pub least: u64,
    /// Of the client in the middle.
    pub median: u64,
    /// Of the client that has most.
    pub most: u64,
}

/// How evenly the clients were served.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Fairness {
    /// How many clients each trial had.
    pub clients: usize,
    /// Answered calls of a client in a trial.
    pub ok: Spread,
    /// Median response time of a client in a trial, in nanoseconds, where each has calls enough.
    pub p50_ns: Option<Spread>,
    /// 99th percentile of a client in a trial, in nanoseconds, where each has calls enough.
    pub p99_ns: Option<Spread>,
}

/// What one end spent.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
pub struct Spending {
    /// CPU time for each answered call, in nanoseconds; absent where the counter is too coarse for it.
    pub cpu_ns_per_call: Option<f64>,
    /// The largest resident memory of one process in any trial, in bytes.
    pub peak_memory: Option<u64>,
    /// The most processes of a trial.
    pub processes: Option<u64>,
    /// The most threads of a trial.
    pub threads: Option<u64>,
    /// The part of the CPU time that was spent in the kernel, from 0 to 1.
    pub system: Option<f64>,
    /// Context switches, voluntary and not, for each answered call.
    pub switches_per_call: Option<f64>,
    /// System calls for each answered call, where they were counted.
    pub syscalls_per_call: Option<f64>,
    /// The median over the trials of how much memory each idle client took, in bytes.
    pub memory_per_client: Option<f64>,
}

#[derive(Debug, Clone)]
struct Scored {
    response: Option<Score>,
    /// The medians that other calls would have given; only where there are trials enough to use them.
    redraws: Vec<f64>,
    bandwidth: f64,
    rate: f64,
    capacity: Option<f64>,
    quantiles_ns: [u64; Quantile::ALL.len()],
}

/// The cells of records that stand in the order of their scenario; fails where a histogram cannot be read.
pub fn cells(records: &[&Record]) -> Result<Vec<Cell>> {
    let of_cell = |trials: &[&Record]| Cell::of(trials).map_err(|error| error.context(&trials[0].id));
    records.chunk_by(|a, b| a.id == b.id).map(of_cell).collect()
}

impl Cell {
    /// Takes the trials of one cell together.
    pub fn of(records: &[&Record]) -> Result<Self> {
        let first = records.first().copied();
        let coordinates = first.map(|record| record.coordinates.clone()).unwrap_or_default();
        let tried: Vec<(&Record, &Measured)> = records
            .iter()
            .filter(|record| record.verdict.state != State::Invalid)
            .filter_map(|record| Some((*record, record.measured.as_ref()?)))
            .collect();
        // A trial in which no call succeeded has failed: its calls are counted, its times and costs are not.
        let counted: Vec<_> = tried.iter().copied().filter(|(record, _)| record.outcome == Outcome::Measured).collect();
        let measured: Vec<&Measured> = counted.iter().map(|(_, measured)| *measured).collect();
        let counts = tried.iter().map(|(_, measured)| measured.counts).sum::<Counts>();
        let sum = |of: fn(&Measured) -> u64| measured.iter().map(|m| of(m)).sum::<u64>();
        let seconds = sum(|m| m.elapsed_ns) as f64 / 1e9;
        let payload = sum(|m| m.bytes.payload_up + m.bytes.payload_down) as f64;
        let (up, down) = (sum(|m| m.bytes.wire_up) as f64, sum(|m| m.bytes.wire_down) as f64);
        let messages: Option<f64> = measured.iter().map(|m| Some(m.messages_per_call? * m.counts.ok as f64)).sum();
        let ends = |end: fn(&Record) -> Option<&Spent>| -> Vec<Spent> {
            counted.iter().map(|(record, _)| end(record).cloned().unwrap_or_default()).collect()
        };
        let many = records.len() >= BOOTSTRAP_FROM;
        let scores: Vec<Option<Scored>> =
            records.iter().filter(|record| ranks(record)).map(|record| scored(record, many)).collect::<Result<_>>()?;
        let merged = Merged::of(measured.iter().map(|m| &m.response_time))?;
        let paces = paces(records);
        let transfer = matches!(coordinate(&coordinates, "call").as_deref(), Some("upload" | "download"));
        let trials = trials(records);
        let capacity = Capacity::of(records, trials.limited > 0);
        Ok(Cell {
            number: 0,
            id: first.map(|record| record.id.clone()).unwrap_or_default(),
            target: coordinate(&coordinates, "target").unwrap_or_default(),
            trials,
            counts,
            errors: counts.error.total(),
            response: merged.times(),
            connect: parts(&measured)?,
            calls_per_s: over(counts.ok as f64, seconds),
            bandwidth: over(payload, seconds).filter(|_| coordinates.contains_key("payload")),
            wire_per_payload: over(up + down, payload),
            wire_up_per_call: over(up, counts.ok as f64),
            wire_down_per_call: over(down, counts.ok as f64),
            messages_per_call: messages.and_then(|messages| over(messages, counts.ok as f64)),
            retries: tried.iter().map(|(_, measured)| measured.retries).sum(),
            reconnects: tried.iter().map(|(_, measured)| measured.reconnects).sum(),
            fairness: fairness(&measured),
            server: spending(&ends(|record| Some(&record.cost.as_ref()?.server)), counts.ok),
            client: spending(&ends(|record| Some(&record.cost.as_ref()?.client)), counts.ok),
            driver: distinct(measured.iter().filter_map(|m| m.facts.get("driver"))).join(", "),
            failures: distinct(tried.iter().flat_map(|(_, measured)| &measured.failures)),
            over_trials: over_trials(&scores, coordinates.contains_key("payload")),
            scores,
            // A transfer is made too seldom for the far percentiles, and what was searched had different rates.
            curve: if transfer || capacity.is_some() { Vec::new() } else { merged.curve() },
            course: course(counted.iter().map(|(record, measured)| (record.trial, *measured)), &paces),
            paces,
            capacity,
            coordinates,
        })
    }

    /// The value of one of the workload's axes; none where its call does not use it.
    pub fn axis(&self, axis: &str) -> Option<String> {
        coordinate(&self.coordinates, axis)
    }

    /// The values of all axes of the workload.
    pub fn setting(&self) -> Vec<Option<String>> {
        AXES.iter().map(|axis| self.axis(axis)).collect()
    }

    /// True where a trial's client could do no more, so that calls and bytes a second are lower bounds.
    pub fn limited(&self) -> bool {
        self.trials.limited > 0
    }

    /// What this cell is ranked by.
    pub fn measures(&self) -> Vec<Measure> {
        let several = self.axis("clients").is_some_and(|clients| clients != "1");
        match self.axis("call").as_deref() {
            _ if self.capacity.is_some() => vec![Measure::Capacity],
            // Of a rate that the client limited nobody can be judged; the times stand.
            Some("upload" | "download") if self.limited() => vec![Measure::ResponseTime, Measure::Bandwidth],
            Some("upload" | "download") => vec![Measure::Bandwidth],
            _ if several => vec![Measure::ResponseTime, Measure::Rate],
            _ => vec![Measure::ResponseTime],
        }
    }

    /// A quantity of its trials; none where too few calls support it.
    pub fn across(&self, quantity: Quantity) -> Option<Across> {
        let scored = self.scores.iter().flatten();
        match quantity {
            Quantity::Time(quantile) => {
                let response = &self.response;
                let [p50, p90, p99, p999] = [response.p50, response.p90, response.p99, response.p999];
                let (reading, at) = match quantile {
                    Quantile::P50 => (p50, 0),
                    Quantile::P90 => (p90, 1),
                    Quantile::P99 => (p99, 2),
                    Quantile::P999 => (p999, 3),
                };
                let values: Vec<f64> = scored.map(|trial| trial.quantiles_ns[at] as f64).collect();
                let whole = if quantile == Quantile::P50 { self.over_trials.p50_ns } else { None };
                Across::of(&values, whole, reading?.at_least)
            }
            Quantity::Bandwidth => {
                self.bandwidth?;
                Across::of(&scored.map(|trial| trial.bandwidth).collect::<Vec<_>>(), None, false)
            }
            Quantity::Capacity => {
                let values: Option<Vec<f64>> = scored.map(|trial| trial.capacity).collect();
                Across::of(&values?, None, self.limited())
            }
            Quantity::Rate => Across::of(&scored.map(|trial| trial.rate).collect::<Vec<_>>(), None, false),
        }
    }

    /// Its response times by percentile, all trials together, up to the first call that was given up.
    pub fn curve(&self) -> &[Point] {
        &self.curve
    }

    /// The trial that is worth seeing over time; none where there is nothing to see.
    pub fn course(&self) -> Option<&Course> {
        self.course.as_ref()
    }

    /// What is to be said where most of its trials were not steady.
    pub fn unsteady(&self) -> Option<Remark> {
        remark(&self.id, &self.paces)
    }

    /// Itself among those it is compared with.
    pub fn contender(&self, measure: Measure) -> Contender {
        let score = |scored: &Option<Scored>| {
            let Some(scored) = scored else { return Score::Failed };
            match measure {
                Measure::ResponseTime => scored.response.unwrap_or(Score::Failed),
                Measure::Bandwidth => Score::Exact(scored.bandwidth),
                Measure::Rate => Score::Exact(scored.rate),
                Measure::Capacity => scored.capacity.map_or(Score::Failed, Score::Exact),
            }
        };
        Contender {
            target: self.target.clone(),
            scores: self.scores.iter().map(score).collect(),
            answered: over(self.counts.ok as f64, self.counts.scheduled as f64).unwrap_or(0.0),
            limited: measure != Measure::ResponseTime && self.limited(),
            redraws: if measure == Measure::ResponseTime { redraws(&self.scores) } else { Vec::new() },
        }
    }
}

fn trials(records: &[&Record]) -> Trials {
    let count = |condition: fn(&Record) -> bool| records.iter().filter(|record| condition(record)).count();
    Trials {
        all: records.len(),
        counted: count(|r| r.outcome == Outcome::Measured && r.verdict.state != State::Invalid),
        suspect: count(|r| r.outcome == Outcome::Measured && r.verdict.state == State::Suspect),
        limited: count(|r| r.outcome == Outcome::Measured && r.limited()),
        invalid: count(|r| r.outcome == Outcome::Measured && r.verdict.state == State::Invalid),
        failed: count(|r| r.outcome == Outcome::Failed),
        skipped: count(|r| r.outcome == Outcome::Skipped),
    }
}

/// The histograms of several trials together.
struct Merged {
    times: Histogram<u64>,
    all: Distribution,
}

impl Merged {
    fn of<'a>(trials: impl IntoIterator<Item = &'a Distribution>) -> Result<Self> {
        let mut merged = empty();
        let mut given_up: Option<u64> = None;
        for trial in trials {
            let histogram = trial.histogram()?;
            given_up = given_up.into_iter().chain(trial.given_up_ns(&histogram)).min();
            merged.add(&histogram).doing("adding the histograms of a cell")?;
        }
        Ok(Merged { all: Distribution::of(&merged, given_up), times: merged })
    }

    /// The figures that enough calls support.
    fn times(&self) -> Times {
        let all = &self.all;
        let reading = |quantile: f64, ns: u64| {
            enough(all.count, quantile)
                .then(|| Reading { ns, at_least: all.at_least_from.is_some_and(|from| from <= quantile) })
        };
        let whole = |ns| (all.count > 0).then(|| Reading { ns, at_least: all.at_least_from.is_some() });
        Times {
            count: all.count,
            mean: whole(all.mean_ns),
            p50: reading(0.5, all.p50_ns),
            p90: reading(0.9, all.p90_ns),
            p95: reading(0.95, all.p95_ns),
            p99: reading(0.99, all.p99_ns),
            p999: reading(0.999, all.p999_ns),
            max: whole(all.max_ns),
        }
    }

    /// Eight points for each further nine, as far as the figures are known.
    fn curve(&self) -> Vec<Point> {
        let known = |quantile: f64| self.all.at_least_from.is_none_or(|from| quantile < from);
        (0..)
            .map(|step| 10f64.powf(f64::from(step) / 8.0))
            .map(|one_beyond_of| (one_beyond_of, 1.0 - 1.0 / one_beyond_of))
            .take_while(|(_, quantile)| enough(self.all.count, *quantile) && known(*quantile))
            .map(|(one_beyond_of, quantile)| Point { one_beyond_of, ns: self.times.value_at_quantile(quantile) })
            .collect()
    }
}

/// Whether enough calls lie beyond a quantile. A little is forgiven for 1 - 0.9, which is less than a tenth in binary.
fn enough(count: u64, quantile: f64) -> bool {
    count as f64 * (1.0 - quantile) + 1e-6 >= BEYOND
}

fn times<'a>(trials: impl IntoIterator<Item = &'a Distribution>) -> Result<Times> {
    Ok(Merged::of(trials)?.times())
}

fn parts(measured: &[&Measured]) -> Result<Option<Parts>> {
    let connects: Vec<_> = measured.iter().filter_map(|m| m.connect.as_ref()).collect();
    if connects.is_empty() {
        return Ok(None);
    }
    let tls: Vec<&Distribution> = connects.iter().filter_map(|connect| connect.tls.as_ref()).collect();
    Ok(Some(Parts {
        dial: times(connects.iter().map(|connect| &connect.dial))?,
        tls: if tls.is_empty() { None } else { Some(times(tls)?) },
        first_answer: times(connects.iter().map(|connect| &connect.first_answer))?,
    }))
}

fn fairness(measured: &[&Measured]) -> Option<Fairness> {
    let clients = measured.iter().map(|m| m.clients.len()).max().filter(|clients| *clients > 1)?;
    let all = || measured.iter().flat_map(|m| &m.clients);
    let fewest = all().map(|client| client.ok).min()?;
    Some(Fairness {
        clients,
        ok: spread(all().map(|client| client.ok))?,
        p50_ns: spread(all().map(|client| client.p50_ns)).filter(|_| enough(fewest, 0.5)),
        p99_ns: spread(all().map(|client| client.p99_ns)).filter(|_| enough(fewest, 0.99)),
    })
}

fn spread(values: impl Iterator<Item = u64>) -> Option<Spread> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    Some(Spread { least: *values.first()?, median: values[values.len() / 2], most: *values.last()? })
}

/// A cost per call is given only where the counter's steps are less than 2 % of what it counted.
fn spending(ends: &[Spent], answered: u64) -> Spending {
    let sum = |of: fn(&Spent) -> Option<u64>| ends.iter().map(of).sum::<Option<u64>>();
    let (cpu, steps) = (sum(|end| end.cpu_ns), sum(|end| end.cpu_step_ns));
    let fine = matches!((cpu, steps), (Some(cpu), Some(steps)) if (steps as f64) < 0.02 * cpu as f64);
    Spending {
        cpu_ns_per_call: cpu.filter(|_| fine).and_then(|cpu| over(cpu as f64, answered as f64)),
        peak_memory: ends.iter().filter_map(|end| end.peak_memory).max(),
        processes: ends.iter().filter_map(|end| end.most_processes.or(end.processes)).max(),
        threads: ends.iter().filter_map(|end| end.most_threads.or(end.threads)).max(),
        system: sum(|end| end.system_ns).zip(sum(|end| end.user_ns)).and_then(|(s, u)| over(s as f64, (s + u) as f64)),
        switches_per_call: sum(|end| Some(end.voluntary_switches? + end.involuntary_switches?))
            .and_then(|switches| over(switches as f64, answered as f64)),
        syscalls_per_call: sum(|end| end.syscalls).and_then(|calls| over(calls as f64, answered as f64)),
        memory_per_client: median(
            &ends.iter().filter_map(|end| end.memory_per_client.map(|bytes| bytes as f64)).collect::<Vec<f64>>(),
        ),
    }
}

fn ranks(record: &Record) -> bool {
    match record.outcome {
        Outcome::Measured => record.verdict.state != State::Invalid,
        Outcome::Failed => true,
        Outcome::Skipped => false,
    }
}

fn scored(record: &Record, many: bool) -> Result<Option<Scored>> {
    let succeeded = |measured: &&Measured| measured.counts.ok > 0 && record.outcome == Outcome::Measured;
    let Some(measured) = record.measured.as_ref().filter(succeeded) else { return Ok(None) };
    let times = &measured.response_time;
    let p50 = times.p50_ns as f64;
    let given_up = times.at_least_from.is_some_and(|from| from <= 0.5);
    let seconds = measured.elapsed_ns as f64 / 1e9;
    let mut redraws = Vec::new();
    if many && !given_up {
        let histogram = times.histogram()?;
        redraws.extend(redrawn_ranks(0.5, times.count).map(|rank| histogram.value_at_quantile(rank) as f64));
    }
    let payload = (measured.bytes.payload_up + measured.bytes.payload_down) as f64;
    let rates = over(payload, seconds).zip(over(measured.counts.ok as f64, seconds));
    Ok(rates.map(|(bandwidth, rate)| Scored {
        response: (times.count > 0).then_some(if given_up { Score::AtLeast(p50) } else { Score::Exact(p50) }),
        redraws,
        bandwidth,
        rate,
        capacity: record.search.as_ref().and_then(|search| search.capacity),
        quantiles_ns: [times.p50_ns, times.p90_ns, times.p99_ns, times.p999_ns],
    }))
}

fn redraws(scores: &[Option<Scored>]) -> Vec<Vec<f64>> {
    scores.iter().map(|scored| scored.as_ref().map(|scored| scored.redraws.clone()).unwrap_or_default()).collect()
}

fn over_trials(scores: &[Option<Scored>], payload: bool) -> OverTrials {
    let each = |value: fn(&Scored) -> Option<f64>| -> Vec<f64> {
        // A trial without a figure leaves none to the cell.
        scores.iter().map(|scored| scored.as_ref().and_then(value).unwrap_or(0.0)).collect()
    };
    let p50 = each(|scored| if let Some(Score::Exact(ns)) = scored.response { Some(ns) } else { None });
    let (rates, bandwidths) = (each(|scored| Some(scored.rate)), each(|scored| Some(scored.bandwidth)));
    OverTrials {
        p50_ns: figure(Values::new(&p50, &redraws(scores))),
        calls_per_s: figure(Values::new(&rates, &[])),
        bandwidth: if payload { figure(Values::new(&bandwidths, &[])) } else { None },
    }
}

fn over(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

fn distinct<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    const KEPT: usize = 3;
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        if kept.len() < KEPT && !kept.contains(word) {
            kept.push(word.clone());
        }
    }
    kept
}
