//! A cell as it was planned: the spine of the results, to which every record points.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::key::contract::Of;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::settings::Settings;
use crate::results::measure::Measure;
use crate::scenario::expect::Expectation;
use crate::scenario::{Candidate, Scenario, Target, Workload};

/// One point of the comparison, with all that decides what it is, how it is ranked and what is expected of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// Target, workload, and the axes that vary: `http1-threaded/latency/clients=10`.
    pub id: String,
    /// The name of its target.
    pub target: String,
    /// The name of its workload.
    pub workload: String,
    /// Every key and option by name.
    pub settings: Settings,
    /// The axes along which cells of its workload or of its target's entry differ.
    pub varies: Vec<String>,
    /// What it is ranked by.
    pub measures: Vec<Measure>,
    /// All that is expected of it: by its target, then by its workload.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<Expectation>,
}

/// A cell with what it was made from.
#[derive(Clone)]
pub struct Multiplied {
    /// The cell.
    pub planned: Planned,
    /// Its target, which may yet be refused.
    pub candidate: Candidate,
    /// What its keys set.
    pub point: Point,
}

/// Every cell that the lists of a scenario multiply to, those that will be refused among them: workload by workload,
/// setting by setting, and target by target within one, as reports show them.
pub fn multiplied(scenario: &Scenario) -> Vec<Multiplied> {
    let candidates: Vec<(&Target, Candidate)> = scenario
        .targets
        .iter()
        .flat_map(|target| target.candidates().into_iter().map(move |candidate| (target, candidate)))
        .collect();
    let mut cells = Vec::new();
    for workload in &scenario.workloads {
        for (point, settings) in scenario.points(workload) {
            for (written, candidate) in &candidates {
                let planned = planned((written, candidate), (scenario, workload), &settings);
                cells.push(Multiplied { planned, candidate: candidate.clone(), point: point.clone() });
            }
        }
    }
    cells
}

fn planned(
    (written, candidate): (&Target, &Candidate),
    (scenario, workload): (&Scenario, &Workload),
    asked: &Settings,
) -> Planned {
    let along: Vec<&str> = asked.axes().map(|(name, _)| name).filter(|name| scenario.varies(workload, name)).collect();
    let parts = along.iter().filter_map(|name| Some(format!("/{name}={}", asked.get(name)?)));
    let id = format!("{}/{}{}", candidate.name, workload.name, parts.collect::<String>());
    let mut settings = candidate.settings().clone();
    settings.extend(asked);
    Planned {
        id,
        target: candidate.name.clone(),
        workload: workload.name.clone(),
        measures: Measure::of(&settings),
        varies: written.varying().chain(along).map(str::to_owned).collect(),
        expect: expected((written, candidate), (scenario, workload), &settings),
        settings,
    }
}

/// What is expected of a cell: all that its target and its workload say, but for what is of a call that it does not make,
/// or would tell a target against itself.
fn expected(
    (written, candidate): (&Target, &Candidate),
    (scenario, workload): (&Scenario, &Workload),
    settings: &Settings,
) -> Vec<Expectation> {
    let (calls, baseline) = (names(settings), scenario.baseline.as_deref());
    let about = |it: &&Expectation| {
        it.call.as_ref().is_none_or(|call| calls.contains(call)) && it.than(baseline) != Some(candidate.name.as_str())
    };
    written.expect.iter().chain(&workload.expect).filter(about).cloned().collect()
}

/// The names of the calls that a cell with these settings makes, each once.
fn names(settings: &Settings) -> Vec<String> {
    match settings.get("mix").or_else(|| settings.get("steps")) {
        Some(Setting::Shares(shares)) => shares.iter().map(|share| share.call.name().to_owned()).collect(),
        Some(Setting::Calls(steps)) => {
            let (mut names, all) = (Vec::<String>::new(), steps.iter().map(|step| step.name()));
            for name in all {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            }
            names
        }
        _ => settings.text("call").into_iter().collect(),
    }
}

impl Planned {
    /// The text of a setting; none where the cell does not have it.
    pub fn text(&self, name: &str) -> Option<String> {
        self.settings.text(name)
    }

    /// The names of the calls that it draws from, or of its steps; none where all are the same.
    pub fn drawn(&self) -> Vec<String> {
        let several = ["mix", "steps"].iter().any(|key| self.settings.get(key).is_some());
        if several { names(&self.settings) } else { Vec::new() }
    }

    /// True where calls are due by the clock: an open loop.
    pub fn is_open(&self) -> bool {
        self.settings.get("rate").is_some() || self.settings.get("ramp").is_some()
    }

    /// The number of its clients.
    pub fn clients(&self) -> u64 {
        self.settings.get("clients").and_then(|clients| clients.count()).unwrap_or(1)
    }

    /// What it is asked, without of whom: the keys of its workload by which cells differ.
    pub fn asked(&self) -> impl Iterator<Item = (&str, String)> {
        let of_workload =
            |name: &str| crate::key::settings::key(name).is_some_and(|key| key.of().side() == Of::Workload);
        self.settings.axes().filter(move |(name, _)| of_workload(name)).map(|(name, value)| (name, value.to_string()))
    }

    /// True where the other is the same cell, in another run perhaps.
    pub fn is(&self, other: &Planned) -> bool {
        self.target == other.target && self.workload == other.workload && self.settings.alike(&other.settings)
    }
}
