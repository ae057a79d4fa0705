//! What changing one axis does to one kind of figure, over all cells equal but for it, and what all of these allow to say.

use std::collections::BTreeMap;

use crate::report::effect::aspect::Aspect;
use crate::report::effect::matched::{Axis, pairs};
use crate::report::effect::sample::Sample;
use crate::report::words::distinct;
use crate::statistics::contrast::Contrast;
use crate::statistics::rank::holm;
use crate::statistics::{CONFIDENCE, SIGNIFICANCE};

/// Values between which effects differ by less than this factor are not told apart.
const WORTH_SPLITTING: f64 = 1.1;

/// Two cells that are equal but for one axis.
#[derive(Debug, Clone)]
pub struct Matched<'s> {
    /// With the value that is compared with.
    pub before: &'s Sample,
    /// With the other value.
    pub after: &'s Sample,
    /// The difference of their mean logarithms.
    pub difference: Contrast,
}

/// Pairs that have the same value on another axis.
#[derive(Debug, Clone)]
pub struct Part {
    /// That value.
    pub value: String,
    /// Which pairs.
    pub pairs: Vec<usize>,
    /// The mean of their differences.
    pub difference: Contrast,
}

/// Another axis, along which an effect may differ.
#[derive(Debug, Clone)]
pub struct Split {
    /// Its name.
    pub axis: String,
    /// Its values, in their order.
    pub parts: Vec<Part>,
    /// Its place among the axes of the question, where it is one of them.
    asked: Option<usize>,
    /// How much of what the pairs differ by it explains, 0 to 1.
    explains: f64,
    /// The chance of differing so by luck.
    chance: f64,
    /// True where that is shown.
    shown: bool,
}

/// One effect.
#[derive(Debug, Clone)]
pub struct Found<'s> {
    /// The axis.
    pub axis: String,
    /// On what.
    pub aspect: Aspect,
    /// Of which kind of call.
    pub call: String,
    /// The value that is compared with.
    pub from: String,
    /// The other one.
    pub to: String,
    /// True where the cells are ranked by it.
    pub main: bool,
    /// All that were matched.
    pub pairs: Vec<Matched<'s>>,
    /// The unweighted mean of their differences.
    pub difference: Contrast,
    /// True where it is shown that there is one.
    pub shown: bool,
    splits: Vec<Split>,
}

/// All effects of a report: one family.
#[derive(Debug, Clone)]
pub struct Family<'s> {
    /// Every one of them.
    pub effects: Vec<Found<'s>>,
    /// How many comparisons they are, those along further axes among them.
    pub comparisons: usize,
}

impl Found<'_> {
    /// The axis along which it differs, where it is shown that it does: one that the question is about, else the one
    /// along which it differs most.
    pub fn split(&self) -> Option<&Split> {
        let shown = || self.splits.iter().filter(|split| split.shown);
        let first = shown().filter(|split| split.asked.is_some()).min_by_key(|split| split.asked);
        first.or_else(|| shown().rev().max_by(|a, b| a.explains.total_cmp(&b.explains)))
    }

    /// How many trials the fewest of its cells have.
    pub fn trials(&self) -> usize {
        let of = |sample: &Sample| sample.figures.get(&self.aspect).map_or(0, Vec::len);
        self.pairs.iter().map(|pair| of(pair.before).min(of(pair.after))).min().unwrap_or(0)
    }
}

impl Family<'_> {
    /// The confidence at which intervals hold for all of them at once.
    pub fn confidence(&self) -> f64 {
        1.0 - (1.0 - CONFIDENCE) / self.comparisons.max(1) as f64
    }
}

/// The effects of every axis, and which of them are shown; the question is about the axes in `asked`.
pub fn family<'s>(samples: &'s [Sample], axes: &[Axis], asked: &[String]) -> Family<'s> {
    let mut effects: Vec<Found<'s>> = axes.iter().flat_map(|axis| of_axis(samples, axis)).collect();
    for split in effects.iter_mut().flat_map(|effect| &mut effect.splits) {
        split.asked = asked.iter().position(|name| *name == split.axis);
    }
    let splits = |effect: &Found<'_>| effect.splits.iter().map(|split| split.chance).collect::<Vec<f64>>();
    let chances: Vec<f64> =
        effects.iter().flat_map(|effect| [vec![effect.difference.chance_of(0.0)], splits(effect)].concat()).collect();
    let mut corrected = holm(&chances).into_iter();
    let mut shown = || corrected.next().is_some_and(|chance| chance <= SIGNIFICANCE);
    for effect in &mut effects {
        effect.shown = shown();
        for split in &mut effect.splits {
            let ratios = || split.parts.iter().map(|part| part.difference.value);
            let (least, most) = (ratios().fold(f64::INFINITY, f64::min), ratios().fold(f64::NEG_INFINITY, f64::max));
            split.shown = shown() && (most - least).exp() >= WORTH_SPLITTING;
        }
    }
    // The intervals of the parts of a split stand in the report too.
    let parts: usize = effects.iter().filter_map(Found::split).map(|split| split.parts.len()).sum();
    Family { comparisons: chances.len() + parts, effects }
}

