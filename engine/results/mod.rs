//! What was measured: the records of a run, and the files that hold them.

pub mod calls;
pub mod cell;
pub mod counts;
pub mod distribution;
pub mod file;
pub mod folder;
pub mod host;
pub mod journal;
pub mod link;
pub mod machine;
pub mod measure;
pub mod measured;
pub(crate) mod old;
pub mod search;
pub mod spent;
pub mod verdict;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::key::settings::Settings;
use crate::results::cell::Planned;
use crate::results::host::{HostFacts, Hosts};
use crate::results::link::Carried;
use crate::results::machine::{Interference, Yardstick};
use crate::results::search::Search;
use crate::transport::terms::Terms;

pub use crate::results::counts::{Counts, Errors};
pub use crate::results::measured::{
    ArrivalTest, Bytes, Client, ClientProcess, Connect, Generator, Hiccups, Lacked, Measured, Slice,
};
pub use crate::results::spent::{Cost, Spent};
pub use crate::results::verdict::{Reason, ReasonKind, State, Verdict};

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
    /// `release`, `musl release` where musl is its C library, or `debug`.
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
    /// The other hosts that ends ran on, in the order of the scenario; absent where there were none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostFacts>,
    /// What each target told about itself, by the target's name, in words.
    pub facts: BTreeMap<String, BTreeMap<String, String>>,
    /// On what terms each target served, by the target's name: by these a report decides what may be compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub terms: BTreeMap<String, Terms>,
    /// What is known of the servers of the user's own, by the target's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub targets: BTreeMap<String, OwnTarget>,
    /// A hash of what the scenario keeps secret, by a key that is beside an unfinished run and nowhere else: whether a run
    /// that is gone on with has the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<String>,
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
    /// Why counters are absent in all records that do not say otherwise: by end, `server` or `client`, and counter.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, BTreeMap<String, String>>,
    /// How quick the machine itself was, before and after each block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yardsticks: Vec<Yardstick>,
}

/// What is known of a server of the user's own.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnTarget {
    /// The command as it was launched, but for where it had to listen and what came from the environment; absent where it
    /// ran already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of its program and of each argument that is a file: the SHA-256, by the file's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sha256: BTreeMap<String, String>,
    /// The commit of the folder in which it was launched, `-dirty` where the tree had changes; absent outside git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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
    /// How one of its ends was stopped on purpose, which only a selftest does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalled: Option<Stalled>,
    /// Where its ends ran; absent where both were on the machine that the run was started on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hosts: Option<Hosts>,
    /// What the network between both ends carried, where one was laid, and how late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<Carried>,
    /// Whether the figures can be trusted.
    pub verdict: Verdict,
}

fn first() -> u32 {
    1
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
    /// Something broke, or it could not begin; the reason says what. Older results tell the latter apart.
    #[serde(alias = "skipped")]
    Failed,
}

/// One end was stopped for a while on purpose, as a selftest does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stalled {
    /// How long after the load began, in nanoseconds, where the client process told when that was.
    pub from_ns: Option<u64>,
    /// How long it really lasted, in nanoseconds.
    pub length_ns: u64,
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
    fn complete(mut self) -> Result<Self> {
        if let Some(record) = self.records.iter().find(|record| record.cell >= self.cells.len()) {
            let what = format!("a record is of cell {}, and there are {}", record.cell, self.cells.len());
            return Err(Error::usage(what).help("cells are counted from 0"));
        }
        if self.manifest.terms.is_empty() {
            self.manifest.terms = old::terms(&self.cells, &self.manifest.machine);
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

    /// Without what it says twice, or what `missing` says already: by end and counter, why counters are absent.
    pub fn said_once(mut self, missing: &mut BTreeMap<String, BTreeMap<String, String>>) -> Self {
        self.measured = self.measured.map(Measured::said_once);
        if let Some(cost) = &mut self.cost {
            for (end, spent) in [("server", &mut cost.server), ("client", &mut cost.client)] {
                if !spent.missing.is_empty() {
                    spent.said_once(missing.entry(end.to_owned()).or_default());
                }
            }
        }
        self
    }

    /// True where the client could do no more, so that calls and bytes a second are lower bounds.
    pub fn limited(&self) -> bool {
        let others = |reason: &Reason| matches!(reason.kind, ReasonKind::Interference | ReasonKind::Link);
        self.verdict.state == State::Suspect && !self.verdict.reasons.iter().all(others)
    }
}
