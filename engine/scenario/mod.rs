//! What a user writes: the scenario as types, in the words of its file.
//!
//! [`read`] makes it from YAML with every mistake at its place, [`schema`] tells editors about it. A key that is absent here was not written; its default stands beside it.

pub mod axis;
pub mod expect;
mod line;
mod mistake;
mod pin;
mod read;
pub mod schema;
mod set;
mod target;
mod tree;
mod walk;
mod workload;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};

use schemars::JsonSchema;
use serde::Serialize;

use crate::call::{Arrivals, Call, FillKind, Split, Verify, Wait, words};
use crate::scenario::axis::{Axis, Chunk, Named, Offered, Rate};
use crate::scenario::expect::Expectation;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Stack};
use crate::transport::contract::{OptionValue, Transport};
use crate::units::{Size, Time};

pub use crate::scenario::line::line_of_workload;
pub use crate::scenario::mistake::Mistakes;
pub use crate::scenario::pin::Pin;
pub use crate::scenario::read::{LARGEST, read};
pub use crate::scenario::target::Candidate;
pub use crate::scenario::workload::{AXES, Point};

words! {
    /// In which order the trials of all cells run.
    Order {
        /// In random blocks, each with one trial of every cell, so that slow changes of the machine meet all alike.
        Interleaved = "interleaved",
        /// Cell by cell.
        Sequential = "sequential",
    }
}

/// A comparison of transports and server models: what is compared, what is asked of it, how often.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Scenario {
    /// The headline of the report.
    #[schemars(regex(pattern = "[^ \t\r\n]"), example = &"RPyC against HTTP")]
    pub title: String,
    /// The question that the report answers.
    #[schemars(regex(pattern = "[^ \t\r\n]"), example = &"Which answers small calls soonest?")]
    pub question: String,
    /// What is compared.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
    /// What is asked of each target.
    #[schemars(length(min = 1))]
    pub workloads: Vec<Workload>,
    /// How often each cell is measured, each time with a freshly launched server. Default: 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 10), example = 3)]
    pub trials: Option<NonZeroU32>,
    /// In which order the trials of all cells run. Default: interleaved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "interleaved"), example = &"sequential")]
    pub order: Option<Order>,
    /// How long a call may take from its actual send. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, schema_with = "schema::some_time", extend("default" = "30s"), example = &"5m")]
    pub timeout: Option<Time>,
    /// How long after the window calls may still be answered. Default: as long as the timeout.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub drain: Option<Time>,
    /// What is checked of each reply; the content of each client's first reply always is. Default: length.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "length"), example = &"content")]
    pub verify: Option<Verify>,
    /// The seed of all that is random: the bytes of payloads and the order of trials. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 1), example = 7)]
    pub seed: Option<u64>,
    /// Which cores each end runs on; `auto` gives the client one and the server the rest, `none` lets the kernel place
    /// them. Default: auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "auto"), example = &"none", example = serde_json::json!({"server": [0], "client": [1]}))]
    pub pin: Option<Pin>,
}

/// What is compared. Lists multiply: two transports and two servers are four targets.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Target {
    /// How bytes travel and calls are framed.
    #[schemars(example = &"tcp")]
    pub transport: Axis<Named<dyn Transport>>,
    /// How the server gives clients their turn.
    #[schemars(example = &"threaded", example = ["threaded", "forking"])]
    pub server: Axis<Named<dyn Model>>,
    /// Whose server it is. Default: native.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "native"), example = ["native", "python"])]
    pub stack: Option<Axis<Named<dyn Stack>>>,
    /// Whose client makes the calls. Default: native.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "native"), example = ["native", "python"])]
    pub driver: Option<Axis<Named<dyn Driver>>>,
    /// What reports call it. Default: its words, such as `tcp-threaded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[^/]*[^/ \t\r\n][^/]*$"), example = &"floor")]
    pub name: Option<String>,
    /// Options of the transport and of the server model.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default, schema_with = "schema::options")]
    pub options: BTreeMap<String, Axis<OptionValue>>,
    /// What each cell of this target should be, over all its trials; else the run ends with exit code 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "expect::schema", example = ["errors == 0"])]
    pub expect: Vec<Expectation>,
}

