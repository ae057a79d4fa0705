//! What a search of the highest rate found: a table of the targets, and one of the probes of each.

use crate::figures::{NONE, grouped, listed, number, time};
use crate::report::cell::Cell;
use crate::report::estimate::Estimate;
use crate::report::searched::Capacity;
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::distinct;
use crate::results::search::Probe;

/// What each target of a workload can take, in a sentence, the most first; none where nothing was searched, or where
/// there are too many for one.
pub fn sentence(cells: &[Cell]) -> Option<String> {
    const TOLD: usize = 6;
    let mut found: Vec<(&Cell, &Capacity)> =
        cells.iter().filter_map(|cell| Some((cell, cell.capacity.as_ref()?))).collect();
    let targets = distinct(found.iter().map(|(cell, _)| &cell.target)).len();
    if found.is_empty() || found.len() > TOLD || targets < found.len() {
        return None;
    }
    let order = |capacity: &Capacity| capacity.figure.map_or(0.0, |figure| figure.value);
    found.sort_by(|(_, a), (_, b)| order(b).total_cmp(&order(a)));
    let told = found.iter().map(|(cell, capacity)| {
        let Some(figure) = capacity.figure else { return format!("{} at no rate", cell.target) };
        let around = figure.interval().map(|over| format!(" ({} – {})", number(over.low), number(over.high)));
        format!("{} up to {}/s{}", cell.target, figure.written(number), around.unwrap_or_default())
    });
    Some(format!("All that is expected holds of {}.", listed(&told.collect::<Vec<_>>())))
}

/// What was found for each target of a workload, and each probe that was made; none where nothing was searched.
pub fn tables(axes: &[String], cells: &[Cell]) -> Vec<Table> {
    let searched: Vec<(&Cell, &Capacity)> =
        cells.iter().filter_map(|cell| Some((cell, cell.capacity.as_ref()?))).collect();
    if searched.is_empty() {
        return Vec::new();
    }
    let mut tables = vec![found(axes, &searched)];
    tables.extend(searched.iter().map(|(cell, capacity)| probes(cell, capacity)));
    tables
}

fn found(axes: &[String], searched: &[(&Cell, &Capacity)]) -> Table {
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target"]), Kind::Name);
    columns.extend(Column::all(["capacity, calls/s", "95 %", "least – most", "probes"], Kind::Figure));
    columns.extend(Column::all(["limited by"], Kind::Text));
    let row = |(cell, capacity): &(&Cell, &Capacity)| {
        let figure =
            |text: fn(Estimate) -> Option<String>| capacity.figure.and_then(text).unwrap_or_else(|| NONE.to_owned());
        let probes: usize = capacity.trials.iter().map(|searched| searched.search.probes.len()).sum();
        let mut texts: Vec<String> =
            axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect();
        texts.extend([
            cell.target.clone(),
            figure(|figure| Some(figure.written(number))),
            figure(|figure| figure.interval().map(|over| range(over.low, over.high))),
            figure(|figure| Some(range(figure.least, figure.most))),
            grouped(probes as u64),
            capacity.limited_by.join(", "),
        ]);
        Row { begins: false, cell: Some(cell.number), texts }
    };
    let caption = "Capacity: the highest rate at which all that is expected holds".to_owned();
    Table { caption, main: false, columns, rows: searched.iter().map(row).collect() }
}

fn range(low: f64, high: f64) -> String {
    format!("{} – {}", number(low), number(high))
}

fn probes(cell: &Cell, capacity: &Capacity) -> Table {
    let mut columns = Column::all(["trial", "rate", "calls", "answered", "p50", "p99"], Kind::Figure);
    columns.extend(Column::all(["held"], Kind::Text));
    let rows = capacity.trials.iter().flat_map(|searched| {
        searched.search.probes.iter().enumerate().map(move |(at, probe)| Row {
            begins: at == 0 && searched.trial > 1,
            cell: None,
            texts: texts(searched.trial, probe),
        })
    });
    let rows = rows.collect();
    Table { caption: format!("Every probe of {}", cell.id), main: false, columns, rows }
}

fn texts(trial: u32, probe: &Probe) -> Vec<String> {
    let quantile = |at: f64, ns: u64| {
        let bound = if probe.at_least_from.is_some_and(|from| from <= at) { "≥ " } else { "" };
        format!("{bound}{}", time(ns as f64))
    };
    vec![
        trial.to_string(),
        format!("{}/s", number(probe.rate)),
        grouped(probe.scheduled),
        grouped(probe.ok),
        quantile(0.5, probe.p50_ns),
        quantile(0.99, probe.p99_ns),
        probe.why.as_ref().map_or_else(|| "yes".to_owned(), |why| format!("no: {why}")),
    ]
}
