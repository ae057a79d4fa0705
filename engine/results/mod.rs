//! What was measured: the records of a run, and the files that hold them.

pub mod cell;
pub mod distribution;
pub mod file;
pub mod folder;
pub mod journal;
pub mod machine;
pub mod measure;
pub(crate) mod old;
pub mod search;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::key::settings::Settings;
use crate::lack::Lack;
use crate::results::cell::Planned;
use crate::results::distribution::Distribution;
use crate::results::machine::{Interference, Yardstick};
use crate::results::search::Search;

/// The version of the results format that this engine writes.
pub const SCHEMA: u32 = 2;

/// Everything about one run: what was asked, where it ran, what was refused, what was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// The version of this format.
    pub schema: u32,
    /// The scenario as it was read, with `--set` and `--quick` applied.
    pub scenario: Value,
    /// The machine, the versions and the circumstances of the run.
    pub manifest: Manifest,
    /// The combinations that cannot exist.
    pub refusals: Vec<Refused>,
    /// The cells, in the order in which reports show them.
    pub cells: Vec<Planned>,
    /// One record for each cell, trial and attempt; nothing is ever overwritten.
    pub records: Vec<Record>,
}

/// A combination that cannot exist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    /// Which combination: its keys, with `target` and `workload` by their names.
    pub settings: Settings,
    /// Why it cannot exist.
    pub reason: String,
}

/// The machine, the versions and the circumstances of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of the engine.
    pub engine: String,
    /// The commit it was built from or run in, `-dirty` where the tree had changes; none outside git.
    pub git: Option<String>,
    /// `release` or `debug`.
    pub build: String,
    /// When the run began, RFC 3339, UTC.
    pub started: String,
    /// How long the run took, in seconds; all its sessions together.
    pub took_s: f64,
    /// The command line, without the path of the program.
    pub command: Vec<String>,
    /// True where `--quick` made the run smaller.
    pub quick: bool,
    /// True where the run ended early: Ctrl-C ended it, or it was killed and its journal was read.
    pub interrupted: bool,
    /// What the machine is, by name: kernel, cpu, cores, memory, congestion control, clock source, limits.
    pub machine: BTreeMap<String, String>,
    /// What each target told about itself, by the target's name.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    /// In which order the trials ran; absent where it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The seed of all that is random; absent where it is the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How many trials the whole plan has; absent in older results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned: Option<usize>,
    /// Each later session that went on with the run after it was killed or interrupted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resumed: Vec<Session>,
    /// How quick the machine itself was, before and after each block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yardsticks: Vec<Yardstick>,
}

/// When and how a run was gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// How many records there were.
    pub records: usize,
    /// The command line, without the path of the program.
    pub command: Vec<String>,
}

/// One trial of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Record {
    /// The cell: its index among the results' cells, from 0.
    pub cell: usize,
    /// Which repetition, from 1.
    pub trial: u32,
    /// Which random block of the interleaved order, from 1.
    pub block: u32,
    /// Which attempt at this trial, from 1; only the last one counts.
    #[serde(default = "first", skip_serializing_if = "is_first")]
    pub attempt: u32,
    /// Whether it was measured.
    pub outcome: Outcome,
    /// Why it was not.
    pub reason: Option<String>,
    /// What the client process measured; absent where the outcome is not `measured`.
    #[serde(flatten)]
    pub measured: Option<Measured>,
    /// How its rate was found, where it was searched: the figures are those of the highest rate that held, or of the
    /// lowest that did not where none held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What each end spent.
    pub cost: Option<Cost>,
    /// What others used of the cores of both ends; absent where the kernel does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interference: Option<Interference>,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
}

fn first() -> u32 {
    1
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

fn is_first(attempt: &u32) -> bool {
    *attempt == 1
}

/// Whether a trial was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// There are figures.
    Measured,
    /// Something broke; the reason says what.
    Failed,
    /// It was not run.
    Skipped,
}

