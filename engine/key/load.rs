//! What keys set: the load of a cell, as plans hold it and client processes are told it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{Arrivals, Call, Called, FillKind, ServiceCall, Split, Verify, Wait};
use crate::key::link::properties::Link;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Stack};
use crate::transport::contract::Transport;
use crate::units::ns;

/// One point of the comparison, as far as keys decide it.
#[derive(Clone, Default)]
pub struct Point {
    /// How bytes travel.
    pub transport: Option<&'static dyn Transport>,
    /// How clients get their turn.
    pub model: Option<&'static dyn Model>,
    /// Whose server it is.
    pub stack: Option<&'static dyn Stack>,
    /// True where the server is the user's own, which has no model and is of no stack.
    pub own: bool,
    /// Whose client makes the calls.
    pub driver: Option<&'static dyn Driver>,
    /// The place where the server runs; none where that is here.
    pub place: Option<String>,
    /// What is asked.
    pub load: Load,
    /// The place where the clients run; none where that is here.
    pub from: Option<String>,
    /// The network between both ends; none where they meet on this machine's loopback.
    pub link: Option<Link>,
    /// Whether the scenario has any such network.
    pub has_links: bool,
    /// True where the highest rate is searched at which everything holds.
    pub searches: bool,
    /// How often it is repeated, each time with a fresh server.
    pub trials: u32,
}

/// What a client process is to do; times are nanoseconds in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// What is asked; where calls are drawn, the first of them.
    pub call: Called,
    /// The calls that are drawn, each as often as its weight says; none where all are the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mix: Vec<Share>,
    /// Calls in their order, which each client goes through again and again; none where a call or a mix is made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Called>,
    /// Calls that each client makes once, before anything is timed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Called>,
    /// How long each client pauses after each of its calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub think: Option<Think>,
    /// Bytes of a body, for calls that have one.
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
    /// How long `sleep` waits.
    #[serde(rename = "hold_ns", default, with = "ns::optional")]
    pub hold: Option<Duration>,
    /// The seed of all that is random.
    #[serde(default)]
    pub seed: u64,
    /// How many callers.
    pub clients: u32,
    /// How many client processes make the calls, each a part of them.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub processes: u32,
    /// Calls by each client before anything is timed.
    #[serde(default)]
    pub warmup: u64,
    /// How long each client calls before anything is timed, in place of a number of calls.
    #[serde(rename = "warmup_ns", default, with = "ns::optional", skip_serializing_if = "Option::is_none")]
    pub warmup_time: Option<Duration>,
    /// Timed calls by each client; this, a duration or a ramp.
    #[serde(default)]
    pub iterations: Option<u64>,
    /// How long calls are begun.
    #[serde(rename = "duration_ns", default, with = "ns::optional")]
    pub duration: Option<Duration>,
    /// Calls per second of all clients together, which makes the load open-loop.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Rates that follow each other, each held for a time, in place of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<Step>,
    /// How the due times of an open loop are spaced.
    #[serde(default = "constant")]
    pub arrivals: Arrivals,
    /// How the client process waits.
    #[serde(default = "block")]
    pub wait: Wait,
    /// How long a call may take from its actual send.
    #[serde(rename = "timeout_ns", with = "ns")]
    pub timeout: Duration,
    /// How long after the window calls may still be answered.
    #[serde(rename = "drain_ns", with = "ns")]
    pub drain: Duration,
    /// What is checked of each reply.
    #[serde(default = "length")]
    pub verify: Verify,
}

/// A call that is drawn among others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Share {
    /// The call.
    pub call: Called,
    /// How often it is drawn, against the weights of the others; at least 1.
    pub weight: u32,
}

/// How long a client pauses: a time between two, or always the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Think {
    /// At least so long.
    #[serde(rename = "least_ns", with = "ns")]
    pub least: Duration,
    /// At most so long.
    #[serde(rename = "most_ns", with = "ns")]
    pub most: Duration,
}

impl Think {
    /// On average.
    pub fn mean(self) -> Duration {
        (self.least + self.most) / 2
    }
}

/// A rate that is held for a time, or changes evenly in it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Calls per second of all clients together, at its beginning; none at all is a pause.
    pub rate: f64,
    /// The rate at its end, where that is another: it changes evenly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<f64>,
    /// For how long.
    #[serde(rename = "for_ns", with = "ns")]
    pub time: Duration,
}

