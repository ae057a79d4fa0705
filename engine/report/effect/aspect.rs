//! What an effect can be one on: a figure of each trial, how it is called, how it is written, and which way is better.

use crate::figures::{number, size, time};
use crate::results::measure::Measure;

/// What stands between calls of several kinds that are told together.
pub const OR: &str = " or ";

/// One kind of figure that a trial has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// The highest rate that holds, in calls for each second.
    Capacity,
    /// The median response time, in nanoseconds.
    P50,
    /// Payload bytes for each second.
    Bandwidth,
    /// Answered calls for each second.
    Rate,
    /// The 99th percentile of the response time, in nanoseconds.
    P99,
    /// CPU time of the server for each answered call, in nanoseconds.
    ServerCpu,
    /// CPU time of the client process for each answered call, in nanoseconds.
    ClientCpu,
    /// Memory of the server for each idle connection, in bytes.
    Memory,
    /// Bytes on the wire, both ways, for each answered call.
    Wire,
}

impl Aspect {
    /// All of them, the most telling first.
    pub const ALL: [Aspect; 9] = [
        Aspect::Capacity,
        Aspect::P50,
        Aspect::Bandwidth,
        Aspect::Rate,
        Aspect::P99,
        Aspect::ServerCpu,
        Aspect::ClientCpu,
        Aspect::Memory,
        Aspect::Wire,
    ];

    /// What cells are ranked by.
    pub fn of(measure: Measure) -> Self {
        match measure {
            Measure::ResponseTime => Aspect::P50,
            Measure::Bandwidth => Aspect::Bandwidth,
            Measure::Rate => Aspect::Rate,
            Measure::Capacity => Aspect::Capacity,
        }
    }

    /// True where more is better.
    pub fn more(self) -> bool {
        matches!(self, Aspect::Capacity | Aspect::Bandwidth | Aspect::Rate)
    }

    /// True where twice as much of what is asked may cost twice as much: what a straight line can run through.
    pub fn adds_up(self) -> bool {
        !self.more()
    }

    /// One figure of it with its unit.
    pub fn written(self, value: f64) -> String {
        match self {
            Aspect::P50 | Aspect::P99 | Aspect::ServerCpu | Aspect::ClientCpu => time(value),
            Aspect::Bandwidth => format!("{} MB/s", number(value / 1e6)),
            Aspect::Rate | Aspect::Capacity => format!("{} calls/s", number(value)),
            Aspect::Memory | Aspect::Wire => size(value.round() as u64),
        }
    }

    /// What it is of a kind of call, for a table: `ping, p50`.
    pub fn what(self, call: &str) -> String {
        match self {
            Aspect::P50 => format!("{call}, p50"),
            Aspect::P99 => format!("{call}, p99"),
            Aspect::Bandwidth => format!("bandwidth, {call}"),
            Aspect::Rate => format!("calls/s, {call}"),
            Aspect::Capacity => format!("capacity, {call}"),
            Aspect::ServerCpu => format!("server CPU, {call}"),
            Aspect::ClientCpu => format!("client CPU, {call}"),
            Aspect::Memory => format!("memory per connection, {call}"),
            Aspect::Wire => format!("wire bytes, {call}"),
        }
    }

    /// The same as the subject of a sentence: `a ping`, `the bandwidth of upload`.
    pub fn subject(self, call: &str) -> String {
        match self {
            Aspect::P50 => doing(call),
            Aspect::P99 => format!("the p99 of {}", doing(call)),
            Aspect::Bandwidth => format!("bandwidth ({call})"),
            Aspect::Rate => format!("the rate of {call}"),
            Aspect::Capacity => "capacity".to_owned(),
            Aspect::ServerCpu => format!("the server's CPU time for {}", doing(call)),
            Aspect::ClientCpu => format!("the client's CPU time for {}", doing(call)),
            Aspect::Memory => "the memory of a connection".to_owned(),
            Aspect::Wire => format!("the bytes on the wire of {}", doing(call)),
        }
    }

    /// What whoever is best by it does, at the beginning of a sentence.
    pub fn best(self, call: &str) -> String {
        match self {
            Aspect::P50 if call == "connect" => "Connects soonest".to_owned(),
            Aspect::P50 | Aspect::P99 => format!("Answers {} soonest", doing(call)),
            Aspect::Bandwidth => "Moves the most bytes".to_owned(),
            Aspect::Rate => "Answers the most calls a second".to_owned(),
            Aspect::Capacity => "Holds the highest rate".to_owned(),
            Aspect::ServerCpu | Aspect::ClientCpu => "Spends the least CPU time".to_owned(),
            Aspect::Memory => "Takes the least memory".to_owned(),
            Aspect::Wire => "Puts the fewest bytes on the wire".to_owned(),
        }
    }

    /// What becomes of it where these are its ratios, up to the factor: `takes 4.10 × as long`, `falls to 0.42 ×`.
    pub fn becomes(self, factor: &str, ratios: impl Iterator<Item = f64> + Clone) -> String {
        match self {
            Aspect::P50 => format!("takes {factor} as long"),
            _ if ratios.clone().all(|ratio| ratio < 1.0) => format!("falls to {factor}"),
            _ if ratios.clone().all(|ratio| ratio >= 1.0) => format!("grows to {factor}"),
            // Up with some, and down with others.
            _ => format!("is {factor}"),
        }
    }
}

/// A call, or one of several, as something that is done.
fn doing(call: &str) -> String {
    match call {
        several if several.contains(OR) => several.split(OR).map(doing).collect::<Vec<_>>().join(OR),
        "connect" => "connecting".to_owned(),
        "ping" | "sleep" | "download" => format!("a {call}"),
        "echo" | "upload" => format!("an {call}"),
        "compute" => "a computation".to_owned(),
        own => own.to_owned(),
    }
}

/// `146 → 598 µs`: both figures, the unit once where it is the same.
pub fn from_to(aspect: Aspect, before: f64, after: f64) -> String {
    let (before, after) = (aspect.written(before), aspect.written(after));
    let unit = |text: &str| text.split_once(' ').map(|(_, unit)| unit.to_owned());
    match before.split_once(' ') {
        Some((number, _)) if unit(&before) == unit(&after) => format!("{number} → {after}"),
        _ => format!("{before} → {after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Aspect, from_to};

    #[test]
    fn a_unit_stands_once_where_it_is_the_same() {
        assert_eq!(from_to(Aspect::P50, 146_000.0, 598_000.0), "146 → 598 µs");
        assert_eq!(from_to(Aspect::P50, 780_000.0, 5_870_000.0), "780 µs → 5.87 ms");
        assert_eq!(from_to(Aspect::Bandwidth, 3.145e9, 1.32e9), "3,145 → 1,320 MB/s");
    }
}