/// The figures of one trial, as the client process reports them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measured {
    /// What became of every scheduled call.
    pub counts: Counts,
    /// From the barrier to the end of the last call, in nanoseconds.
    pub elapsed_ns: u64,
    /// Answered calls for each second of that time.
    pub calls_per_s: f64,
    /// From the intended start of a call to the end of its reply.
    pub response_time: Distribution,
    /// From the actual send of a call to the end of its reply.
    pub service_time: Distribution,
    /// The parts of connecting, where connecting is what was measured.
    pub connect: Option<Connect>,
    /// Bytes that went each way.
    pub bytes: Bytes,
    /// Protocol messages that the client sent for each answered call.
    pub messages_per_call: Option<f64>,
    /// Calls that were sent again after a failure, as the target's options allow.
    pub retries: u64,
    /// Connections that were dialled anew after a failure.
    pub reconnects: u64,
    /// Connections that were dialled between the barrier and the end, those of failed dials among them; absent where
    /// the driver does not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dials: Option<u64>,
    /// The time that those dials took, the handshakes of TLS among it, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dial_ns: Option<u64>,
    /// Calls that the server never took, and that were asked again on another connection. The Python driver asks none
    /// again: what its libraries do by themselves is in `retries`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resent: u64,
    /// Each client's own figures, in their order.
    pub clients: Vec<Client>,
    /// The first few failures in words.
    pub failures: Vec<String>,
    /// The window in slices of time, by when calls were due: at most 200.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub timeline: Vec<Slice>,
    /// What the client process found out about itself.
    #[serde(default, skip_serializing_if = "Generator::is_silent")]
    pub generator: Generator,
    /// How the client drove the load: blocking or event loop, its version, its limits.
    pub facts: BTreeMap<String, String>,
}

/// What became of every scheduled call: scheduled = ok + error + timeout + censored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Calls that were due in the window.
    pub scheduled: u64,
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// Calls that failed, by class.
    pub error: Errors,
    /// Calls that had no answer within the time-out.
    pub timeout: u64,
    /// Calls still queued or unanswered when draining ended.
    pub censored: u64,
}

/// Failed calls by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// The connection could not be made, or was closed under the call.
    pub connect: u64,
    /// The server answered with an error.
    pub status: u64,
    /// The reply had the wrong length.
    pub short: u64,
    /// The reply had the wrong content.
    pub corrupt: u64,
    /// The reply broke the rules of its protocol.
    pub protocol: u64,
}

impl Errors {
    /// Failed calls of all classes.
    pub fn total(&self) -> u64 {
        self.connect + self.status + self.short + self.corrupt + self.protocol
    }
}

impl Counts {
    /// True where every scheduled call is accounted for.
    pub fn conserved(&self) -> bool {
        self.scheduled == self.ok + self.error.total() + self.timeout + self.censored
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |sum, own| Counts {
            scheduled: sum.scheduled + own.scheduled,
            ok: sum.ok + own.ok,
            error: Errors {
                connect: sum.error.connect + own.error.connect,
                status: sum.error.status + own.error.status,
                short: sum.error.short + own.error.short,
                corrupt: sum.error.corrupt + own.error.corrupt,
                protocol: sum.error.protocol + own.error.protocol,
            },
            timeout: sum.timeout + own.timeout,
            censored: sum.censored + own.censored,
        })
    }
}

/// The parts of connecting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Connect {
    /// Until the kernel says connected: for a server that accepts late, only its backlog.
    pub dial: Distribution,
    /// The TLS handshake, where there is one.
    pub tls: Option<Distribution>,
    /// From connected to the end of the first answer.
    pub first_answer: Distribution,
}

/// Bytes that went each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bytes {
    /// Payload from client to server in answered calls.
    pub payload_up: u64,
    /// Payload from server to client in answered calls.
    pub payload_down: u64,
    /// All bytes that the client wrote to its sockets.
    pub wire_up: u64,
    /// All bytes that the client read from its sockets; what a server says to a client that has gone (a GOAWAY that answers
    /// the client's) is not among them.
    pub wire_down: u64,
}

