//! Whether each cell is as the scenario expects.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{grouped, number, size, time};
use crate::report::cell::Cell;
use crate::report::estimate::Estimate;
use crate::report::quantity::Quantile;
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
pub fn expected(cells: &[Cell]) -> Vec<Expected> {
    let of_cell = |cell| Cell::planned(cell).expect.iter().map(move |expectation| judge(cell, expectation));
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
            found: capacity
                .figure
                .map_or_else(|| "at no rate".to_owned(), |rate| format!("up to {}/s", rate.written(number))),
            met: capacity.figure.is_some(),
        };
    }
    let found = figure_of(cell, figure);
    Expected {
        cell: cell.id.clone(),
        expected: expectation.to_string(),
        found: match found {
            Some((value, at_least)) => written(figure, value, at_least),
            None => missing(cell, figure),
        },
        met: found.is_some_and(|(value, at_least)| expectation.holds(value, at_least)),
    }
}

/// Why a cell has no such figure.
fn missing(cell: &Cell, figure: Figure) -> String {
    let spoiled = cell.spoiled.as_ref().map_or_else(String::new, |spoiled| format!(": {}", spoiled.sentence()));
    if cell.trials.counted == 0 {
        return format!("no trial that counts{spoiled}");
    }
    let quantile = match figure {
        Figure::P50 => return "no such figure: too few calls, and it takes 20".to_owned(),
        Figure::P90 => Quantile::P90,
        Figure::P95 => Quantile::P95,
        Figure::P99 => Quantile::P99,
        Figure::P999 => Quantile::P999,
        Figure::CpuPerCall | Figure::Memory => return "no such figure: too coarse a counter, or none".to_owned(),
        _ => return "no such figure".to_owned(),
    };
    let calls = grouped((10.0 / (1.0 - quantile.value())).round() as u64);
    format!("no such figure: too few calls, and it takes {calls} in each trial")
}

/// A figure of a cell, with whether it is only known to be at least that.
fn figure_of(cell: &Cell, figure: Figure) -> Option<(f64, bool)> {
    let exact = |value: f64| Some((value, false));
    let of = |estimate: Option<Estimate>| estimate.map(|estimate| (estimate.value, estimate.at_least));
    let quantile = |quantile: Quantile| of(cell.response.quantile(quantile));
    match figure {
        Figure::Mean => of(cell.response.mean),
        Figure::P50 => quantile(Quantile::P50),
        Figure::P90 => quantile(Quantile::P90),
        Figure::P95 => quantile(Quantile::P95),
        Figure::P99 => quantile(Quantile::P99),
        Figure::P999 => quantile(Quantile::P999),
        Figure::Max => cell.response.max.map(|longest| (longest.ns as f64, longest.at_least)),
        _ if cell.trials.counted == 0 => None,
        Figure::Errors => exact(cell.errors as f64),
        Figure::Timeouts => exact(cell.counts.timeout as f64),
        Figure::Censored => exact(cell.counts.censored as f64),
        Figure::CallsPerS => of(cell.calls_per_s),
        Figure::Bandwidth => of(cell.bandwidth),
        Figure::CpuPerCall => of(cell.server.cpu_ns_per_call),
        Figure::Memory => exact(cell.server.peak_memory? as f64),
    }
}
