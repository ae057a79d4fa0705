//! A cell as effects see it: its settings, and for each kind of figure the figures of its trials.

use std::collections::BTreeMap;

use crate::key::settings::Settings;
use crate::report::cell::{Cell, ranks};
use crate::report::effect::aspect::Aspect;
use crate::report::estimate::{Estimate, Score};
use crate::report::quantity::Quantile;
use crate::report::spending::over;
use crate::report::times::quantile;
use crate::results::measure::Measure;
use crate::results::{Measured, Outcome, Record, Results};
use crate::transport::terms::Terms;

/// One cell with the figures of its trials.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Its number in the report.
    pub cell: usize,
    /// Its target.
    pub target: String,
    /// Its workload.
    pub workload: String,
    /// Every key by name.
    pub settings: Settings,
    /// On what terms its target served.
    pub terms: Terms,
    /// What it is ranked by.
    pub main: Vec<Aspect>,
    /// The figure of each trial; a kind of which a trial has none, or only a bound, is absent.
    pub figures: BTreeMap<Aspect, Vec<f64>>,
}

impl Sample {
    /// The kind of call that it is about; the workload's name where it makes several.
    pub fn call(&self) -> String {
        self.settings.text("call").unwrap_or_else(|| self.workload.clone())
    }
}

/// The samples of all cells, in their order.
pub fn samples(results: &Results, cells: &[Cell]) -> Vec<Sample> {
    let tried = results.tried().into_iter().zip(cells);
    tried.map(|((_, records), cell)| sample(results, &records, cell)).collect()
}

fn sample(results: &Results, records: &[&Record], cell: &Cell) -> Sample {
    // A trial that failed has no figure; the ranking of targets is what it counts in.
    let counted = records.iter().filter(|record| ranks(record) && record.outcome == Outcome::Measured);
    let answered =
        counted.filter_map(|record| Some((*record, record.measured.as_ref().filter(|it| it.counts.ok > 0)?)));
    let trials: Vec<(&Record, &Measured)> = answered.collect();
    let main: Vec<Aspect> = cell.measures().into_iter().map(Aspect::of).collect();
    let searched = main.contains(&Aspect::Capacity);
    let mut figures = BTreeMap::new();
    for aspect in Aspect::ALL.into_iter().filter(|aspect| shown(cell, searched, *aspect)) {
        let own = trials.iter().map(|(record, measured)| figure(aspect, record, measured));
        let own: Option<Vec<f64>> = own.map(|own| own.filter(|value| *value > 0.0)).collect();
        if let Some(own) = own.filter(|own| own.len() >= 2) {
            figures.insert(aspect, own);
        }
    }
    Sample {
        cell: cell.number,
        target: cell.target.clone(),
        workload: cell.workload.clone(),
        settings: cell.settings.clone(),
        terms: results.manifest.terms.get(&cell.target).cloned().unwrap_or_default(),
        main,
        figures,
    }
}

/// True where the cell has such a figure, and not only a bound of it. Of a rate that was given, and of times at a rate
/// that was found, nothing can be learnt.
fn shown(cell: &Cell, searched: bool, aspect: Aspect) -> bool {
    let planned = |measure| cell.planned().measures.contains(&measure);
    let exact = |figure: Option<Estimate>| figure.is_some_and(|figure| !figure.at_least);
    match aspect {
        Aspect::Capacity => cell.capacity.as_ref().is_some_and(|it| !it.at_least && exact(it.figure)),
        Aspect::P50 => !searched && exact(cell.response.p50),
        Aspect::P99 => !searched && exact(cell.response.p99),
        Aspect::Rate => planned(Measure::Rate) && exact(cell.calls_per_s),
        Aspect::Bandwidth => planned(Measure::Bandwidth) && exact(cell.bandwidth),
        Aspect::ServerCpu => cell.server.cpu_ns_per_call.is_some(),
        Aspect::ClientCpu => cell.client.cpu_ns_per_call.is_some(),
        Aspect::Memory => cell.server.memory_per_client.is_some(),
        Aspect::Wire => !searched,
    }
}

/// The figure of one trial.
fn figure(aspect: Aspect, record: &Record, measured: &Measured) -> Option<f64> {
    let ok = measured.counts.ok as f64;
    let seconds = measured.elapsed_ns as f64 / 1e9;
    let exact = |score: Score| if let Score::Exact(value) = score { Some(value) } else { None };
    match aspect {
        Aspect::Capacity => record.search.as_ref()?.capacity,
        Aspect::P50 => exact(quantile(&measured.response_time, Quantile::P50)),
        Aspect::P99 => exact(quantile(&measured.response_time, Quantile::P99)),
        Aspect::Rate => over(ok, seconds),
        Aspect::Bandwidth => over((measured.bytes.payload_up + measured.bytes.payload_down) as f64, seconds),
        Aspect::ServerCpu => over(record.cost.as_ref()?.server.cpu_ns? as f64, ok),
        Aspect::ClientCpu => over(record.cost.as_ref()?.client.cpu_ns? as f64, ok),
        Aspect::Memory => Some(record.cost.as_ref()?.server.memory_per_client? as f64),
        Aspect::Wire => over((measured.bytes.wire_up + measured.bytes.wire_down) as f64, ok),
    }
}
