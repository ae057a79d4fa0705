//! The decision map: for each workload and each value of an axis who is ahead, by how much, and where that changes.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{self, NONE, listed, size, time};
use crate::key::contract::Runs;
use crate::key::settings::{self, setting};
use crate::report::cell::Cell;
use crate::report::chart::plot::along;
use crate::report::comparison::{Comparison, Outcome, Standing, how_far};
use crate::report::table::{Column, Kind, Row, Table};
use crate::units::{BitRate, Share};

/// A tie of more targets than this is told by their number.
const NAMED: usize = 3;

/// The map of one workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Map {
    /// The name of the workload.
    pub workload: String,
    /// The axis whose values stand side by side; none where no axis of numbers varies.
    pub axis: Option<String>,
    /// Who is ahead, and by how much.
    pub table: Table,
    /// Where the lead changes.
    pub changes: Vec<Change>,
}

/// One change of the lead along an axis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Change {
    /// Who is ahead up to `from`.
    pub before: String,
    /// Who is ahead from `to` on.
    pub after: String,
    /// The last value at which the first is ahead.
    pub from: String,
    /// The first value at which the second is.
    pub to: String,
    /// About where their figures are equal, drawn straight between logarithms; surely it is between the two values.
    pub near: f64,
    /// All of it in a sentence.
    pub sentence: String,
}

/// The map of a workload from its comparisons.
pub fn map(workload: &str, axes: &[String], cells: &[Cell], comparisons: &[Comparison]) -> Map {
    let axis = along(axes, cells).map(str::to_owned);
    let place = axis.as_ref().and_then(|axis| axes.iter().position(|other| other == axis));
    let mut columns: Vec<String> = Vec::new();
    let mut rows: Vec<(Vec<String>, Vec<&Comparison>)> = Vec::new();
    for comparison in comparisons {
        let mut key = comparison.setting.clone();
        let value = place.map(|place| key.remove(place));
        if let Some(value) = value.filter(|value| !columns.contains(value)) {
            columns.push(value);
        }
        key.push(comparison.measured_by.to_owned());
        match rows.iter_mut().find(|(known, _)| *known == key) {
            Some((_, comparisons)) => comparisons.push(comparison),
            None => rows.push((key, vec![comparison])),
        }
    }
    if let (Some(axis), Some(place)) = (&axis, place) {
        let number_of = |value: &str| number(axis, value).unwrap_or(f64::NEG_INFINITY);
        columns.sort_by(|a, b| number_of(a).total_cmp(&number_of(b)));
        rows.iter_mut().for_each(|(_, row)| {
            row.sort_by(|a, b| number_of(&a.setting[place]).total_cmp(&number_of(&b.setting[place])))
        });
    }
    let changes = match (&axis, place) {
        (Some(axis), Some(place)) => rows.iter().flat_map(|(key, row)| changes(axis, place, key, row)).collect(),
        _ => Vec::new(),
    };
    let others = axes.iter().filter(|other| Some(*other) != axis.as_ref()).map(String::as_str);
    let mut heads = Column::all(others.chain(["by"]), Kind::Name);
    match (&axis, place) {
        (Some(axis), Some(_)) => {
            let labels: Vec<String> = columns.iter().map(|value| format!("{axis} {value}")).collect();
            heads.extend(Column::all(labels.iter().map(String::as_str), Kind::Text));
        }
        _ => heads.extend(Column::all(["ahead"], Kind::Text)),
    }
    let rows = rows.into_iter().map(|(key, row)| {
        let squares: Vec<String> = match place {
            None => row.iter().map(|comparison| square(comparison)).collect(),
            Some(place) => columns
                .iter()
                .map(|value| row.iter().find(|other| other.setting[place] == *value))
                .map(|found| found.map_or_else(|| NONE.to_owned(), |comparison| square(comparison)))
                .collect(),
        };
        Row { begins: false, cell: None, texts: key.into_iter().chain(squares).collect() }
    });
    Map {
        workload: workload.to_owned(),
        table: Table { caption: String::new(), main: false, columns: heads, rows: rows.collect() },
        axis,
        changes,
    }
}

