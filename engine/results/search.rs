//! What a search for the highest rate found, probe by probe.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A search of one trial: rates were tried one after the other against the same server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The highest rate that held, in calls per second of all clients; none where none did.
    pub capacity: Option<f64>,
    /// Why it is not higher.
    pub limited_by: Limit,
    /// Every probe, in the order in which they were made.
    pub probes: Vec<Probe>,
}

/// Why no higher rate was found to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Limit {
    /// A higher rate broke what is expected: the server can do no more.
    Expectation,
    /// At a higher rate the client process was the limit, so that the server may be able to do more.
    Generator,
    /// There is no higher rate to ask for.
    Highest,
}

impl Limit {
    /// In words.
    pub fn about(self) -> &'static str {
        match self {
            Limit::Expectation => "what is expected",
            Limit::Generator => "the client",
            Limit::Highest => "the highest rate there is",
        }
    }
}

/// One rate, offered for a while.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// Calls per second of all clients together.
    pub rate: f64,
    /// Whether it was met with all that is expected.
    pub held: bool,
    /// Why not, in words.
    pub why: Option<String>,
    /// What kept it from holding, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
    /// Calls that were due in it.
    pub scheduled: u64,
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// The median response time, in nanoseconds.
    pub p50_ns: u64,
    /// The 99th percentile of the response times, in nanoseconds, however few calls it rests on.
    pub p99_ns: u64,
    /// The lowest quantile at which a call stands that was given up, so that from there on figures are lower bounds.
    pub at_least_from: Option<f64>,
}
