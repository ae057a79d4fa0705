//! Single trials over time: how long calls took by when they were due, so that a stall is seen.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MARGIN, Manner, Panel, heading, level, places, upright};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, colour, width_of};
use crate::report::course::{Course, began};
use crate::report::quantity::{Quantile, Quantity};
use crate::results::Slice;

/// What a line shows: its name, its dashes, and the time that it takes of each slice.
type Line = (&'static str, &'static str, fn(&Slice) -> u64);

/// The lines of a field, the lowest last so that it is drawn over the others.
const LINES: [Line; 3] = [
    ("longest", "d2 thin", |slice| slice.max_ns),
    ("p99", "d4 thin", |slice| slice.p99_ns),
    ("p50", "d0", |slice| slice.p50_ns),
];

/// Draws one field for each trial.
pub fn draw(shown: &[(&Cell, &Course)], axes: &[String], manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let all = [Panel { title: String::new(), cells: shown.iter().map(|(cell, _)| *cell).collect(), leaders: &[] }];
    let top = manner.key(&mut svg, &all);
    let top = key_of_lines(&mut svg, top);
    let (frames, height) = places(&vec![226.0; shown.len()], top, manner.width());
    // One scale for all, so that a stall in one field is seen against the others.
    let answered = || shown.iter().flat_map(|(_, course)| &course.slices).filter(|slice| slice.ok > 0);
    let values: Vec<f64> = answered().flat_map(|slice| [slice.p50_ns as f64, slice.max_ns as f64]).collect();
    for ((cell, course), frame) in shown.iter().zip(frames) {
        let setting = axes.iter().filter_map(|axis| Some(format!("{axis} {}, ", cell.axis(axis)?)));
        let title = format!("{}{}, trial {}", setting.collect::<String>(), cell.target, course.trial);
        let frame = heading(&mut svg, &Panel { title, cells: Vec::new(), leaders: &[] }, frame);
        field(&mut svg, (cell, course), frame, &values, manner);
    }
    manner.finish(&svg, height, title)
}

/// The key to the lines of every target, and how high it and what is above it are.
fn key_of_lines(svg: &mut Svg, top: f64) -> f64 {
    let (mut x, y) = (4.0, top + 2.0);
    for (name, dashes, _) in LINES.iter().rev() {
        svg.line((x, y - 4.0), (x + 34.0, y - 4.0), &format!("whisker line {dashes}"));
        svg.text(x + 39.0, y, Anchor::Start, "ink", name);
        x += 39.0 + width_of(name) + 12.0;
    }
    svg.text(x, y, Anchor::Start, "ink", "× some failed or were given up");
    y + 10.0
}

fn field(svg: &mut Svg, (cell, course): (&Cell, &Course), frame: Frame, values: &[f64], manner: &Manner<'_>) {
    let quantity = Quantity::Time(Quantile::P50);
    let frame = Frame {
        left: frame.left + MARGIN,
        top: frame.top + 12.0,
        width: frame.width - MARGIN - 20.0,
        height: frame.height - 50.0,
    };
    let scale = manner.scale(values.iter().copied(), frame.bottom(), frame.top);
    let across = Scale::until(course.ends_ns() as f64, frame.left, frame.right());
    upright(svg, frame, &scale, |value| quantity.written(value));
    let ticks = across.ticks().into_iter();
    let labels: Vec<(f64, String)> = ticks.map(|tick| (across.at(tick), began(tick.round() as u64))).collect();
    level(svg, frame, &labels, "when the calls were due, from the start");
    manner.begin_telling(svg, cell, &course.told());
    svg.rect((frame.left, frame.top), (frame.width, frame.height), "hit");
    let middle = |slice: &Slice| across.at(slice.start_ns as f64 + slice.length_ns as f64 / 2.0);
    let series = colour(manner.series(&cell.target));
    for (_, dashes, value) in LINES {
        let class = format!("{series} line {dashes}");
        for run in course.slices.split(|slice| slice.ok == 0).filter(|run| !run.is_empty()) {
            let points: Vec<(f64, f64)> =
                run.iter().map(|slice| (middle(slice), scale.at(value(slice) as f64))).collect();
            match points.as_slice() {
                // A line of one point is none: a slice alone is drawn as wide as it is.
                [(_, y)] => {
                    let (begin, end) = (run[0].start_ns as f64, (run[0].start_ns + run[0].length_ns) as f64);
                    svg.line((across.at(begin), *y), (across.at(end), *y), &class);
                }
                points => svg.polyline(points, &class),
            }
        }
    }
    let mut free = f64::NEG_INFINITY;
    for slice in course.slices.iter().filter(|slice| slice.failed > 0) {
        let x = middle(slice);
        if x >= free {
            svg.text(x, frame.top - 2.0, Anchor::Middle, "ink", "×");
            free = x + 6.0;
        }
    }
    svg.end();
}
