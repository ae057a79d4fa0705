//! What a run says when it is over: its closing table, and its summary as JSON.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::figures::{NONE, counted, number, time};
use crate::key::settings::Settings;
use crate::report::cell::{Cell, Trials};
use crate::report::estimate::Estimate;
use crate::report::expectations::Expected;
use crate::report::times::Reading;
use crate::results::{Outcome, Record, Results};
use crate::statistics::interval::Interval;

const GAP: &str = "  ";

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
    /// True where the run was stopped before its end.
    interrupted: bool,
    /// The figures of each cell, as the report has them.
    cells: Vec<Summed<'a>>,
    /// The expectations that are not met.
    unmet: &'a [Expected],
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
        cells: &'a [Cell],
        unmet: &'a [Expected],
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
        Summary { results, reports, interrupted, cells: cells.iter().map(summed).collect(), unmet }
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

/// The closing table, no line of it wider than `columns`: figures of all trials, their intervals of 95 % where there is room.
pub(crate) fn closing(cells: &[Cell], troubles: &[String], columns: Option<usize>) -> String {
    let columns = columns.unwrap_or(usize::MAX);
    let rows: Vec<Row> = cells.iter().map(Row::of).collect();
    let fitting = [true, false].iter().map(|spread| table(&rows, *spread));
    let fitting = fitting.into_iter().find(|lines| lines.iter().all(|line| line.chars().count() <= columns));
    let mut lines = fitting.unwrap_or_else(|| blocks(&rows, columns));
    if !troubles.is_empty() {
        lines.push(String::new());
        lines.extend(troubles.iter().flat_map(|trouble| wrapped(trouble.split_whitespace(), " ", columns)));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A cell as it is printed.
#[derive(Debug, Default)]
struct Row {
    target: String,
    workload: String,
    figures: Vec<Figure>,
}

#[derive(Debug, Default)]
struct Figure {
    name: &'static str,
    value: Option<String>,
    spread: Option<String>,
}

impl Row {
    fn of(cell: &Cell) -> Self {
        let workload = cell.id.strip_prefix(&cell.target).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&cell.id);
        let figure = |name, of: Option<Estimate>, text: fn(f64) -> String| Figure {
            name,
            value: of.map(|figure| figure.written(text)),
            spread: of.and_then(|figure| figure.interval()).map(spread),
        };
        let pooled = cell.response.pooled.p99.filter(|_| cell.response.p99.is_none());
        let bound = |it: Reading| if it.at_least { "≥ " } else { "" };
        let pooled = pooled.map(|it| format!("{}{}", bound(it), time(it.ns as f64)));
        Row {
            target: cell.target.clone(),
            workload: workload.to_owned(),
            figures: vec![
                figure("capacity", cell.capacity.as_ref().and_then(|found| found.figure), number),
                figure("p50", cell.response.p50, time),
                figure("p99", cell.response.p99, time),
                Figure { name: "pooled p99", value: pooled, spread: None },
                figure("calls/s", cell.calls_per_s, number),
                figure("MB/s", cell.bandwidth, |bytes| number(bytes / 1e6)),
            ],
        }
    }
}

/// How far the ends of an interval are from its value, the farther one, never rounded down.
fn spread(interval: Interval) -> String {
    let far = (interval.high / interval.value).max(interval.value / interval.low) - 1.0;
    match (far * 100.0).ceil() {
        percent if percent < 1_000.0 => format!("± {percent} %"),
        _ => "± > 999 %".to_owned(),
    }
}

/// One line for each row, a figure that no row has left out.
fn table(rows: &[Row], spread: bool) -> Vec<String> {
    let printed = |figure: &Figure| match (&figure.value, &figure.spread) {
        (Some(value), Some(around)) if spread => format!("{value} {around}"),
        (value, _) => value.clone().unwrap_or_else(|| NONE.to_owned()),
    };
    let Some(first) = rows.first() else { return Vec::new() };
    let shown = |at: &usize| rows.iter().any(|row| row.figures[*at].value.is_some());
    let shown: Vec<usize> = (0..first.figures.len()).filter(shown).collect();
    let heading = ["target", "workload"].into_iter().chain(shown.iter().map(|at| first.figures[*at].name));
    let mut lines: Vec<Vec<String>> = vec![heading.map(str::to_owned).collect()];
    lines.extend(rows.iter().map(|row| {
        let words = [row.target.clone(), row.workload.clone()];
        words.into_iter().chain(shown.iter().map(|at| printed(&row.figures[*at]))).collect()
    }));
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..shown.len() + 2).map(width).collect();
    let padded = |line: &Vec<String>| {
        let words = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(at, (word, width))| if at < 2 { format!("{word:width$}") } else { format!("{word:>width$}") });
        words.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    lines.iter().map(padded).collect()
}

/// Each row in lines of its own, for a terminal that is too narrow for a table.
fn blocks(rows: &[Row], columns: usize) -> Vec<String> {
    let block = |row: &Row| {
        let figures =
            row.figures.iter().filter_map(|figure| Some(format!("{GAP}{} {}", figure.name, figure.value.as_ref()?)));
        let figures: Vec<String> = figures.collect();
        let id = shortened(&format!("{}/{}", row.target, row.workload), columns);
        std::iter::once(id).chain(wrapped(figures.iter().map(String::as_str), "", columns)).collect::<Vec<_>>()
    };
    rows.iter().flat_map(block).collect()
}