/// One client's own figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// Calls that failed.
    pub error: u64,
    /// Calls that timed out.
    pub timeout: u64,
    /// Calls still queued or unanswered when draining ended.
    pub censored: u64,
    /// The median of its response times; exact to one significant digit, as there may be thousands of clients.
    pub p50_ns: u64,
    /// The 99th percentile of its response times, as exact.
    pub p99_ns: u64,
}

/// The calls that were due in one slice of the window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// When it begins, in nanoseconds from the barrier.
    pub start_ns: u64,
    /// How long it is, in nanoseconds.
    pub length_ns: u64,
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// Calls that failed, timed out or were censored.
    pub failed: u64,
    /// The mean response time of the answered ones, in nanoseconds.
    pub mean_ns: u64,
    /// Their median, exact to one sixteenth like the other quantiles of a slice.
    pub p50_ns: u64,
    /// Their 99th percentile.
    pub p99_ns: u64,
    /// The longest of them.
    pub max_ns: u64,
}

/// What a client process found out about itself; a driver that does not look is silent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Generator {
    /// How much later it sent each call than it could have: the call was due, and a client was free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lateness: Option<Distribution>,
    /// Calls that it never sent although they were due and a client was free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsent: Option<u64>,
    /// Whether the calls arrived as they were meant to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrivals: Option<ArrivalTest>,
    /// How long it was busy with events rather than waiting for them, in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub busy_ns: Option<u64>,
    /// What its own machine ran out of, so that calls failed which no server is to blame for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacked: Option<Lacked>,
    /// How much too late a thread of it woke that did nothing but sleep a millisecond at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hiccups: Option<Hiccups>,
}

impl Generator {
    /// True where nothing was found out.
    pub fn is_silent(&self) -> bool {
        *self == Generator::default()
    }
}

/// The actual sends of an open loop against the arrivals that were asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalTest {
    /// How many sends were looked at, the first ones.
    pub sends: u64,
    /// Of Poisson arrivals the distance of Kolmogorov and Smirnov from exponential gaps; of constant ones the share
    /// of gaps that are off by more than a tenth.
    pub statistic: f64,
    /// The probability of such a distance by chance; of constant arrivals the share of gaps that are right.
    pub p: f64,
}

/// What the client's own machine ran out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lacked {
    /// What it had no more of, first.
    pub what: Lack,
    /// How many calls failed for want of it, or of something else of that kind.
    pub calls: u64,
}

/// How much too late a sleeping thread woke.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hiccups {
    /// How often it slept.
    pub naps: u64,
    /// How often it woke more than a millisecond late.
    pub late: u64,
    /// The latest it woke, in nanoseconds.
    pub longest_ns: u64,
    /// CPU time that the sleeping thread itself took, in nanoseconds: what watching cost, not what calling did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ns: Option<u64>,
}

/// What each end spent between the barrier and the last reply.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The server's whole process group.
    pub server: Spent,
    /// The client's process.
    pub client: Spent,
}

/// What one end spent; a counter that is not there is absent, and `missing` says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// CPU time of all its processes, reaped children included, in nanoseconds. Of a client without what its
    /// watching thread took (`generator.hiccups.cpu_ns`), which of the other counters only `syscalls` leaves out.
    pub cpu_ns: Option<u64>,
    /// The smallest step that counter can take, in nanoseconds.
    pub cpu_step_ns: Option<u64>,
    /// The part of it in its own code, in nanoseconds and in steps of a clock tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_ns: Option<u64>,
    /// The part of it in the kernel, in nanoseconds and in steps of a clock tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_ns: Option<u64>,
    /// How often its threads gave the processor up to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    /// How often the processor was taken from its threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    /// System calls of all its processes, those that ended included, where counting was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscalls: Option<u64>,
    /// The largest resident memory of one of its processes since launch, in bytes.
    pub peak_memory: Option<u64>,
    /// By how much its proportional share of memory grew for each client, from before they connected to when all
    /// were connected and idle, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_per_client: Option<u64>,
    /// Its processes at the end of the window.
    pub processes: Option<u64>,
    /// Its threads at the end of the window.
    pub threads: Option<u64>,
    /// The most processes that were seen, looking once a second and at both ends of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_processes: Option<u64>,
    /// The most threads that were seen likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_threads: Option<u64>,
    /// What further observers counted, by the name of the counter, which ends with its unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, u64>,
    /// Why a counter is absent, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
}

