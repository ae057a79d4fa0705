//! Pictures of a workload: which there are, what each says, and its SVG.
//!
//! Each picture has a table beside it that holds the same figures.

pub mod bars;
pub mod cost;
pub mod lines;
pub mod percentiles;
pub mod plot;
pub mod scale;
pub mod svg;
pub mod timeline;

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{counted, grouped};
use crate::report::cell::Cell;
use crate::report::chart::plot::{Manner, Panel, along};
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::Table;
use crate::report::timeline::{shown, table};
use crate::results::measure::Measure;

/// The folder of the pictures in that of the report.
pub const FOLDER: &str = "charts";

/// More fields than this are not drawn in one picture; the tables hold them all.
const MOST_PANELS: usize = 12;

/// Values that differ by more than this factor are drawn on a logarithmic axis at first.
const FAR: f64 = 25.0;

/// One picture of a workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Chart {
    /// Its file, from the folder of the report: `charts/latency-response.svg`.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Units, sample sizes, and what is left out.
    pub note: String,
    /// The picture as a file of its own.
    pub svg: String,
    /// The pictures of a page that can be switched, the first as in the file.
    pub drawings: Vec<Drawing>,
}

/// A picture as part of a page, which brings the colours (`chart_style`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Drawing {
    /// Which quantile of the response time it shows: `p50`; none where it shows something else.
    pub quantile: Option<&'static str>,
    /// Its axis: `linear` or `log`.
    pub scale: &'static str,
    /// The picture.
    pub svg: String,
}

/// Trials of a workload over time: a picture, and the same in a table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Timeline {
    /// The picture.
    pub chart: Chart,
    /// What is to be seen in it.
    pub table: Table,
}

/// The pictures of the figures of a workload, in files whose names begin with `stem`; `axes` are those that vary in it, `targets` those of the report.
pub fn charts(stem: &str, workload: &str, axes: &[String], cells: &[Cell], targets: &[String]) -> Vec<Chart> {
    let along = along(axes, cells);
    let Some(first) = cells.first() else { return Vec::new() };
    let measured = first.measures().into_iter().map(|measure| {
        let quantity = Quantity::of(measure);
        let quantities = match quantity {
            Quantity::Time(_) => Quantile::DRAWN.map(Quantity::Time).to_vec(),
            other => vec![other],
        };
        let quantities: Vec<Quantity> = quantities
            .into_iter()
            .filter(|quantity| {
                *quantity == Quantity::of(measure) || cells.iter().any(|cell| cell.figure(*quantity).is_some())
            })
            .collect();
        let (panels, left_out) = panels(axes, along, cells);
        let title = match along {
            Some(axis) => format!("{workload}: {} against {axis}", quantity.title()),
            None => format!("{workload}: {}", quantity.title()),
        };
        let draw = |quantity: Quantity, manner: &Manner<'_>| match along {
            Some(axis) => lines::draw(&panels, axis, quantity, manner, &title),
            None => bars::draw(&panels, quantity, manner, &title),
        };
        let values: Vec<f64> = cells.iter().filter_map(|cell| Some(cell.figure(quantity)?.value)).collect();
        let limited = measure != Measure::ResponseTime && cells.iter().any(Cell::limited);
        let bound = if limited { " What the client limited is a lower bound: see the table." } else { "" };
        Chart {
            file: file(stem, quantity.file()),
            note: format!(
                "Geometric means of the trials, whiskers their intervals of 95 %, cut at the edge; {}.{left_out}{bound}",
                sample(cells)
            ),
            ..picture(&title, &quantities, far(&values), targets, draw)
        }
    });
    let mut charts: Vec<Chart> = measured.collect();
    if cells.iter().any(|cell| !cell.curve().is_empty()) {
        let (panels, left_out) = panels(axes, None, cells);
        let title = format!("{workload}: pooled response time by percentile");
        let values: Vec<f64> = cells.iter().flat_map(Cell::curve).map(|point| point.ns as f64).collect();
        charts.push(Chart {
            file: file(stem, "percentiles"),
            note: format!(
                "Pooled: the calls of all trials of a cell together, as far as ten calls lie beyond a percentile and none was given up; {}.{left_out}",
                sample(cells)
            ),
            ..picture(&title, &[Quantity::Rate], far(&values), targets, |_, manner| percentiles::draw(&panels, manner, &title))
        });
    }
    charts
}