/// Words in lines no wider than `columns`; a word that is wider is cut.
fn wrapped<'a>(words: impl Iterator<Item = &'a str>, between: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.chars().count() + between.len() + word.chars().count() <= columns => {
                line.push_str(between);
                line.push_str(word);
            }
            _ => lines.push(shortened(word, columns)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Figure, Row, blocks, closing, spread, table, troubles, wrapped};
    use crate::report::cell::Cell;
    use crate::report::view::View;
    use crate::results::Results;
    use crate::statistics::interval::Interval;

    /// Results of this repository with their cells.
    fn read(folder: &Path) -> (Results, View, Vec<Cell>) {
        let results = Results::read(folder).expect("committed results");
        let view = View::of(&results).expect("a view");
        let cells = view.workloads.iter().flat_map(|workload| workload.cells.clone()).collect();
        (results, view, cells)
    }

    fn row(target: &str, p50: &str, mb: Option<&str>) -> Row {
        let figure = |name, value: Option<&str>, spread: Option<&str>| Figure {
            name,
            value: value.map(str::to_owned),
            spread: spread.map(str::to_owned),
        };
        let figures = vec![
            figure("p50", Some(p50), Some("± 2 %")),
            figure("p99", None, None),
            figure("calls/s", Some("6,912"), Some("± 1 %")),
            figure("MB/s", mb, None),
        ];
        Row { target: target.to_owned(), workload: "latency".to_owned(), figures }
    }

    #[test]
    fn columns_line_up_and_empty_ones_are_left_out() {
        let rows = [row("rpyc", "141 µs", None), row("http1-threaded", "1.05 ms", None)];
        assert_eq!(
            table(&rows, true),
            [
                "target          workload            p50      calls/s",
                "rpyc            latency    141 µs ± 2 %  6,912 ± 1 %",
                "http1-threaded  latency   1.05 ms ± 2 %  6,912 ± 1 %",
            ]
        );
        assert_eq!(table(&rows, false)[1], "rpyc            latency    141 µs    6,912");
    }

    #[test]
    fn a_narrow_terminal_gets_every_figure_and_no_long_line() {
        let rows = [row(&"long".repeat(20), "1,234 s", Some("12,345"))];
        for columns in [20, 40] {
            let lines = blocks(&rows, columns);
            assert!(lines.iter().all(|line| line.chars().count() <= columns), "{lines:?}");
            assert!(["p50 1,234 s", "calls/s 6,912", "MB/s 12,345"].iter().all(|it| lines.join("\n").contains(it)));
        }
        assert_eq!(wrapped("a bc def".split(' '), " ", 4), ["a bc", "def"]);
    }

    #[test]
    fn the_terminal_shows_the_figures_of_the_report() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folders = std::fs::read_dir(home.join("docs")).expect("docs/").map(|entry| entry.expect("an entry").path());
        let mut compared = 0;
        for folder in folders.filter(|folder| folder.join("results.json").exists()).chain([home.join("tests/reports")])
        {
            let (_, view, cells) = read(&folder);
            let tables = || view.workloads.iter().flat_map(|workload| &workload.tables);
            for cell in &cells {
                for Figure { name, value, .. } in Row::of(cell).figures {
                    let label = if name == "capacity" { "capacity, calls/s" } else { name };
                    let searched = |caption: &str| caption.starts_with("Capacity");
                    let of = tables().filter(|it| if name == "capacity" { searched(&it.caption) } else { it.main });
                    let texts = of.flat_map(|table| {
                        let at = table.columns.iter().position(|column| column.label == label);
                        let row = table.rows.iter().find(|row| row.cell == Some(cell.number));
                        at.zip(row).map(|(at, row)| row.texts[at].as_str())
                    });
                    let Some(value) = value else { continue };
                    let texts: Vec<&str> = texts.collect();
                    assert!(!texts.is_empty() || name == "pooled p99", "{}: no table has {name}", cell.id);
                    assert!(texts.iter().all(|text| *text == value), "{}: {name} {value}, {texts:?}", cell.id);
                    compared += texts.len();
                }
            }
        }
        assert!(compared > 500, "{compared}");
    }

    #[test]
    fn invalid_trials_are_told_with_their_reason_and_what_would_help() {
        let (results, _, cells) = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports"));
        let troubles = troubles(&cells, &results);
        let told = "rpyc-threaded/latency/call=ping/clients=1: 1 of 5 trials is invalid, and counts in no figure: \
                    the machine was asleep for 2 s; see that `pin` gives each end cores of its own or leave the machine \
                    to the run alone";
        assert!(troubles.iter().any(|trouble| trouble == told), "{troubles:?}");
        assert!(closing(&cells, &troubles, None).contains(told));
    }

    #[test]
    fn a_spread_is_that_of_the_farther_end() {
        assert_eq!(spread(Interval { value: 100.0, low: 99.0, high: 104.2 }), "± 5 %");
        assert_eq!(spread(Interval { value: 1.0, low: 0.0, high: 1.0 }), "± > 999 %");
    }
}
