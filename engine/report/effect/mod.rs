//! What each axis does, everything else equal: effects of matched cells, where they differ, and shapes along numbers.

pub mod aspect;
pub mod crossover;
pub mod found;
pub mod matched;
pub mod sample;
pub mod sentence;
pub mod shape;
pub mod told;

use crate::report::effect::aspect::Aspect;
use crate::report::effect::crossover::crossover;
use crate::report::effect::found::{Family, Found, family, value};
use crate::report::effect::matched::{Axis, axes};
use crate::report::effect::sample::Sample;
use crate::report::effect::sentence::{figures, how_much};
use crate::report::effect::told::{AxisEffects, Effect, PairEffect, Split, SplitPart};
use crate::report::markup::slug;
use crate::report::words::distinct;
use crate::statistics::CONFIDENCE;
use crate::statistics::contrast::Contrast;

/// The effects of every axis that has some, those that the question is about first; of `asked` without a name all are.
pub fn effects(samples: &[Sample], asked: &[String], baseline: Option<&str>) -> Vec<AxisEffects> {
    let axes = axes(samples, baseline);
    let family = family(samples, &axes, asked);
    let place = |axis: &Axis| asked.iter().position(|name| *name == axis.name);
    let mut told: Vec<(usize, AxisEffects)> = axes
        .iter()
        .map(|axis| (place(axis).unwrap_or(asked.len()), of_axis(samples, axis, &family, asked)))
        .filter(|(_, effects)| !effects.effects.is_empty())
        .collect();
    told.sort_by_key(|(place, _)| *place);
    told.into_iter().map(|(_, effects)| effects).collect()
}

fn of_axis(samples: &[Sample], axis: &Axis, family: &Family<'_>, asked: &[String]) -> AxisEffects {
    let shapes = shape::shapes(samples, axis, family);
    let mut own: Vec<&Found<'_>> = family.effects.iter().filter(|effect| effect.axis == axis.name).collect();
    own.sort_by_key(|effect| (!effect.main, effect.pairs.first().map(|pair| pair.before.cell), effect.aspect));
    AxisEffects {
        axis: axis.name.clone(),
        slug: format!("effect-{}", slug(&axis.name)),
        asked: asked.is_empty() || asked.contains(&axis.name),
        sentence: sentence::sentence(axis, family, &shapes),
        effects: own.into_iter().map(|effect| told(effect, family)).collect(),
        shapes,
    }
}

fn told(effect: &Found<'_>, family: &Family<'_>) -> Effect {
    let whole: Vec<usize> = (0..effect.pairs.len()).collect();
    let (before, after) = figures(effect, &whole);
    let ratios = || effect.pairs.iter().map(|pair| pair.difference.value.exp());
    Effect {
        what: effect.aspect.what(&effect.call),
        from: effect.from.clone(),
        to: effect.to.clone(),
        before: effect.aspect.written(before),
        after: effect.aspect.written(after),
        ratio: effect.difference.ratio(CONFIDENCE),
        simultaneous: effect.difference.ratio(family.confidence()),
        text: how_much(effect.difference, family),
        shown: effect.shown,
        better: (effect.difference.value > 0.0) == effect.aspect.more(),
        least: ratios().fold(f64::INFINITY, f64::min),
        most: ratios().fold(0.0, f64::max),
        main: effect.main,
        pairs: pairs(effect),
        split: effect.split().map(|split| told_split(effect, split)),
    }
}

fn told_split(effect: &Found<'_>, split: &found::Split) -> Split {
    let part = |part: &found::Part| {
        let (before, after) = figures(effect, &part.pairs);
        SplitPart {
            value: part.value.clone(),
            before: effect.aspect.written(before),
            after: effect.aspect.written(after),
            ratio: part.difference.ratio(CONFIDENCE),
        }
    };
    Split { axis: split.axis.clone(), parts: split.parts.iter().map(part).collect(), crossing: crossover(split) }
}

/// Each pair, by that in which it differs from the others.
fn pairs(effect: &Found<'_>) -> Vec<PairEffect> {
    let names = effect.pairs.iter().flat_map(|pair| pair.before.settings.axes().map(|(name, _)| name));
    let differs = |name: &&str| {
        *name != effect.axis && distinct(effect.pairs.iter().map(|pair| value(pair.before, name))).len() > 1
    };
    let names: Vec<&str> = distinct(names).into_iter().filter(differs).collect();
    let aspect: Aspect = effect.aspect;
    let figure = |sample: &Sample| {
        let own = sample.figures.get(&aspect).and_then(|own| Contrast::of_logs(own));
        own.map_or_else(String::new, |own| aspect.written(own.value.exp()))
    };
    let one = |pair: &found::Matched<'_>| {
        let words = names.iter().map(|name| format!("{name} {}", value(pair.before, name)));
        let words: Vec<String> = std::iter::once(pair.before.workload.clone()).chain(words).collect();
        PairEffect {
            setting: words.join(", "),
            from_cell: pair.before.cell,
            to_cell: pair.after.cell,
            before: figure(pair.before),
            after: figure(pair.after),
            ratio: pair.difference.ratio(CONFIDENCE),
        }
    };
    effect.pairs.iter().map(one).collect()
}
