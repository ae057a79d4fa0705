//! The scenario as types: what is written, and nothing else.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::call::own::grpc::Proto;
use crate::call::own::{OwnCall, Table};
use crate::key::axes::{Axes, OneOrSeveral, WrittenLink};
use crate::key::contract::Of;
use crate::key::load::{Load, Point};
use crate::key::rate::SEARCH;
use crate::key::setting::Setting;
use crate::key::settings::Settings;
use crate::key::trials::Trials;
use crate::key::word;
use crate::registry::Entry;
use crate::scenario::calls::{self, OwnCalls};
use crate::scenario::data::{self, Data};
use crate::scenario::expect::{self, Expectation};
use crate::scenario::links;
use crate::scenario::narrow;
use crate::scenario::own_schema;
use crate::scenario::pin::Pin;
use crate::scenario::places::{self, WrittenPlace};
use crate::scenario::proto;
use crate::secret::Secret;
use crate::stack::own::Fresh;
use crate::transport::option::OptionValue;
use crate::units::Time;
use crate::words::words;

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
    /// The axes that the question is about, the first first; `target` stands for targets as wholes. Default: all axes, as
    /// written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "names", example = &"target")]
    pub answer: Vec<String>,
    /// The name of the target that others are told as multiples of. Default: the best by each figure.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "[^ \t\r\n]"), example = &"tcp-threaded")]
    pub baseline: Option<String>,
    /// What is compared.
    #[schemars(length(min = 1))]
    pub targets: Vec<Target>,
    /// Calls of one's own, for the workloads to name.
    #[serde(skip_serializing_if = "OwnCalls::is_empty")]
    #[schemars(default, schema_with = "calls::schema", example = serde_json::json!([{"name": "health", "http": "GET /health"}]))]
    pub calls: OwnCalls,
    /// Files with rows of values, whose columns calls write as `${name}`.
    #[serde(skip_serializing_if = "Data::is_empty")]
    #[schemars(default, schema_with = "data::schema", example = serde_json::json!([{"file": "users.csv", "each": "client"}]))]
    pub data: Data,
    /// What is asked of each target.
    #[schemars(length(min = 1))]
    pub workloads: Vec<Workload>,
    /// Networks that workloads may lay between both ends.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "links::schema")]
    pub links: Vec<WrittenLink>,
    /// Other hosts, on which servers and clients can run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "places::schema")]
    pub places: Vec<WrittenPlace>,
    /// Keys of workloads that do not say otherwise.
    #[serde(flatten)]
    #[schemars(skip)]
    pub common: Axes,
    /// In which order the trials of all cells run. Default: interleaved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"sequential")]
    pub order: Option<Order>,
    /// The seed of all that is random: the bytes of payloads and the order of trials. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = 7)]
    pub seed: Option<u64>,
    /// Which cores each end runs on; `auto` gives the client one and the server the rest, `none` lets the kernel place
    /// them. Default: auto.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"none")]
    pub pin: Option<Pin>,
    /// The folder of its file, in which other files are looked for.
    #[serde(skip)]
    #[schemars(skip)]
    pub folder: PathBuf,
}

/// What is compared. Lists multiply: two transports and two servers are four targets.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Target {
    /// Its keys.
    #[serde(flatten)]
    #[schemars(skip)]
    pub axes: Axes,
    /// What reports call it. Default: its words, such as `tcp-threaded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[^/]*[^/ \t\r\n][^/]*$"), example = &"floor")]
    pub name: Option<String>,
    /// The user's own server: a command, which is launched without a shell in the scenario's folder. It is told where to
    /// listen by `${port}`, `${host}`, `${address}` (both) or `${socket}` (a path).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "[^ \t\r\n]"), extend("defaultSnippets" = [{"label": "./shop --listen ${address}", "body": "./shop --listen \\${address}"}]))]
    pub launch: Option<String>,
    /// The user's own server, which runs already: a host and a port, `unix:/path` or `unix:@name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, schema_with = "own_schema::at")]
    pub at: Option<String>,
    /// What its messages are, over gRPC: `.proto` files, sets of descriptors, or `reflection`, where the server tells it itself.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "proto::written")]
    #[schemars(default, schema_with = "proto::schema", example = &"reflection")]
    pub proto: Option<Proto>,
    /// Variables of its environment, on top of ours. `${env:NAME}` takes a value from ours. Results hold their lengths.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(default, schema_with = "own_schema::env", extend("defaultSnippets" = [{"label": "PORT: ${port}", "body": {"PORT": "\\${port}"}}]))]
    pub env: BTreeMap<String, Secret>,
    /// Knobs of its own, as axes: each is used as `${word}` in `launch` or `env`.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "in_order")]
    #[schemars(default, schema_with = "own_schema::vary", example = serde_json::json!({"workers": [1, 4]}))]
    pub vary: Vec<(String, Vec<Setting>)>,
    /// The call that it answers as expected once it is ready. Default: its port accepts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "[^ \t\r\n]"), example = &"health")]
    pub ready: Option<String>,
    /// How long it may take until it is ready. Default: 30s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(default, schema_with = "own_schema::within", example = &"30s")]
    pub within: Option<Time>,
    /// How often it is launched. Default: trial.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"run")]
    pub fresh: Option<Fresh>,
    /// Names of other processes that are the target's too, such as its database: counted apart, and no neighbours.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "one_or_list")]
    #[schemars(default, schema_with = "own_schema::with", example = ["postgres"])]
    pub with: Vec<String>,
    /// Options of the transport, and of the server model or of an own server.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "one_or_several")]
    #[schemars(default, schema_with = "narrow::options")]
    pub options: BTreeMap<String, Vec<OptionValue>>,
    /// What each cell of this target should be, over all its trials; else the run ends with exit code 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "expect::schema", example = &"errors == 0")]
    pub expect: Vec<Expectation>,
}

