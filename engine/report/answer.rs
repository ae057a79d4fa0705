//! The answer to the scenario's question, in two to five sentences: what the axes that it is about do, or who is ahead.

use crate::figures::{counted, listed};
use crate::key::contract::Of;
use crate::key::settings::key;
use crate::report::cell::Cell;
use crate::report::comparison::{Comparison, Outcome, Unranked};
use crate::report::effect::told::AxisEffects;
use crate::report::expectations::Expected;
use crate::report::headline::Headline;
use crate::report::map::square;
use crate::report::relative::Judgement;
use crate::report::words::distinct;
use crate::report::workload::Workload;
use crate::scenario::TARGETS;

/// More sentences than this are no answer.
const SENTENCES: usize = 5;

/// More figures than these are not told of what is as it was expected.
const FOUND: usize = 2;

/// The sentences, those on the first of `asked` first: axes, and `target` for targets as wholes. Of none, whether it is as
/// it was expected to be, then all axes.
pub fn answer(
    workloads: &[Workload],
    headline: &Headline,
    effects: &[AxisEffects],
    expected: &[Expected],
    asked: &[String],
) -> Vec<String> {
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
    let hoped = asked.is_empty().then(|| hopes(workloads, expected)).flatten();
    let mut said = distinct(hoped.into_iter().chain(said));
    let reasons = reasons(workloads, &all);
    said.truncate(SENTENCES - reasons.len());
    said.extend(reasons);
    said
}

/// What became of that which is expected of cells, if something is. What a search goes by is no answer: it was asked.
fn hopes(workloads: &[Workload], expected: &[Expected]) -> Option<String> {
    let searched = |id: &str| workloads.iter().flat_map(|it| &it.cells).any(|it| it.id == id && it.capacity.is_some());
    let expected: Vec<&Expected> = expected.iter().filter(|one| !searched(&one.cell)).collect();
    let told: Vec<String> = distinct(expected.iter().map(|one| one.expected.as_str()))
        .into_iter()
        .map(|what| hope(what, &expected.iter().copied().filter(|one| one.expected == what).collect::<Vec<_>>()))
        .collect();
    (!told.is_empty()).then(|| format!("What was expected: {}.", listed(&told)))
}

/// What became of one expectation in these cells.
fn hope(what: &str, of: &[&Expected]) -> String {
    let cells = counted(of.len(), "cell", "cells");
    let judged = |judgement| of.iter().filter(move |one| one.judgement == judgement);
    if let Some(first) = judged(Judgement::Missed).next() {
        let missed = judged(Judgement::Missed).count();
        return format!("{what} is missed in {missed} of {cells} ({}: {})", first.cell, first.found);
    }
    match judged(Judgement::Undecided).count() {
        0 if of.len() <= FOUND => {
            let found: Vec<&str> = of.iter().map(|one| one.found.as_str()).collect();
            format!("{what} holds (found {})", listed(&distinct(found.into_iter())))
        }
        0 => format!("{what} holds in all {cells}"),
        undecided => format!("{what} is undecided in {undecided} of {cells}"),
    }
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
