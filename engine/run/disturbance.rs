//! What is done to the ends of a trial on purpose, so that the figures can be compared with what must come out.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

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
    pub end: End,
    /// How long after the load began.
    pub after: Duration,
    /// For how long.
    pub length: Duration,
}

/// One end of a measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The server.
    Server,
    /// The client process.
    Client,
}

/// A stall that is under way.
#[derive(Debug)]
pub struct Stalling(JoinHandle<Duration>);

impl Stall {
    /// Begins now: `group` will be stopped and go on.
    pub fn begin(self, group: Pid) -> Stalling {
        Stalling(thread::spawn(move || {
            thread::sleep(self.after);
            let begun = Instant::now();
            // Where the group is gone there is nothing left to stop.
            let _ = killpg(group, Signal::SIGSTOP);
            thread::sleep(self.length);
            let _ = killpg(group, Signal::SIGCONT);
            begun.elapsed()
        }))
    }
}

impl Stalling {
    /// How long it really lasted, once it is over.
    pub fn lasted(self) -> Duration {
        self.0.join().unwrap_or_default()
    }
}