/// Who is ahead, and how far before the next.
pub fn square(comparison: &Comparison) -> String {
    match comparison.outcome {
        Outcome::Ahead => {
            let leader = comparison.leaders.join(", ");
            match next(comparison) {
                Some((next, by)) => format!("{leader}, {by} before {next}"),
                None => leader,
            }
        }
        Outcome::Tie if comparison.leaders.len() > NAMED => format!("tie of {}", comparison.leaders.len()),
        Outcome::Tie => {
            let mut leaders = comparison.leaders.clone();
            leaders.sort();
            format!("tie: {}", listed(&leaders))
        }
        Outcome::Unranked => comparison.unranked().name().to_owned(),
        Outcome::Alone => "alone".to_owned(),
    }
}

/// The best of those behind the leader, and how many times better the leader is, with its interval.
pub fn next(comparison: &Comparison) -> Option<(&str, String)> {
    let next = behind(comparison)?;
    Some((&next.target, how_far(next).unwrap_or_default()))
}

/// The best of those behind the leader.
pub fn behind(comparison: &Comparison) -> Option<&Standing> {
    comparison.standings.iter().find(|standing| standing.ranked && !comparison.leaders.contains(&standing.target))
}

/// Where along a row one target is ahead, and later another.
fn changes(axis: &str, place: usize, key: &[String], row: &[&Comparison]) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut last: Option<(usize, &str)> = None;
    for (at, comparison) in row.iter().enumerate() {
        let Some(leader) = comparison.leaders.first().filter(|_| comparison.outcome == Outcome::Ahead) else {
            continue;
        };
        if let Some((from, before)) = last.filter(|(_, before)| *before != leader) {
            changes.extend(change(axis, place, key, (before, leader), &row[from..=at]));
        }
        last = Some((at, leader));
    }
    changes
}

/// One change, from the comparisons between its two ends.
fn change(
    axis: &str,
    place: usize,
    key: &[String],
    (before, after): (&str, &str),
    row: &[&Comparison],
) -> Option<Change> {
    let (first, last) = (row.first()?, row.last()?);
    let (from, to) = (first.setting[place].clone(), last.setting[place].clone());
    let find = |comparison: &Comparison, target: &str| {
        comparison
            .standings
            .iter()
            .find(|standing| standing.target == target)
            .and_then(|standing| Some(standing.figure?.value))
    };
    // For each value its logarithm, and that of how much more the one has than the other.
    let ratios = row.iter().filter_map(|comparison| {
        let value = number(axis, &comparison.setting[place])?.max(1.0);
        Some((value.ln(), (find(comparison, before)? / find(comparison, after)?).ln()))
    });
    let near = crossing(&ratios.collect::<Vec<_>>())?;
    let written = match settings::key(axis).and_then(|key| key.runs()) {
        Some(Runs::Bytes) => size(near.round() as u64),
        Some(Runs::Times) => time(near),
        Some(Runs::Shares) => Share(near.round() as u64).to_string(),
        Some(Runs::Bits) => BitRate(near.round() as u64).to_string(),
        _ => figures::number(near),
    };
    let sentence = format!(
        "{}: up to {axis} {from} {before} is ahead, from {to} on {after}; between the two their figures meet, near {written}",
        key.join(", "),
    );
    Some(Change { before: before.to_owned(), after: after.to_owned(), from, to, near, sentence })
}

/// The number that the value of an axis stands for.
fn number(axis: &str, value: &str) -> Option<f64> {
    value.parse().ok().or_else(|| setting(axis, &value.into())?.number())
}

/// Where the first change of sign lies, drawn straight between the points.
fn crossing(points: &[(f64, f64)]) -> Option<f64> {
    points.windows(2).find_map(|pair| {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let crosses = (y0 >= 0.0) != (y1 >= 0.0);
        crosses.then(|| (x0 + (x1 - x0) * y0 / (y0 - y1)).exp())
    })
}
