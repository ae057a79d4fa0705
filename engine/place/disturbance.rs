//! What is done to the ends of a trial on purpose, so that the figures can be compared with what must come out.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::drive::clock::now_ns;
use crate::transport::contract::Facts;

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

/// A stall that is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stalled {
    /// How long after the load began, where the client process told when that was.
    pub from_ns: Option<u64>,
    /// How long it really lasted.
    pub length_ns: u64,
}

/// The facts under which a stall is kept.
const FROM: &str = "stalled from";
const LENGTH: &str = "stalled";

impl Stalled {
    /// One that lasted `from` then `until` then, of a load whose calls could begin at `began_ns` of the same clock.
    pub fn of((from, until): (u64, u64), began_ns: Option<u64>) -> Self {
        Stalled { from_ns: began_ns.map(|began| from.saturating_sub(began)), length_ns: until - from }
    }

    /// As facts of the target that was stalled.
    pub fn tell(self, facts: &mut Facts) {
        let seconds = |ns: u64| format!("{:.6} s", ns as f64 / 1e9);
        facts.extend(self.from_ns.map(|from| (FROM.to_owned(), seconds(from))));
        facts.insert(LENGTH.to_owned(), seconds(self.length_ns));
    }

    /// As facts tell it; none where they do not.
    pub fn told(facts: &Facts) -> Option<Self> {
        let ns =
            |name: &str| facts.get(name)?.trim_end_matches(" s").parse().ok().map(|s: f64| (s * 1e9).round() as u64);
        Some(Stalled { from_ns: ns(FROM), length_ns: ns(LENGTH)? })
    }
}

#[cfg(test)]
mod tests {
    use super::Stalled;
    use crate::transport::contract::Facts;

    #[test]
    fn what_is_told_of_a_stall_can_be_read_again() {
        for from_ns in [None, Some(6_000_123_000)] {
            let stalled = Stalled { from_ns, length_ns: 1_500_001_000 };
            let mut facts = Facts::new();
            stalled.tell(&mut facts);
            assert_eq!(Stalled::told(&facts), Some(stalled));
        }
        assert_eq!(Stalled::told(&Facts::new()), None);
    }
}
