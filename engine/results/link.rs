//! What the link of a trial carried, and how well it kept to what was asked of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a link carried between the beginning and the end of a window, and what its relay spent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// The seed of its chance: which packets are lost, and by how much delays vary.
    pub seed: u64,
    /// Whether the kernel let the relay go before ordinary processes.
    pub real_time: bool,
    /// CPU time of the relay, in nanoseconds; the kernel's work for each packet is in it.
    pub cpu_ns: u64,
    /// From the client to the server.
    pub up: Way,
    /// From the server to the client.
    pub down: Way,
}

/// One way of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// Packets that were sent into it.
    pub packets: u64,
    /// Bytes of these, headers among them.
    pub bytes: u64,
    /// Packets that chance had lost on the way.
    pub lost: u64,
    /// Packets that found too many waiting for the wire.
    pub dropped: u64,
    /// Packets that the kernel threw away because the relay did not take them in time: more than was asked for.
    pub overflowed: u64,
    /// How much too late packets arrived.
    pub late: Late,
}

/// How much too late packets arrived, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Late {
    /// The median.
    pub p50_ns: u64,
    /// The 99th percentile.
    pub p99_ns: u64,
    /// The latest.
    pub max_ns: u64,
}

impl Carried {
    /// Both ways.
    pub fn ways(&self) -> [&Way; 2] {
        [&self.up, &self.down]
    }

    /// How late packets were at p99, on the way on which they were later.
    pub fn late_p99_ns(&self) -> u64 {
        self.up.late.p99_ns.max(self.down.late.p99_ns)
    }
}
