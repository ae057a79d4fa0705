//! What a run says of itself when it is over: what went wrong, its summary as JSON; and how much room there is to say it.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::figures::counted;
use crate::key::settings::Settings;
use crate::report::cell::{Cell, Trials};
use crate::report::estimate::Estimate;
use crate::report::expectations::Expected;
use crate::results::{Outcome, Record, Results, State};

/// How many columns there are for what is printed to `stream`; none where it is no terminal and `COLUMNS` says nothing.
pub(crate) fn columns(stream: &(impl IsTerminal + std::os::fd::AsRawFd)) -> Option<usize> {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    told.filter(|columns| *columns > 0).or_else(|| {
        let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the descriptor is open as long as the stream is borrowed, and the kernel writes one `winsize`.
        let done = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
        (stream.is_terminal() && done == 0 && size.ws_col > 0).then_some(usize::from(size.ws_col))
    })
}

/// How many lines a terminal has; none where `stream` is none.
pub(crate) fn lines(stream: &(impl IsTerminal + std::os::fd::AsRawFd)) -> Option<usize> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is open as long as the stream is borrowed, and the kernel writes one `winsize`.
    let done = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCGWINSZ, &raw mut size) };
    (stream.is_terminal() && done == 0 && size.ws_row > 0).then_some(usize::from(size.ws_row))
}

/// The text, or its beginning and `…` where it has more characters than there are columns.
pub(crate) fn shortened(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    text.chars().take(columns.saturating_sub(1)).chain(['…']).collect()
}

/// What a run measured, for a program that started it.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    /// Where the results are.
    results: &'a Path,
    /// The reports and pictures made of them.
    reports: &'a [PathBuf],
    /// What answers the question, as the report has it.
    answer: &'a [String],
    /// True where the run was stopped before its end.
    interrupted: bool,
    /// The figures of each cell, as the report has them.
    cells: Vec<Summed<'a>>,
    /// The expectations that are not met.
    unmet: &'a [Expected],
    /// Those that the trials do not decide.
    undecided: &'a [Expected],
}

#[derive(Debug, Serialize)]
struct Summed<'a> {
    id: &'a str,
    settings: &'a Settings,
    trials: Trials,
    p50: Option<Estimate>,
    p99: Option<Estimate>,
    /// True where the client was the limit, so that rates are lower bounds.
    limited: bool,
    calls_per_s: Option<Estimate>,
    bandwidth: Option<Estimate>,
    /// The highest rate that holds, where it was searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    capacity: Option<Estimate>,
}

impl<'a> Summary<'a> {
    /// Of a run whose results and reports are in these files.
    pub(crate) fn of(
        run: &Results,
        (answer, cells): (&'a [String], &'a [Cell]),
        (unmet, undecided): (&'a [Expected], &'a [Expected]),
        results: &'a Path,
        reports: &'a [PathBuf],
    ) -> Self {
        let summed = |cell: &'a Cell| Summed {
            id: &cell.id,
            settings: &cell.settings,
            trials: cell.trials,
            p50: cell.response.p50,
            p99: cell.response.p99,
            limited: cell.limited(),
            calls_per_s: cell.calls_per_s,
            bandwidth: cell.bandwidth,
            capacity: cell.capacity.as_ref().and_then(|capacity| capacity.figure),
        };
        let interrupted = run.manifest.interrupted;
        Summary { results, reports, answer, interrupted, cells: cells.iter().map(summed).collect(), unmet, undecided }
    }
}

/// What became of the trials of each cell that have no figures that count, in a sentence each.
pub(crate) fn troubles(cells: &[Cell], results: &Results) -> Vec<String> {
    let mut said = Vec::new();
    for cell in cells {
        let all = cell.trials.all;
        if cell.trials.failed > 0 {
            let broke = |record: &&Record| results.id(record) == cell.id && record.outcome == Outcome::Failed;
            let why = results.counting().filter(broke).find_map(|record| record.reason.as_deref());
            let why = why.unwrap_or("no call was answered");
            let trials = counted(all, "trial", "trials");
            said.push(format!("{}: {} of {trials} failed: {why}", cell.id, cell.trials.failed));
        }
        if cell.trials.invalid > 0 {
            let (are, count) = if cell.trials.invalid == 1 { ("is", "counts") } else { ("are", "count") };
            said.push(format!(
                "{}: {} of {} {are} invalid, and {count} in no figure{}",
                cell.id,
                cell.trials.invalid,
                counted(all, "trial", "trials"),
                cell.spoiled.as_ref().map_or_else(String::new, |spoiled| format!(": {}", spoiled.sentence())),
            ));
        }
    }
    said
}

/// What is said of the suspect trials of each cell that has some, in a sentence each.
pub(crate) fn suspicions(cells: &[Cell], results: &Results) -> Vec<String> {
    let doubted = |cell: &Cell, record: &Record| {
        let measured = record.outcome == Outcome::Measured && record.verdict.state == State::Suspect;
        measured && results.id(record) == cell.id
    };
    let suspect = cells.iter().filter(|cell| cell.trials.suspect > 0);
    suspect
        .map(|cell| {
            let first = results.counting().find(|record| doubted(cell, record));
            let why = first.map(|record| record.verdict.sentence()).unwrap_or_default();
            let are = if cell.trials.suspect == 1 { "is" } else { "are" };
            let trials = counted(cell.trials.all, "trial", "trials");
            format!("{}: {} of {trials} {are} suspect: {why}", cell.id, cell.trials.suspect)
        })
        .collect()
}
