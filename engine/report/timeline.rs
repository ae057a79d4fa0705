//! Which trial of a cell is worth seeing over time, and what is to be seen in it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{NONE, counted, grouped, time};
use crate::report::cell::Cell;
use crate::report::chart::Chart;
use crate::report::steadiness::{Pace, worst};
use crate::report::table::{Column, Kind, Row, Table};
use crate::results::{Measured, Slice};
use crate::statistics::median;

/// Fewer slices than this are no picture.
const FEWEST_SLICES: usize = 8;

/// A reply that took at least this long, in nanoseconds, may be the sign of a stall.
const STALL_NS: u64 = 100_000_000;

/// And it is one where it took so many times the usual.
const STALL_FACTOR: f64 = 10.0;

/// More cells of a workload than this are not shown over time, so that pages stay small.
pub const MOST_SHOWN: usize = 6;

/// Trials of a workload over time: a picture, and the same in a table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Timeline {
    /// The picture.
    pub chart: Chart,
    /// What is to be seen in it.
    pub table: Table,
}

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
    fn said(self) -> &'static str {
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

/// The trial of a cell that is worth seeing over time, of those that count; none where there is nothing to see.
pub fn course<'a>(trials: impl Iterator<Item = (u32, &'a Measured)>, paces: &[Pace]) -> Option<Course> {
    let mut courses: Vec<(Course, &str)> = trials
        .filter(|(_, measured)| measured.timeline.len() >= FEWEST_SLICES)
        .filter_map(|(trial, measured)| Some((of_trial(trial, &measured.timeline)?, driven(measured))))
        .collect();
    // Sorting keeps the order of equals: of two trials alike the first is shown.
    courses.sort_by_key(|(course, _)| std::cmp::Reverse(course.longest_ns));
    let longest = courses.first()?;
    let stalled = longest.0.longest_ns >= STALL_NS && longest.0.longest_ns as f64 >= STALL_FACTOR * longest.0.usual_ns;
    let open = longest.1 == "open";
    let unsteady = worst(paces).and_then(|(trial, _)| courses.iter().find(|(course, _)| course.trial == trial));
    let (shown, why) = match unsteady {
        Some(worst) => (worst, Why::Unsteady),
        None if stalled => (longest, Why::Stalled),
        None if open => (longest, Why::Open),
        None => return None,
    };
    Some(Course { why, ..shown.0.clone() })
}

fn driven(measured: &Measured) -> &str {
    measured.facts.get("loop").map_or("", String::as_str)
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
    fn factor(&self) -> f64 {
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

/// The cells to be shown over time, in their order, and how many there would be: those whose longest reply took most
/// times the usual.
pub fn shown(cells: &[Cell]) -> (Vec<(&Cell, &Course)>, usize) {
    let mut found: Vec<(usize, &Cell, &Course)> =
        cells.iter().enumerate().filter_map(|(at, cell)| Some((at, cell, cell.course()?))).collect();
    let all = found.len();
    // What was not steady comes first: a page says so of the cell elsewhere.
    let rank = |course: &Course| (course.why == Why::Unsteady, course.factor());
    found.sort_by(|(_, _, a), (_, _, b)| {
        let ((a_first, a), (b_first, b)) = (rank(a), rank(b));
        b_first.cmp(&a_first).then(b.total_cmp(&a))
    });
    found.truncate(MOST_SHOWN);
    found.sort_by_key(|(at, _, _)| *at);
    (found.into_iter().map(|(_, cell, course)| (cell, course)).collect(), all)
}

/// What is to be seen in the trials that are shown; `axes` are those that vary in the workload.
pub fn table(axes: &[String], shown: &[(&Cell, &Course)]) -> Table {
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target"]), Kind::Name);
    columns.extend(Column::all(
        ["trial", "window", "usual", "longest", "due at", "no answer for", "failed"],
        Kind::Figure,
    ));
    columns.extend(Column::all(["shown for"], Kind::Text));
    let rows = shown.iter().map(|(cell, course)| {
        let mut texts: Vec<String> =
            axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect();
        texts.extend([
            cell.target.clone(),
            course.trial.to_string(),
            time(course.ends_ns() as f64),
            time(course.usual_ns),
            time(course.longest_ns as f64),
            began(course.longest_at_ns),
            if course.silent_ns == 0 { NONE.to_owned() } else { time(course.silent_ns as f64) },
            grouped(course.failed),
            course.why.said().to_owned(),
        ]);
        Row { begins: false, cell: Some(cell.number), texts }
    });
    Table { caption: "Single trials over time".to_owned(), main: false, columns, rows: rows.collect() }
}

/// An instant after the barrier: `0 s`, `5.20 s`.
pub fn began(ns: u64) -> String {
    if ns == 0 { "0 s".to_owned() } else { time(ns as f64) }
}
