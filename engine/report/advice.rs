//! When to use which target, as far as figures speak for it; what it cannot do, what it costs, how it isolates.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{factor, size, time};
use crate::report::cell::Cell;
use crate::report::headline::{Headline, HeadlineColumn};
use crate::report::words::{Remark, distinct};
use crate::results::Results;

/// So many reasons fit a line.
const REASONS: usize = 3;

/// Why one would take a target, or not.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Advice {
    /// The target.
    pub target: String,
    /// For what it is the best, with figures; none where it is for nothing.
    pub when: Option<String>,
    /// What it cannot do.
    pub cannot: Option<String>,
    /// What it costs.
    pub costs: Option<String>,
    /// How it keeps callers apart, where targets differ in that.
    pub isolates: Option<String>,
}

/// One for each target of which there is something to say.
pub fn advice(
    results: &Results,
    headline: &Headline,
    cells: &[Cell],
    targets: &[String],
    refusals: &[Remark],
) -> Vec<Advice> {
    let isolation =
        |target: &String| results.manifest.facts.get(target).and_then(|facts| facts.get("isolation")).cloned();
    let isolations = distinct(targets.iter().map(isolation)).len() > 1;
    let of = |target: &String| Advice {
        when: when(headline, target),
        cannot: cannot(refusals, target),
        costs: costs(cells, target),
        isolates: isolation(target).filter(|_| isolations),
        target: target.clone(),
    };
    targets.iter().map(of).filter(|it| it.when.is_some() || it.cannot.is_some() || it.isolates.is_some()).collect()
}

/// In which columns it is the best: alone with how far the next is, else with whom.
fn when(headline: &Headline, target: &str) -> Option<String> {
    let place = headline.rows.iter().position(|row| row.target == target)?;
    let reason = |(at, column): (usize, &HeadlineColumn)| {
        let own = headline.rows[place].squares.get(at)?.as_ref()?;
        let others = || {
            let others = headline.rows.iter().enumerate().filter(|(row, _)| *row != place);
            others.filter_map(|(_, row)| Some((row.target.as_str(), row.squares.get(at)?.as_ref()?)))
        };
        let tied: Vec<&str> = others().filter(|(_, it)| it.tied || it.best).map(|(name, _)| name).collect();
        let figure = format!("{} ({}) {}", column.label, column.workload, own.text);
        match (own.best || own.tied, tied.as_slice()) {
            (false, _) => None,
            (true, []) => {
                let exact = others().filter(|(_, it)| !it.text.starts_with('≥'));
                let (next, far) = exact.min_by(|(_, a), (_, b)| a.distance.total_cmp(&b.distance))?;
                Some((0, format!("{figure}, {} before {next}", factor(10f64.powf(far.distance)))))
            }
            (true, [one]) => Some((1, format!("{figure}, tied with {one}"))),
            // Who shares with many is nobody's choice for that.
            (true, _) => None,
        }
    };
    let mut reasons: Vec<(u8, String)> = headline.columns.iter().enumerate().filter_map(reason).collect();
    reasons.sort_by_key(|(rank, _)| *rank);
    let told: Vec<String> = reasons.into_iter().take(REASONS).map(|(_, reason)| reason).collect();
    (!told.is_empty()).then(|| told.join("; "))
}

/// The reasons of refusals that are of this target.
fn cannot(refusals: &[Remark], target: &str) -> Option<String> {
    let own = format!("target {target},");
    let reasons =
        distinct(refusals.iter().filter(|it| format!("{},", it.of).contains(&own)).map(|it| it.reason.as_str()));
    (!reasons.is_empty()).then(|| reasons.join("; "))
}

/// CPU time of the simplest calls that it was asked, and memory for each connection.
fn costs(cells: &[Cell], target: &str) -> Option<String> {
    let own = || cells.iter().filter(|cell| cell.target == target);
    let pings =
        own().find(|cell| cell.axis("call").as_deref() == Some("ping") && cell.server.cpu_ns_per_call.is_some());
    let cell = pings.or_else(|| own().find(|cell| cell.server.cpu_ns_per_call.is_some()));
    let cpu = cell.and_then(|cell| {
        let spent = cell.server.cpu_ns_per_call?.written(time);
        Some(format!("{spent} of server CPU for each {}", cell.axis("call").unwrap_or_else(|| "call".to_owned())))
    });
    let memory =
        own().filter_map(|cell| cell.server.memory_per_client).filter(|bytes| *bytes >= 1.0).max_by(f64::total_cmp);
    let memory = memory.map(|bytes| format!("{} for each connection", size(bytes.round() as u64)));
    let told: Vec<String> = [cpu, memory].into_iter().flatten().collect();
    (!told.is_empty()).then(|| told.join(", "))
}
