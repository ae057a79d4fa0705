//! The figures of one trial, as its client process reports them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lack::Lack;
use crate::results::calls::{CallFigures, Passes, Untimed};
use crate::results::counts::Counts;
use crate::results::distribution::Distribution;

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
    /// From the actual send of a call to the end of its reply; absent where it is the same as the response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_time: Option<Distribution>,
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
    /// Each client's own figures, in their order; absent where there is only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clients: Vec<Client>,
    /// What each client process measured, where several shared the load.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drivers: Vec<ClientProcess>,
    /// The figures of each call by its name, where calls are drawn from several, or are steps.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub calls: BTreeMap<String, CallFigures>,
    /// What became of the passes, where calls are steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passes: Option<Passes>,
    /// Calls that were made and not timed; absent where there were none, or the driver does not count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untimed: Option<Untimed>,
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
    #[serde(default, skip_serializing_if = "is_zero")]
    pub error: u64,
    /// Calls that timed out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub timeout: u64,
    /// Calls still queued or unanswered when draining ended.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub censored: u64,
    /// The median of its response times; exact to one significant digit, as there may be thousands of clients.
    pub p50_ns: u64,
    /// The 99th percentile of its response times, as exact.
    pub p99_ns: u64,
}

/// The calls that were due in one slice of the window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// When it begins, in nanoseconds from the barrier.
    pub start_ns: u64,
    /// How long it is, in nanoseconds.
    pub length_ns: u64,
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// Calls that failed, timed out or were censored.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed: u64,
    /// The mean response time of the answered ones, in nanoseconds.
    pub mean_ns: u64,
    /// Their median, exact to one sixteenth like the other quantiles of a slice.
    pub p50_ns: u64,
    /// Their 99th percentile.
    pub p99_ns: u64,
    /// The longest of them.
    pub max_ns: u64,
    /// How many times are in which bucket, where a client process tells the part of a load that it made; never in results.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub times: Vec<(u32, u32)>,
}

/// What one of several client processes measured of the load that they shared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientProcess {
    /// The host that it ran on; absent where that is the machine that the run was started on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// How many clients it had.
    pub clients: u32,
    /// How much later than was agreed it began, in nanoseconds.
    pub lateness_ns: u64,
    /// Its calls with the answer that was asked for.
    pub ok: u64,
    /// The median of its response times, in nanoseconds.
    pub p50_ns: u64,
    /// Their 99th percentile.
    pub p99_ns: u64,
    /// The 99th percentile of how much later it sent each call of an open loop than it could have, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_late_p99_ns: Option<u64>,
    /// CPU time that it took, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ns: Option<u64>,
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

impl Measured {
    /// From the actual send of a call to the end of its reply.
    pub fn service(&self) -> &Distribution {
        self.service_time.as_ref().unwrap_or(&self.response_time)
    }

    /// Without what it says twice: a service time that is the response time, and the figures of an only client.
    pub fn said_once(mut self) -> Self {
        self.service_time = self.service_time.filter(|service| *service != self.response_time);
        self.calls = self.calls.into_iter().map(|(name, figures)| (name, figures.said_once())).collect();
        if self.clients.len() == 1 {
            self.clients.clear();
        }
        self
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
