//! Whether each cell is as the scenario expects.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::cell::{Cell, Reading};
use crate::report::figures::{number, size, time};
use crate::report::order::Written;
use crate::scenario::expect::{Expectation, Figure, Unit};

/// One expectation of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Expected {
    /// The cell.
    pub cell: String,
    /// The expectation, in the words of the scenario.
    pub expected: String,
    /// The figure with its unit, or why there is none.
    pub found: String,
    /// True where it is as expected.
    pub met: bool,
}

impl Expected {
    /// What is wrong, in a sentence.
    pub fn sentence(&self) -> String {
        format!("{}: expected {}, found {}", self.cell, self.expected, self.found)
    }
}

/// Every expectation of every cell, over all trials: what cannot be judged is not met.
pub fn expected(written: &Written<'_>, cells: &[Cell]) -> Vec<Expected> {
    let of_cell = |cell: &Cell| {
        let all = written.expectations(&cell.coordinates).into_iter();
        all.map(|expectation| judge(cell, &expectation)).collect::<Vec<Expected>>()
    };
    cells.iter().flat_map(of_cell).collect()
}

/// A figure with its unit, “≥” before one that is only known to be at least that.
pub fn written(figure: Figure, value: f64, at_least: bool) -> String {
    let text = match figure.unit() {
        Unit::Time => time(value),
        Unit::Count => number(value),
        Unit::Rate => format!("{}/s", number(value)),
        Unit::Bandwidth => format!("{} MB/s", number(value / 1e6)),
        Unit::Size => size(value as u64),
    };
    format!("{}{text}", if at_least { "≥ " } else { "" })
}

fn judge(cell: &Cell, expectation: &Expectation) -> Expected {
    let figure = expectation.figure;
    // What a search was limited by holds up to the rate that it found, or no rate was found at all.
    if let Some(capacity) = cell.capacity.as_ref().filter(|_| expectation.is_limit()) {
        return Expected {
            cell: cell.id.clone(),
            expected: expectation.to_string(),
            found: capacity.median.map_or_else(
                || "at no rate".to_owned(),
                |rate| format!("up to {}{}/s", capacity.bound(), number(rate)),
            ),
            met: capacity.median.is_some(),
        };
    }
    let found = figure_of(cell, figure);
    Expected {
        cell: cell.id.clone(),
        expected: expectation.to_string(),
        found: match found {
            Some((value, at_least)) => written(figure, value, at_least),
            None if cell.trials.counted == 0 => "no trial that counts".to_owned(),
            None => "no such figure: too few calls, or too coarse a counter".to_owned(),
        },
        met: found.is_some_and(|(value, at_least)| expectation.holds(value, at_least)),
    }
}

/// A figure of a cell, with whether it is only known to be at least that.
fn figure_of(cell: &Cell, figure: Figure) -> Option<(f64, bool)> {
    let exact = |value: f64| (value, false);
    let rate = |value: f64| (value, cell.limited());
    let reading = |reading: Option<Reading>| reading.map(|reading| (reading.ns as f64, reading.at_least));
    match figure {
        Figure::Mean => reading(cell.response.mean),
        Figure::P50 => reading(cell.response.p50),
        Figure::P90 => reading(cell.response.p90),
        Figure::P95 => reading(cell.response.p95),
        Figure::P99 => reading(cell.response.p99),
        Figure::P999 => reading(cell.response.p999),
        Figure::Max => reading(cell.response.max),
        _ if cell.trials.counted == 0 => None,
        Figure::Errors => Some(exact(cell.errors as f64)),
        Figure::Timeouts => Some(exact(cell.counts.timeout as f64)),
        Figure::Censored => Some(exact(cell.counts.censored as f64)),
        Figure::CallsPerS => cell.calls_per_s.map(rate),
        Figure::Bandwidth => cell.bandwidth.map(rate),
        Figure::CpuPerCall => cell.server.cpu_ns_per_call.map(exact),
        Figure::Memory => cell.server.peak_memory.map(|bytes| exact(bytes as f64)),
    }
}
