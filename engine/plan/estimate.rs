//! How long a trial takes, by rule of thumb.

use std::time::Duration;

use crate::call::{Call, Chunks, Driver, Split, Stack};
use crate::plan::{Cell, Extent, Plan};

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

impl Cell {
    /// About how long one trial takes: both ends are launched, every call costs something, every byte is carried
    /// each way it goes. The figures are guesses for a small machine, right within a factor of three or so.
    pub(crate) fn estimate(&self) -> Duration {
        const LAUNCH_S: f64 = 0.05;
        const LAUNCH_PYTHON_S: f64 = 0.8;
        const CALL_S: f64 = 150e-6;
        const CALL_PYTHON_S: f64 = 600e-6;
        const DIAL_S: f64 = 1e-3;
        const BYTES_PER_S: f64 = 500e6;
        const STEP_S: f64 = 2e-9;
        const STEP_PYTHON_S: f64 = 60e-9;
        /// A search grows and bisects in about so many probes, and tries again what did not hold.
        const PROBES: f64 = 13.0;
        /// What a probe takes beyond its window: a client process, and a queue that drains.
        const PROBE_S: f64 = 0.3;

        let load = &self.load;
        let python_server = self.target.pairing.stack() == Stack::Python;
        let python = python_server || self.target.pairing.driver() == Driver::Python;
        let launch = if python { LAUNCH_PYTHON_S } else { LAUNCH_S };
        let clients = f64::from(load.clients);
        let bytes = load.payload.unwrap_or(0) as f64 * if load.call == Call::Echo { 2.0 } else { 1.0 };
        let messages = match load.split {
            Split::Calls => Chunks::count(load.payload.unwrap_or(0), load.chunk) as f64,
            Split::Body => 1.0,
        };
        let dial = if load.call == Call::Connect { DIAL_S } else { 0.0 };
        let step = if python_server { STEP_PYTHON_S } else { STEP_S };
        let busy = messages * if python { CALL_PYTHON_S } else { CALL_S }
            + dial
            + bytes / BYTES_PER_S
            + load.work.unwrap_or(0) as f64 * step;
        // What keeps the machine busy adds up over the clients; what only waits does not.
        let round = busy * clients + load.hold.unwrap_or_default().as_secs_f64();
        let window = match load.extent {
            Extent::Iterations(count) => match load.rate {
                Some(rate) => clients * messages * count as f64 / rate,
                None => round * count as f64,
            },
            Extent::Duration(time) if load.search.is_some() => PROBES * (time.as_secs_f64() + PROBE_S),
            Extent::Duration(time) => time.as_secs_f64(),
        };
        Duration::try_from_secs_f64(launch + round * load.warmup as f64 + window).unwrap_or(YEAR).min(YEAR)
    }
}
