//! How a figure runs along an axis of numbers: not at all, in a straight line, with a knee, or otherwise.

use std::collections::BTreeMap;

use crate::figures::{factor, number, seeable, size, time};
use crate::report::effect::aspect::{Aspect, from_to};
use crate::report::effect::found::{Family, Found, value};
use crate::report::effect::matched::{Axis, Unit, rest};
use crate::report::effect::sample::Sample;
use crate::report::effect::told::{Kind, Shape, ShapePoint};
use crate::report::words::distinct;
use crate::statistics::contrast::Contrast;
use crate::statistics::interval::Interval;
use crate::statistics::line::line;
use crate::statistics::{CONFIDENCE, SIGNIFICANCE};

/// Points that are this close to a line are on it, by their own size.
const ON_LINE: f64 = 0.1;

/// One value of the axis, with the logarithm of the figure there.
struct Point {
    value: String,
    number: f64,
    log: Contrast,
}

/// Cells that are equal but for the axis.
type Block<'s> = Vec<(f64, String, &'s Sample)>;

/// The shapes of all that cells are ranked by, workload by workload; of an axis of less than three numbers there are none.
pub fn shapes(samples: &[Sample], axis: &Axis, family: &Family<'_>) -> Vec<Shape> {
    let Some((unit, numbers)) = axis.numbers().filter(|(_, numbers)| numbers.len() > 2) else { return Vec::new() };
    let mut shapes = Vec::new();
    let kinds = family.effects.iter().filter(|effect| effect.axis == axis.name && effect.main);
    for (aspect, call) in distinct(kinds.map(|effect| (effect.aspect, effect.call.clone()))) {
        let of_call = |sample: &&Sample| axis.name == "call" || sample.call() == call;
        let with = samples.iter().filter(of_call).filter(|sample| sample.figures.contains_key(&aspect));
        for workload in distinct(with.clone().map(|sample| sample.workload.as_str())) {
            let own = with.clone().filter(|sample| sample.workload == workload);
            let blocks = blocks(own, axis, &numbers);
            for (of, blocks) in parts(&blocks, split_axis(family, axis, aspect, &call)) {
                let points = points(&blocks, aspect);
                shapes.extend(shape((aspect, &call, workload, of), &points, (axis, unit), family));
            }
        }
    }
    shapes
}

/// Along which other axis the effect of its largest value differs.
fn split_axis<'f>(family: &'f Family<'_>, axis: &Axis, aspect: Aspect, call: &str) -> Option<&'f str> {
    let own = |it: &&Found<'_>| it.axis == axis.name && it.aspect == aspect && it.call == call;
    let widest = family.effects.iter().filter(own).max_by(|a, b| {
        let size = |it: &Found<'_>| it.difference.value.abs();
        size(a).total_cmp(&size(b))
    });
    widest?.split().map(|split| split.axis.as_str())
}

/// The cells along the axis, those only that have as many of its values as any.
fn blocks<'s>(samples: impl Iterator<Item = &'s Sample>, axis: &Axis, numbers: &[f64]) -> Vec<Block<'s>> {
    let mut blocks: BTreeMap<String, Block<'s>> = BTreeMap::new();
    for sample in samples {
        let Some(value) = sample.settings.text(&axis.name) else { continue };
        let Some(at) = axis.values.iter().position(|other| *other == value) else { continue };
        let block = blocks.entry(rest(sample, &axis.name)).or_default();
        if block.iter().all(|(_, known, _)| *known != value) {
            block.push((numbers[at], value, sample));
        }
    }
    let most = blocks.values().map(Vec::len).max().unwrap_or(0);
    let mut kept: Vec<Block<'s>> = blocks.into_values().filter(|block| block.len() == most && most > 2).collect();
    kept.iter_mut().for_each(|block| block.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let values = |block: &Block<'s>| block.iter().map(|(_, value, _)| value.clone()).collect::<Vec<_>>();
    let first = kept.first().map(values);
    kept.retain(|block| Some(values(block)) == first);
    kept
}

/// The blocks by their value on another axis; all of them where there is none along which they differ.
fn parts<'b, 's>(blocks: &'b [Block<'s>], along: Option<&str>) -> Vec<(String, Vec<&'b Block<'s>>)> {
    let of =
        |block: &Block<'_>, along: &str| block.first().map(|(_, _, sample)| value(sample, along)).unwrap_or_default();
    let whole = || vec![(String::new(), blocks.iter().collect())];
    let Some(along) = along else { return whole() };
    let values = distinct(blocks.iter().map(|block| of(block, along)));
    if values.len() < 2 {
        return whole();
    }
    let part = |own: String| {
        let part = blocks.iter().filter(|block| of(block, along) == own).collect();
        (format!("{along} {own}"), part)
    };
    values.into_iter().map(part).collect()
}

