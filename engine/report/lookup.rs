//! What templates can ask for besides the view: a cell by its id, and numbers as a report writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::value::{Serde, Value};
use minijinja::{Environment, Error, ErrorKind};
use serde::Serialize;

use crate::figures;
use crate::report::cell::Cell;
use crate::report::comparison::Standing;
use crate::report::view::View;
use crate::report::workload::Workload;
use crate::results::measure::Measure;

/// What `cell("…")` gives: the cell, and where it stands among those that were asked the same.
#[derive(Serialize)]
struct Found<'a> {
    #[serde(flatten)]
    cell: &'a Cell,
    /// By measure: `response_time`, `bandwidth`, `rate`.
    standings: BTreeMap<Measure, &'a Standing>,
}

/// Gives templates `cell(id)`, which fails where there is no such cell, and the filters `time` (of nanoseconds),
/// `number` and `bandwidth` (of bytes for each second, as MB/s), which also take a figure with its “≥”, `size`, `factor`,
/// and `share` of a whole; each fails on what is not a number.
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
    environment.add_filter("time", |value: &Value| written(value, figures::time));
    environment.add_filter("size", figures::size);
    environment.add_filter("number", |value: &Value| written(value, figures::number));
    environment.add_filter("bandwidth", |value: &Value| written(value, |bytes| figures::number(bytes / 1e6)));
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

/// A figure, “≥” before a lower bound: of a number, an estimate of trials, or a reading of a distribution.
fn written(value: &Value, text: impl Fn(f64) -> String) -> Result<String, Error> {
    let field = |name: &str| value.get_attr(name).ok().filter(|field| !field.is_undefined());
    let inner = field("ns").or_else(|| field("value"));
    let at_least = inner.is_some() && value.get_attr("at_least")?.is_true();
    let number = f64::try_from(inner.unwrap_or_else(|| value.clone()))?;
    Ok(format!("{}{}", if at_least { "≥ " } else { "" }, text(number)))
}
