//! What an axis does, in a sentence: figures in units, how sure, and where it differs.

use crate::figures::{factor, grouped, listed, number, seeable};
use crate::report::effect::aspect::{Aspect, from_to};
use crate::report::effect::crossover::crossover;
use crate::report::effect::found::{Family, Found, Split};
use crate::report::effect::matched::Axis;
use crate::report::effect::told::{Kind, Shape};
use crate::report::words::distinct;
use crate::statistics::contrast::Contrast;

/// So many kinds of figures are told in a sentence.
const TOLD: usize = 3;

/// So many values of another axis are told of each; of more the least and the most.
const PARTS: usize = 4;

/// So many values of an axis of words are told.
const VALUES: usize = 8;

/// The first effect of a sentence is told as one where it differs by less than this factor along another axis.
const WORTH_TELLING: f64 = 1.25;

/// So are the others, which would make the sentence long.
const WORTH_A_LONG_SENTENCE: f64 = 2.0;

/// What is said of an axis that does something, but to nothing that cells are ranked by.
const BESIDE: &str = "Nothing that cells are ranked by could be compared along it: where the client was the limit, or \
    calls were given up, a figure is only a bound.";

/// What an axis does to what cells are ranked by, or that nothing of it is known.
pub fn sentence(axis: &Axis, family: &Family<'_>, shapes: &[Shape]) -> String {
    let mut own: Vec<&Found<'_>> = family.effects.iter().filter(|it| it.axis == axis.name && it.main).collect();
    // Times and rates of the same calls say the same: the one that more cells have is told.
    let all = own.clone();
    let covers = |it: &Found<'_>, aspect: Aspect| {
        let same = |other: &&&Found<'_>| other.aspect == aspect && other.call == it.call && other.to == it.to;
        all.iter().find(same).map_or(0, |other| other.pairs.len())
    };
    own.retain(|it| match it.aspect {
        Aspect::Rate => covers(it, Aspect::P50) == 0,
        Aspect::Bandwidth => it.pairs.len() >= covers(it, Aspect::P50),
        Aspect::P50 => covers(it, Aspect::Bandwidth) < it.pairs.len(),
        _ => true,
    });
    own.sort_by_key(|it| (it.pairs.iter().map(|pair| pair.before.cell).min(), it.aspect));
    match axis.values.as_slice() {
        _ if own.is_empty() => BESIDE.to_owned(),
        _ if !shapes.is_empty() => along(&axis.name, shapes),
        [_, _] => of_two(&own, family),
        _ => of_several(axis, &own),
    }
}

/// How sure an effect is, for all of the report at once: `4.10 × (3.90 – 4.30)`.
pub fn how_much(difference: Contrast, family: &Family<'_>) -> String {
    let ratio = difference.ratio(family.confidence());
    format!("{} ({} – {})", factor(ratio.value), number(ratio.low), number(ratio.high))
}

/// The figures before and after, over so many of the matched pairs.
pub fn figures(effect: &Found<'_>, pairs: &[usize]) -> (f64, f64) {
    let logs = |own: &[f64]| own.iter().map(|value| value.ln()).sum::<f64>() / own.len() as f64;
    let of = |after: bool| {
        let cells = pairs.iter().filter_map(|at| {
            let pair = effect.pairs.get(*at)?;
            let sample = if after { pair.after } else { pair.before };
            Some(logs(sample.figures.get(&effect.aspect)?))
        });
        let cells: Vec<f64> = cells.collect();
        (cells.iter().sum::<f64>() / cells.len() as f64).exp()
    };
    (of(false), of(true))
}

/// The change from one value to another, at the beginning of a sentence.
fn change(axis: &str, from: &str, to: &str) -> String {
    match (from, to) {
        ("false", "true") => format!("With {axis}"),
        ("true", "false") => format!("Without {axis}"),
        _ => format!("With {axis} {to} instead of {from}"),
    }
}

/// What becomes of one kind of figure, along the axis where that differs.
fn clause(effect: &Found<'_>, family: &Family<'_>, first: bool) -> String {
    let subject = effect.aspect.subject(&effect.call);
    let whole: Vec<usize> = (0..effect.pairs.len()).collect();
    let one = |difference: Contrast, pairs: &[usize], first: bool| {
        let (before, after) = figures(effect, pairs);
        let much = how_much(difference, family);
        let parts = effect.split().into_iter().filter(|_| pairs.len() < whole.len()).flat_map(|split| &split.parts);
        let all = parts.map(|part| part.difference.value.exp()).chain([difference.value.exp()]);
        let much = if first { effect.aspect.becomes(&much, all) } else { much };
        format!("{much}: {}", from_to(effect.aspect, before, after))
    };
    let worth = if first { WORTH_TELLING } else { WORTH_A_LONG_SENTENCE };
    match effect.split().filter(|split| spread(split) >= worth) {
        None => format!("{subject} {}", one(effect.difference, &whole, true)),
        Some(split) => {
            let mut parts: Vec<_> = split.parts.iter().collect();
            if parts.len() > PARTS {
                let size = |at: usize| parts[at].difference.value;
                let order = |a: &usize, b: &usize| size(*a).total_cmp(&size(*b));
                let (least, most) = ((0..parts.len()).min_by(order), (0..parts.len()).max_by(order));
                parts = [least, most].into_iter().flatten().map(|at| parts[at]).collect();
            }
            let told: Vec<String> = parts
                .iter()
                .enumerate()
                .map(|(at, part)| {
                    format!("{} with {} {}", one(part.difference, &part.pairs, at == 0), split.axis, part.value)
                })
                .collect();
            let meet = crossover(split).map_or_else(String::new, |it| format!(", the same {}", it.text));
            format!("{subject} {}{meet}", told.join(", "))
        }
    }
}

