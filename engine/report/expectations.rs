//! Whether each cell is as the scenario expects.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::figures::{grouped, number, size, time};
use crate::report::calls::OfCall;
use crate::report::cell::Cell;
use crate::report::estimate::Estimate;
use crate::report::quantity::Quantile;
use crate::report::relative::{self, Judgement, Tried};
use crate::report::times::Times;
use crate::results::{Counts, Record, Results};
use crate::scenario::expect::{Bound, Expectation, Figure, Unit};

/// One expectation of one cell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Expected {
    /// The cell.
    pub cell: String,
    /// The expectation, in the words of the scenario.
    pub expected: String,
    /// The figure with its unit, or how it stands to another target's; or why there is none.
    pub found: String,
    /// Whether it is as expected.
    pub judgement: Judgement,
}

impl Expected {
    /// What is wrong or undecided, in a sentence.
    pub fn sentence(&self) -> String {
        let undecided = if self.judgement == Judgement::Undecided { "undecided: " } else { "" };
        format!("{}: {undecided}expected {}, found {}", self.cell, self.expected, self.found)
    }
}

/// Every expectation of every cell, over all trials: what cannot be judged is not met.
pub fn expected(results: &Results, cells: &[Cell]) -> Vec<Expected> {
    let tried: Vec<Vec<&Record>> = results.tried().into_iter().map(|(_, records)| records).collect();
    let tried: Vec<Tried<'_>> =
        cells.iter().zip(&tried).map(|(cell, records)| Tried { cell, records: records.as_slice() }).collect();
    let baseline = results.scenario.get("baseline").and_then(Value::as_str);
    let of_cell = |own: Tried<'_>| {
        let judged = |expectation: &Expectation| judge(own, &tried, expectation, baseline);
        own.cell.planned().expect.iter().map(judged).collect::<Vec<_>>()
    };
    tried.iter().flat_map(|own| of_cell(*own)).collect()
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

fn judge(own: Tried<'_>, all: &[Tried<'_>], expectation: &Expectation, baseline: Option<&str>) -> Expected {
    let cell = own.cell;
    let told = |judgement: Judgement, found: String| Expected {
        cell: cell.id.clone(),
        expected: expectation.to_string(),
        found,
        judgement,
    };
    let holds = |holds: bool| if holds { Judgement::Met } else { Judgement::Missed };
    // What a search was limited by holds up to the rate that it found, or no rate was found at all.
    if let Some(capacity) = cell.capacity.as_ref().filter(|_| expectation.is_limit()) {
        let found = capacity.figure.map(|rate| format!("up to {}/s", rate.written(number)));
        return told(holds(found.is_some()), found.unwrap_or_else(|| "at no rate".to_owned()));
    }
    let found = figure_of(cell, expectation);
    match (&expectation.bound, found) {
        (_, None) => told(Judgement::Missed, missing(cell, expectation.figure)),
        (Bound::Fixed(bound), Some((value, at_least))) => {
            let judgement = holds(expectation.holds(value, at_least, *bound));
            told(judgement, written(expectation.figure, value, at_least))
        }
        (Bound::Share { of_it, .. }, Some(_)) => {
            let name = expectation.than(baseline).unwrap_or_default();
            let alike = |other: &&Tried<'_>| {
                other.cell.target == name
                    && other.cell.workload == cell.workload
                    && other.cell.setting() == cell.setting()
            };
            // Where too few calls support the other's figure there is none either.
            let other = all.iter().find(alike).copied();
            match other.filter(|other| figure_of(other.cell, expectation).is_none()) {
                Some(other) => told(
                    Judgement::Missed,
                    format!("of {}: {}", other.cell.target, missing(other.cell, expectation.figure)),
                ),
                None => {
                    let (judgement, found) = relative::judge(own, other, expectation, *of_it);
                    told(judgement, found)
                }
            }
        }
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

/// The times and counts that an expectation is about: those of one call of a mix, or of all.
fn about<'c>(cell: &'c Cell, expectation: &Expectation) -> Option<(&'c Times, &'c Counts)> {
    match &expectation.call {
        Some(call) if !cell.calls.is_empty() => {
            let OfCall { response, counts, .. } = cell.calls.iter().find(|own| own.name == *call)?;
            Some((response, counts))
        }
        _ => Some((&cell.response, &cell.counts)),
    }
}

/// A figure of a cell, with whether it is only known to be at least that.
fn figure_of(cell: &Cell, expectation: &Expectation) -> Option<(f64, bool)> {
    let exact = |value: f64| Some((value, false));
    let of = |estimate: Option<Estimate>| estimate.map(|estimate| (estimate.value, estimate.at_least));
    let (response, counts) = about(cell, expectation)?;
    let quantile = |quantile: Quantile| of(response.quantile(quantile));
    match expectation.figure {
        Figure::Mean => of(response.mean),
        Figure::P50 => quantile(Quantile::P50),
        Figure::P90 => quantile(Quantile::P90),
        Figure::P95 => quantile(Quantile::P95),
        Figure::P99 => quantile(Quantile::P99),
        Figure::P999 => quantile(Quantile::P999),
        Figure::Max => response.max.map(|longest| (longest.ns as f64, longest.at_least)),
        _ if cell.trials.counted == 0 => None,
        Figure::Errors => exact(counts.error.total() as f64),
        Figure::Timeouts => exact(counts.timeout as f64),
        Figure::Censored => exact(counts.censored as f64),
        Figure::CallsPerS => of(cell.calls_per_s),
        Figure::Bandwidth => of(cell.bandwidth),
        Figure::CpuPerCall => of(cell.server.cpu_ns_per_call),
        Figure::Memory => exact(cell.server.peak_memory? as f64),
    }
}