/// What is asked of each target. Lists multiply into cells.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [
    {"required": ["iterations"]}, {"required": ["duration"]}, {"required": ["ramp"]}
]))]
pub struct Workload {
    /// What reports call it.
    #[schemars(regex(pattern = "^[^/]*[^/ \t\r\n][^/]*$"), example = &"latency")]
    pub name: String,
    /// What is asked.
    #[schemars(example = &"ping", example = ["upload", "download"])]
    pub call: Axis<Call>,
    /// Bytes of a body, for echo, upload and download.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"64KiB", example = ["1KiB", "1MiB"])]
    pub payload: Option<Axis<Size>>,
    /// What the bytes of a body are; their entropy decides what compression can do. Default: zeros.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "zeros"), example = ["zeros", "random"])]
    pub fill: Option<Axis<FillKind>>,
    /// In what pieces a body travels. Default: whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "whole"), example = ["whole", "64KiB"])]
    pub chunk: Option<Axis<Chunk>>,
    /// How a body with chunks is carried: by one call, or by one call for each chunk. Default: body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "body"), example = ["body", "calls"])]
    pub split: Option<Axis<Split>>,
    /// How many callers, each with at most one call in flight. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 1), example = 10, example = [10, 128])]
    pub clients: Option<Axis<NonZeroU32>>,
    /// How far `compute` sums.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 10000)]
    pub work: Option<Axis<u64>>,
    /// How long `sleep` waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"10ms")]
    pub hold: Option<Axis<Time>>,
    /// Calls per second of all clients together. With it the load is an open loop: calls are due by the clock, not
    /// when others are over, and a call that finds no client free waits for one. `search` finds the highest rate at
    /// which each `expect` that holds a figure down is met, and every call is answered. Default: a closed loop.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1000, example = [1000, 5000], example = &"search")]
    pub rate: Option<Axis<Offered>>,
    /// How the due times of an open loop are spaced. Default: constant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "constant"), example = &"poisson")]
    pub arrivals: Option<Axis<Arrivals>>,
    /// Rates that follow each other; in place of `rate` and of `duration`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, length(min = 1))]
    pub ramp: Vec<Step>,
    /// How the client process waits for replies. Default: block.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "block"), example = ["block", "spin"])]
    pub wait: Option<Axis<Wait>>,
    /// Calls by each client before anything is timed. Default: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 0), example = 10)]
    pub warmup: Option<u64>,
    /// Timed calls by each client; this or `duration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 1000)]
    pub iterations: Option<NonZeroU64>,
    /// How long calls are begun; this or `iterations`. Of a search, how long each probe lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, schema_with = "schema::some_time", example = &"10s")]
    pub duration: Option<Time>,
    /// How often each cell of this workload is measured. Default: as the scenario says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 3)]
    pub trials: Option<NonZeroU32>,
    /// How long a call of this workload may take. Default: as the scenario says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, schema_with = "schema::some_time", example = &"5m")]
    pub timeout: Option<Time>,
    /// How long after the window calls may still be answered. Default: as the scenario says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"5s")]
    pub drain: Option<Time>,
    /// What is checked of each reply. Default: as the scenario says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"content")]
    pub verify: Option<Verify>,
    /// What each cell of this workload should be, over all its trials; else the run ends with exit code 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "expect::schema", example = ["p99 < 5ms", "errors == 0"])]
    pub expect: Vec<Expectation>,
}

/// A rate that is held for a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    /// Calls per second of all clients together.
    #[schemars(example = 1000)]
    pub rate: Rate,
    /// For how long.
    #[serde(rename = "for")]
    #[schemars(schema_with = "schema::some_time", example = &"10s")]
    pub time: Time,
}

impl Workload {
    /// True where its load is an open loop.
    pub fn is_open(&self) -> bool {
        self.rate.is_some() || !self.ramp.is_empty()
    }

    /// True where a rate is searched in it.
    pub fn searches(&self) -> bool {
        self.rate.as_ref().is_some_and(|rates| rates.values().contains(&Offered::Search))
    }
}

impl Scenario {
    /// How often each cell of that workload is measured.
    pub fn trials(&self, workload: &Workload) -> u32 {
        workload.trials.or(self.trials).map_or(10, NonZeroU32::get)
    }

    /// The seed of all that is random.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// How many trials the lists multiply to, without making them.
    pub(crate) fn count(&self) -> u64 {
        let targets = self.targets.iter().fold(0u64, |sum, target| sum.saturating_add(target.count()));
        self.workloads.iter().fold(0u64, |sum, workload| {
            let cells = targets.saturating_mul(workload.count());
            sum.saturating_add(cells.saturating_mul(u64::from(self.trials(workload))))
        })
    }
}
