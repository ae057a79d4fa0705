//! The tables of a workload: which columns its calls need, and each figure as text.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::ahead::{Comparison, Outcome, how_far};
use crate::report::cell::{Cell, Reading, Spread};
use crate::report::figures::{NONE, factor, grouped, listed, number, share, size, time};
use crate::statistics::interval::Interval;

/// A table that a template only has to lay out.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Table {
    /// What it shows.
    pub caption: String,
    /// True where each row is the place of its cell in the report, to which others link.
    pub main: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows.
    pub rows: Vec<Row>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    /// True where a new setting begins.
    pub begins: bool,
    /// The number of its cell, where it shows one.
    pub cell: Option<usize>,
    /// A text for each column.
    pub texts: Vec<String>,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Column {
    /// What stands in it.
    pub label: String,
    /// How its texts are to be set.
    pub kind: Kind,
}

/// How the texts of a column are to be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A name, on one line.
    Name,
    /// A figure, on one line and at the right.
    Figure,
    /// Words, on as many lines as they need.
    Text,
}

impl Column {
    /// Columns of one kind.
    pub fn all<'a>(labels: impl IntoIterator<Item = &'a str>, kind: Kind) -> Vec<Column> {
        labels.into_iter().map(|label| Column { label: label.to_owned(), kind }).collect()
    }
}

/// How one column is made from a cell.
#[derive(Clone, Copy)]
struct Figure {
    label: &'static str,
    text: fn(&Cell) -> String,
}

const fn figure(label: &'static str, text: fn(&Cell) -> String) -> Figure {
    Figure { label, text }
}

const COUNTED: Figure = figure("trials", |cell| {
    let trials = &cell.trials;
    let missing = if trials.counted < trials.all { format!(" of {}", trials.all) } else { String::new() };
    let suspect = if trials.suspect > 0 { format!(", {} suspect", trials.suspect) } else { String::new() };
    format!("{}{missing}{suspect}", trials.counted)
});
const SUCCESS: Figure = figure("success", |cell| share(cell.counts.ok, cell.counts.scheduled));
const RATE: Figure = figure("calls/s", |cell| rate(cell, cell.calls_per_s, number));
const P50_OVER_TRIALS: Figure = figure("95 % of p50", |cell| interval(cell.over_trials.p50_ns, time));
const RATE_OVER_TRIALS: Figure =
    figure("95 % of calls/s", |cell| interval(unlimited(cell, cell.over_trials.calls_per_s), number));
const BANDWIDTH_OVER_TRIALS: Figure =
    figure("95 % of MB/s", |cell| interval(unlimited(cell, cell.over_trials.bandwidth), |bytes| number(bytes / 1e6)));

const TIMES: [Figure; 7] = [
    figure("mean", |cell| reading(cell.response.mean)),
    figure("p50", |cell| reading(cell.response.p50)),
    figure("p90", |cell| reading(cell.response.p90)),
    figure("p95", |cell| reading(cell.response.p95)),
    figure("p99", |cell| reading(cell.response.p99)),
    figure("p99.9", |cell| reading(cell.response.p999)),
    figure("max", |cell| reading(cell.response.max)),
];

const DRIVER: [Figure; 1] = [figure("driver", |cell| cell.driver.clone())];

/// A transfer is made too seldom for the far quantiles.
const TRANSFER: [Figure; 4] = [TIMES[0], TIMES[1], TIMES[2], TIMES[6]];

const BANDWIDTH: [Figure; 2] = [
    figure("MB/s", |cell| rate(cell, cell.bandwidth, |bytes| number(bytes / 1e6))),
    figure("MiB/s", |cell| rate(cell, cell.bandwidth, |bytes| number(bytes / f64::from(1 << 20)))),
];

const DIAL: [Figure; 3] = [
    figure("dial mean", |cell| reading(cell.connect.and_then(|parts| parts.dial.mean))),
    figure("dial p50", |cell| reading(cell.connect.and_then(|parts| parts.dial.p50))),
    figure("dial p99", |cell| reading(cell.connect.and_then(|parts| parts.dial.p99))),
];

const TLS: [Figure; 3] = [
    figure("TLS mean", |cell| reading(cell.connect.and_then(|parts| parts.tls?.mean))),
    figure("TLS p50", |cell| reading(cell.connect.and_then(|parts| parts.tls?.p50))),
    figure("TLS p99", |cell| reading(cell.connect.and_then(|parts| parts.tls?.p99))),
];

const FIRST_ANSWER: [Figure; 3] = [
    figure("first answer mean", |cell| reading(cell.connect.and_then(|parts| parts.first_answer.mean))),
    figure("first answer p50", |cell| reading(cell.connect.and_then(|parts| parts.first_answer.p50))),
    figure("first answer p99", |cell| reading(cell.connect.and_then(|parts| parts.first_answer.p99))),
];