/// What is asked of each target. Lists multiply into cells.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Workload {
    /// What reports call it.
    #[schemars(regex(pattern = "^[^/]*[^/ \t\r\n][^/]*$"), example = &"latency")]
    pub name: String,
    /// Its keys.
    #[serde(flatten)]
    #[schemars(skip)]
    pub axes: Axes,
    /// What each cell of this workload should be, over all its trials; else the run ends with exit code 1.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default, schema_with = "expect::schema", example = &"p99 < 5ms")]
    pub expect: Vec<Expectation>,
}

/// One name, or a list of them.
fn names(_: &mut SchemaGenerator) -> Schema {
    word::one_or_several(&json_schema!({"type": "string", "pattern": "[^ \t\r\n]"}))
}

fn one_or_list<S: Serializer>(names: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    OneOrSeveral(names).serialize(serializer)
}

fn in_order<S: Serializer>(vary: &[(String, Vec<Setting>)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(vary.iter().map(|(word, values)| (word, OneOrSeveral(values))))
}

fn one_or_several<S: Serializer>(
    options: &BTreeMap<String, Vec<OptionValue>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(options.iter().map(|(name, values)| (name, OneOrSeveral(values))))
}

impl Workload {
    /// True where its load is an open loop.
    pub fn is_open(&self) -> bool {
        self.axes.get("rate").is_some() || self.axes.get("ramp").is_some()
    }

    /// True where a rate is searched in it.
    pub fn searches(&self) -> bool {
        self.axes.get("rate").is_some_and(|rates| rates.iter().any(|rate| rate.as_word() == Some(SEARCH)))
    }
}

impl Scenario {
    /// How often each cell of that workload is measured.
    pub fn trials(&self, workload: &Workload) -> u32 {
        let name = Trials.name();
        let written = workload.axes.first(name).or(self.common.first(name)).and_then(|trials| trials.count());
        written.map_or(10, |trials| trials as u32)
    }

    /// All that results may not hold of it, as one text; none where there is nothing.
    pub fn secrets(&self) -> Option<Secret> {
        let env: Vec<BTreeMap<&str, &str>> = self
            .targets
            .iter()
            .map(|target| target.env.iter().map(|(name, value)| (name.as_str(), value.reveal())).collect())
            .collect();
        let calls: Vec<&OwnCall> = self.calls.iter().collect();
        let tables: Vec<&Table> = self.data.iter().map(|rows| &rows.table).collect();
        let nothing = calls.is_empty() && env.iter().all(BTreeMap::is_empty);
        // What the files of `proto` say makes the bytes that are sent as much as what stands here.
        let protos: Vec<&Proto> = self.targets.iter().filter_map(|target| target.proto.as_ref()).collect();
        (!nothing).then(|| Secret::new(serde_json::json!([calls, env, tables, protos]).to_string()))
    }

    /// The seed of all that is random.
    pub fn seed(&self) -> u64 {
        self.seed.unwrap_or(1)
    }

    /// Every point of a workload, in the order of the file, with its settings.
    pub fn points(&self, workload: &Workload) -> Vec<(Point, Settings)> {
        let load = Load { seed: self.seed(), ..Load::default() };
        let start = Point { load, has_links: !self.links.is_empty(), ..Point::default() };
        workload.axes.or(&self.common).points(Of::Workload, &start, &self.links)
    }

    /// True where the scenario lets cells of a workload differ along a key.
    pub fn varies(&self, workload: &Workload, name: &str) -> bool {
        let of_links = || self.links_of(workload).any(|link| link.axes.varies(name));
        workload.axes.varies(name) || of_links()
    }

    /// The links that a workload names.
    fn links_of(&self, workload: &Workload) -> impl Iterator<Item = &WrittenLink> {
        let names = workload.axes.get("link").unwrap_or_default();
        self.links.iter().filter(|link| names.iter().any(|name| name.as_word() == Some(&link.name)))
    }

    /// How many networks one name of a workload's `link` stands for, at most.
    fn most_of_a_link(&self, workload: &Workload) -> u64 {
        self.links_of(workload).map(|link| link.axes.count()).max().unwrap_or(1)
    }

    /// How many trials the lists multiply to, without making them.
    pub(crate) fn count(&self) -> u64 {
        let targets = self.targets.iter().fold(0u64, |sum, target| sum.saturating_add(target.count()));
        self.workloads.iter().fold(0u64, |sum, workload| {
            let cells = targets.saturating_mul(workload.axes.count()).saturating_mul(self.most_of_a_link(workload));
            sum.saturating_add(cells.saturating_mul(u64::from(self.trials(workload))))
        })
    }
}