/// By what factor an effect differs along another axis.
fn spread(split: &Split) -> f64 {
    let of = || split.parts.iter().map(|part| part.difference.value);
    (of().fold(f64::NEG_INFINITY, f64::max) - of().fold(f64::INFINITY, f64::min)).exp()
}

/// True where there is something to tell: a difference, in all or along another axis.
fn tells(effect: &Found<'_>) -> bool {
    effect.shown || effect.split().is_some_and(|split| spread(split) >= WORTH_TELLING)
}

fn of_two(own: &[&Found<'_>], family: &Family<'_>) -> String {
    let Some(first) = own.first() else { return String::new() };
    let lead = change(&first.axis, &first.from, &first.to);
    let (told, untold): (Vec<&Found<'_>>, Vec<&Found<'_>>) = own.iter().copied().partition(|effect| tells(effect));
    let clauses: Vec<String> =
        told.iter().take(TOLD).enumerate().map(|(at, effect)| clause(effect, family, at == 0)).collect();
    let silent: Vec<String> = untold.iter().take(TOLD).map(|effect| unseen(effect, family)).collect();
    match (clauses.is_empty(), silent.is_empty()) {
        (false, true) => format!("{lead}, {}.", clauses.join("; ")),
        (false, false) => format!("{lead}, {}; no difference is shown in {}.", clauses.join("; "), listed(&silent)),
        (true, _) => format!("{lead}, no difference is shown in {}.", listed(&silent)),
    }
}

/// What a difference that was not shown could have been, and what would show it.
fn unseen(effect: &Found<'_>, family: &Family<'_>) -> String {
    let whole: Vec<usize> = (0..effect.pairs.len()).collect();
    let (before, after) = figures(effect, &whole);
    let decide = match effect.difference.would_decide(effect.trials(), family.comparisons) {
        Some(trials) => format!("{} trials would decide it", grouped(trials as u64)),
        None => "no number of trials up to 1,000 would decide it".to_owned(),
    };
    let seen = seeable(effect.difference.would_show(family.comparisons));
    let seen = seen.map_or_else(|| "not even one of 100 ×".to_owned(), |least| format!("none above {least}"));
    let subject = effect.aspect.subject(&effect.call);
    format!("{subject} ({}: {seen} could be seen; {decide})", from_to(effect.aspect, before, after))
}

/// Each value against the first, the least figure first.
fn of_several(axis: &Axis, own: &[&Found<'_>]) -> String {
    let reference = axis.values.first().map_or("", String::as_str);
    let kinds = distinct(own.iter().map(|effect| (effect.aspect, effect.call.as_str())));
    let sentences = kinds.iter().take(2).map(|(aspect, call)| {
        let mut of: Vec<&Found<'_>> =
            own.iter().copied().filter(|effect| effect.aspect == *aspect && effect.call == *call).collect();
        let best = |a: &&Found<'_>, b: &&Found<'_>| {
            let order = a.difference.value.total_cmp(&b.difference.value);
            if aspect.more() { order.reverse() } else { order }
        };
        of.sort_by(best);
        let (shown, unseen): (Vec<&Found<'_>>, Vec<&Found<'_>>) = of.into_iter().partition(|effect| effect.shown);
        let left = shown.len().saturating_sub(VALUES);
        let told: Vec<String> = shown
            .iter()
            .take(VALUES)
            .enumerate()
            .map(|(at, effect)| {
                let whole: Vec<usize> = (0..effect.pairs.len()).collect();
                let (before, after) = figures(effect, &whole);
                let much = factor(effect.difference.value.exp());
                let much = match aspect {
                    Aspect::P50 if at == 0 => format!("takes {much} as long"),
                    _ if at == 0 => format!("is {much}"),
                    _ => much,
                };
                format!("{much} with {} ({})", effect.to, from_to(*aspect, before, after))
            })
            .collect();
        let more = if left > 0 { format!(" and {left} more") } else { String::new() };
        let unseen: Vec<&str> = unseen.iter().map(|effect| effect.to.as_str()).collect();
        let (lead, subject) = (format!("Against {} {reference}", axis.name), aspect.subject(call));
        match (told.is_empty(), unseen.is_empty()) {
            (false, true) => format!("{lead}, {subject} {}{more}", told.join(", ")),
            (false, false) => {
                format!("{lead}, {subject} {}{more}; no difference is shown with {}", told.join(", "), listed(&unseen))
            }
            (true, _) => format!("{lead}, no difference is shown in {subject} with {}", listed(&unseen)),
        }
    });
    sentences.map(|sentence| format!("{sentence}.")).collect::<Vec<_>>().join(" ")
}

/// How the first kind of figure runs along an axis of numbers, part by part.
fn along(axis: &str, shapes: &[Shape]) -> String {
    let Some(first) = shapes.iter().find(|shape| shape.kind != Kind::Flat).or(shapes.first()) else {
        return String::new();
    };
    let same = |shape: &&Shape| shape.what == first.what && shape.workload == first.workload;
    let mut parts: Vec<&Shape> = shapes.iter().filter(same).collect();
    // What it does comes before where it does nothing.
    parts.sort_by_key(|shape| shape.kind == Kind::Flat);
    let told: Vec<String> = parts
        .iter()
        .map(
            |shape| if shape.of.is_empty() { shape.text.clone() } else { format!("with {}, {}", shape.of, shape.text) },
        )
        .collect();
    format!("Along {axis}, {}.", told.join("; "))
}