const FAIRNESS: [Figure; 5] = [
    figure("answered calls", |cell| spread(cell.fairness.map(|fair| fair.ok), |calls| grouped(calls as u64))),
    figure("p50", |cell| spread(cell.fairness.and_then(|fair| fair.p50_ns), time)),
    figure("p50, most ÷ least", |cell| {
        let ratio = |spread: Spread| spread.most as f64 / spread.least as f64;
        optional(cell.fairness.and_then(|fair| fair.p50_ns).filter(|p50| p50.least > 0).map(ratio), factor)
    }),
    figure("p99", |cell| spread(cell.fairness.and_then(|fair| fair.p99_ns), time)),
    SUCCESS,
];

const COST: [Figure; 15] = [
    figure("server CPU per call", |cell| optional(cell.server.cpu_ns_per_call, time)),
    figure("client CPU per call", |cell| optional(cell.client.cpu_ns_per_call, time)),
    figure("server CPU in the kernel", |cell| optional(cell.server.system, |part| format!("{:.0} %", part * 100.0))),
    figure("server switches per call", |cell| optional(cell.server.switches_per_call, number)),
    figure("server system calls per call", |cell| optional(cell.server.syscalls_per_call, number)),
    figure("client system calls per call", |cell| optional(cell.client.syscalls_per_call, number)),
    figure("server memory per client", |cell| optional(cell.server.memory_per_client, |bytes| size(bytes as u64))),
    figure("server peak memory", |cell| optional(cell.server.peak_memory, size)),
    figure("client peak memory", |cell| optional(cell.client.peak_memory, size)),
    figure("server processes", |cell| optional(cell.server.processes, grouped)),
    figure("server threads", |cell| optional(cell.server.threads, grouped)),
    figure("messages per call", |cell| optional(cell.messages_per_call, number)),
    figure("wire up per call", |cell| optional(cell.wire_up_per_call, bytes)),
    figure("wire down per call", |cell| optional(cell.wire_down_per_call, bytes)),
    figure("wire per payload byte", |cell| optional(cell.wire_per_payload, number)),
];

const FAILED: [Figure; 9] = [
    figure("connect", |cell| grouped(cell.counts.error.connect)),
    figure("status", |cell| grouped(cell.counts.error.status)),
    figure("short", |cell| grouped(cell.counts.error.short)),
    figure("corrupt", |cell| grouped(cell.counts.error.corrupt)),
    figure("protocol", |cell| grouped(cell.counts.error.protocol)),
    figure("timed out", |cell| grouped(cell.counts.timeout)),
    figure("given up at the end", |cell| grouped(cell.counts.censored)),
    figure("sent again", |cell| grouped(cell.retries)),
    figure("dialled anew", |cell| grouped(cell.reconnects)),
];

const CONNECTING: &str = "Connecting: from dialling to the first answer";
const TRANSFERS: &str = "Bandwidth, and the time of one transfer";
const RESPONSE: &str = "Response time";

/// The tables that hold each cell once.
const MAIN: [&str; 3] = [CONNECTING, TRANSFERS, RESPONSE];

/// Every table of the figures of one workload; `axes` are those that vary in it.
pub fn tables(axes: &[String], cells: &[Cell]) -> Vec<Table> {
    let of = |calls: &[&str]| -> Vec<&Cell> {
        cells.iter().filter(|cell| cell.axis("call").is_some_and(|call| calls.contains(&call.as_str()))).collect()
    };
    let connects = of(&["connect"]);
    let transfers = of(&["upload", "download"]);
    let others: Vec<&Cell> = cells
        .iter()
        .filter(|cell| !connects.iter().chain(&transfers).any(|known| std::ptr::eq(*known, *cell)))
        .collect();
    let several: Vec<&Cell> = cells.iter().filter(|cell| cell.fairness.is_some()).collect();
    let failed: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.counts.ok < cell.counts.scheduled || cell.retries + cell.reconnects > 0)
        .collect();
    let tls = connects.iter().any(|cell| cell.connect.is_some_and(|parts| parts.tls.is_some()));
    let echoes = of(&["echo"]);
    let mixed = cells.windows(2).any(|pair| pair[0].driver != pair[1].driver);

    let joined = |groups: &[&'static [Figure]]| -> Vec<&'static Figure> { groups.iter().copied().flatten().collect() };
    let ends: &'static [Figure] = &[RATE, SUCCESS, COUNTED];
    let trials: &'static [Figure] = &[P50_OVER_TRIALS, RATE_OVER_TRIALS];
    let candidates = [
        (CONNECTING, connects.clone(), joined(&[&TIMES, ends, trials])),
        ("Connecting, part by part", connects, joined(&[&DIAL, if tls { &TLS } else { &[] }, &FIRST_ANSWER])),
        (TRANSFERS, transfers, joined(&[&BANDWIDTH, &[BANDWIDTH_OVER_TRIALS], &TRANSFER, ends])),
        (RESPONSE, others, joined(&[&TIMES, ends, trials])),
        ("Bandwidth of echoes, payload both ways", echoes, joined(&[&BANDWIDTH])),
        ("Which client made the calls", if mixed { cells.iter().collect() } else { Vec::new() }, joined(&[&DRIVER])),
        ("Client by client: least – median – most", several, joined(&[&FAIRNESS])),
        ("Calls that failed, by class", failed, joined(&[&FAILED])),
    ];
    candidates
        .into_iter()
        .filter(|(_, rows, _)| !rows.is_empty())
        .map(|(caption, rows, figures)| table(caption, axes, &rows, &figures))
        .collect()
}

