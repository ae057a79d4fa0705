//! Whether a run may go on with what a killed or interrupted one left, and the results that it goes on with.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::error::{Error, Result};
use crate::plan::Plan;
use crate::results::{Manifest, Record, Results, Session};

/// What was `held`, as the beginning of the run of `plan` that `fresh` opens; fails where that is another run: of
/// another plan, by another engine, or on another machine.
pub(crate) fn resumed(held: Results, fresh: Results, plan: &Plan, syscalls: bool) -> Result<Results> {
    if !held.manifest.interrupted {
        return Err(Error::usage("there is nothing to resume: the run was not interrupted")
            .help("name another folder by --out, or let its results be replaced by --replace"));
    }
    if held.manifest.secrets != fresh.manifest.secrets {
        return Err(Error::usage(
            "this is not the run to resume: what the scenario keeps secret (values of calls and of `env`) is another",
        )
        .help("give it the values of its beginning, or another folder by --out"));
    }
    let counted = held.manifest.command.iter().any(|word| word == "--syscalls");
    if let Some(what) = difference(&held, &fresh, (counted, syscalls)).or_else(|| stranger(&held, plan)) {
        return Err(Error::usage(format!("this is not the run to resume: {what}"))
            .help("give the command line of its beginning, or another folder by --out"));
    }
    let session =
        Session { started: fresh.manifest.started, records: held.records.len(), command: fresh.manifest.command };
    let mut manifest = Manifest { interrupted: false, ..held.manifest.clone() };
    manifest.resumed.push(session);
    // Each record finds its cell again, wherever that stands now.
    let places: BTreeMap<&str, usize> =
        plan.cells.iter().enumerate().map(|(at, cell)| (cell.planned.id.as_str(), at)).collect();
    let moved = |record: &Record| Record {
        cell: places.get(held.id(record)).copied().unwrap_or(record.cell),
        ..record.clone()
    };
    let records = held.records.iter().map(moved).collect();
    Ok(Results { manifest, records, ..fresh })
}

/// In what two runs differ that are to be one.
fn difference(held: &Results, fresh: &Results, syscalls: (bool, bool)) -> Option<String> {
    let told = |manifest: &Manifest, syscalls: bool, scenario: &Value| {
        let mut told: BTreeMap<String, String> =
            manifest.lasting().map(|(name, value)| (format!("the machine's {name}"), value.clone())).collect();
        told.insert("the engine".to_owned(), format!("{} ({} build)", manifest.engine, manifest.build));
        told.insert("--quick".to_owned(), manifest.quick.to_string());
        told.insert("--syscalls".to_owned(), syscalls.to_string());
        let planned = manifest.planned.map_or_else(|| "unknown".to_owned(), |trials| trials.to_string());
        told.insert("the number of trials".to_owned(), planned);
        told.extend(leaves(scenario, String::new()));
        told
    };
    let then = told(&held.manifest, syscalls.0, &held.scenario);
    // Through text, as what was held came: so every number is rounded alike.
    let scenario = serde_json::from_str(&fresh.scenario.to_string()).unwrap_or_default();
    let now = told(&fresh.manifest, syscalls.1, &scenario);
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    let of =
        |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or_else(|| "absent".to_owned());
    names
        .into_iter()
        .map(|name| (name, of(&then, name), of(&now, name)))
        .find(|(_, then, now)| then != now)
        .map(|(name, then, now)| format!("{name} was {then}, and is {now}"))
}

/// Every value of a tree with its path.
fn leaves(value: &Value, path: String) -> Vec<(String, String)> {
    let below = |name: String| if path.is_empty() { name } else { format!("{path}.{name}") };
    match value {
        Value::Object(fields) => fields.iter().flat_map(|(name, value)| leaves(value, below(name.clone()))).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| leaves(value, below((at + 1).to_string()))).collect()
        }
        other => vec![(path, other.to_string())],
    }
}

/// A record that the plan has no turn for.
fn stranger(held: &Results, plan: &Plan) -> Option<String> {
    let turns: BTreeSet<(&str, u32)> =
        plan.turns.iter().map(|turn| (plan.cells[turn.cell].planned.id.as_str(), turn.trial)).collect();
    let strange = held.records.iter().find(|record| !turns.contains(&(held.id(record), record.trial)));
    strange.map(|record| format!("its plan has `{}`, trial {}, and this one has not", held.id(record), record.trial))
}
