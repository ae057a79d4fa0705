//! The end of what a run prints: a table in the order of speed, what its signs mean, and the answer last of all.

use crate::cli::output::shortened;
use crate::figures::{NONE, counted, factor, number, time};
use crate::report::cell::Cell;
use crate::report::comparison::Outcome;
use crate::report::estimate::Estimate;
use crate::report::quantity::Quantity;
use crate::report::times::Reading;
use crate::report::view::View;
use crate::report::words::distinct;
use crate::report::workload::Workload;
use crate::statistics::interval::Interval;

const GAP: &str = "  ";

/// Of a table that does not fit a screen at least so many rows are shown.
const FEWEST: usize = 3;

/// How much room there is; none where nobody looks at a screen.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Screen {
    /// Characters in a line.
    pub(crate) columns: Option<usize>,
    /// Lines that are seen at once.
    pub(crate) lines: Option<usize>,
}

/// The answer in lines, under the question.
pub(crate) fn answer(view: &View, screen: Screen) -> String {
    let columns = screen.columns.unwrap_or(usize::MAX);
    let mut lines = wrapped(view.question.split_whitespace(), " ", columns);
    let said = view.answer.iter().flat_map(|sentence| wrapped(sentence.split_whitespace(), " ", columns));
    lines.extend(said);
    lines.insert(0, String::new());
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The closing table, no line of it wider than the screen: figures of all trials, the best of those that were asked the
/// same first, with intervals of 95 % where there is room; then what went wrong, and what “≥” means. As many rows as
/// fit the screen together with `below` further lines.
pub(crate) fn table(view: &View, troubles: &[String], screen: Screen, below: usize) -> String {
    let columns = screen.columns.unwrap_or(usize::MAX);
    let rows = rows(view);
    let fitting = [true, false].iter().map(|spread| lines(&rows, *spread));
    let fitting = fitting.into_iter().find(|lines| lines.iter().all(|line| line.chars().count() <= columns));
    let mut shown = fitting.unwrap_or_else(|| blocks(&rows, columns));
    let mut notes = Vec::new();
    if rows.iter().flat_map(|row| &row.figures).any(|it| it.value.as_ref().is_some_and(|text| text.starts_with('≥')))
    {
        let meaning = "≥ that much or more: the client was the limit, or calls were given up";
        notes.extend(wrapped(meaning.split_whitespace(), " ", columns));
    }
    let told = |trouble: &String| wrapped(trouble.split_whitespace(), " ", columns);
    let mut bad: Vec<String> = troubles.iter().flat_map(told).collect();
    if let Some(all) = screen.lines {
        // A screen has room for the first of them; the report has them all.
        let room = all.saturating_sub(below + notes.len() + FEWEST + 3) / 2;
        if bad.len() > room {
            bad.truncate(room);
            let more = counted(troubles.len(), "remark", "remarks");
            bad.push(shortened(&format!("{more} like these in the report"), columns));
        }
        let room = all.saturating_sub(below + notes.len() + bad.len() + 3).max(FEWEST);
        if shown.len() > room {
            let left = shown.len() - room;
            shown.truncate(room);
            shown.push(shortened(&format!("{left} more lines in the report"), columns));
        }
    }
    if !notes.is_empty() || !bad.is_empty() {
        shown.push(String::new());
    }
    shown.extend(notes.into_iter().chain(bad));
    shown.iter().map(|line| format!("{line}\n")).collect()
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

/// Every cell, the best of those that were asked the same first.
fn rows(view: &View) -> Vec<Row> {
    let of = |workload: &Workload| -> Vec<Row> {
        let settings =
            distinct(workload.cells.iter().map(|cell| cell.setting().into_iter().map(own).collect::<Vec<_>>()));
        let of_setting = |setting: Vec<(String, String)>| {
            let same = |cell: &&Cell| cell.setting().into_iter().map(own).eq(setting.iter().cloned());
            let cells: Vec<&Cell> = workload.cells.iter().filter(same).collect();
            ordered(workload, &cells, view.headline.baseline.as_deref())
        };
        settings.into_iter().flat_map(of_setting).collect()
    };
    view.workloads.iter().flat_map(of).collect()
}

fn own((name, value): (&str, String)) -> (String, String) {
    (name.to_owned(), value)
}

/// The cells of one setting in the order of what they are ranked by, with how far each is from the best or the baseline.
fn ordered(workload: &Workload, cells: &[&Cell], baseline: Option<&str>) -> Vec<Row> {
    let Some(first) = cells.first() else { return Vec::new() };
    let setting: Vec<String> =
        workload.axes.iter().map(|axis| first.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect();
    let comparison = workload.comparisons.iter().find(|comparison| comparison.setting == setting);
    let place =
        |cell: &Cell| comparison.and_then(|it| it.standings.iter().position(|standing| standing.target == cell.target));
    let mut cells = cells.to_vec();
    cells.sort_by_key(|cell| place(cell).unwrap_or(usize::MAX));
    let value = |cell: &Cell| {
        let quantity = comparison.map(|comparison| Quantity::of(comparison.measure))?;
        cell.figure(quantity).map(|figure| figure.value)
    };
    let base = baseline.and_then(|name| cells.iter().find(|cell| cell.target == name).copied());
    let reference = base.or(cells.first().copied()).and_then(|cell| Some((cell.target.clone(), value(cell)?)));
    let marked = |cell: &Cell| -> Option<String> {
        let comparison = comparison?;
        let leads = comparison.leaders.contains(&cell.target);
        let mark = match comparison.outcome {
            Outcome::Ahead if leads => Some("best".to_owned()),
            Outcome::Tie if leads => Some("tied".to_owned()),
            _ => None,
        };
        let is_base = (baseline == Some(cell.target.as_str())).then(|| "baseline".to_owned());
        let ranked = matches!(comparison.outcome, Outcome::Ahead | Outcome::Tie);
        let (of, than) = reference.as_ref().filter(|_| ranked || base.is_some())?;
        let far = value(cell).filter(|_| cell.target != *of).map(|own| factor(own / than));
        let told: Vec<String> = [far, mark, is_base].into_iter().flatten().collect();
        (!told.is_empty()).then(|| told.join(", "))
    };
    let name = if base.is_some() { "× baseline" } else { "× best" };
    let row = |cell: &Cell| {
        let mut row = Row::of(cell);
        row.figures.push(Figure { name, value: marked(cell), spread: None });
        row.figures.push(Figure { name: "doubt", value: doubt(cell), spread: None });
        row
    };
    cells.into_iter().map(row).collect()
}

/// How many trials of a cell do not count, or hardly.
fn doubt(cell: &Cell) -> Option<String> {
    let counts = [("failed", cell.trials.failed), ("invalid", cell.trials.invalid), ("suspect", cell.trials.suspect)];
    let told: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{count} {what}")).collect();
    (!told.is_empty()).then(|| format!("{} of {}", told.join(", "), cell.trials.all))
}

impl Row {
    fn of(cell: &Cell) -> Self {
        let workload = cell.id.strip_prefix(&cell.target).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&cell.id);
        let figure = |name, of: Option<Estimate>, text: fn(f64) -> String| Figure {
            name,
            value: of.map(|figure| figure.written(text)),
            spread: of.and_then(|figure| figure.interval()).and_then(spread),
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

/// How far the ends of an interval are from its value, the farther one, never rounded down: as a share, or as a factor
/// where it is more than the value itself; none where it is no bound at all.
fn spread(interval: Interval) -> Option<String> {
    let far = (interval.high / interval.value).max(interval.value / interval.low);
    match ((far - 1.0) * 100.0).ceil() {
        percent if percent <= 100.0 => Some(format!("± {percent} %")),
        _ if far < 100.0 => Some(format!("×÷ {}", number((far * 10.0).ceil() / 10.0))),
        _ => None,
    }
}

/// One line for each row, a figure that no row has left out.
fn lines(rows: &[Row], spread: bool) -> Vec<String> {
    let printed = |figure: &Figure| match (&figure.value, &figure.spread) {
        (Some(value), Some(around)) if spread => format!("{value} {around}"),
        (None, _) if matches!(figure.name, "doubt") => String::new(),
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

    use super::{Figure, Row, Screen, answer, blocks, lines, spread, table, wrapped};
    use crate::cli::output::troubles;
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
            lines(&rows, true),
            [
                "target          workload            p50      calls/s",
                "rpyc            latency    141 µs ± 2 %  6,912 ± 1 %",
                "http1-threaded  latency   1.05 ms ± 2 %  6,912 ± 1 %",
            ]
        );
        assert_eq!(lines(&rows, false)[1], "rpyc            latency    141 µs    6,912");
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
                    let echoes = |caption: &str| name == "MB/s" && caption.starts_with("Bandwidth of echoes");
                    let of = tables().filter(|it| match name {
                        "capacity" => searched(&it.caption),
                        _ => it.main || echoes(&it.caption),
                    });
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
        let (results, view, cells) = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports"));
        let troubles = troubles(&cells, &results);
        let told = "rpyc-threaded/latency/call=ping/clients=1: 1 of 5 trials is invalid, and counts in no figure: \
                    the machine was asleep for 2 s; see that `pin` gives each end cores of its own or leave the machine \
                    to the run alone";
        assert!(troubles.iter().any(|trouble| trouble == told), "{troubles:?}");
        assert!(table(&view, &troubles, Screen::default(), 0).contains(told));
    }

    #[test]
    fn a_screen_of_80_by_24_holds_the_answer_and_the_top_of_the_table() {
        let home = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["tests/reports", "docs/quickstart", "docs/capacity"] {
            let (results, view, cells) = read(&home.join(folder));
            let troubles = troubles(&cells, &results);
            let screen = Screen { columns: Some(80), lines: Some(24) };
            let answer = answer(&view, screen);
            let table = table(&view, &troubles, screen, answer.lines().count());
            let all: Vec<&str> = table.lines().chain(answer.lines()).collect();
            assert!(all.iter().all(|line| line.chars().count() <= 80), "{folder}: {all:#?}");
            let said: Vec<&str> = answer.split_whitespace().collect();
            assert!(view.answer.iter().all(|it| said.join(" ").contains(it.as_str())), "{folder}: {answer}");
            assert!(all.len() <= 24 || table.lines().count() <= 8, "{folder}: {} lines: {all:#?}", all.len());
            assert!(all[0].starts_with("target") || all[0].contains('/'), "{folder}: {all:#?}");
        }
    }

    #[test]
    fn the_best_comes_first_and_is_marked() {
        let (_, view, _) = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rpyc-vs-http"));
        assert_eq!(view.headline.baseline.as_deref(), Some("http1-threaded"));
        let table = table(&view, &[], Screen::default(), 0);
        let connects: Vec<&str> = table.lines().filter(|line| line.contains("  connect ")).collect();
        let [first, second, third] = connects.as_slice() else { panic!("{connects:#?}") };
        assert!(first.starts_with("http1-threaded ") && first.contains("best, baseline"), "{connects:#?}");
        assert!(second.starts_with("rpyc-threaded ") && second.ends_with(" ×"), "{connects:#?}");
        assert!(third.starts_with("rpyc-forking ") && third.ends_with(" ×"), "{connects:#?}");
        assert!(table.contains("≥ that much or more: "), "{table}");
    }

    #[test]
    fn a_spread_is_that_of_the_farther_end() {
        let spread = |value, low, high| spread(Interval { value, low, high });
        assert_eq!(spread(100.0, 99.0, 104.2).as_deref(), Some("± 5 %"));
        assert_eq!(spread(100.0, 30.0, 110.0).as_deref(), Some("×÷ 3.40"));
        assert_eq!(spread(1.0, 0.0, 1.0), None);
    }
}
