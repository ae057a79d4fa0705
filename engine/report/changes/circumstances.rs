//! In what two runs differ besides their figures: the machine, the engine, and what was asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::figures::{NONE, factor};
use crate::key::KEYS;
use crate::key::settings::is_axis;
use crate::report::words::distinct;
use crate::results::cell::Planned;
use crate::results::machine::Yardstick;
use crate::results::measure::Measure;
use crate::results::{Manifest, Results};
use crate::statistics::median;

/// By how large a part the yardsticks of two runs may differ for their figures to be compared.
pub const ALIKE: f64 = 0.1;

/// How many times slower the machine itself was in the new run, by the medians of the yardsticks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Machine {
    /// At exchanging bytes.
    pub exchange: f64,
    /// At arithmetic.
    pub arithmetic: f64,
}

impl Machine {
    /// Of two runs that both hold yardsticks.
    pub fn of(old: &Results, new: &Results) -> Option<Self> {
        let of = |results: &Results, value: fn(&Yardstick) -> u64| {
            let values: Vec<f64> = results.manifest.yardsticks.iter().map(|it| value(it) as f64).collect();
            median(&values).filter(|value| *value > 0.0)
        };
        let slower = |value| Some(of(new, value)? / of(old, value)?);
        Some(Machine { exchange: slower(|it| it.exchange_ns)?, arithmetic: slower(|it| it.arithmetic_ns)? })
    }

    /// Why the figures of the two runs cannot be compared, where they cannot.
    pub fn differs(&self) -> Option<String> {
        let apart = |ratio: f64| ratio.max(1.0 / ratio);
        let furthest = if apart(self.exchange) >= apart(self.arithmetic) { self.exchange } else { self.arithmetic };
        let word = if furthest > 1.0 { "slower" } else { "faster" };
        (apart(furthest) > 1.0 + ALIKE).then(|| format!("the machine itself was {} {word}", factor(apart(furthest))))
    }
}

/// What differs between the machines and the engines of two runs, in sentences.
pub fn of_machines(old: &Manifest, new: &Manifest) -> Vec<String> {
    let about = |manifest: &Manifest| -> BTreeMap<String, String> {
        let mut about: BTreeMap<String, String> =
            manifest.lasting().map(|(name, value)| (name.clone(), value.clone())).collect();
        about.insert("engine".to_owned(), manifest.engine.clone());
        about.insert("build".to_owned(), manifest.build.clone());
        about.insert("commit".to_owned(), manifest.git.clone().unwrap_or_else(|| NONE.to_owned()));
        about.insert("quick".to_owned(), manifest.quick.to_string());
        about.insert("interrupted".to_owned(), manifest.interrupted.to_string());
        for (target, facts) in &manifest.facts {
            about.extend(facts.iter().map(|(name, fact)| (format!("{target}: {name}"), fact.clone())));
        }
        about
    };
    differences(&about(old), &about(new), NONE)
}

/// What differs between what was asked in cells that both runs have, in a sentence for each workload.
pub fn of_cells<'a>(
    (old, new): (&Results, &Results),
    common: impl Iterator<Item = (&'a Planned, &'a Planned)>,
) -> Vec<String> {
    distinct(common.filter_map(|(was, is)| {
        let differences = differences(&asked(&old.manifest, was), &asked(&new.manifest, is), "absent");
        (!differences.is_empty())
            .then(|| format!("the workload {} is not the same: {}", is.workload, differences.join("; ")))
    }))
}

/// In what two cells differ that have the same id, as a clause.
pub fn of_settings(old: &Planned, new: &Planned) -> String {
    let texts =
        |cell: &Planned| cell.settings.axes().map(|(name, value)| (name.to_owned(), value.to_string())).collect();
    differences(&texts(old), &texts(new), "absent").join("; ")
}

/// What a cell is asked besides the keys by which cells are told apart.
fn asked(manifest: &Manifest, cell: &Planned) -> BTreeMap<String, String> {
    // Trials say how sure a figure is, and not what it is of.
    let scalars = KEYS.iter().filter(|key| !is_axis(key.name()) && key.name() != "trials");
    let mut asked: BTreeMap<String, String> = scalars
        .filter_map(|key| {
            Some((key.name().to_owned(), cell.text(key.name()).or(key.default().map(|it| it.to_string()))?))
        })
        .collect();
    if let Some(timeout) = asked.get("timeout").cloned() {
        asked.entry("drain".to_owned()).or_insert(timeout);
    }
    asked.insert("order".to_owned(), manifest.order.clone().unwrap_or_else(|| "interleaved".to_owned()));
    asked.insert("seed".to_owned(), manifest.seed.unwrap_or(1).to_string());
    // What is expected changes no figure, but for a search.
    if cell.measures.contains(&Measure::Capacity) {
        let expected: Vec<String> = cell.expect.iter().map(ToString::to_string).collect();
        asked.insert("expect".to_owned(), expected.join(", "));
    }
    asked
}

/// What differs by name, as clauses.
fn differences(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>, absent: &str) -> Vec<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let known =
        |side: &BTreeMap<String, String>, name: &String| side.get(name).map_or(absent, String::as_str).to_owned();
    names
        .into_iter()
        .map(|name| (name, known(old, name), known(new, name)))
        .filter(|(_, old, new)| old != new)
        .map(|(name, old, new)| format!("{name} was {old}, and is {new}"))
        .collect()
}
