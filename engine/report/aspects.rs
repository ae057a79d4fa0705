//! What can be said of each target whatever it is asked: from the facts it told, and from what was measured.

use std::collections::BTreeMap;

use crate::figures::{NONE, number, size};
use crate::report::cell::Cell;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::{Named, distinct};
use crate::results::Results;

/// Facts that stand first, in this order; the others follow by name.
const FIRST: [&str; 7] =
    ["serves", "isolation", "serialisation", "keep-alive", "connection", "encrypted", "compressed"];

/// Memory per connection is told from this many further connections on, so that they outweigh what else grows.
const CONNECTIONS: u64 = 8;

/// One figure of a target, from all its cells.
type Measured = fn(&[&Cell]) -> Option<String>;

/// What is true of every target, and a table of what differs with what was measured.
pub fn aspects(results: &Results, cells: &[Cell], targets: &[String]) -> (Vec<Named>, Table) {
    let none = BTreeMap::new();
    let facts: Vec<&BTreeMap<String, String>> =
        targets.iter().map(|target| results.manifest.facts.get(target).unwrap_or(&none)).collect();
    let mut names: Vec<&str> = facts.iter().flat_map(|facts| facts.keys().map(String::as_str)).collect();
    names.sort_unstable_by_key(|name| (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), *name));
    names.dedup();
    let (same, differing): (Vec<&str>, Vec<&str>) =
        names.into_iter().partition(|name| distinct(facts.iter().map(|facts| facts.get(*name))).len() == 1);
    let common = same
        .iter()
        .filter_map(|name| Some(Named { name: (*name).to_owned(), value: facts.first()?.get(*name)?.clone() }));

    let measured: [(&str, Measured); 3] =
        [("connecting, p50", connecting), ("memory per connection", memory), ("wire beyond payload, a call", overhead)];
    let of = |target: &String| -> Vec<&Cell> { cells.iter().filter(|cell| cell.target == *target).collect() };
    let measured: Vec<(&str, Vec<Option<String>>)> = measured
        .into_iter()
        .map(|(label, figure)| (label, targets.iter().map(|target| figure(&of(target))).collect()))
        .filter(|(_, texts): &(_, Vec<Option<String>>)| texts.iter().any(Option::is_some))
        .collect();
    let mut columns = Column::all(["target"], Kind::Name);
    columns.extend(Column::all(measured.iter().map(|(label, _)| *label), Kind::Figure));
    columns.extend(Column::all(differing.iter().copied(), Kind::Text));
    let rows = targets.iter().zip(&facts).enumerate().map(|(at, (target, facts))| {
        let figures = measured.iter().map(|(_, texts)| texts[at].clone().unwrap_or_else(|| NONE.to_owned()));
        let told = differing.iter().map(|name| facts.get(*name).map_or(NONE, String::as_str).to_owned());
        Row { begins: false, cell: None, texts: [target.clone()].into_iter().chain(figures).chain(told).collect() }
    });
    let table = Table { caption: String::new(), main: false, columns, rows: rows.collect() };
    (common.collect(), table)
}

/// The median time until the first answer, of one client at a time where that was measured.
fn connecting(cells: &[&Cell]) -> Option<String> {
    let connects = cells.iter().filter(|cell| cell.settings.call().is_some_and(|call| call.dials()));
    let fewest = connects.min_by_key(|cell| clients(cell))?;
    let quantity = Quantity::Time(Quantile::P50);
    Some(fewest.figure(quantity)?.written(|value| quantity.written(value)))
}

/// How much more memory the server needs at most for each further connection of one workload: by its largest process
/// where all are served by one, and that process itself where each has its own.
fn memory(cells: &[&Cell]) -> Option<String> {
    let alike = |a: &Cell, b: &Cell| {
        let without = |cell: &Cell| -> Vec<(String, String)> {
            let others = cell.settings.axes().filter(|(name, _)| *name != "clients");
            others.map(|(name, value)| (name.to_owned(), value.to_string())).collect()
        };
        a.workload == b.workload && without(a) == without(b)
    };
    let growth = |few: &Cell, many: &Cell| {
        let further = clients(many).checked_sub(clients(few)).filter(|further| *further >= CONNECTIONS)?;
        let processes = many.server.processes?;
        if processes > further {
            return many.server.peak_memory;
        }
        let grown = many.server.peak_memory?.checked_sub(few.server.peak_memory?)?;
        (processes <= 2).then_some(grown / further)
    };
    let pairs = cells.iter().flat_map(|few| cells.iter().map(move |many| (*few, *many)));
    let most = pairs.filter(|(few, many)| alike(few, many)).filter_map(|(few, many)| growth(few, many)).max()?;
    Some(format!("≤ {}", size(most)))
}

/// Bytes on the wire that are not payload, both ways, for each call of the simplest kind that was asked.
fn overhead(cells: &[&Cell]) -> Option<String> {
    let simplest = |cell: &Cell| match cell.settings.call() {
        Some(call) if call.dials() => 3,
        Some(call) if call.has_body() => 2,
        Some(call) => u8::from(!call.keys().is_empty()),
        None => 3,
    };
    let cell = cells
        .iter()
        .filter(|cell| cell.wire_up_per_call.is_some())
        .min_by_key(|cell| (simplest(cell), clients(cell), cell.number))?;
    let wire = cell.wire_up_per_call? + cell.wire_down_per_call?;
    let payload = match (cell.bandwidth, cell.calls_per_s) {
        (Some(bandwidth), Some(calls)) => bandwidth.value / calls.value,
        _ => 0.0,
    };
    (simplest(cell) < 3 && wire >= payload).then(|| format!("{} B", number(wire - payload)))
}

fn clients(cell: &Cell) -> u64 {
    cell.planned().clients()
}
