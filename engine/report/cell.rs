//! The trials of a cell taken together: its figures, its sums, and what its trials say in a comparison.

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::key::settings::Settings;
use crate::report::calls::{self, OfCall, OfPasses};
use crate::report::comparison::Contender;
use crate::report::course::{Course, course};
use crate::report::estimate::{Estimate, Score};
use crate::report::quantity::{Quantile, Quantity};
use crate::report::searched::Capacity;
use crate::report::spending::{Spending, over, spending};
use crate::report::spoiled::Spoiled;
use crate::report::steadiness::{Pace, paces, remark};
use crate::report::times::{Point, Times, Trials as Timed, enough, quantile};
use crate::report::words::Remark;
use crate::results::cell::Planned;
use crate::results::distribution::Distribution;
use crate::results::measure::Measure;
use crate::results::{Counts, Measured, Outcome, ReasonKind, Record, Results, Spent, State};
use crate::statistics::interval::{BOOTSTRAP_FROM, redrawn_ranks};

/// One cell over all its trials; trials whose verdict is invalid count in no figure.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Cell {
    /// Its place in the report, from 1.
    pub number: usize,
    /// Target, workload, and the axes that vary.
    pub id: String,
    /// The target's name.
    pub target: String,
    /// The workload's name.
    pub workload: String,
    /// Every key by name, as in the results.
    pub settings: Settings,
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
    /// Answered calls for each second; none where nothing was measured.
    pub calls_per_s: Option<Estimate>,
    /// Payload bytes, both ways together, for each second; none for calls without a payload.
    pub bandwidth: Option<Estimate>,
    /// The highest rate that holds, where it was searched: all other figures are those at that rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// Why trials of it are invalid, and what would help; none where none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoiled: Option<Spoiled>,
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
    /// Each call by its name, where calls are drawn from several, or are steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<OfCall>,
    /// The passes, where calls are steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub passes: Option<OfPasses>,
    /// How evenly the clients were served, where there are several.
    pub fairness: Option<Fairness>,
    /// How evenly client processes shared the load, where there are several.
    pub processes: Option<Shares>,
    /// What the server spent.
    pub server: Spending,
    /// What the client process spent.
    pub client: Spending,
    /// How the load was driven, as the client process says: `blocking`, `event loop`.
    pub driver: String,
    /// The first few failures in words.
    pub failures: Vec<String>,
    /// What it is, as it was planned.
    #[serde(skip)]
    planned: Planned,
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
    /// Those that broke or could not begin.
    pub failed: usize,
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

/// How evenly client processes shared the load.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct Shares {
    /// Answered calls of a process in a trial.
    pub ok: Spread,
    /// Median response time of a process in a trial, in nanoseconds, where each has calls enough.
    pub p50_ns: Option<Spread>,
    /// 99th percentile of a process in a trial, in nanoseconds, where each has calls enough.
    pub p99_ns: Option<Spread>,
    /// How much later than was agreed a process began, in nanoseconds.
    pub lateness_ns: Spread,
}

/// The own figures of one trial.
#[derive(Debug, Clone)]
struct Scored {
    median: Score,
    /// The medians that other calls would have given; only where there are trials enough to use them.
    redraws: Vec<f64>,
    bandwidth: Option<f64>,
    rate: Option<f64>,
    capacity: Option<f64>,
}

impl Scored {
    fn score(&self, measure: Measure) -> Score {
        let exact = |value: Option<f64>| value.map_or(Score::Failed, Score::Exact);
        match measure {
            Measure::ResponseTime => self.median,
            Measure::Bandwidth => exact(self.bandwidth),
            Measure::Rate => exact(self.rate),
            Measure::Capacity => exact(self.capacity),
        }
    }
}

/// The cells that were tried, in the order of the plan; fails where a histogram cannot be read.
pub fn cells(results: &Results) -> Result<Vec<Cell>> {
    let of_cell = |(planned, trials): (&Planned, Vec<&Record>)| {
        Cell::of(planned, &trials).map_err(|error| error.context(&planned.id))
    };
    let cells = results.tried().into_iter().map(of_cell).zip(1..);
    cells.map(|(cell, number)| cell.map(|cell| Cell { number, ..cell })).collect()
}

