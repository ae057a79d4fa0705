//! In what two runs differ besides their figures: the machine, the engine, and what was asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::report::figures::{NONE, factor};
use crate::report::method::distinct;
use crate::report::order::{Written, coordinate};
use crate::results::machine::Yardstick;
use crate::results::{Coordinates, Manifest, Results};
use crate::scenario::AXES;
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

/// What differs between what was asked in cells of the same coordinates, in a sentence for each workload and target.
pub fn of_scenarios<'a>(
    (old, was): (&Results, &Written<'_>),
    (new, is): (&Results, &Written<'_>),
    common: impl Iterator<Item = &'a Coordinates>,
) -> Vec<String> {
    let told = |cell: &Coordinates| {
        let entry = |written: &Written<'_>| written.workload(cell).map(|(_, entry)| entry.clone());
        let workload = entry(was).zip(entry(is)).map(|(was, is)| {
            let was = asked(&old.scenario, &was);
            differences(&was, &asked(&new.scenario, &is), "absent")
        });
        let entry = |written: &Written<'_>| written.target(cell).map(knobs);
        let target = entry(was).zip(entry(is)).map(|(was, is)| differences(&was, &is, "absent"));
        let sentence = |word: &str, differences: Option<Vec<String>>| {
            let differences = differences.filter(|differences| !differences.is_empty())?;
            let name = coordinate(cell, word).unwrap_or_default();
            Some(format!("the {word} {name} is not the same: {}", differences.join("; ")))
        };
        [sentence("workload", workload), sentence("target", target)].into_iter().flatten()
    };
    distinct(common.flat_map(told))
}

/// In what two cells differ that have the same id, as a clause.
pub fn of_coordinates(old: &Coordinates, new: &Coordinates) -> String {
    let texts = |cell: &Coordinates| cell.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    differences(&texts(old), &texts(new), "absent").join("; ")
}

/// What a workload asks besides the axes, which are coordinates: its own keys, then those of the scenario.
fn asked(scenario: &Value, workload: &Value) -> BTreeMap<String, String> {
    // Trials say how sure a figure is, and not what it is of; what is expected changes none, but for a search.
    let mut left_out = ["name", "targets", "trials"].to_vec();
    if workload.get("rate").is_none_or(|rate| rate != "search") {
        left_out.push("expect");
    }
    let own = |key: &str| !AXES.contains(&key) && !left_out.contains(&key);
    let mut asked: BTreeMap<String, String> = [("warmup", "0"), ("timeout", "30s"), ("verify", "length")]
        .map(|(key, default)| (key.to_owned(), default.to_owned()))
        .into();
    asked.extend([("order", "interleaved"), ("seed", "1")].map(|(key, default)| (key.to_owned(), default.to_owned())));
    let inherited = ["timeout", "drain", "verify", "order", "seed"];
    let of_scenario = inherited.into_iter().filter_map(|key| Some((key.to_owned(), text(scenario.get(key)?))));
    asked.extend(of_scenario);
    let fields = workload.as_object().into_iter().flatten();
    asked.extend(fields.filter(|(key, _)| own(key)).map(|(key, value)| (key.clone(), text(value))));
    let timeout = asked.get("timeout").cloned().unwrap_or_default();
    asked.entry("drain".to_owned()).or_insert(timeout);
    asked
}

/// What the entry of a target says besides the words and options, which are coordinates.
fn knobs(target: &Value) -> BTreeMap<String, String> {
    const COORDINATES: [&str; 7] = ["name", "transport", "server", "stack", "driver", "options", "expect"];
    let none = Map::new();
    let fields = target.as_object().unwrap_or(&none).iter();
    fields
        .filter(|(key, _)| !COORDINATES.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
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
