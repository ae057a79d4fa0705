//! What will run, in which order, and what was refused.

mod estimate;
mod order;

use std::sync::Arc;
use std::time::Duration;

use crate::call::{Call, Fill, FillKind, Split, Verify};
use crate::plan::order::{interleaved, sequential};
use crate::results::{Coordinates, Refused};
use crate::scenario::{Order, Point, Scenario, Workload};
use crate::server::pairing::Pairing;
use crate::transport::contract::Options;
use crate::units::Size;

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

impl Plan {
    /// The scenario multiplied out: the same plan for the same scenario, its seed included.
    pub fn of(scenario: &Scenario) -> Self {
        let (mut cells, mut refusals) = (Vec::new(), Vec::new());
        for target in &scenario.targets {
            for candidate in target.candidates() {
                let coordinates = candidate.coordinates();
                match candidate.pairing() {
                    Err(refusal) => refusals.push(Refused { coordinates, reason: refusal.reason }),
                    Ok(pairing) => {
                        let target = Target { name: candidate.name, pairing, options: candidate.options };
                        for workload in &scenario.workloads {
                            let points = workload.points();
                            cells.extend(
                                points.iter().map(|point| cell(scenario, workload, point, &target, &coordinates)),
                            );
                        }
                    }
                }
            }
        }
        let turns = match scenario.order.unwrap_or(Order::Interleaved) {
            Order::Interleaved => interleaved(&cells, scenario.seed()),
            Order::Sequential => sequential(&cells),
        };
        let mut plan = Plan { cells, refusals, turns, estimate: Duration::ZERO };
        plan.estimate = plan.turns.iter().map(|turn| plan.cells[turn.cell].estimate()).sum();
        plan
    }

    /// How much it is, in one line.
    pub fn summary(&self) -> String {
        let count = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
        let refused = if self.refusals.is_empty() {
            String::new()
        } else {
            format!(", {}", count(self.refusals.len(), "refusal"))
        };
        format!(
            "{}, {}{refused}, about {}",
            count(self.cells.len(), "cell"),
            count(self.turns.len(), "trial"),
            rough(self.estimate)
        )
    }

    /// The plan with only those cells whose id contains `text`; their turns keep their order.
    pub fn only(mut self, text: &str) -> Self {
        let mut kept = 0..;
        let places: Vec<Option<usize>> =
            self.cells.iter().map(|cell| if cell.id.contains(text) { kept.next() } else { None }).collect();
        self.cells.retain(|cell| cell.id.contains(text));
        self.turns =
            self.turns.iter().filter_map(|turn| places[turn.cell].map(|cell| Turn { cell, ..*turn })).collect();
        self.estimate = self.turns.iter().map(|turn| self.cells[turn.cell].estimate()).sum();
        self
    }
}

fn cell(scenario: &Scenario, workload: &Workload, point: &Point, target: &Target, of_target: &Coordinates) -> Cell {
    let mut coordinates = of_target.clone();
    coordinates.insert("workload".to_owned(), workload.name.clone().into());
    let mut id = format!("{}/{}", target.name, workload.name);
    for (axis, value, varies) in workload.axes(point) {
        if varies {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            id += &format!("/{axis}={text}");
        }
        coordinates.insert(axis.to_owned(), value);
    }
    let timeout = workload.timeout.or(scenario.timeout).map_or(Duration::from_secs(30), |time| time.0);
    let load = Load {
        workload: workload.name.clone(),
        call: point.call,
        payload: point.payload.map(Size::bytes),
        chunk: point.chunk.bytes(),
        split: point.split,
        fill: point.fill,
        work: point.work,
        hold: point.hold.map(|time| time.0),
        clients: point.clients,
        warmup: workload.warmup.unwrap_or(0),
        // The reader lets exactly one of them through.
        extent: match (workload.iterations, workload.duration) {
            (Some(count), _) => Extent::Iterations(count.get()),
            (None, time) => Extent::Duration(time.map_or(Duration::ZERO, |time| time.0)),
        },
        timeout,
        drain: workload.drain.or(scenario.drain).map_or(timeout, |time| time.0),
        verify: workload.verify.or(scenario.verify).unwrap_or(Verify::Length),
        seed: scenario.seed(),
    };
    Cell { id, coordinates, target: target.clone(), load, trials: scenario.trials(workload) }
}

/// A time as people say it.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.max(1)),
        seconds @ 120..7200 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h", seconds.div_ceil(3600)),
    }
}
