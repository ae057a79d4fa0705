//! The tables of a workload: which columns its calls need, and each figure as text.

use schemars::JsonSchema;
use serde::Serialize;

use crate::call::ServiceCall;
use crate::figures::{NONE, factor, grouped, listed, number, share, size, time};
use crate::report::cell::{Cell, Parts, Spread};
use crate::report::comparison::{Comparison, Outcome, Unranked, how_far};
use crate::report::estimate::Estimate;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::times::{Reading, Times};
use crate::results::measure::Measure;

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
const RATE: Figure = figure("calls/s", |cell| estimate(cell.calls_per_s, number));
const P50_OVER_TRIALS: Figure = figure("95 % of p50", |cell| interval(cell.response.p50, time));
const RATE_OVER_TRIALS: Figure = figure("95 % of calls/s", |cell| interval(cell.calls_per_s, number));
const BANDWIDTH_OVER_TRIALS: Figure =
    figure("95 % of MB/s", |cell| interval(cell.bandwidth, |bytes| number(bytes / 1e6)));

const CAPACITY: Figure =
    figure("capacity", |cell| estimate(cell.figure(Quantity::Capacity), |rate| Quantity::Capacity.written(rate)));
const CAPACITY_OVER_TRIALS: Figure =
    figure("95 % of capacity", |cell| interval(cell.figure(Quantity::Capacity), number));

const MEAN: Figure = figure("mean", |cell| estimate(cell.response.mean, time));
const P50: Figure = figure("p50", |cell| estimate(cell.response.p50, time));
const P99: Figure = figure("p99", |cell| estimate(cell.response.p99, time));
const MAX: Figure = figure("max", |cell| reading(cell.response.max));

/// Each tail as the figure of the trials, and as that of all calls together.
const TAILS: [(Quantile, Figure, Figure); 4] = [
    (
        Quantile::P90,
        figure("p90", |cell| estimate(cell.response.p90, time)),
        figure("pooled p90", |cell| reading(cell.response.pooled.p90)),
    ),
    (
        Quantile::P95,
        figure("p95", |cell| estimate(cell.response.p95, time)),
        figure("pooled p95", |cell| reading(cell.response.pooled.p95)),
    ),
    (
        Quantile::P99,
        figure("p99", |cell| estimate(cell.response.p99, time)),
        figure("pooled p99", |cell| reading(cell.response.pooled.p99)),
    ),
    (
        Quantile::P999,
        figure("p99.9", |cell| estimate(cell.response.p999, time)),
        figure("pooled p99.9", |cell| reading(cell.response.pooled.p999)),
    ),
];

/// The times of cells: of a tail that some cells have only pooled, the pooled one too, and alone where all do.
fn times(cells: &[&Cell], tails: &[Quantile]) -> Vec<Figure> {
    let tail = |(quantile, own, pooled): (Quantile, Figure, Figure)| {
        let has_own = |cell: &&&Cell| cell.response.quantile(quantile).is_some();
        let only_pooled = |cell: &&Cell| !has_own(&cell) && cell.response.pooled(quantile).is_some();
        let any_own = cells.iter().any(|cell| has_own(&cell));
        let any_pooled = cells.iter().any(only_pooled);
        [(any_own || !any_pooled).then_some(own), any_pooled.then_some(pooled)].into_iter().flatten()
    };
    let tails = TAILS.into_iter().filter(|(quantile, ..)| tails.contains(quantile)).flat_map(tail);
    [MEAN, P50].into_iter().chain(tails).chain([MAX]).collect()
}

const DRIVER: [Figure; 1] = [figure("driver", |cell| cell.driver.clone())];

const BANDWIDTH: [Figure; 2] = [
    figure("MB/s", |cell| estimate(cell.bandwidth, |bytes| number(bytes / 1e6))),
    figure("MiB/s", |cell| estimate(cell.bandwidth, |bytes| number(bytes / f64::from(1 << 20)))),
];

const DIAL: [Figure; 4] = [
    figure("dial mean", |cell| part(cell, |parts| Some(parts.dial), |times| estimate(times.mean, time))),
    figure("dial p50", |cell| part(cell, |parts| Some(parts.dial), |times| estimate(times.p50, time))),
    figure("dial p99", |cell| part(cell, |parts| Some(parts.dial), |times| estimate(times.p99, time))),
    figure("dial pooled p99", |cell| part(cell, |parts| Some(parts.dial), pooled_p99)),
];

const TLS: [Figure; 4] = [
    figure("TLS mean", |cell| part(cell, |parts| parts.tls, |times| estimate(times.mean, time))),
    figure("TLS p50", |cell| part(cell, |parts| parts.tls, |times| estimate(times.p50, time))),
    figure("TLS p99", |cell| part(cell, |parts| parts.tls, |times| estimate(times.p99, time))),
    figure("TLS pooled p99", |cell| part(cell, |parts| parts.tls, pooled_p99)),
];

