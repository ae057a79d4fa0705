//! What the machine did besides the run: who else used its cores, and how quick it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What processes that are not of the run used of the cores of both ends, over the whole stretches of time that a
/// trial lies in; a stretch lasts at least 500 ms and may span several short trials, which then share its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interference {
    /// The share of the time of those cores that others used, 0 to 1.
    pub share: f64,
    /// How long the stretches were together, in nanoseconds.
    pub stretch_ns: u64,
    /// The process that used most of it, where one could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<Neighbour>,
    /// How long runnable threads of the two ends waited for a core, in nanoseconds, where the kernel tells it. It is
    /// recorded and never judged, since a server's own threads cause it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_ns: Option<u64>,
}

/// A process that is not of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// What the kernel calls it (`comm`).
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// The share of the cores' time that it used, 0 to 1.
    pub share: f64,
}

/// A raw exchange of bytes and a piece of arithmetic, measured between blocks: whether figures of two runs may be
/// compared, and never a divisor of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yardstick {
    /// When, in nanoseconds after the run began.
    pub at_ns: u64,
    /// The median of a raw exchange of bytes between the cores of the two ends, in nanoseconds.
    pub exchange_ns: u64,
    /// The median time of a fixed piece of arithmetic on them, in nanoseconds.
    pub arithmetic_ns: u64,
}
