//! What templates can ask for besides the view: a cell by its id, and numbers as a report writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;

use crate::report::ahead::{Measure, Standing};
use crate::report::cell::Cell;
use crate::report::figures;
use crate::report::view::{View, Workload};

/// What `cell("…")` gives: the cell, and where it stands among those that were asked the same.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    cell: &'a Cell,
    /// By measure: `response_time`, `bandwidth`, `rate`.
    standings: BTreeMap<Measure, &'a Standing>,
}

/// Gives templates `cell(id)`, which fails where there is no such cell, and the filters `time` (nanoseconds, or a
/// reading with its “≥”), `size`, `number`, `factor`, and `share` of a whole; each fails on what is not a number.
pub fn offer(environment: &mut Environment<'_>, view: &Arc<View>) {
    let workloads = view.workloads.iter().enumerate();
    let places =
        workloads.flat_map(|(workload, of)| of.cells.iter().enumerate().map(move |(at, cell)| (workload, at, cell)));
    let places: BTreeMap<String, (usize, usize)> =
        places.map(|(workload, at, cell)| (cell.id.clone(), (workload, at))).collect();
    let view = Arc::clone(view);
    environment.add_function("cell", move |id: &str| {
        let missing = || Error::new(ErrorKind::InvalidOperation, format!("the results hold no cell `{id}`"));
        let (workload, at) = *places.get(id).ok_or_else(missing)?;
        let workload = &view.workloads[workload];
        Ok::<Value, Error>(found(workload, &workload.cells[at]))
    });
    environment.add_filter("time", time);
    environment.add_filter("size", figures::size);
    environment.add_filter("number", figures::number);
    environment.add_filter("factor", figures::factor);
    environment.add_filter("share", figures::share);
}

fn found(workload: &Workload, cell: &Cell) -> Value {
    let setting: Vec<String> =
        workload.axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| figures::NONE.to_owned())).collect();
    let comparisons = workload.comparisons.iter().filter(|comparison| comparison.setting == setting);
    let standings = comparisons.filter_map(|comparison| {
        let own = comparison.standings.iter().find(|standing| standing.target == cell.target)?;
        Some((comparison.measure, own))
    });
    Value::from(Serde(Found { cell, standings: standings.collect() }))
}

fn time(value: &Value) -> Result<String, Error> {
    let reading = value.get_attr("ns").ok().filter(|ns| !ns.is_undefined());
    let at_least = reading.is_some() && value.get_attr("at_least")?.is_true();
    let ns = f64::try_from(reading.unwrap_or_else(|| value.clone()))?;
    Ok(format!("{}{}", if at_least { "≥ " } else { "" }, figures::time(ns)))
}