impl Step {
    /// How many calls are due in it.
    pub fn calls(&self) -> f64 {
        (self.rate + self.end.unwrap_or(self.rate)) / 2.0 * self.time.as_secs_f64()
    }
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// After so many timed calls by each client.
    Iterations(u64),
    /// After so long.
    Duration(Duration),
}

fn one() -> u32 {
    1
}
fn is_one(count: &u32) -> bool {
    *count == 1
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

impl Point {
    /// True where calls are due by the clock: an open loop.
    pub fn is_open(&self) -> bool {
        self.searches || self.load.rate.is_some() || !self.load.ramp.is_empty()
    }
}

impl Default for Load {
    fn default() -> Self {
        Load {
            call: Called::Service(Call::Ping),
            mix: Vec::new(),
            steps: Vec::new(),
            before: Vec::new(),
            think: None,
            payload: None,
            chunk: None,
            split: body(),
            fill: zeros(),
            work: None,
            hold: None,
            seed: 1,
            clients: 1,
            processes: 1,
            warmup: 0,
            warmup_time: None,
            iterations: None,
            duration: None,
            rate: None,
            ramp: Vec::new(),
            arrivals: constant(),
            wait: block(),
            timeout: Duration::ZERO,
            drain: Duration::ZERO,
            verify: length(),
        }
    }
}

impl Load {
    /// How many calls one pass has: its steps, or a call alone.
    pub fn pass(&self) -> u64 {
        self.steps.len().max(1) as u64
    }

    /// Every call that it makes, but for those before.
    pub fn calls(&self) -> impl Iterator<Item = &Called> {
        let one = (self.mix.is_empty() && self.steps.is_empty()).then_some(&self.call);
        one.into_iter().chain(self.mix.iter().map(|share| &share.call)).chain(&self.steps)
    }

    /// What its calls tell about themselves.
    pub fn kinds(&self) -> impl Iterator<Item = &'static dyn ServiceCall> {
        self.calls().map(Called::kind)
    }

    /// Whether one of its calls uses that key of a workload.
    pub fn uses(&self, key: &str) -> bool {
        self.kinds().any(|kind| kind.uses(key))
    }

    /// Whether one of its calls cannot be made without that key.
    pub fn requires(&self, key: &str) -> bool {
        self.kinds().any(|kind| kind.requires(key))
    }

    /// Whether each call dials; such calls are not mixed with others.
    pub fn dials(&self) -> bool {
        self.kinds().all(|kind| kind.dials())
    }

    /// Whether one of its calls carries a payload.
    pub fn has_body(&self) -> bool {
        self.kinds().any(|kind| kind.has_body())
    }

    /// Whether it is ranked by its bandwidth.
    pub fn is_transfer(&self) -> bool {
        self.kinds().all(|kind| kind.is_transfer())
    }

    /// How often the payload crosses the wire with a call: the mean over those that it makes.
    pub fn payload_trips(&self) -> f64 {
        match self.mix.as_slice() {
            [] if !self.steps.is_empty() => {
                let trips: u32 = self.kinds().map(|kind| kind.payload_trips()).sum();
                f64::from(trips) / self.steps.len() as f64
            }
            [] => f64::from(self.call.kind().payload_trips()),
            shares => {
                let all: f64 = shares.iter().map(|share| f64::from(share.weight)).sum();
                let trips = |share: &Share| f64::from(share.weight) * f64::from(share.call.kind().payload_trips());
                shares.iter().map(trips).sum::<f64>() / all.max(1.0)
            }
        }
    }

    /// When it ends; a ramp when its steps do.
    pub fn extent(&self) -> Extent {
        match (self.iterations, self.duration) {
            (Some(count), _) => Extent::Iterations(count),
            (None, Some(time)) => Extent::Duration(time),
            (None, None) => Extent::Duration(self.ramp.iter().map(|step| step.time).sum()),
        }
    }

    /// How many connections its clients have with those options; a call that dials shares none with another.
    pub fn connections(&self, streams: Option<u64>, pool: Option<u64>) -> u64 {
        let clients = u64::from(self.clients);
        let streams = if self.dials() { 1 } else { streams.unwrap_or(1).max(1) };
        clients.div_ceil(streams).min(pool.unwrap_or(clients)).max(1)
    }
}
