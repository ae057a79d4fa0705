//! How many connections this machine can dial: each takes a local port, and may keep it for a while after its end.

use std::fs;

use serde::{Deserialize, Serialize};

/// For how long an end that closed first keeps a connection's port (TIME_WAIT), in seconds.
const TIME_WAIT_S: u64 = 60;
/// After how long the kernel gives such a port to another connection where it may (tcp_tw_reuse), in seconds.
const REUSED_S: u64 = 1;

/// The local ports of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ports {
    /// How many there are to choose from (ip_local_port_range).
    pub count: u64,
    here_s: u64,
    elsewhere_s: u64,
}

impl Ports {
    /// Those of this machine; none where the kernel does not tell.
    pub fn of_this_machine() -> Option<Self> {
        let told = |name: &str| fs::read_to_string(format!("/proc/sys/net/ipv4/{name}")).ok();
        let (reuse, stamps) = (told("tcp_tw_reuse"), told("tcp_timestamps"));
        Self::told(&told("ip_local_port_range")?, reuse.as_deref().unwrap_or("0"), stamps.as_deref().unwrap_or("0"))
    }

    /// What the kernel's settings mean: the range of ports, whether ports in TIME_WAIT are given again (1: all, 2: those
    /// of connections on this machine), and whether there are timestamps, without which none is.
    pub fn told(range: &str, reuse: &str, timestamps: &str) -> Option<Self> {
        let mut ends = range.split_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(last))) = (ends.next(), ends.next()) else { return None };
        let held = |reused: bool| if reused && timestamps.trim() != "0" { REUSED_S } else { TIME_WAIT_S };
        let (here_s, elsewhere_s) = (held(matches!(reuse.trim(), "1" | "2")), held(reuse.trim() == "1"));
        Some(Ports { count: (last + 1).checked_sub(first)?, here_s, elsewhere_s })
    }

    /// How many connections a minute can be dialled to one server on this machine, where the client closes first.
    pub fn dials_a_minute(&self) -> u64 {
        self.count * TIME_WAIT_S / self.here_s
    }

    /// The same to one server on another machine.
    pub fn dials_a_minute_elsewhere(&self) -> u64 {
        self.count * TIME_WAIT_S / self.elsewhere_s
    }

    /// The same ports as they come back from servers on other machines.
    pub fn elsewhere(self) -> Self {
        Ports { here_s: self.elsewhere_s, ..self }
    }

    /// True where so many dials to one server on this machine, in so many seconds if that is known, need more ports than
    /// there are.
    pub fn lacks(&self, dials: f64, seconds: Option<f64>) -> bool {
        let turns = seconds.map_or(1.0, |seconds| (seconds / self.here_s as f64).max(1.0));
        // Where ports come back within a second, nobody knows beforehand whether they come back too late.
        let known = seconds.is_some() || self.here_s == TIME_WAIT_S;
        known && dials > self.count as f64 * turns
    }
}

#[cfg(test)]
mod tests {
    use super::Ports;

    #[test]
    fn a_port_comes_back_after_a_minute_or_after_a_second() {
        let told = |reuse: &str, stamps: &str| Ports::told("32768\t60999\n", reuse, stamps).expect("a range");
        let counts = |ports: Ports| (ports.dials_a_minute(), ports.dials_a_minute_elsewhere());
        assert_eq!(counts(told("0\n", "1\n")), (28_232, 28_232));
        assert_eq!(counts(told("1\n", "1\n")), (28_232 * 60, 28_232 * 60));
        assert_eq!(counts(told("2\n", "1\n")), (28_232 * 60, 28_232));
        assert_eq!(counts(told("2\n", "0\n")), (28_232, 28_232));
        assert_eq!(Ports::told("nonsense", "0", "0"), None);
        assert_eq!(Ports::told("2 1\n", "0", "0").map(|ports| ports.count), Some(0));
    }

    #[test]
    fn more_dials_than_ports_are_told_beforehand() {
        let (slow, quick) = (Ports::told("1 1000", "0", "1"), Ports::told("1 1000", "2", "1"));
        let (slow, quick) = (slow.expect("a range"), quick.expect("a range"));
        assert!(slow.lacks(1001.0, None) && !slow.lacks(1000.0, None) && !quick.lacks(1e9, None));
        assert!(slow.lacks(1001.0, Some(59.0)) && !slow.lacks(1900.0, Some(120.0)));
        assert!(!quick.lacks(9_000.0, Some(10.0)) && quick.lacks(11_000.0, Some(10.0)));
    }
}
