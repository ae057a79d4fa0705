//! The order in which the scenario names its workloads, axis values and targets, and what it expects of each.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::error::{Error, Result};
use crate::results::{Coordinates, Record, Results};
use crate::scenario::expect::Expectation;
use crate::scenario::{AXES, Scenario, read};
use crate::units::{Size, Time};

/// A coordinate as text; none where the cell does not have it.
pub fn coordinate(coordinates: &Coordinates, name: &str) -> Option<String> {
    match coordinates.get(name)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A name as links and files have it, in the way GitHub names headings: `large-file-in-5s`.
pub fn slug(name: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    name.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// The scenario of results, read back: which of its targets and workloads each cell was made from.
#[derive(Debug)]
pub struct Written<'a> {
    as_read: &'a Value,
    /// Which entry of `targets` a name comes from, and where it stands among all names.
    targets: BTreeMap<String, (usize, usize)>,
    scenario: Option<Scenario>,
}

impl<'a> Written<'a> {
    /// The scenario of these results. One that this engine cannot read only gives the order of workloads and axis
    /// values, and fails where it expects something, since that would be lost.
    pub fn of(results: &'a Results) -> Result<Self> {
        let as_read = &results.scenario;
        let scenario = match read("the scenario of the results", &as_read.to_string(), &[]) {
            Ok(scenario) => Some(scenario),
            Err(_) if !expects(as_read) => None,
            Err(mistakes) => {
                return Err(Error::usage(format!(
                    "what the results expect cannot be judged, for their scenario cannot be read:\n{}",
                    mistakes.render(false)
                ))
                .help("make the report with the engine that measured, or measure anew"));
            }
        };
        let entries = scenario.iter().flat_map(|scenario| scenario.targets.iter().enumerate());
        let names = entries.flat_map(|(entry, target)| target.candidates().into_iter().map(move |it| (entry, it.name)));
        let targets = names.enumerate().map(|(at, (entry, name))| (name, (entry, at))).collect();
        Ok(Written { as_read, targets, scenario })
    }

    /// The records that count in the order of the scenario, the trials of a cell side by side.
    pub fn sorted(&self, results: &'a Results) -> Vec<&'a Record> {
        let mut records: Vec<&Record> = results.counting().collect();
        records.sort_by(|a, b| {
            self.compare(&a.coordinates, &b.coordinates).then_with(|| (&a.id, a.trial).cmp(&(&b.id, b.trial)))
        });
        records
    }

    /// All that is expected of a cell: by its target, then by its workload.
    pub fn expectations(&self, cell: &Coordinates) -> Vec<Expectation> {
        let Some(scenario) = &self.scenario else { return Vec::new() };
        let target = self.place(cell).and_then(|(entry, _)| scenario.targets.get(entry));
        let name = coordinate(cell, "workload");
        let workload = scenario.workloads.iter().find(|workload| Some(&workload.name) == name.as_ref());
        let of_target = target.into_iter().flat_map(|target| &target.expect);
        of_target.chain(workload.into_iter().flat_map(|workload| &workload.expect)).cloned().collect()
    }

    /// The workload of a cell as the scenario has it, with its index.
    pub fn workload(&self, cell: &Coordinates) -> Option<(usize, &'a Value)> {
        let name = cell.get("workload")?;
        let workloads = self.as_read.get("workloads")?.as_array()?;
        workloads.iter().enumerate().find(|(_, workload)| workload.get("name") == Some(name))
    }

    /// The entry of `targets` that a cell was made from, as the scenario has it.
    pub fn target(&self, cell: &Coordinates) -> Option<&'a Value> {
        self.as_read.get("targets")?.get(self.place(cell)?.0)
    }

    /// Compares two cells by their places in the scenario.
    fn compare(&self, a: &Coordinates, b: &Coordinates) -> Ordering {
        let workload = |cell: &Coordinates| self.workload(cell).map_or(usize::MAX, |(at, _)| at);
        let target = |cell: &Coordinates| self.place(cell).map_or(usize::MAX, |(_, at)| at);
        workload(a)
            .cmp(&workload(b))
            .then_with(|| coordinate(a, "workload").cmp(&coordinate(b, "workload")))
            .then_with(|| self.compare_axes(a, b))
            .then_with(|| target(a).cmp(&target(b)))
            .then_with(|| coordinate(a, "target").cmp(&coordinate(b, "target")))
    }

    fn compare_axes(&self, a: &Coordinates, b: &Coordinates) -> Ordering {
        let written = self.workload(a).map(|(_, workload)| workload);
        let place = |axis: &str, cell: &Coordinates| {
            let value = cell.get(axis)?;
            let at = written.and_then(|workload| index(workload.get(axis)?, value)).unwrap_or(usize::MAX);
            Some((at, amount(value), value.to_string()))
        };
        let orders = AXES.iter().map(|axis| place(axis, a).cmp(&place(axis, b)));
        orders.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// The entry of `targets` that a cell was made from, and where its name stands among all: no two are the same.
    fn place(&self, cell: &Coordinates) -> Option<(usize, usize)> {
        self.targets.get(cell.get("target")?.as_str()?).copied()
    }
}

/// True where a target or a workload of a scenario expects something.
fn expects(scenario: &Value) -> bool {
    let entries = ["targets", "workloads"].into_iter().filter_map(|key| scenario.get(key)?.as_array()).flatten();
    entries.into_iter().any(|entry| entry.get("expect").is_some())
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

    use super::Written;
    use crate::results::{Coordinates, Manifest, Results, SCHEMA};

    fn results(scenario: Value) -> Results {
        let (refusals, records) = (Vec::new(), Vec::new());
        Results { schema: SCHEMA, scenario, manifest: Manifest::default(), refusals, records }
    }

    fn coordinates(value: &Value) -> Coordinates {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn cells_stand_in_the_order_of_the_scenario() {
        let results = results(json!({
            "title": "t", "question": "q",
            "targets": [
                {"transport": "rpyc", "server": ["threaded", "forking"]},
                {"transport": "http1", "server": "threaded", "options": {"keep-alive": [true, false]}},
            ],
            "workloads": [
                {"name": "z", "call": "ping", "iterations": 1},
                {"name": "a", "call": ["upload", "download"], "payload": ["1KiB", "1MiB"], "iterations": 1},
            ],
        }));
        let written = Written::of(&results).expect("it is readable");
        let cells = [
            json!({"workload": "z", "target": "rpyc-threaded"}),
            json!({"workload": "z", "target": "rpyc-forking"}),
            json!({"workload": "z", "target": "http1-threaded-keep-alive=true"}),
            json!({"workload": "z", "target": "http1-threaded-keep-alive=false"}),
            json!({"workload": "z", "target": "of no scenario"}),
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
                assert_eq!(written.compare(a, b), Ordering::Less, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn what_is_expected_is_judged_or_said_to_be_lost() {
        let unreadable = |expect: Value| {
            let workload = json!({"name": "w", "call": "a call of another engine", "expect": expect});
            results(json!({"title": "t", "question": "q", "targets": [], "workloads": [workload]}))
        };
        let error = Written::of(&unreadable(json!("p50 < 1ms"))).expect_err("it would be lost").to_string();
        assert!(error.contains("what the results expect cannot be judged"), "{error}");
        let mut silent = unreadable(Value::Null);
        silent.scenario["workloads"][0].as_object_mut().expect("an object").remove("expect");
        assert!(Written::of(&silent).is_ok());
    }
}
