//! How long a trial takes, by rule of thumb.

use std::time::Duration;

use crate::call::{Chunks, Split};
use crate::key::link::properties::Link;
use crate::key::load::Extent;
use crate::plan::{Cell, Plan};

/// Longer than this no run is planned; it keeps sums of estimates in range.
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

/// Before a run the machine is looked at, and its yardstick is measured before and after each block and every so often.
const LOOK_S: f64 = 0.5;
const YARDSTICK_S: f64 = 0.03;
const EVERY_S: f64 = 30.0;

impl Plan {
    /// About how long all trials take, and what is measured of the machine between them.
    pub(crate) fn estimated(&self) -> Duration {
        let trials: Duration = self.turns.iter().map(|turn| self.cells[turn.cell].estimate()).sum();
        let blocks = self.turns.iter().map(|turn| turn.block).max().unwrap_or(0);
        let yardsticks = f64::from(blocks + 1).max(trials.as_secs_f64() / EVERY_S);
        trials + Duration::try_from_secs_f64(LOOK_S + yardsticks * YARDSTICK_S).unwrap_or(YEAR)
    }
}
// The figures are guesses for a small machine, right within a factor of three or so.
const LAUNCH_S: f64 = 0.05;
const LAUNCH_PYTHON_S: f64 = 0.8;
const LAY_S: f64 = 0.05;
/// What a call takes that one client makes after the other.
const CALL_S: f64 = 150e-6;
/// What it adds where many are under way: nobody has to wake up.
const CROWDED_S: f64 = 50e-6;
const CALL_PYTHON_S: f64 = 600e-6;
const DIAL_S: f64 = 1e-3;
const BYTES_PER_S: f64 = 500e6;
const STEP_S: f64 = 2e-9;
const STEP_PYTHON_S: f64 = 60e-9;
/// A search grows and bisects in about so many probes, and tries again what did not hold.
const PROBES: f64 = 13.0;
/// One that begins higher and ends rougher.
const QUICK_PROBES: f64 = 9.0;
/// What a probe takes beyond its window: a client process, and a queue that drains, for as long as the window at most.
const PROBE_S: f64 = 0.08;
const DRAIN_SHARE: f64 = 0.3;

impl Cell {
    /// About how long one trial takes: both ends are launched, every call costs something, every byte is carried
    /// each way it goes.
    pub(crate) fn estimate(&self) -> Duration {
        let load = &self.load;
        let launch = if self.python() { LAUNCH_PYTHON_S } else { LAUNCH_S };
        let round = self.round().as_secs_f64();
        let window = match (load.extent(), &self.search) {
            (Extent::Iterations(count), _) => round * count as f64,
            (Extent::Duration(time), Some(search)) => {
                let probes = if search.short.is_some() { QUICK_PROBES } else { PROBES };
                let probe = search.window(search.start, time).as_secs_f64();
                probes * (probe + DRAIN_SHARE * probe.min(1.0) + PROBE_S)
            }
            (Extent::Duration(time), None) => time.as_secs_f64(),
        };
        let launch = launch + if self.link.is_some() { LAY_S } else { 0.0 };
        let warming = load.warmup_time.unwrap_or_default().as_secs_f64() + self.busy_s() * load.warmup as f64;
        seconds(launch + warming + window)
    }

    /// About how long it takes until each client has made one call.
    pub(crate) fn round(&self) -> Duration {
        // A rate counts passes.
        let passes = self.messages() / self.load.pass() as f64 * f64::from(self.load.clients);
        seconds(self.load.rate.map_or_else(|| self.busy_s(), |rate| passes / rate))
    }

    fn python(&self) -> bool {
        self.target.pairing.interpreted()
    }

    /// How many calls it takes to move a payload, or to go through the steps.
    fn messages(&self) -> f64 {
        match self.load.split {
            _ if !self.load.steps.is_empty() => self.load.pass() as f64,
            Split::Calls => Chunks::count(self.load.payload.unwrap_or(0), self.load.chunk) as f64,
            Split::Body => 1.0,
        }
    }

    /// The same where each client calls as soon as it can, in seconds.
    fn busy_s(&self) -> f64 {
        let load = &self.load;
        let clients = f64::from(load.clients);
        let bytes = load.payload.unwrap_or(0) as f64 * load.payload_trips();
        let dial = if load.dials() { DIAL_S } else { 0.0 };
        let interpreted = self.target.pairing.serving().model().is_some_and(|(_, stack)| stack.interpreted());
        let step = if interpreted { STEP_PYTHON_S } else { STEP_S };
        let calls = match self.python() {
            true => clients * CALL_PYTHON_S,
            false => CALL_S + (clients - 1.0) * CROWDED_S,
        };
        // What keeps the machine busy adds up over the clients; what only waits does not.
        self.messages() * calls
            + clients * (dial + bytes / BYTES_PER_S + load.work.unwrap_or(0) as f64 * step)
            + load.hold.unwrap_or_default().as_secs_f64()
            + self.messages() * load.think.map_or(0.0, |think| think.mean().as_secs_f64())
            + self.link.as_ref().map_or(0.0, |link| self.under_way_s(link, clients * bytes))
    }

    /// What a link adds to the calls of a round that are made side by side: a round trip, another to connect, and the
    /// bytes of all of them at its rate.
    fn under_way_s(&self, link: &Link, bytes: f64) -> f64 {
        let trips = if self.load.dials() { 2.0 } else { 1.0 };
        let carried = link.rate.map_or(0.0, |rate| bytes * 8.0 / rate.bits() as f64);
        self.messages() * (trips * 2.0 * link.delay.as_secs_f64() + carried)
    }
}

fn seconds(time: f64) -> Duration {
    Duration::try_from_secs_f64(time).unwrap_or(YEAR).min(YEAR)
}