impl Cell {
    /// Takes the trials of one cell together.
    pub fn of(planned: &Planned, records: &[&Record]) -> Result<Self> {
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
        let payload = sum(|m| m.bytes.payload_up + m.bytes.payload_down) as f64;
        let (up, down) = (sum(|m| m.bytes.wire_up) as f64, sum(|m| m.bytes.wire_down) as f64);
        let messages: Option<f64> = measured.iter().map(|m| Some(m.messages_per_call? * m.counts.ok as f64)).sum();
        let ends = |end: fn(&Record) -> Option<&Spent>| -> Vec<(Spent, u64)> {
            let of = |(record, m): &(&Record, &Measured)| (end(record).cloned().unwrap_or_default(), m.counts.ok);
            counted.iter().map(of).collect()
        };
        let ranked: Vec<&Record> = records.iter().copied().filter(|record| ranks(record)).collect();
        let many = records.len() >= BOOTSTRAP_FROM;
        let scores: Vec<Option<Scored>> = ranked.iter().map(|record| scored(record, many)).collect::<Result<_>>()?;
        let timed = Timed::of(ranked.iter().map(|record| Some(&succeeded(record)?.response_time)).collect())?;
        let paces = paces(records);
        let asks = |measure| planned.measures.contains(&measure);
        let trials = trials(records);
        let limited = trials.limited > 0;
        let figure = |measure| Estimate::of(&own(&scores, measure), &[]).map(|figure| figure.bounded(limited));
        let capacity = asks(Measure::Capacity).then(|| Capacity::of(records, figure(Measure::Capacity), limited));
        Ok(Cell {
            number: 0,
            id: planned.id.clone(),
            target: planned.target.clone(),
            workload: planned.workload.clone(),
            settings: planned.settings.clone(),
            planned: planned.clone(),
            trials,
            counts,
            errors: counts.error.total(),
            response: timed.times(&redraws(&scores)),
            connect: parts(&ranked)?,
            calls_per_s: figure(Measure::Rate),
            bandwidth: if planned.settings.get("payload").is_some() { figure(Measure::Bandwidth) } else { None },
            wire_per_payload: over(up + down, payload),
            wire_up_per_call: over(up, counts.ok as f64),
            wire_down_per_call: over(down, counts.ok as f64),
            messages_per_call: messages.and_then(|messages| over(messages, counts.ok as f64)),
            retries: tried.iter().map(|(_, measured)| measured.retries).sum(),
            reconnects: tried.iter().map(|(_, measured)| measured.reconnects).sum(),
            calls: calls::of_cell(&ranked, &planned.drawn())?,
            passes: calls::passes_of_cell(&ranked)?,
            fairness: fairness(&measured),
            processes: shares(&measured),
            server: spending(&ends(|record| Some(&record.cost.as_ref()?.server))),
            client: spending(&ends(|record| Some(&record.cost.as_ref()?.client))),
            driver: distinct(measured.iter().filter_map(|m| m.facts.get("driver"))).join(", "),
            failures: distinct(tried.iter().flat_map(|(_, measured)| &measured.failures)),
            spoiled: Spoiled::of(records, planned.is_open()),
            scores,
            // A transfer is made too seldom for the far percentiles, and what was searched had different rates.
            curve: if asks(Measure::Bandwidth) || capacity.is_some() { Vec::new() } else { timed.curve() },
            course: course(
                counted.iter().map(|(record, measured)| (record.trial, *measured)),
                &paces,
                planned.is_open(),
            ),
            paces,
            capacity,
        })
    }

    /// The value of one of its keys; none where it does not have it.
    pub fn axis(&self, axis: &str) -> Option<String> {
        self.settings.text(axis)
    }

    /// What it was planned as.
    pub fn planned(&self) -> &Planned {
        &self.planned
    }

    /// What it is asked: the keys of its workload by which cells differ, with their values.
    pub fn setting(&self) -> Vec<(&str, String)> {
        self.planned.asked().collect()
    }

    /// True where a trial's client could do no more, so that calls and bytes a second are lower bounds.
    pub fn limited(&self) -> bool {
        self.trials.limited > 0
    }

    /// What this cell is ranked by.
    pub fn measures(&self) -> Vec<Measure> {
        match self.planned.measures.as_slice() {
            // Of a rate that the client limited nobody can be judged; the times stand.
            [Measure::Bandwidth] if self.limited() => vec![Measure::ResponseTime, Measure::Bandwidth],
            planned => planned.to_vec(),
        }
    }

