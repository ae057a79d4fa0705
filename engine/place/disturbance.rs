//! What is done to the ends of a trial on purpose, so that the figures can be compared with what must come out.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::drive::clock::now_ns;

/// Nothing, unless a selftest says otherwise; no scenario can ask for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Disturbance {
    /// What the server is launched with as `--fault`.
    pub fault: Option<&'static str>,
    /// Who is stopped for a while.
    pub stall: Option<Stall>,
}

/// One end's whole process group is stopped, by SIGSTOP, and goes on later.
#[derive(Debug, Clone, Copy)]
pub struct Stall {
    /// Which end.
    pub end: Side,
    /// How long after the load began.
    pub after: Duration,
    /// For how long.
    pub length: Duration,
}

/// One end of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The server.
    Server,
    /// The client process.
    Client,
}

/// A stall that is under way.
#[derive(Debug)]
pub struct Stalling(JoinHandle<(u64, u64)>);

/// Begins now: `group` will be stopped `after` so long, for that `length`.
pub fn stall(group: Pid, after: Duration, length: Duration) -> Stalling {
    Stalling(thread::spawn(move || {
        thread::sleep(after);
        let begun = now_ns();
        // Where the group is gone there is nothing left to stop.
        let _ = killpg(group, Signal::SIGSTOP);
        thread::sleep(length);
        let _ = killpg(group, Signal::SIGCONT);
        (begun, now_ns())
    }))
}

impl Stalling {
    /// From when until when it really was, in nanoseconds of the monotonic clock; it waits until it is over.
    pub fn over(self) -> (u64, u64) {
        self.0.join().unwrap_or_default()
    }
}
