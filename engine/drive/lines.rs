//! The lines between a run and its client process.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::call::{Arrivals, Call, FillKind, Split, Verify, Wait};
use crate::drive::samples::condense;
use crate::error::{Context, Error, Result};
use crate::lack::Lack;
use crate::plan::{Extent, Load};
use crate::results::Measured;
use crate::transport::contract::Options;

/// The version of these lines.
pub const VERSION: u32 = 1;

/// What a client process is to do, in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// The version of these lines.
    pub version: u32,
    /// Where the server listens.
    pub address: String,
    /// The name of the transport.
    pub transport: String,
    /// The options of the target.
    #[serde(default)]
    pub options: Options,
    /// The token that the server must answer with; none where a server was launched by hand.
    #[serde(default)]
    pub nonce: Option<String>,
    /// The certificate by which the server is verified (PEM), where the target speaks TLS.
    #[serde(default)]
    pub ca: Option<String>,
    /// What is asked.
    pub call: Call,
    /// Bytes of a body.
    #[serde(default)]
    pub payload: Option<u64>,
    /// Bytes of a chunk; none means whole.
    #[serde(default)]
    pub chunk: Option<u64>,
    /// How a payload with chunks is carried.
    #[serde(default = "body")]
    pub split: Split,
    /// What the bytes are.
    #[serde(default = "zeros")]
    pub fill: FillKind,
    /// How far `compute` sums.
    #[serde(default)]
    pub work: Option<u64>,
    /// How long `sleep` waits, in nanoseconds.
    #[serde(default)]
    pub hold_ns: Option<u64>,
    /// The seed of all that is random.
    #[serde(default)]
    pub seed: u64,
    /// How many callers.
    pub clients: u32,
    /// Calls by each client before anything is timed.
    #[serde(default)]
    pub warmup: u64,
    /// Timed calls by each client; this or `duration_ns`.
    #[serde(default)]
    pub iterations: Option<u64>,
    /// How long calls are begun, in nanoseconds; this or `iterations`.
    #[serde(default)]
    pub duration_ns: Option<u64>,
    /// Calls per second of all clients together, which makes the load open-loop.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Rates that follow each other, in place of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Step>,
    /// How the due times of an open loop are spaced.
    #[serde(default = "constant")]
    pub arrivals: Arrivals,
    /// How the client process waits.
    #[serde(default = "block")]
    pub wait: Wait,
    /// The cores that it may run on; all where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pin: Vec<usize>,
    /// How long a call may take from its actual send, in nanoseconds.
    pub timeout_ns: u64,
    /// How long after the window calls may still be answered, in nanoseconds.
    pub drain_ns: u64,
    /// What is checked of each reply.
    #[serde(default = "length")]
    pub verify: Verify,
}

/// A rate that is held for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Calls per second of all clients together.
    pub rate: f64,
    /// For how long, in nanoseconds.
    pub for_ns: u64,
}

fn constant() -> Arrivals {
    Arrivals::Constant
}
fn block() -> Wait {
    Wait::Block
}
fn body() -> Split {
    Split::Body
}
fn zeros() -> FillKind {
    FillKind::Zeros
}
fn length() -> Verify {
    Verify::Length
}

impl Assignment {
    /// The assignment that asks for `load`.
    ///
    /// `ca` is the certificate by which the server is verified, where it speaks TLS.
    pub fn of(
        load: &Load,
        transport: &str,
        options: &Options,
        address: &str,
        nonce: Option<&str>,
        ca: Option<&str>,
    ) -> Self {
        let (iterations, duration_ns) = match load.extent {
            Extent::Iterations(count) => (Some(count), None),
            Extent::Duration(time) => (None, Some(time.as_nanos() as u64)),
        };
        Assignment {
            version: VERSION,
            address: address.to_owned(),
            transport: transport.to_owned(),
            options: options.clone(),
            nonce: nonce.map(str::to_owned),
            ca: ca.map(str::to_owned),
            call: load.call,
            payload: load.payload,
            chunk: load.chunk,
            split: load.split,
            fill: load.fill,
            work: load.work,
            hold_ns: load.hold.map(|hold| hold.as_nanos() as u64),
            seed: load.seed,
            clients: load.clients,
            warmup: load.warmup,
            iterations,
            duration_ns,
            rate: load.rate,
            ramp: load.ramp.iter().map(|(rate, time)| Step { rate: *rate, for_ns: time.as_nanos() as u64 }).collect(),
            arrivals: load.arrivals,
            wait: load.wait,
            pin: Vec::new(),
            timeout_ns: load.timeout.as_nanos() as u64,
            drain_ns: load.drain.as_nanos() as u64,
            verify: load.verify,
        }
    }
}

/// A line to the client process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToDrive {
    /// What to do. Connect and warm up, then say `armed`.
    Assignment(Box<Assignment>),
    /// Begin to measure.
    Go {},
    /// Say what was measured.
    Report {},
}

/// How far a trial has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Calls that have ended.
    pub ended: u64,
    /// The median of their response times so far in nanoseconds, exact to one sixteenth; none where too few have ended,
    /// or the client does not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// The 99th percentile likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
}

/// A line from the client process; parsed from text, it may hold times in place of each distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FromDrive {
    /// Every client is connected and warmed up.
    Armed {
        /// How many.
        clients: u32,
    },
    /// How far it has come, at most once a second.
    Progress(Progress),
    /// The last call is settled.
    Done {
        /// When the first could begin, in nanoseconds of this machine's monotonic clock; none where it is not told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began_ns: Option<u64>,
    },
    /// What was measured.
    Measured(Box<Measured>),
    /// It cannot be measured.
    Failed {
        /// The class of the failure: one of the error classes of a call, `timeout`, `nonce` or `assignment`.
        class: String,
        /// What happened, in words.
        reason: String,
        /// What the client's own machine lacked, where that is why: then it is not the server's failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<Lack>,
    },
}

impl FromStr for FromDrive {
    type Err = Error;

    fn from_str(line: &str) -> Result<Self> {
        let doing = "the client process said something that is not one of its lines";
        let mut line: Value = serde_json::from_str(line).doing(doing)?;
        condense(&mut line)?;
        serde_json::from_value(line).doing(doing)
    }
}