fn points(blocks: &[&Block<'_>], aspect: Aspect) -> Vec<Point> {
    let Some(first) = blocks.first() else { return Vec::new() };
    let point = |(at, (number, value, _)): (usize, &(f64, String, &Sample))| {
        let of = |block: &&Block<'_>| Contrast::of_logs(block[at].2.figures.get(&aspect)?);
        let logs: Option<Vec<Contrast>> = blocks.iter().map(of).collect();
        Some(Point { value: value.clone(), number: *number, log: Contrast::mean_of(&logs?)? })
    };
    first.iter().enumerate().filter_map(point).collect()
}

fn shape(
    (aspect, call, workload, of): (Aspect, &str, &str, String),
    points: &[Point],
    (axis, unit): (&Axis, Unit),
    family: &Family<'_>,
) -> Option<Shape> {
    let (first, last) = (points.first()?, points.last()?);
    let sure = family.confidence();
    let steps: Vec<Contrast> = points.iter().skip(1).map(|point| point.log.minus(first.log)).collect();
    let differs = |step: &Contrast| {
        let (low, high) = step.range(sure);
        low > 0.0 || high < 0.0
    };
    let shown: Vec<bool> = steps.iter().map(differs).collect();
    let figure = |point: &Point| point.log.value.exp();
    let slope = if aspect.adds_up() { straight(points, sure) } else { None };
    let flat = shown.iter().take_while(|shown| !**shown).count();
    let rises = |sign: f64| points.windows(2).all(|pair| sign * (pair[1].log.value - pair[0].log.value) > 0.0);
    let ends = format!("{} from {} to {}", from_to(aspect, figure(first), figure(last)), first.value, last.value);
    let times = factor(figure(last) / figure(first));
    let subject = aspect.subject(call);
    let (kind, text) = match slope {
        _ if flat == shown.len() => {
            let would = steps.iter().map(|step| step.would_show(family.comparisons)).fold(1.0, f64::max);
            let would = seeable(would).map_or_else(|| "100 × and more".to_owned(), |least| format!("above {least}"));
            (Kind::Flat, format!("{subject} does not depend on it as far as can be seen ({would} it could), {ends}"))
        }
        Some(slope) => {
            let (per, name) = step(unit, last.number, &axis.name);
            let (low, high) = slope.range(sure);
            let written = |value: f64| aspect.written(value.abs() * per);
            let more = if slope.value < 0.0 { "less" } else { "more" };
            let verb = if aspect == Aspect::P50 { "takes" } else { "is" };
            let range = format!("{} – {}", written(low.min(high)), written(high));
            (
                Kind::Linear,
                format!("{subject} {verb} {} {more} for each {name} ({range}), {ends}", written(slope.value)),
            )
        }
        None if flat > 0 && shown[flat..].iter().all(|shown| *shown) => {
            let knee = &points[flat].value;
            (
                Kind::Knee,
                format!(
                    "{subject} stays the same up to {knee}, and {}: {ends}",
                    aspect.becomes(&times, std::iter::once(figure(last) / figure(first)))
                ),
            )
        }
        None => {
            let kind = match (rises(1.0), rises(-1.0)) {
                (true, _) => Kind::Grows,
                (_, true) => Kind::Falls,
                _ => Kind::Varies,
            };
            (
                kind,
                format!(
                    "{subject} {}, {ends}{}",
                    aspect.becomes(&times, std::iter::once(figure(last) / figure(first))),
                    between(aspect, points)
                ),
            )
        }
    };
    let slope = slope.filter(|_| kind == Kind::Linear).map(|slope| {
        let (low, high) = slope.range(CONFIDENCE);
        Interval { value: slope.value, low, high }
    });
    Some(Shape {
        what: aspect.what(call),
        workload: workload.to_owned(),
        of,
        kind,
        text,
        slope,
        points: points.iter().map(|point| told(aspect, point)).collect(),
    })
}

/// What stands between the ends where it goes up and down: the best value.
fn between(aspect: Aspect, points: &[Point]) -> String {
    let order = |a: &&Point, b: &&Point| a.log.value.total_cmp(&b.log.value);
    let best = if aspect.more() { points.iter().max_by(order) } else { points.iter().min_by(order) };
    let inner = points.get(1..points.len().saturating_sub(1)).unwrap_or_default();
    match best.filter(|best| inner.iter().any(|point| point.value == best.value)) {
        Some(best) => format!("; best at {}: {}", best.value, aspect.written(best.log.value.exp())),
        None => String::new(),
    }
}

/// The slope, where points are on a line that is not level.
fn straight(points: &[Point], sure: f64) -> Option<Contrast> {
    // The mean of logarithms and its variance, as those of the figure itself.
    let raw = |point: &Point| {
        let value = point.log.value.exp();
        (point.number, Contrast { value, variance: value * value * point.log.variance, freedom: point.log.freedom })
    };
    let raw: Vec<(f64, Contrast)> = points.iter().map(raw).collect();
    let (slope, beside) = line(&raw)?;
    let on_line = raw.iter().zip(&beside).all(|((_, y), beside)| {
        let (low, high) = beside.range(sure);
        beside.value.abs() <= ON_LINE * y.value || low <= 0.0 && high >= 0.0
    });
    (on_line && slope.chance_of(0.0) <= SIGNIFICANCE).then_some(slope)
}

/// A step along the axis that people think in: so many of the smallest unit, and its name.
fn step(unit: Unit, largest: f64, axis: &str) -> (f64, String) {
    let (steps, written): (&[f64], fn(f64) -> String) = match unit {
        Unit::Bytes => (&[1_073_741_824.0, 1_048_576.0, 1024.0, 1.0], |bytes| size(bytes as u64)),
        Unit::Times => (&[1e9, 1e6, 1e3, 1.0], time),
        Unit::One => (&[1e6, 1e3, 1.0], number),
    };
    let step = steps.iter().copied().find(|step| *step <= largest).unwrap_or(1.0);
    let name = match unit {
        Unit::One if step == 1.0 => format!("1 of {axis}"),
        Unit::One => format!("{} of {axis}", written(step)),
        // `1.00 MiB` is a MiB.
        _ => {
            format!("{} of {axis}", written(step).split_once(' ').map_or_else(String::new, |(_, unit)| unit.to_owned()))
        }
    };
    (step, name)
}

fn told(aspect: Aspect, point: &Point) -> ShapePoint {
    ShapePoint {
        value: point.value.clone(),
        number: point.number,
        figure: point.log.ratio(CONFIDENCE),
        text: aspect.written(point.log.value.exp()),
    }
}
