//! The answer to the scenario's question, in two to five sentences: what the axes that it is about do, or who is ahead.

use crate::key::contract::Of;
use crate::key::settings::key;
use crate::report::cell::Cell;
use crate::report::comparison::{Comparison, Outcome, Unranked};
use crate::report::effect::told::AxisEffects;
use crate::report::headline::Headline;
use crate::report::map::square;
use crate::report::words::distinct;
use crate::report::workload::Workload;
use crate::scenario::TARGETS;

/// More sentences than this are no answer.
const SENTENCES: usize = 5;

/// The sentences, those on the first of `asked` first: axes, and `target` for targets as wholes. Of none, all axes.
pub fn answer(workloads: &[Workload], headline: &Headline, effects: &[AxisEffects], asked: &[String]) -> Vec<String> {
    let ranking = || headline.columns.iter().map(|column| column.sentence.clone());
    let of_axis = |name: &str| effects.iter().find(|effects| effects.axis == name).map(|it| it.sentence.clone());
    let mut said: Vec<String> =
        match asked {
            [] => usual(effects, ranking().collect()),
            asked => asked
                .iter()
                .flat_map(|name| {
                    if name == TARGETS { ranking().collect() } else { of_axis(name).into_iter().collect::<Vec<_>>() }
                })
                .collect(),
        };
    said.retain(|sentence| !sentence.is_empty());
    let all: Vec<&Comparison> = workloads.iter().flat_map(|workload| &workload.comparisons).collect();
    let nobody = !all.is_empty() && all.iter().all(|it| it.outcome == Outcome::Unranked);
    if said.is_empty() && !nobody {
        said = ranking().collect();
    }
    if said.is_empty() {
        said = workloads.iter().map(unranked).collect();
    }
    let mut said = distinct(said.into_iter());
    let reasons = reasons(workloads, &all);
    said.truncate(SENTENCES - reasons.len());
    said.extend(reasons);
    said
}

/// Where no axes are named: those of targets where some were matched, else who is ahead; then those of workloads.
fn usual(effects: &[AxisEffects], ranking: Vec<String>) -> Vec<String> {
    let of_target = |effects: &&AxisEffects| key(&effects.axis).is_none_or(|key| key.of() == Of::Target);
    let sentence = |effects: &AxisEffects| effects.sentence.clone();
    let targets: Vec<String> = effects.iter().filter(of_target).map(sentence).collect();
    let told = targets.iter().any(|sentence| !sentence.is_empty());
    let workloads = effects.iter().filter(|effects| !of_target(effects)).map(sentence);
    if told { targets.into_iter().chain(workloads).collect() } else { ranking.into_iter().chain(workloads).collect() }
}

/// Why nobody is ranked in a workload.
fn unranked(workload: &Workload) -> String {
    let told = workload.comparisons.iter().map(|it| format!("{} by {}", square(it), it.measured_by));
    format!("{}: {}.", workload.name, distinct(told).join("; "))
}

/// Why some are not ranked, and what would help.
fn reasons(workloads: &[Workload], all: &[&Comparison]) -> Vec<String> {
    let mut said = Vec::new();
    let unranked = |why: Unranked| all.iter().any(|it| it.outcome == Outcome::Unranked && it.unranked() == why);
    let few = [(Unranked::FewTrials, "too few trials"), (Unranked::FewCalls, "too few calls")];
    let few: Vec<&str> = few.iter().filter(|(why, _)| unranked(*why)).map(|(_, what)| *what).collect();
    let few = (!few.is_empty()).then(|| format!("there are {}", few.join(" or ")));
    let limited = unranked(Unranked::Limited).then(|| "the client was the limit".to_owned());
    let lacks: Vec<String> = few.into_iter().chain(limited).collect();
    if !lacks.is_empty() {
        said.push(format!("Where {} nobody is ranked.", lacks.join(" or where ")));
    }
    if unranked(Unranked::Invalid) {
        let cells: Vec<&Cell> = workloads.iter().flat_map(|workload| &workload.cells).collect();
        let spoiled = cells.iter().rev().filter_map(|cell| Some((cell, cell.spoiled.as_ref()?)));
        let worst = spoiled.max_by_key(|(_, spoiled)| spoiled.trials);
        let example = worst.map(|(cell, spoiled)| format!(" Worst is {}: {}.", cell.id, spoiled.sentence()));
        said.push(format!(
            "Where too many trials are invalid nobody is ranked, and more trials would not help.{}",
            example.unwrap_or_default()
        ));
    }
    said
}
