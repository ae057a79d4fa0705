//! The order in which the scenario names its workloads, axis values and targets.

use std::cmp::Ordering;

use serde_json::Value;

use crate::results::{Coordinates, Record, Results};
use crate::units::{Size, Time};

/// The axes of a workload; every other coordinate but the workload itself belongs to the target.
pub const AXES: [&str; 10] =
    ["call", "payload", "fill", "chunk", "split", "clients", "rate", "arrivals", "work", "hold"];

/// A coordinate as text; none where the cell does not have it.
pub fn coordinate(coordinates: &Coordinates, name: &str) -> Option<String> {
    match coordinates.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// The records of a run in the order of its scenario, the trials of a cell side by side.
pub fn sorted(results: &Results) -> Vec<&Record> {
    let mut records: Vec<&Record> = results.records.iter().collect();
    records.sort_by(|a, b| {
        compare(&results.scenario, &a.coordinates, &b.coordinates).then_with(|| (&a.id, a.trial).cmp(&(&b.id, b.trial)))
    });
    records
}

/// A name as links and files have it, in the way GitHub names headings: `large-file-in-5s`.
pub fn slug(name: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    name.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// Compares two cells by their places in the scenario.
pub fn compare(scenario: &Value, a: &Coordinates, b: &Coordinates) -> Ordering {
    let workload = |cell: &Coordinates| workload(scenario, cell).map_or(usize::MAX, |(at, _)| at);
    let target = |cell: &Coordinates| place(cell, scenario.get("targets"), |key| !AXES.contains(&key));
    workload(a)
        .cmp(&workload(b))
        .then_with(|| coordinate(a, "workload").cmp(&coordinate(b, "workload")))
        .then_with(|| compare_axes(scenario, a, b))
        .then_with(|| target(a).cmp(&target(b)))
        .then_with(|| coordinate(a, "target").cmp(&coordinate(b, "target")))
}

/// The workload of a cell as the scenario has it, with its index.
pub fn workload<'a>(scenario: &'a Value, cell: &Coordinates) -> Option<(usize, &'a Value)> {
    let name = cell.get("workload")?;
    scenario.get("workloads")?.as_array()?.iter().enumerate().find(|(_, workload)| workload.get("name") == Some(name))
}

/// The entry of `targets` that a cell was made from, as the scenario has it.
pub fn target<'a>(scenario: &'a Value, cell: &Coordinates) -> Option<&'a Value> {
    let targets = scenario.get("targets")?;
    targets.as_array()?.get(place(cell, Some(targets), |key| !AXES.contains(&key)).0)
}

fn compare_axes(scenario: &Value, a: &Coordinates, b: &Coordinates) -> Ordering {
    let written = workload(scenario, a).map(|(_, workload)| workload);
    let place = |axis: &str, cell: &Coordinates| {
        let value = cell.get(axis)?;
        Some((written.and_then(|w| index(w.get(axis)?, value)).unwrap_or(usize::MAX), amount(value), value.to_string()))
    };
    AXES.iter().map(|axis| place(axis, a).cmp(&place(axis, b))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The first entry of `targets` that a cell fits, and the index of each of its values there.
fn place(cell: &Coordinates, targets: Option<&Value>, of_target: impl Fn(&str) -> bool) -> (usize, Vec<usize>) {
    let targets = targets.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let fit = |target: &Value| -> Option<Vec<usize>> {
        let options = target.get("options").and_then(Value::as_object).into_iter().flatten();
        let axes = target.as_object()?.iter().filter(|(key, _)| !["options", "name", "expect"].contains(&key.as_str()));
        // A name of its own begins the name of each of its targets.
        let own = |name: &str| coordinate(cell, "target").is_some_and(|target| target.starts_with(name));
        if !target.get("name").and_then(Value::as_str).is_none_or(own) {
            return None;
        }
        axes.chain(options)
            .filter(|(key, written)| of_target(key) && !written.is_null())
            .map(|(key, written)| index(written, cell.get(key)?))
            .collect()
    };
    let found = targets.iter().enumerate().find_map(|(at, target)| Some((at, fit(target)?)));
    found.unwrap_or((usize::MAX, Vec::new()))
}

/// Where a value stands among those that are written: one, or a list.
fn index(written: &Value, value: &Value) -> Option<usize> {
    let same = |other: &Value| other == value || amount(other).is_some_and(|own| amount(value) == Some(own));
    match written {
        Value::Array(list) => list.iter().position(same),
        one => same(one).then_some(0),
    }
}

/// The number that a value stands for: `1KiB` is 1024.
pub fn amount(value: &Value) -> Option<u64> {
    let text = match value {
        Value::String(text) => text,
        other => return other.as_u64(),
    };
    text.parse::<Size>().map(Size::bytes).or_else(|_| text.parse::<Time>().map(Time::ns)).ok()
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use serde_json::{Value, json};

    use super::compare;
    use crate::results::Coordinates;

    fn coordinates(value: &Value) -> Coordinates {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn cells_stand_in_the_order_of_the_scenario() {
        let scenario = json!({
            "targets": [
                {"transport": "rpyc", "server": ["threaded", "forking"]},
                {"transport": "http1", "server": "threaded", "options": {"keep-alive": [true, false]}},
            ],
            "workloads": [{"name": "z", "call": "ping"}, {"name": "a", "call": ["upload", "download"], "payload": ["1KiB", "1MiB"]}],
        });
        let cells = [
            json!({"workload": "z", "target": "r", "transport": "rpyc", "server": "threaded"}),
            json!({"workload": "z", "target": "f", "transport": "rpyc", "server": "forking"}),
            json!({"workload": "z", "target": "b", "transport": "http1", "server": "threaded", "keep-alive": true}),
            json!({"workload": "z", "target": "a", "transport": "http1", "server": "threaded", "keep-alive": false}),
            json!({"workload": "a", "call": "upload", "payload": "1KiB"}),
            json!({"workload": "a", "call": "upload", "payload": "1MiB"}),
            json!({"workload": "a", "call": "download", "payload": "1024B"}),
            json!({"workload": "a", "call": "download", "payload": "2MiB"}),
            json!({"workload": "a", "call": "download", "payload": "10MiB"}),
            json!({"workload": "unknown"}),
        ]
        .map(|cell| coordinates(&cell));
        for (at, a) in cells.iter().enumerate() {
            for b in &cells[at + 1..] {
                assert_eq!(compare(&scenario, a, b), Ordering::Less, "{a:?} {b:?}");
            }
        }
    }
}