fn of_axis<'s>(samples: &'s [Sample], axis: &Axis) -> Vec<Found<'s>> {
    let Some((from, others)) = axis.values.split_first() else { return Vec::new() };
    let mut found = Vec::new();
    for to in others {
        let mut kinds: BTreeMap<(Aspect, usize), (String, Vec<Matched<'s>>)> = BTreeMap::new();
        let mut calls: Vec<String> = Vec::new();
        for (before, after) in pairs(samples, &axis.name, from, to) {
            // Of an axis of calls each pair is of two.
            let call = if axis.name == "call" { before.workload.clone() } else { before.call() };
            let place = calls.iter().position(|known| *known == call).unwrap_or_else(|| {
                calls.push(call.clone());
                calls.len() - 1
            });
            for (aspect, own) in &before.figures {
                let other = after.figures.get(aspect);
                let Some(other) = other.and_then(|other| Contrast::of_logs(other)) else { continue };
                let Some(own) = Contrast::of_logs(own) else { continue };
                let kind = kinds.entry((*aspect, place)).or_insert_with(|| (call.clone(), Vec::new()));
                kind.1.push(Matched { before, after, difference: other.minus(own) });
            }
        }
        found.extend(kinds.into_iter().filter_map(|((aspect, _), (call, pairs))| {
            let differences: Vec<Contrast> = pairs.iter().map(|pair| pair.difference).collect();
            let main = pairs.iter().any(|pair| pair.before.main.contains(&aspect));
            Some(Found {
                axis: axis.name.clone(),
                aspect,
                call,
                from: from.clone(),
                to: to.clone(),
                main,
                difference: Contrast::mean_of(&differences)?,
                shown: false,
                splits: if main { splits(&axis.name, &pairs) } else { Vec::new() },
                pairs,
            })
        }));
    }
    found
}

/// Every other axis along which pairs differ, their workload among them.
fn splits(axis: &str, pairs: &[Matched<'_>]) -> Vec<Split> {
    let names = pairs.iter().flat_map(|pair| pair.before.settings.axes().map(|(name, _)| name));
    let names = distinct(names.filter(|name| *name != axis).chain(["workload"]));
    // What only some of them have is a way of telling something else apart.
    let all_have =
        |name: &&str| *name == "workload" || pairs.iter().all(|pair| pair.before.settings.get(name).is_some());
    names.into_iter().filter(all_have).filter_map(|name| split(name, pairs)).collect()
}

/// The value of a cell on an axis, by which pairs are told apart.
pub fn value(sample: &Sample, axis: &str) -> String {
    if axis == "workload" {
        sample.workload.clone()
    } else {
        sample.settings.text(axis).unwrap_or_else(|| "–".to_owned())
    }
}

fn split(name: &str, pairs: &[Matched<'_>]) -> Option<Split> {
    let values = distinct(pairs.iter().map(|pair| value(pair.before, name)));
    if values.len() < 2 {
        return None;
    }
    let parts: Vec<Part> = values
        .into_iter()
        .filter_map(|own| {
            let of = |(_, pair): &(usize, &Matched<'_>)| value(pair.before, name) == own;
            let of: Vec<usize> = pairs.iter().enumerate().filter(of).map(|(at, _)| at).collect();
            let differences: Vec<Contrast> = of.iter().map(|at| pairs[*at].difference).collect();
            Some(Part { value: own, difference: Contrast::mean_of(&differences)?, pairs: of })
        })
        .collect();
    let couples = || (0..parts.len()).flat_map(|own| (0..own).map(move |other| (own, other)));
    let apart = couples().map(|(own, other)| parts[own].difference.minus(parts[other].difference).chance_of(0.0));
    let chance = apart.fold(1.0, f64::min) * couples().count() as f64;
    let middle = pairs.iter().map(|pair| pair.difference.value).sum::<f64>() / pairs.len() as f64;
    let all: f64 = pairs.iter().map(|pair| (pair.difference.value - middle).powi(2)).sum();
    let between: f64 =
        parts.iter().map(|part| part.pairs.len() as f64 * (part.difference.value - middle).powi(2)).sum();
    Some(Split {
        axis: name.to_owned(),
        asked: None,
        explains: if all > 0.0 { between / all } else { 0.0 },
        parts,
        chance: chance.min(1.0),
        shown: false,
    })
}
