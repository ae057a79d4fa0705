//! Reads results of schema 1, which did not hold the plan: the cells are made anew from their scenario, once.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::{Error, Result};
use crate::key::KEYS;
use crate::key::contract::{Key, Of};
use crate::key::setting::Setting;
use crate::key::settings::{Settings, setting};
use crate::registry::{Entry, find};
use crate::results::cell::{Planned, multiplied};
use crate::results::measure::Measure;
use crate::results::{Manifest, Record, Refused, Results, SCHEMA};
use crate::scenario::read;
use crate::server::MODELS;
use crate::stack::STACKS;
use crate::stack::native::Native;
use crate::transport::TRANSPORTS;
use crate::transport::option::{OptionValue, Options};
use crate::transport::terms::{Congestion, Terms};

/// The version that is read here.
pub(crate) const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Old {
    scenario: Value,
    manifest: Manifest,
    refusals: Vec<OldRefused>,
    records: Vec<OldRecord>,
}

#[derive(Deserialize)]
pub(crate) struct OldRefused {
    coordinates: Map<String, Value>,
    reason: String,
}

#[derive(Deserialize)]
pub(crate) struct OldRecord {
    id: String,
    coordinates: Map<String, Value>,
    #[serde(flatten)]
    record: Map<String, Value>,
}

/// The results in the text of a `results.json` of schema 1.
pub(crate) fn parse(text: &str) -> Result<Results> {
    let wrong = |error: serde_json::Error| Error::usage(format!("not results of schema {VERSION}: {error}"));
    let Old { scenario, manifest, refusals, records } = serde_json::from_str(text).map_err(wrong)?;
    upgraded(scenario, manifest, refusals, records)
}

/// Makes results of schema 1 into those of today. Fails where their scenario expects something and cannot be read,
/// since what is expected would be lost.
pub(crate) fn upgraded(
    scenario: Value,
    mut manifest: Manifest,
    refusals: Vec<OldRefused>,
    records: Vec<OldRecord>,
) -> Result<Results> {
    let written = match read("the scenario of the results", &scenario.to_string(), &[]) {
        Ok(scenario) => multiplied(&scenario).into_iter().map(|cell| cell.planned).collect(),
        Err(_) if !expects(&scenario) => Vec::new(),
        Err(mistakes) => {
            return Err(Error::usage(format!(
                "what the results expect cannot be judged, for their scenario cannot be read:\n{}",
                mistakes.render(false)
            ))
            .help("make the report with the engine that measured, or measure anew"));
        }
    };
    manifest.order = scenario.get("order").and_then(Value::as_str).map(str::to_owned);
    manifest.seed = scenario.get("seed").and_then(Value::as_u64);
    let cells = cells(&written, &records);
    let places: BTreeMap<&str, usize> = cells.iter().enumerate().map(|(at, cell)| (cell.id.as_str(), at)).collect();
    let mut missing = BTreeMap::new();
    let mut renewed = |old: &OldRecord| -> Result<Record> {
        let mut record = old.record.clone();
        record.insert("cell".to_owned(), places.get(old.id.as_str()).copied().unwrap_or_default().into());
        let wrong = |error| Error::usage(format!("{}: {error}", old.id));
        let record: Record = serde_json::from_value(Value::Object(record)).map_err(wrong)?;
        Ok(record.said_once(&mut missing))
    };
    let records = records.iter().map(&mut renewed).collect::<Result<_>>()?;
    manifest.missing = missing;
    let refusals =
        refusals.into_iter().map(|old| Refused { settings: settings(&old.coordinates), reason: old.reason }).collect();
    Ok(Results { schema: SCHEMA, scenario, manifest, refusals, cells, records })
}

