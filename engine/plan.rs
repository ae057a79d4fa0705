//! What will run, in which order, and what was refused.

use crate::call::{Call, Fill, FillKind, Split, Verify};
use crate::results::{Coordinates, Refused};
use crate::server::pairing::Pairing;
use crate::transport::contract::Options;
use std::sync::Arc;
use std::time::Duration;

/// A scenario multiplied out.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Every cell, in the order of the scenario.
    pub cells: Vec<Cell>,
    /// Every combination that cannot exist.
    pub refusals: Vec<Refused>,
    /// Every trial of every cell, in the order in which they run.
    pub turns: Vec<Turn>,
    /// About how long the whole run takes.
    pub estimate: Duration,
}

/// One trial of one cell, at its place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// The index of its cell.
    pub cell: usize,
    /// Which repetition, from 1.
    pub trial: u32,
    /// Which random block, from 1.
    pub block: u32,
}

/// One point of the comparison.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Target, workload, and the axes that vary: `http1-threaded/latency/clients=10`.
    pub id: String,
    /// Every axis by name.
    pub coordinates: Coordinates,
    /// What is compared.
    pub target: Target,
    /// What is asked of it.
    pub load: Load,
    /// How often it is repeated, each time with a fresh server.
    pub trials: u32,
}

/// What is compared: a pairing with its options, under its name.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its name in reports.
    pub name: String,
    /// Transport, model, stack and driver.
    pub pairing: Pairing,
    /// One value for each option that is set.
    pub options: Options,
}

/// What the client process is to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Load {
    /// The name of the workload.
    pub workload: String,
    /// What is asked.
    pub call: Call,
    /// Bytes of a body, for calls that have one.
    pub payload: Option<u64>,
    /// Bytes of a chunk; none means whole.
    pub chunk: Option<u64>,
    /// How a payload with chunks is carried.
    pub split: Split,
    /// What the bytes are.
    pub fill: FillKind,
    /// How far `compute` sums.
    pub work: Option<u64>,
    /// How long `sleep` waits.
    pub hold: Option<Duration>,
    /// How many callers.
    pub clients: u32,
    /// Calls by each client before anything is timed.
    pub warmup: u64,
    /// When it ends.
    pub extent: Extent,
    /// How long a call may take from its actual send.
    pub timeout: Duration,
    /// How long after the window calls may still be answered.
    pub drain: Duration,
    /// What is checked of each reply.
    pub verify: Verify,
    /// The seed of all that is random.
    pub seed: u64,
}

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// After so many timed calls by each client.
    Iterations(u64),
    /// After so long.
    Duration(Duration),
}

impl Load {
    /// The bytes that both ends of this load agree on.
    pub fn bytes(&self) -> Arc<Fill> {
        Fill::new(self.fill, self.seed)
    }
}
