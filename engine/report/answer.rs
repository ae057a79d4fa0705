//! The answer to the scenario's question, made from the comparisons: in a paragraph, and target by target.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{counted, listed};
use crate::report::capacity;
use crate::report::cell::Cell;
use crate::report::comparison::{Comparison, Outcome, Unranked};
use crate::report::map::{behind, next, square};
use crate::report::words::distinct;
use crate::report::workload::Workload;

/// More places than this are told by their number.
const TOLD: usize = 5;

/// When to use one target, as far as the results speak for it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Advice {
    /// The target.
    pub target: String,
    /// Where it is alone ahead, the clearest first; empty where it never is.
    pub ahead: Vec<Place>,
    /// In how many comparisons further places are that are not told.
    pub more: usize,
    /// In how many comparisons it shares the lead.
    pub tied: usize,
    /// In how many comparisons it is ranked.
    pub of: usize,
}

/// One setting in which a target is ahead.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Place {
    /// The number of the cell.
    pub cell: usize,
    /// The heading of its workload in Markdown.
    pub slug: String,
    /// Workload and setting: `bandwidth, upload, 1MiB`.
    pub setting: String,
    /// By what, and how far: `bandwidth, 1.69 × before http1-async`.
    pub by: String,
}

/// The paragraph's sentences on who is ahead where.
pub fn answer(workloads: &[Workload]) -> Vec<String> {
    let all: Vec<&Comparison> = workloads.iter().flat_map(|workload| &workload.comparisons).collect();
    let ranked: Vec<&&Comparison> =
        all.iter().filter(|it| matches!(it.outcome, Outcome::Ahead | Outcome::Tie)).collect();
    let mut said = Vec::new();
    if ranked.len() > 1 {
        said.push(overall(&ranked));
    }
    for workload in workloads {
        let told: Vec<String> = match workload.comparisons.as_slice() {
            comparisons if comparisons.len() <= 2 => {
                comparisons.iter().map(|it| format!("{} by {}", square(it), it.measured_by)).collect()
            }
            comparisons => tally(comparisons),
        };
        said.push(format!("{}: {}.", workload.name, told.join("; ")));
        said.extend(capacity::sentence(&workload.cells));
    }
    let unranked = |why: Unranked| all.iter().any(|it| it.outcome == Outcome::Unranked && it.unranked() == why);
    if unranked(Unranked::FewTrials) {
        said.push("Where there are too few trials nobody is ranked.".to_owned());
    }
    if unranked(Unranked::FewCalls) {
        said.push("Where there are too few calls nobody is ranked.".to_owned());
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
    if unranked(Unranked::Limited) {
        said.push("What the client limited ranks nobody.".to_owned());
    }
    said
}

/// How often who is ahead, over all comparisons.
fn overall(ranked: &[&&Comparison]) -> String {
    let winners = ranked.iter().filter(|it| it.outcome == Outcome::Ahead).flat_map(|it| &it.leaders);
    let mut counts: Vec<(&String, usize)> = distinct(winners.clone())
        .into_iter()
        .map(|target| (target, winners.clone().filter(|other| *other == target).count()))
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let ties = ranked.iter().filter(|it| it.outcome == Outcome::Tie).count();
    let led = ranked.len() - ties;
    let comparisons = counted(ranked.len(), "comparison", "comparisons");
    if counts.is_empty() {
        return format!("In none of {comparisons} is one target ahead of all others.");
    }
    let told: Vec<String> = counts.iter().take(TOLD).map(|(target, count)| format!("{target} in {count}")).collect();
    let ties = if ties > 0 { "; the others are ties".to_owned() } else { String::new() };
    format!("Of {comparisons}, one target is ahead of all others in {led}: {}{ties}.", listed(&told))
}

/// How often what is said of the comparisons of one workload.
fn tally(comparisons: &[Comparison]) -> Vec<String> {
    let said = |it: &Comparison| match it.outcome {
        Outcome::Ahead => it.leaders.join(", "),
        Outcome::Tie => "a tie".to_owned(),
        Outcome::Unranked => it.unranked().name().to_owned(),
        Outcome::Alone => "alone".to_owned(),
    };
    let all: Vec<String> = comparisons.iter().map(said).collect();
    let mut counts: Vec<(&String, usize)> = distinct(all.iter())
        .into_iter()
        .map(|said| (said, all.iter().filter(|other| *other == said).count()))
        .collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let told: Vec<String> = counts
        .iter()
        .enumerate()
        .map(|(at, (said, count))| {
            if at == 0 {
                format!("{said} in {count} of {} comparisons", all.len())
            } else {
                format!("{said} in {count}")
            }
        })
        .collect();
    vec![told.join(", ")]
}

/// When to use which: where each target is ahead.
pub fn advice(workloads: &[Workload], targets: &[String]) -> Vec<Advice> {
    targets
        .iter()
        .map(|target| {
            let takes_part = |it: &&Comparison| {
                matches!(it.outcome, Outcome::Ahead | Outcome::Tie)
                    && it.standings.iter().any(|own| own.target == *target && own.ranked)
            };
            let mut ahead: Vec<(f64, Place)> = workloads
                .iter()
                .flat_map(|workload| {
                    let own = move |it: &&Comparison| it.outcome == Outcome::Ahead && it.leaders.contains(target);
                    workload.comparisons.iter().filter(own).filter_map(move |it| place(workload, it, target))
                })
                .collect();
            ahead.sort_by(|(a, _), (b, _)| b.total_cmp(a));
            let all = || workloads.iter().flat_map(|workload| &workload.comparisons).filter(takes_part);
            Advice {
                target: target.clone(),
                more: ahead.len().saturating_sub(TOLD),
                ahead: ahead.into_iter().take(TOLD).map(|(_, place)| place).collect(),
                tied: all().filter(|it| it.outcome == Outcome::Tie && it.leaders.contains(target)).count(),
                of: all().count(),
            }
        })
        .collect()
}

fn place(workload: &Workload, comparison: &Comparison, target: &str) -> Option<(f64, Place)> {
    let setting = |axis: usize, cell: &Cell| cell.axis(&workload.axes[axis]);
    let same = |cell: &&Cell| {
        cell.target == *target
            && comparison
                .setting
                .iter()
                .enumerate()
                .all(|(at, value)| setting(at, cell).is_none_or(|own| own == *value))
    };
    let cell = workload.cells.iter().find(same)?;
    let by = behind(comparison)?.behind?;
    let (next, far) = next(comparison)?;
    let words: Vec<String> = [workload.name.clone()].into_iter().chain(comparison.setting.iter().cloned()).collect();
    let by_text = format!("{}, {far} before {next}", comparison.measured_by);
    Some((by, Place { cell: cell.number, slug: workload.slug.clone(), setting: words.join(", "), by: by_text }))
}