/// The picture of what a workload cost, where its counters are fine enough for one.
pub fn cost_chart(stem: &str, workload: &str, axes: &[String], cells: &[Cell], targets: &[String]) -> Option<Chart> {
    if !cells.iter().any(|cell| cost::parts(cell).iter().any(Option::is_some)) {
        return None;
    }
    let (panels, left_out) = panels(axes, None, cells);
    let title = format!("{workload}: CPU time of a call at both ends");
    let manner = |alone| Manner { targets, logarithmic: false, alone };
    Some(Chart {
        file: file(stem, "cost"),
        note: format!("Geometric means of the trials; {}.{left_out}", sample(cells)),
        svg: cost::draw(&panels, &manner(true), &title),
        drawings: vec![Drawing { quantile: None, scale: "linear", svg: cost::draw(&panels, &manner(false), &title) }],
        title,
    })
}

/// The trials of a workload that are worth seeing over time; none where there are none.
pub fn timeline(stem: &str, workload: &str, axes: &[String], cells: &[Cell], targets: &[String]) -> Option<Timeline> {
    let (shown, all) = shown(cells);
    if shown.is_empty() {
        return None;
    }
    let title = format!("{workload}: response time over a trial");
    let values = || shown.iter().flat_map(|(_, course)| &course.slices).filter(|slice| slice.ok > 0);
    let values: Vec<f64> = values().flat_map(|slice| [slice.p50_ns as f64, slice.max_ns as f64]).collect();
    let left_out = if all > shown.len() {
        format!(" Drawn are the {} of {all} such cells whose longest reply took most times the usual.", shown.len())
    } else {
        String::new()
    };
    let draw = |_, manner: &Manner<'_>| timeline::draw(&shown, axes, manner, &title);
    let chart = Chart {
        file: file(stem, "timeline"),
        note: format!(
            "Each field is one trial of its cell, which the table names: its answered calls by when they were due, in \
             at most {} slices; where a line is broken no call was answered. Of {}.{left_out}",
            shown.iter().map(|(_, course)| course.slices.len()).max().unwrap_or(0),
            sample(shown.iter().map(|(cell, _)| *cell)),
        ),
        ..picture(&title, &[Quantity::Rate], far(&values), targets, draw)
    };
    Some(Timeline { chart, table: table(axes, &shown) })
}

fn file(stem: &str, kind: &str) -> String {
    format!("{FOLDER}/{stem}-{kind}.svg")
}

/// One picture in all its drawings.
fn picture(
    title: &str,
    quantities: &[Quantity],
    logarithmic: bool,
    targets: &[String],
    draw: impl Fn(Quantity, &Manner<'_>) -> String,
) -> Chart {
    let drawings = quantities.iter().flat_map(|quantity| {
        [logarithmic, !logarithmic].map(|logarithmic| Drawing {
            quantile: quantity.quantile().map(Quantile::name),
            scale: if logarithmic { "log" } else { "linear" },
            svg: draw(*quantity, &Manner { targets, logarithmic, alone: false }),
        })
    });
    let first = quantities.first().copied().unwrap_or(Quantity::Rate);
    Chart {
        file: String::new(),
        title: title.to_owned(),
        note: String::new(),
        svg: draw(first, &Manner { targets, logarithmic, alone: true }),
        drawings: drawings.collect(),
    }
}

/// A panel for each setting, the values along one axis taken together, and what is said of those left out.
fn panels<'a>(axes: &[String], along: Option<&str>, cells: &'a [Cell]) -> (Vec<Panel<'a>>, String) {
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for cell in cells {
        let others = axes.iter().filter(|axis| Some(axis.as_str()) != along);
        let title: Vec<String> = others.filter_map(|axis| Some(format!("{axis} {}", cell.axis(axis)?))).collect();
        let title = title.join(", ");
        match panels.iter_mut().find(|panel| panel.title == title) {
            Some(panel) => panel.cells.push(cell),
            None => panels.push(Panel { title, cells: vec![cell] }),
        }
    }
    let all = panels.len();
    panels.truncate(MOST_PANELS);
    let left_out = if all > MOST_PANELS {
        format!(" Drawn are the first {MOST_PANELS} of {all} settings; the tables hold them all.")
    } else {
        String::new()
    };
    (panels, left_out)
}

/// How much a picture rests on.
fn sample<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> String {
    let (trials, calls): (Vec<u64>, Vec<u64>) =
        cells.into_iter().map(|cell| (cell.trials.counted as u64, cell.response.count)).unzip();
    let range = |values: Vec<u64>, one: &str, many: &str| {
        let (least, most) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
        if least == most {
            counted(most as usize, one, many)
        } else {
            format!("{} to {} {many}", grouped(least), grouped(most))
        }
    };
    let (trials, calls) = (range(trials, "trial", "trials"), range(calls, "call", "calls"));
    format!("{trials} and {calls} a cell")
}

fn far(values: &[f64]) -> bool {
    let largest = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    largest > FAR * least
}