/// The cells that were measured, in the order of the scenario; of a workload, those that it does not tell about, as
/// where it cannot be read, stand behind the others, by how large their values are.
fn cells(written: &[Planned], records: &[OldRecord]) -> Vec<Planned> {
    let mut of: BTreeMap<(&str, &str), Vec<(usize, &Planned)>> = BTreeMap::new();
    for (at, cell) in written.iter().enumerate() {
        of.entry((&cell.target, &cell.workload)).or_default().push((at, cell));
    }
    let mut known = BTreeSet::new();
    let mut cells: Vec<(usize, Planned)> = Vec::new();
    for record in records.iter().filter(|record| known.insert(record.id.as_str())) {
        let derived = derived(&record.id, &record.coordinates);
        let mut same = of.get(&(derived.target.as_str(), derived.workload.as_str())).into_iter().flatten();
        let asked = derived.settings.of(Of::Workload);
        cells.push(match same.find(|(_, cell)| cell.settings.of(Of::Workload).alike(&asked)) {
            Some((at, cell)) => (*at, Planned { id: derived.id, ..(*cell).clone() }),
            None => (usize::MAX, derived),
        });
    }
    let mut workloads: Vec<String> = Vec::new();
    for name in written.iter().chain(cells.iter().map(|(_, cell)| cell)).map(|cell| &cell.workload) {
        if !workloads.contains(name) {
            workloads.push(name.clone());
        }
    }
    let workload = |cell: &Planned| workloads.iter().position(|name| *name == cell.workload);
    cells.sort_by(|(at, a), (other, b)| {
        (workload(a), at)
            .cmp(&(workload(b), other))
            .then_with(|| by_amounts(a, b))
            .then_with(|| a.target.cmp(&b.target))
    });
    cells.into_iter().map(|(_, cell)| cell).collect()
}

/// Compares what two cells of a workload are asked, key by key.
fn by_amounts(a: &Planned, b: &Planned) -> Ordering {
    let compare = |key: &&dyn Key| match (a.settings.get(key.name()), b.settings.get(key.name())) {
        (Some(a), Some(b)) => a.by_amount(b).then_with(|| a.to_string().cmp(&b.to_string())),
        (a, b) => a.is_some().cmp(&b.is_some()),
    };
    let asked = KEYS.iter().filter(|key| key.of() == Of::Workload);
    asked.map(compare).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// A cell from its coordinates alone.
fn derived(id: &str, coordinates: &Map<String, Value>) -> Planned {
    let word = |name: &str| coordinates.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let settings: Settings = settings(coordinates);
    let varies = id.split('/').skip(2).filter_map(|part| part.split_once('=')).map(|(name, _)| name.to_owned());
    Planned {
        id: id.to_owned(),
        target: word("target"),
        workload: word("workload"),
        measures: Measure::of(&settings),
        varies: varies.collect(),
        expect: Vec::new(),
        settings,
    }
}

fn settings(coordinates: &Map<String, Value>) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in coordinates.iter().filter(|(name, _)| !matches!(name.as_str(), "target" | "workload")) {
        if let Some(value) = setting(name, value) {
            settings.put(name, value);
        }
    }
    settings
}

/// On what terms the target of each cell served, in results that do not hold it: as its settings have it, which they
/// hold. A target that this engine does not know has none.
pub(crate) fn terms(cells: &[Planned], machine: &BTreeMap<String, String>) -> BTreeMap<String, Terms> {
    let count = |name: &str| machine.get(name)?.parse().ok();
    let cores = count("server cores").or_else(|| count("cores")).unwrap_or(1);
    let mut terms = BTreeMap::new();
    for cell in cells {
        if let Some(of_cell) = terms_of(&cell.settings, cores).filter(|_| !terms.contains_key(&cell.target)) {
            terms.insert(cell.target.clone(), of_cell);
        }
    }
    terms
}

fn terms_of(settings: &Settings, cores: u64) -> Option<Terms> {
    let word = |name: &str| settings.get(name)?.as_word();
    let transport = find("transport", TRANSPORTS, word("transport")?).ok()?;
    let model = find("server model", MODELS, word("server")?).ok()?;
    let stack = find("stack", STACKS, word("stack").unwrap_or(Native.name())).ok()?;
    let specs = || transport.options().iter().chain(model.options());
    let known = settings.iter().filter(|(name, _)| specs().any(|spec| spec.name == *name));
    let value = |(name, value): (&str, &Setting)| match value {
        Setting::Flag(flag) => (name.to_owned(), OptionValue::Flag(*flag)),
        Setting::Count(count) => (name.to_owned(), OptionValue::Count(*count)),
        other => (name.to_owned(), OptionValue::Word(other.to_string())),
    };
    let mut terms = stack.terms(transport, model, &Options(known.map(value).collect()), cores);
    // It had that then, whatever the kernel had.
    if let Some(Congestion::Likewise(_)) = terms.congestion {
        terms.congestion = Some(Congestion::Named("cubic".to_owned()));
    }
    Some(terms)
}

/// True where a target or a workload of a scenario expects something.
fn expects(scenario: &Value) -> bool {
    let entries = ["targets", "workloads"].into_iter().filter_map(|key| scenario.get(key)?.as_array()).flatten();
    entries.into_iter().any(|entry| entry.get("expect").is_some())
}
