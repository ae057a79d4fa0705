//! The picture of a report's first screen: what the axes of the question do.

use crate::report::chart::forest::{Forest, Ratio};
use crate::report::chart::plot::{Frame, Manner, Panel, heading, level, places};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, stroke, width_of};
use crate::report::effect::told::{AxisEffects, Effect, Kind, Shape};

/// More ratios than this are no first picture.
const MOST_RATIOS: usize = 10;

/// More shapes than this stand in the section of their axis only.
const MOST_SHAPES: usize = 3;

/// What is drawn on the first screen.
pub enum Picture<'a> {
    /// How figures run along an axis of numbers.
    Shapes(&'a AxisEffects, Vec<&'a Shape>),
    /// What values do in place of others.
    Ratios(Forest<'a>),
}

/// The picture that shows most of what the question asks; none where no axis of it has an effect to show.
pub fn picture(effects: &[AxisEffects]) -> Option<Picture<'_>> {
    let asked: Vec<&AxisEffects> = effects.iter().filter(|axis| axis.asked).collect();
    let first = asked.first()?;
    let runs: Vec<&Shape> = first.shapes.iter().filter(|shape| shape.kind != Kind::Flat).take(MOST_SHAPES).collect();
    if !runs.is_empty() {
        return Some(Picture::Shapes(first, runs));
    }
    let main = |axis: &&'_ AxisEffects| axis.effects.iter().any(|effect| effect.main);
    let axes: Vec<&AxisEffects> = asked.into_iter().filter(main).collect();
    // Each axis has its part of the room.
    let each = (MOST_RATIOS / axes.len().max(1)).max(1);
    let ratios = axes.iter().flat_map(|axis| ratios(axis).into_iter().take(each)).take(MOST_RATIOS);
    let ratios: Vec<Ratio<'_>> = ratios.collect();
    if ratios.is_empty() {
        return None;
    }
    let axis = "times as much, everything else equal".to_owned();
    Some(Picture::Ratios(Forest { title: String::new(), axis, ratios }))
}

/// The effects of an axis on what cells are ranked by, as ratios.
fn ratios<'a>(axis: &AxisEffects) -> Vec<Ratio<'a>> {
    let ratio = |effect: &Effect| Ratio {
        label: format!("{} {} for {}: {}", axis.axis, effect.to, effect.from, effect.what),
        of: None,
        value: effect.ratio.value,
        interval: Some(effect.simultaneous),
        text: format!("{} → {}, {}", effect.before, effect.after, effect.text),
        shown: effect.shown,
    };
    axis.effects.iter().filter(|effect| effect.main).map(ratio).collect()
}

/// Draws it.
pub fn draw(picture: &Picture<'_>, manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let height = match picture {
        Picture::Ratios(forest) => {
            let frame = Frame { left: 0.0, top: 4.0, width: manner.width(), height: forest.height() };
            forest.draw(&mut svg, frame, manner);
            forest.height() + 10.0
        }
        Picture::Shapes(axis, shapes) => {
            let (frames, height) = places(&vec![214.0; shapes.len()], 2.0, manner.width());
            for (shape, frame) in shapes.iter().zip(frames) {
                let words: Vec<&str> = [&shape.what, &shape.of].into_iter().map(String::as_str).collect();
                let title = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
                let panel = Panel { title, cells: Vec::new(), leaders: &[] };
                let frame = heading(&mut svg, &panel, frame);
                if width_of(&shape.text) <= frame.width {
                    svg.text(frame.left + 2.0, frame.top + 8.0, Anchor::Start, "ink", &shape.text);
                }
                run(&mut svg, &axis.axis, shape, frame);
            }
            height
        }
    };
    manner.finish(&svg, height, title)
}

/// One shape: its points with their figures, and the line through them.
fn run(svg: &mut Svg, axis: &str, shape: &Shape, frame: Frame) {
    let frame = Frame {
        left: frame.left + 34.0,
        top: frame.top + 34.0,
        width: frame.width - 68.0,
        height: frame.height - 78.0,
    };
    let numbers = || shape.points.iter().map(|point| point.number);
    let (least, most) = numbers().fold((f64::INFINITY, 0.0f64), |(least, most), it| (least.min(it), most.max(it)));
    // A straight line is one on a straight axis only.
    let across = match shape.kind {
        Kind::Linear => Scale::until(most, frame.left, frame.right()),
        _ => Scale::between(least.max(1.0), most, frame.left, frame.right()),
    };
    let largest = shape.points.iter().map(|point| point.figure.high).fold(0.0, f64::max);
    let scale = Scale::linear(largest, frame.bottom(), frame.top);
    svg.line((frame.left, frame.top), (frame.left, frame.bottom()), "grid");
    let labels: Vec<(f64, String)> =
        shape.points.iter().map(|point| (across.at(point.number), point.value.clone())).collect();
    level(svg, frame, &labels, axis);
    let line: Vec<(f64, f64)> =
        shape.points.iter().map(|point| (across.at(point.number), scale.at(point.figure.value))).collect();
    svg.polyline(&line, &stroke(0));
    let mut free = f64::NEG_INFINITY;
    for (point, (x, y)) in shape.points.iter().zip(line) {
        svg.line((x, scale.at(point.figure.low)), (x, scale.at(point.figure.high)), "whisker");
        svg.mark(x, y, 0);
        let half = width_of(&point.text) / 2.0;
        if x - half > free {
            svg.text(x, y - 10.0, Anchor::Middle, "ink", &point.text);
            free = x + half + 2.0;
        }
    }
}