const FIRST_ANSWER: [Figure; 4] = [
    figure("first answer mean", |cell| {
        part(cell, |parts| Some(parts.first_answer), |times| estimate(times.mean, time))
    }),
    figure("first answer p50", |cell| part(cell, |parts| Some(parts.first_answer), |times| estimate(times.p50, time))),
    figure("first answer p99", |cell| part(cell, |parts| Some(parts.first_answer), |times| estimate(times.p99, time))),
    figure("first answer pooled p99", |cell| part(cell, |parts| Some(parts.first_answer), pooled_p99)),
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

const SHARES: [Figure; 4] = [
    figure("answered calls", |cell| spread(cell.processes.map(|shares| shares.ok), |calls| grouped(calls as u64))),
    figure("p50", |cell| spread(cell.processes.and_then(|shares| shares.p50_ns), time)),
    figure("p99", |cell| spread(cell.processes.and_then(|shares| shares.p99_ns), time)),
    figure("began late by", |cell| spread(cell.processes.map(|shares| shares.lateness_ns), time)),
];

const COST: [Figure; 15] = [
    figure("server CPU per call", |cell| estimate(cell.server.cpu_ns_per_call, time)),
    figure("client CPU per call", |cell| estimate(cell.client.cpu_ns_per_call, time)),
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
    let of = |kind: fn(&'static dyn ServiceCall) -> bool| -> Vec<&Cell> {
        cells.iter().filter(|cell| cell.settings.call().is_some_and(kind)).collect()
    };
    let connects = of(|call| call.dials());
    let transfers = of(|call| call.is_transfer());
    let others: Vec<&Cell> = cells
        .iter()
        .filter(|cell| !connects.iter().chain(&transfers).any(|known| std::ptr::eq(*known, *cell)))
        .collect();
    let several: Vec<&Cell> = cells.iter().filter(|cell| cell.fairness.is_some()).collect();
    let shared: Vec<&Cell> = cells.iter().filter(|cell| cell.processes.is_some()).collect();
    let failed: Vec<&Cell> = cells
        .iter()
        .filter(|cell| cell.counts.ok < cell.counts.scheduled || cell.retries + cell.reconnects > 0)
        .collect();
    let tls = connects.iter().any(|cell| cell.connect.is_some_and(|parts| parts.tls.is_some()));
    let echoes = of(|call| call.has_body() && !call.is_transfer());
    let mixed = cells.windows(2).any(|pair| pair[0].driver != pair[1].driver);

    let joined = |groups: &[&[Figure]]| -> Vec<Figure> { groups.iter().copied().flatten().copied().collect() };
    let ends = [RATE, SUCCESS, COUNTED];
    let trials = [P50_OVER_TRIALS, RATE_OVER_TRIALS];
    let all = TAILS.map(|(quantile, ..)| quantile);
    let timed = |cells: &[&Cell]| joined(&[&times(cells, &all), &ends, &trials]);
    // A transfer is mostly made too seldom for the far quantiles.
    let made = |of: &Quantile| {
        let known = |cell: &&Cell| cell.response.quantile(*of).is_some() || cell.response.pooled(*of).is_some();
        *of == Quantile::P90 || transfers.iter().any(known)
    };
    let of_transfers = times(&transfers, &all.into_iter().filter(made).collect::<Vec<_>>());
    let (of_connects, of_others) = (timed(&connects), timed(&others));
    let candidates = [
        (CONNECTING, connects.clone(), of_connects),
        ("Connecting, part by part", connects, joined(&[&DIAL, if tls { &TLS } else { &[] }, &FIRST_ANSWER])),
        (TRANSFERS, transfers, joined(&[&BANDWIDTH, &[BANDWIDTH_OVER_TRIALS], &of_transfers, &ends])),
        (RESPONSE, others, of_others),
        ("Bandwidth of echoes, payload both ways", echoes, joined(&[&BANDWIDTH])),
        ("Which client made the calls", if mixed { cells.iter().collect() } else { Vec::new() }, joined(&[&DRIVER])),
        ("Client by client: least – median – most", several, joined(&[&FAIRNESS])),
        ("Client process by client process: least – median – most", shared, joined(&[&SHARES])),
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
    table("What it cost", axes, &cells.iter().collect::<Vec<_>>(), &COST)
}

/// The figures of a workload that matter most, in at most seven columns: what it is ranked by with its interval, what
/// stands beside that, and what it cost.
pub fn brief(axes: &[String], cells: &[Cell]) -> Table {
    let measure = cells.first().and_then(|cell| cell.measures().first().copied());
    let beside = match measure {
        Some(Measure::Bandwidth) => [BANDWIDTH[0], BANDWIDTH_OVER_TRIALS, P50],
        Some(Measure::Capacity) => [CAPACITY, CAPACITY_OVER_TRIALS, P99],
        Some(Measure::Rate) => [RATE, RATE_OVER_TRIALS, P50],
        Some(Measure::ResponseTime) | None => [P50, P50_OVER_TRIALS, P99],
    };
    let rest = if measure == Some(Measure::ResponseTime) { RATE } else { SUCCESS };
    let figures: Vec<Figure> = beside.into_iter().chain([rest, COST[0]]).collect();
    let whole = table("The figures that matter most", axes, &cells.iter().collect::<Vec<_>>(), &figures);
    // The setting stands in one column, which is left out where there is one setting.
    let names = axes.len();
    let mut columns = whole.columns;
    let settings = Column { label: "setting".to_owned(), kind: Kind::Name };
    columns.splice(..names, (names > 0).then_some(settings));
    let rows = whole.rows.into_iter().map(|mut row| {
        let setting = row.texts[..names].join(", ");
        row.texts.splice(..names, (names > 0).then_some(setting));
        row
    });
    Table { main: false, rows: rows.collect(), columns, caption: whole.caption }
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
                behind if standing.unranked.is_some() => {
                    let why = standing.unranked.map_or("", Unranked::name);
                    format!(
                        "{}{} (not ranked: {why})",
                        standing.target,
                        behind.map_or(String::new(), |far| format!(" {far}"))
                    )
                }
                Some(behind) => format!("{} {behind}", standing.target),
                None => standing.target.clone(),
            })
            .collect();
        let leaders = match comparison.outcome {
            Outcome::Ahead => comparison.leaders.join(", "),
            Outcome::Tie => {
                let shown = comparison.would_show;
                let shown = shown.map(|shown| format!(" (would show {}; {})", factor(shown), comparison.deciding()));
                format!("tie: {}{}", listed(&comparison.leaders), shown.unwrap_or_default())
            }
            Outcome::Unranked | Outcome::Alone => comparison.sentence.clone(),
        };
        let best = comparison.standings.iter().find(|standing| ranked && standing.ranked);
        let span = best.and_then(|best| {
            let (figure, written) = (best.figure?, |value| comparison.measure.written(value));
            Some(format!("{} ({} – {})", figure.written(written), written(figure.least), written(figure.most)))
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
    columns.extend(Column::all(["ahead", "figure of the best (least – most of a trial)", "behind"], Kind::Text));
    Table { caption: "Who is ahead".to_owned(), main: false, columns, rows: rows.collect() }
}

/// A table with a row for each cell. A column without any figure is left out, unless it is a quantile: there the
/// dashes say that too few calls were made for it.
fn table(caption: &str, axes: &[String], cells: &[&Cell], figures: &[Figure]) -> Table {
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target"]), Kind::Name);
    let mut rows: Vec<Row> = Vec::new();
    for (at, cell) in cells.iter().enumerate() {
        let begins = at > 0 && cells[at - 1].setting() != cell.setting();
        let setting = axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned()));
        rows.push(Row { begins, cell: Some(cell.number), texts: setting.chain([cell.target.clone()]).collect() });
    }
    for figure in figures {
        let texts: Vec<String> = cells.iter().map(|cell| (figure.text)(cell)).collect();
        let quantile = TAILS.iter().map(|(_, own, _)| own).chain([&P50]).any(|time| time.label == figure.label);
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

/// A figure, “≥” before a lower bound.
fn estimate(figure: Option<Estimate>, text: impl Fn(f64) -> String) -> String {
    optional(figure, |figure| figure.written(&text))
}

/// The interval of a figure.
fn interval(figure: Option<Estimate>, text: impl Fn(f64) -> String) -> String {
    optional(figure.and_then(|figure| figure.interval()), |over| format!("{} – {}", text(over.low), text(over.high)))
}

/// A figure of a part of connecting.
fn part(cell: &Cell, part: fn(Parts) -> Option<Times>, text: impl Fn(Times) -> String) -> String {
    optional(cell.connect.and_then(part), text)
}

/// Of all calls together, where the trials have too few each.
fn pooled_p99(times: Times) -> String {
    reading(times.pooled.p99.filter(|_| times.p99.is_none()))
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

fn spread(spread: Option<Spread>, text: impl Fn(f64) -> String) -> String {
    optional(spread, |spread| [spread.least, spread.median, spread.most].map(|value| text(value as f64)).join(" – "))
}
