//! What the machine did besides the run: who else used its cores, and how quick it was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What processes that are not of the run used of the cores of the end that they hit harder, over the stretch of time
/// that a trial lies in; a stretch lasts at least 500 ms and may span several short trials, which then share its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Interference {
    /// The share of the time of those cores that others used, 0 to 1.
    pub share: f64,
    /// How long the stretch was, in nanoseconds.
    pub stretch_ns: u64,
    /// The process that used most of it, where one could be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest: Option<Neighbour>,
    /// How long runnable threads of the two ends waited for a core, in nanoseconds, where the kernel tells it. It is
    /// recorded and never judged, since a server's own threads cause it too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_queue_ns: Option<u64>,
}

/// A process that is not of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// What the kernel calls it (`comm`).
    pub name: String,
    /// Its process id.
    pub pid: i32,
    /// The share of the cores' time that it used, 0 to 1.
    pub share: f64,
}

impl Interference {
    /// From this share of an end's cores on a trial is suspect, and tried again.
    pub const SUSPECT: f64 = 0.05;
    /// From this share on it is invalid.
    pub const INVALID: f64 = 0.20;
    /// What the sentence about it begins with.
    pub const SAYS: &str = "other processes used";

    /// True where others used so much that the trial is to be tried again; nothing else decides that.
    pub fn disturbs(&self) -> bool {
        self.share >= Self::SUSPECT
    }

    /// True where others used so much that the figures of the trial show nothing.
    pub fn spoils(&self) -> bool {
        self.share >= Self::INVALID
    }

    /// What happened, with the name of whoever used most.
    pub fn sentence(&self) -> String {
        let percent = |share: f64| format!("{:.0} %", share * 100.0);
        let most = self.largest.as_ref().map_or_else(String::new, |most| {
            format!(", `{}` (pid {}) the most with {}", most.name, most.pid, percent(most.share))
        });
        format!("{} {} of the cores of an end{most}", Self::SAYS, percent(self.share))
    }
}

/// A raw exchange of bytes and a piece of arithmetic, measured between blocks: whether figures of two runs may be
/// compared, and never a divisor of them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Yardstick {
    /// When, in nanoseconds after the run began.
    pub at_ns: u64,
    /// The median of a raw exchange of bytes between the cores of the two ends, in nanoseconds.
    pub exchange_ns: u64,
    /// The median time of a fixed piece of arithmetic on them, in nanoseconds.
    pub arithmetic_ns: u64,
}

#[cfg(test)]
mod tests {
    use super::{Interference, Neighbour};

    #[test]
    fn who_used_the_cores_is_told_by_name_and_share() {
        let of = |share, largest| Interference { share, stretch_ns: 500_000_000, largest, run_queue_ns: None };
        assert_eq!(of(0.061, None).sentence(), "other processes used 6 % of the cores of an end");
        let rustc = Neighbour { name: "rustc".to_owned(), pid: 7, share: 0.49 };
        let told = "other processes used 50 % of the cores of an end, `rustc` (pid 7) the most with 49 %";
        assert_eq!(of(0.5, Some(rustc)).sentence(), told);
        let judged = |share| (of(share, None).disturbs(), of(share, None).spoils());
        assert_eq!([judged(0.049), judged(0.05), judged(0.2)], [(false, false), (true, false), (true, true)]);
    }
}