/// Whether the figures of a record can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The judgement.
    pub state: State,
    /// What led to it.
    pub reasons: Vec<String>,
}

/// The judgement over a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing speaks against it.
    Valid,
    /// It was limited by something other than the target.
    Suspect,
    /// It does not show what it claims to.
    Invalid,
}

impl Manifest {
    /// What the machine is, by name, but for what is never the same twice: how busy it was.
    pub fn lasting(&self) -> impl Iterator<Item = (&String, &String)> {
        self.machine.iter().filter(|(name, _)| !name.starts_with("load") && !name.starts_with("stolen"))
    }
}

impl Results {
    /// The records that count, in the order of the file: of several attempts at a trial only the last one.
    pub fn counting(&self) -> impl Iterator<Item = &Record> {
        let mut last: BTreeMap<(usize, u32), u32> = BTreeMap::new();
        for record in &self.records {
            let attempt = last.entry((record.cell, record.trial)).or_default();
            *attempt = record.attempt.max(*attempt);
        }
        self.records.iter().filter(move |record| last.get(&(record.cell, record.trial)) == Some(&record.attempt))
    }

    /// Each cell that was tried, in the order of the report, with its trials that count.
    pub fn tried(&self) -> Vec<(&Planned, Vec<&Record>)> {
        let mut tried: Vec<(&Planned, Vec<&Record>)> = self.cells.iter().map(|cell| (cell, Vec::new())).collect();
        for record in self.counting() {
            if let Some((_, trials)) = tried.get_mut(record.cell) {
                trials.push(record);
            }
        }
        tried.iter_mut().for_each(|(_, trials)| trials.sort_by_key(|record| record.trial));
        tried.retain(|(_, trials)| !trials.is_empty());
        tried
    }

    /// The id of a record's cell.
    pub fn id(&self, record: &Record) -> &str {
        self.cells.get(record.cell).map_or("", |cell| cell.id.as_str())
    }

    /// Itself, if each measured record has its figures; a failed one may have them, where no call succeeded.
    fn complete(self) -> Result<Self> {
        if let Some(record) = self.records.iter().find(|record| record.cell >= self.cells.len()) {
            let what = format!("a record is of cell {}, and there are {}", record.cell, self.cells.len());
            return Err(Error::usage(what).help("cells are counted from 0"));
        }
        match self.records.iter().find(|record| record.outcome == Outcome::Measured && record.measured.is_none()) {
            Some(record) => Err(Error::usage(format!(
                "`{}`, trial {}, is called measured and has no figures",
                self.id(record),
                record.trial
            ))
            .help("a measured record has every figure of the results schema")),
            None => Ok(self),
        }
    }
}

impl Record {
    /// True where processes that are not of the run used so much of an end's cores that the trial is to be tried
    /// again; false where the kernel does not tell it.
    pub fn disturbed(&self) -> bool {
        self.interference.as_ref().is_some_and(Interference::disturbs)
    }

    /// True where the client could do no more, so that calls and bytes a second are lower bounds.
    pub fn limited(&self) -> bool {
        let others = |reason: &String| reason.starts_with(Interference::SAYS);
        self.verdict.state == State::Suspect && !self.verdict.reasons.iter().all(others)
    }
}

impl Verdict {
    /// Nothing speaks against it.
    pub fn valid() -> Self {
        Verdict { state: State::Valid, reasons: Vec::new() }
    }
}
