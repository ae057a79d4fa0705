//! The trial of a cell that is worth seeing over time.

use crate::figures::{counted, time};
use crate::report::steadiness::{Pace, worst};
use crate::results::{Measured, Slice};
use crate::statistics::median;

/// Fewer slices than this are no picture.
const FEWEST_SLICES: usize = 8;

/// A reply that took at least this long, in nanoseconds, may be the sign of a stall.
const STALL_NS: u64 = 100_000_000;

/// And it is one where it took so many times the usual.
const STALL_FACTOR: f64 = 10.0;

/// Why a cell is shown over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Most of its trials changed their pace.
    Unsteady,
    /// A reply took far longer than the others.
    Stalled,
    /// Its calls were due by the clock, so that a queue could form.
    Open,
}

impl Why {
    /// In words.
    pub fn said(self) -> &'static str {
        match self {
            Why::Unsteady => "not steady; of its trials the one whose pace changed most",
            Why::Stalled => "a reply that took far longer than the others; of its trials the one with the longest",
            Why::Open => "calls due by the clock; of its trials the one with the longest reply",
        }
    }
}

/// One trial over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Which trial.
    pub trial: u32,
    /// Why it is shown.
    pub why: Why,
    /// Its window in slices of time.
    pub slices: Vec<Slice>,
    /// The median of the medians of its slices, in nanoseconds.
    pub usual_ns: f64,
    /// Its longest answered call, in nanoseconds.
    pub longest_ns: u64,
    /// When the slice begins in which that call was due, in nanoseconds from the barrier.
    pub longest_at_ns: u64,
    /// How long no call was due or none of those due was answered, in whole slices, in nanoseconds.
    pub silent_ns: u64,
    /// Calls that failed or were given up.
    pub failed: u64,
}

/// The trial of a cell that is worth seeing over time, of those that count; none where there is nothing to see. Calls of an
/// `open` loop are due by the clock.
pub fn course<'a>(trials: impl Iterator<Item = (u32, &'a Measured)>, paces: &[Pace], open: bool) -> Option<Course> {
    let mut courses: Vec<Course> = trials
        .filter(|(_, measured)| measured.timeline.len() >= FEWEST_SLICES)
        .filter_map(|(trial, measured)| of_trial(trial, &measured.timeline))
        .collect();
    // Sorting keeps the order of equals: of two trials alike the first is shown.
    courses.sort_by_key(|course| std::cmp::Reverse(course.longest_ns));
    let longest = courses.first()?;
    let stalled = longest.longest_ns >= STALL_NS && longest.longest_ns as f64 >= STALL_FACTOR * longest.usual_ns;
    let unsteady = worst(paces).and_then(|(trial, _)| courses.iter().find(|course| course.trial == trial));
    let (shown, why) = match unsteady {
        Some(worst) => (worst, Why::Unsteady),
        None if stalled => (longest, Why::Stalled),
        None if open => (longest, Why::Open),
        None => return None,
    };
    Some(Course { why, ..shown.clone() })
}

/// The course of one trial; none where no call was answered.
fn of_trial(trial: u32, slices: &[Slice]) -> Option<Course> {
    let answered = || slices.iter().filter(|slice| slice.ok > 0);
    // The first of those alike.
    let longest = answered().rev().max_by_key(|slice| slice.max_ns)?;
    Some(Course {
        trial,
        why: Why::Open,
        slices: slices.to_vec(),
        usual_ns: median(&answered().map(|slice| slice.p50_ns as f64).collect::<Vec<f64>>())?,
        longest_ns: longest.max_ns,
        longest_at_ns: longest.start_ns,
        silent_ns: slices.iter().filter(|slice| slice.ok == 0).map(|slice| slice.length_ns).sum(),
        failed: slices.iter().map(|slice| slice.failed).sum(),
    })
}

impl Course {
    /// When its last slice ends, in nanoseconds from the barrier.
    pub fn ends_ns(&self) -> u64 {
        self.slices.last().map_or(0, |slice| slice.start_ns + slice.length_ns)
    }

    /// How many times the usual its longest reply took.
    pub fn factor(&self) -> f64 {
        self.longest_ns as f64 / self.usual_ns.max(1.0)
    }

    /// What is to be seen in it, in a sentence.
    pub fn told(&self) -> String {
        let failed = match self.failed {
            0 => String::new(),
            failed => format!("; {} failed or given up", counted(failed as usize, "call", "calls")),
        };
        format!(
            "trial {}: half of the calls within {}, the longest {}, due {} after the start{failed}",
            self.trial,
            time(self.usual_ns),
            time(self.longest_ns as f64),
            began(self.longest_at_ns),
        )
    }
}

/// An instant after the barrier: `0 s`, `5.20 s`.
pub fn began(ns: u64) -> String {
    if ns == 0 { "0 s".to_owned() } else { time(ns as f64) }
}