    /// A figure of it; none where too few calls support it.
    pub fn figure(&self, quantity: Quantity) -> Option<Estimate> {
        match quantity {
            Quantity::Time(quantile) => self.response.quantile(quantile),
            Quantity::Bandwidth => self.bandwidth,
            Quantity::Rate => self.calls_per_s,
            Quantity::Capacity => self.capacity.as_ref().and_then(|capacity| capacity.figure),
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
        Contender {
            target: self.target.clone(),
            scores: own(&self.scores, measure),
            figure: self.figure(Quantity::of(measure)),
            invalid: self.trials.invalid,
            answered: over(self.counts.ok as f64, self.counts.scheduled as f64).unwrap_or(0.0),
            limited: measure != Measure::ResponseTime && self.limited(),
            redraws: if measure == Measure::ResponseTime { redraws(&self.scores) } else { Vec::new() },
        }
    }
}

/// Each trial's own figure.
fn own(scores: &[Option<Scored>], measure: Measure) -> Vec<Score> {
    scores.iter().map(|scored| scored.as_ref().map_or(Score::Failed, |scored| scored.score(measure))).collect()
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
    }
}

fn parts(records: &[&Record]) -> Result<Option<Parts>> {
    let connects = || records.iter().map(|record| succeeded(record)?.connect.as_ref());
    if connects().all(|connect| connect.is_none()) {
        return Ok(None);
    }
    let times = |part: Vec<Option<&Distribution>>| -> Result<Times> { Ok(Timed::of(part)?.times(&[])) };
    let tls: Vec<Option<&Distribution>> = connects().map(|connect| connect?.tls.as_ref()).collect();
    Ok(Some(Parts {
        dial: times(connects().map(|connect| Some(&connect?.dial)).collect())?,
        tls: if tls.iter().all(Option::is_none) { None } else { Some(times(tls)?) },
        first_answer: times(connects().map(|connect| Some(&connect?.first_answer)).collect())?,
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

fn shares(measured: &[&Measured]) -> Option<Shares> {
    let all = || measured.iter().flat_map(|m| &m.drivers);
    let fewest = all().map(|own| own.ok).min()?;
    Some(Shares {
        ok: spread(all().map(|own| own.ok))?,
        p50_ns: spread(all().map(|own| own.p50_ns)).filter(|_| enough(fewest, 0.5)),
        p99_ns: spread(all().map(|own| own.p99_ns)).filter(|_| enough(fewest, 0.99)),
        lateness_ns: spread(all().map(|own| own.lateness_ns))?,
    })
}

fn spread(values: impl Iterator<Item = u64>) -> Option<Spread> {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    Some(Spread { least: *values.first()?, median: values[values.len() / 2], most: *values.last()? })
}

/// True where a trial takes part in comparisons: it counts, or it failed and its target is to blame.
pub fn ranks(record: &Record) -> bool {
    match record.outcome {
        Outcome::Measured => record.verdict.state != State::Invalid,
        // No target is to blame for what its client's machine lacked.
        Outcome::Failed => !record.verdict.is_for(ReasonKind::Lack),
    }
}

/// What was measured of a trial in which some call was answered.
pub fn succeeded(record: &Record) -> Option<&Measured> {
    record.measured.as_ref().filter(|measured| measured.counts.ok > 0 && record.outcome == Outcome::Measured)
}

fn scored(record: &Record, many: bool) -> Result<Option<Scored>> {
    let Some(measured) = succeeded(record) else { return Ok(None) };
    let times = &measured.response_time;
    let median = quantile(times, Quantile::P50);
    let seconds = measured.elapsed_ns as f64 / 1e9;
    let mut redraws = Vec::new();
    if many && matches!(median, Score::Exact(_)) {
        let histogram = times.histogram()?;
        redraws.extend(redrawn_ranks(0.5, times.count).map(|rank| histogram.value_at_quantile(rank) as f64));
    }
    let payload = (measured.bytes.payload_up + measured.bytes.payload_down) as f64;
    Ok(Some(Scored {
        median,
        redraws,
        bandwidth: over(payload, seconds),
        rate: over(measured.counts.ok as f64, seconds),
        capacity: record.search.as_ref().and_then(|search| search.capacity),
    }))
}

fn redraws(scores: &[Option<Scored>]) -> Vec<Vec<f64>> {
    scores.iter().map(|scored| scored.as_ref().map(|scored| scored.redraws.clone()).unwrap_or_default()).collect()
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