/// What the cells of a workload cost, in a table.
pub fn cost(axes: &[String], cells: &[Cell]) -> Table {
    table("What it cost", axes, &cells.iter().collect::<Vec<_>>(), &COST.iter().collect::<Vec<_>>())
}

/// Who is ahead in each setting of a workload.
pub fn ranking(axes: &[String], comparisons: &[Comparison]) -> Table {
    let rows = comparisons.iter().map(|comparison| {
        let ranked = matches!(comparison.outcome, Outcome::Ahead | Outcome::Tie);
        let behind: Vec<String> = comparison
            .standings
            .iter()
            .filter(|standing| ranked && !comparison.leaders.contains(&standing.target))
            .map(|standing| match how_far(standing) {
                _ if standing.limited => format!("{} (limited by the client, so not ranked)", standing.target),
                _ if !standing.ranked => format!("{} (too few trials to rank)", standing.target),
                Some(behind) => format!("{} {behind}", standing.target),
                None => standing.target.clone(),
            })
            .collect();
        let leaders = match comparison.outcome {
            Outcome::Ahead => comparison.leaders.join(", "),
            Outcome::Tie => {
                let shown = comparison.would_show.map(|shown| format!(" (would show {})", factor(shown)));
                format!("tie: {}{}", listed(&comparison.leaders), shown.unwrap_or_default())
            }
            Outcome::Unranked | Outcome::Alone => comparison.sentence.clone(),
        };
        let median = comparison.standings.iter().find(|standing| ranked && standing.ranked);
        let span = median.and_then(|best| {
            let written = |value| comparison.measure.written(value);
            Some(format!("{} ({} – {})", written(best.median?), written(best.least?), written(best.most?)))
        });
        let mut texts = comparison.setting.clone();
        texts.extend([
            comparison.measured_by.to_owned(),
            leaders,
            span.unwrap_or_else(|| NONE.to_owned()),
            if behind.is_empty() { NONE.to_owned() } else { behind.join(", ") },
        ]);
        Row { begins: false, cell: None, texts }
    });
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["by"]), Kind::Name);
    columns.extend(Column::all(["ahead", "best median of trials (least – most)", "behind"], Kind::Text));
    Table { caption: "Who is ahead".to_owned(), main: false, columns, rows: rows.collect() }
}

/// A table with a row for each cell. A column without any figure is left out, unless it is a quantile: there the
/// dashes say that too few calls were made for it.
fn table(caption: &str, axes: &[String], cells: &[&Cell], figures: &[&Figure]) -> Table {
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target"]), Kind::Name);
    let mut rows: Vec<Row> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let begins = at > 0 && cells[at - 1].setting() != cell.setting();
        let setting = axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned()));
        rows.push(Row { begins, cell: Some(cell.number), texts: setting.chain([cell.target.clone()]).collect() });
    }
    for figure in figures {
        let texts: Vec<String> = cells.iter().map(|cell| (figure.text)(cell)).collect();
        let quantile = TIMES.iter().any(|time| time.label == figure.label);
        if !quantile && texts.iter().all(|text| text == NONE) {
            continue;
        }
        columns.extend(Column::all([figure.label], Kind::Figure));
        for (row, text) in rows.iter_mut().zip(texts) {
            row.texts.push(text);
        }
    }
    Table { caption: caption.to_owned(), main: MAIN.contains(&caption), columns, rows }
}

fn optional<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| NONE.to_owned(), text)
}

/// A figure for each second: a lower bound where the client was the limit.
fn rate(cell: &Cell, value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    let bound = if cell.limited() { "≥ " } else { "" };
    optional(value, |value| format!("{bound}{}", text(value)))
}

/// The interval of a rate; none where the client was the limit, for it would be the client's.
fn unlimited(cell: &Cell, interval: Option<Interval>) -> Option<Interval> {
    interval.filter(|_| !cell.limited())
}

fn bytes(count: f64) -> String {
    format!("{} B", if count.fract() == 0.0 { grouped(count as u64) } else { number(count) })
}

fn reading(reading: Option<Reading>) -> String {
    optional(reading, |reading| {
        let bound = if reading.at_least { "≥ " } else { "" };
        format!("{bound}{}", time(reading.ns as f64))
    })
}

fn interval(interval: Option<Interval>, text: impl Fn(f64) -> String) -> String {
    optional(interval, |interval| format!("{} – {}", text(interval.low), text(interval.high)))
}

fn spread(spread: Option<Spread>, text: impl Fn(f64) -> String) -> String {
    optional(spread, |spread| [spread.least, spread.median, spread.most].map(|value| text(value as f64)).join(" – "))
}
