//! On which hosts the ends of a run were, where they were not all on the machine that it was started on.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A host of a place, and what its agent said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HostFacts {
    /// The name of its place.
    pub place: String,
    /// The host, as the scenario names it.
    pub host: String,
    /// By what it was reached: `ssh`, `srun` or `command`.
    pub by: String,
    /// Where others reach it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What the machine calls itself.
    pub hostname: String,
    /// The SHA-256 of the engine there.
    pub sha256: String,
    /// What the machine is, by name, as `machine` of the manifest is for the one that the run was started on.
    pub machine: BTreeMap<String, String>,
    /// What else was printed there before its agent spoke, as a profile of a shell does: the beginning of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub printed: Option<String>,
    /// Other hosts that are the same machine, `here` among them: what runs there, this one feels too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_machine_with: Vec<String>,
}

/// Where the ends of a trial ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hosts {
    /// Where the server ran; `here` is the machine that the run was started on.
    pub server: String,
    /// Where its clients ran, in the order of their hosts.
    pub clients: Vec<ClientHost>,
}

/// A host that clients ran on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientHost {
    /// Its name.
    pub host: String,
    /// How long a few bytes took from there to the host of the server and back, before the trial and after it, in
    /// nanoseconds: the median of twenty. Absent where both are one host, or it could not be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip_ns: Option<RoundTrips>,
    /// How well its clock is known against that of the machine that the run was started on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockFacts>,
}

/// What a network between two hosts is like, before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoundTrips {
    /// Before the trial.
    pub before: u64,
    /// After it.
    pub after: u64,
}

/// How well a clock is known. No call is timed by two clocks: it decides how well starts agree, and nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockFacts {
    /// How far it was ahead of ours, in nanoseconds; each counts from a beginning of its own.
    pub ahead_ns: i64,
    /// How far the difference of both clocks may be wrong, in nanoseconds: half of the shortest of forty round trips.
    pub error_ns: u64,
    /// How far they went apart during the trial, beyond that, in nanoseconds.
    pub drift_ns: u64,
}
