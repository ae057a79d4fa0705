//! Response time by percentile, on an axis that gives each further nine the same room, as HdrHistogram draws it.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MARGIN, MOST_SERIES, Manner, Panel, heading, level, places, upright};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Svg, stroke};
use crate::report::quantity::{Quantile, Quantity};

/// Percentiles that the axis names, by how many calls there are for each beyond it.
const NAMED: [(f64, &str); 7] =
    [(1.0, "0"), (2.0, "50"), (10.0, "90"), (100.0, "99"), (1e3, "99.9"), (1e4, "99.99"), (1e5, "99.999")];

/// More fields than this are not drawn.
const MOST_FIELDS: usize = 24;

/// Draws the times of all trials of each cell together, as far as calls enough lie beyond a percentile. More targets
/// than one can tell apart get a field each, with all that the others span behind it in grey.
pub fn draw(panels: &[Panel<'_>], manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let single = |panel: &Panel<'_>| panel.targets() > MOST_SERIES;
    let fields: Vec<(&Panel<'_>, Option<&Cell>)> = panels
        .iter()
        .flat_map(|panel| match single(panel) {
            true => {
                panel.cells.iter().filter(|cell| !cell.curve().is_empty()).map(|cell| (panel, Some(*cell))).collect()
            }
            false => vec![(panel, None)],
        })
        .take(MOST_FIELDS)
        .collect();
    let top = if panels.iter().any(single) { 4.0 } else { manner.key(&mut svg, panels) };
    let heights: Vec<f64> = fields.iter().map(|(_, own)| if own.is_some() { 176.0 } else { 246.0 }).collect();
    let (frames, height) = places(&heights, top, manner.width());
    for ((panel, own), frame) in fields.into_iter().zip(frames) {
        let words = own.map(|cell| [panel.title.as_str(), &cell.target].join(" ").trim().to_owned());
        let titled = Panel { title: words.unwrap_or_else(|| panel.title.clone()), ..panel.clone() };
        let frame = heading(&mut svg, &titled, frame);
        field(&mut svg, panel, own, frame, manner);
    }
    manner.finish(&svg, height, title)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, own: Option<&Cell>, frame: Frame, manner: &Manner<'_>) {
    let quantity = Quantity::Time(Quantile::P50);
    let frame = Frame {
        left: frame.left + MARGIN,
        top: frame.top + 6.0,
        width: frame.width - MARGIN - 20.0,
        height: frame.height - 44.0,
    };
    let points = || panel.cells.iter().flat_map(|cell| cell.curve());
    let farthest = points().map(|point| point.one_beyond_of).fold(10.0, f64::max);
    let across = Scale::between(1.0, farthest, frame.left, frame.right());
    let scale = manner.scale(points().map(|point| point.ns as f64), frame.bottom(), frame.top);
    upright(svg, frame, &scale, |value| quantity.written(value));
    let labels: Vec<(f64, String)> = NAMED
        .iter()
        .filter(|(beyond, _)| *beyond <= farthest * 1.001)
        .map(|(beyond, label)| (across.at(*beyond), (*label).to_owned()))
        .collect();
    for (x, _) in &labels {
        svg.line((*x, frame.top), (*x, frame.bottom()), "grid");
    }
    level(svg, frame, &labels, "pooled response time by percentile");
    let line = |cell: &Cell| -> Vec<(f64, f64)> {
        cell.curve().iter().map(|point| (across.at(point.one_beyond_of), scale.at(point.ns as f64))).collect()
    };
    let drawn = || panel.cells.iter().copied().filter(|cell| !cell.curve().is_empty());
    let others: Vec<Vec<(f64, f64)>> =
        drawn().filter(|cell| own.is_some_and(|own| own.number != cell.number)).map(line).collect();
    // Their points stand one above the other, as far as each goes.
    let span = |pick: fn(f64, f64) -> f64| -> Vec<(f64, f64)> {
        let longest = others.iter().map(Vec::len).max().unwrap_or(0);
        let met = (0..longest).map(|at| others.iter().filter_map(move |line| line.get(at).copied()));
        met.filter_map(|points| points.reduce(|(x, y), (_, other)| (x, pick(y, other)))).collect()
    };
    if !others.is_empty() {
        svg.area(&[span(f64::min), span(f64::max).into_iter().rev().collect()].concat(), "behind");
    }
    for cell in drawn().filter(|cell| own.is_none_or(|own| own.number == cell.number)) {
        let series = if own.is_some() { 0 } else { manner.series(&cell.target) };
        manner.begin(svg, cell, &format!("{}, {} calls of all trials", cell.id, cell.response.count));
        let line = line(cell);
        svg.polyline(&line, &stroke(series));
        // Marks stand apart so that lines are told apart without colour.
        for (x, y) in line.iter().skip(series % 4).step_by(4) {
            svg.mark(*x, *y, series);
        }
        svg.end();
    }
}
