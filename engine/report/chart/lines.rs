//! A line for each target along an axis of the workload: bandwidth against payload, times and rates against clients.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MARGIN, Manner, Panel, heading, level, places, upright};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Svg, stroke};
use crate::report::estimate::Estimate;
use crate::report::quantity::{Quantity, told};

/// Draws a quantity of the cells of each panel along `axis`; whiskers are intervals of 95 %.
pub fn draw(panels: &[Panel<'_>], axis: &str, quantity: Quantity, manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let top = manner.key(&mut svg, panels);
    let (frames, height) = places(&vec![236.0; panels.len()], top, manner.width());
    for (panel, frame) in panels.iter().zip(frames) {
        let frame = heading(&mut svg, panel, frame);
        field(&mut svg, panel, frame, (axis, quantity), manner);
    }
    manner.finish(&svg, height, title)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, frame: Frame, (axis, quantity): (&str, Quantity), manner: &Manner<'_>) {
    let frame = Frame {
        left: frame.left + MARGIN,
        top: frame.top + 6.0,
        width: frame.width - MARGIN - 20.0,
        height: frame.height - 44.0,
    };
    let points: Vec<(f64, &Cell, Estimate)> =
        panel.cells.iter().filter_map(|cell| Some((place(cell, axis)?, *cell, cell.figure(quantity)?))).collect();
    let mut values: Vec<(f64, String)> =
        panel.cells.iter().filter_map(|cell| Some((place(cell, axis)?, cell.axis(axis)?))).collect();
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    values.dedup();
    let (Some(first), Some(last)) = (values.first(), values.last()) else { return };
    let level_scale = Scale::between(first.0, last.0, frame.left + 10.0, frame.right() - 10.0);
    let scale = manner.scale(points.iter().flat_map(|(_, _, it)| [it.least, it.most]), frame.bottom(), frame.top);
    upright(svg, frame, &scale, |value| quantity.written(value));
    let labels: Vec<(f64, String)> =
        values.iter().map(|(value, label)| (level_scale.at(*value), label.clone())).collect();
    level(svg, frame, &labels, &format!("{} by {axis}", quantity.name()));
    for (series, target) in manner.targets.iter().enumerate() {
        let own: Vec<_> = points.iter().filter(|(_, cell, _)| cell.target == *target).collect();
        if own.is_empty() {
            continue;
        }
        svg.begin(target, None, "");
        let line: Vec<(f64, f64)> = own.iter().map(|(x, _, it)| (level_scale.at(*x), scale.at(it.value))).collect();
        svg.polyline(&line, &stroke(series));
        for ((_, cell, it), (x, y)) in own.iter().zip(line) {
            manner.begin(svg, cell, &format!("{}: {}", cell.id, told(quantity, it)));
            if let Some(over) = it.interval() {
                svg.line((x, scale.at(over.low)), (x, scale.at(over.high)), "whisker");
            }
            svg.mark(x, y, series);
            svg.end();
        }
        svg.end();
    }
}

/// The place of a cell along an axis; nothing has no logarithm, so it stands at 1.
fn place(cell: &Cell, axis: &str) -> Option<f64> {
    cell.settings.get(axis)?.number().map(|value| value.max(1.0))
}
