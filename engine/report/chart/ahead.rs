//! Who is ahead in each setting of a workload: how many times better the best is than each, with the interval.

use crate::report::cell::Cell;
use crate::report::chart::forest::{Forest, Ratio};
use crate::report::chart::plot::{Frame, Manner, Panel, heading, places};
use crate::report::chart::svg::Svg;
use crate::report::comparison::{Comparison, Outcome, how_far};

/// More settings than this are not drawn; the table beside it holds them all.
pub const MOST: usize = 12;

/// The forests of those comparisons in which somebody is ranked; `axes` are those that vary in the workload.
pub fn forests<'a>(axes: &[String], cells: &'a [Cell], comparisons: &'a [Comparison]) -> Vec<Forest<'a>> {
    let ranked = |it: &&Comparison| matches!(it.outcome, Outcome::Ahead | Outcome::Tie) && it.standings.len() > 1;
    let forest = |it: &'a Comparison| {
        let setting: Vec<String> =
            axes.iter().zip(&it.setting).map(|(axis, value)| format!("{axis} {value}")).collect();
        let of = |target: &str| {
            let here = |cell: &&Cell| {
                cell.target == target
                    && axes.iter().zip(&it.setting).all(|(axis, value)| cell.axis(axis).is_none_or(|own| own == *value))
            };
            cells.iter().find(here).map(|cell| (cell.target.as_str(), cell.number))
        };
        let ratios = it.standings.iter().filter(|standing| standing.ranked && standing.figure.is_some());
        let ratios = ratios.enumerate().map(|(at, standing)| {
            let figure = standing.figure.map(|figure| figure.written(|value| it.measure.written(value)));
            let figure = figure.unwrap_or_default();
            Ratio {
                label: standing.target.clone(),
                of: of(&standing.target),
                value: standing.behind.unwrap_or(1.0),
                interval: standing.behind_interval.filter(|_| at > 0),
                text: match how_far(standing).filter(|_| at > 0) {
                    Some(far) => format!("{figure}, {far}"),
                    None => figure,
                },
                shown: !it.leaders.contains(&standing.target),
            }
        });
        Forest {
            title: [&setting[..], &[format!("by {}", it.measured_by)]].concat().join(", "),
            axis: "times as good is the best".to_owned(),
            ratios: ratios.collect(),
        }
    };
    comparisons.iter().filter(ranked).map(forest).collect()
}

/// Draws forests side by side.
pub fn draw(forests: &[Forest<'_>], manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let heights: Vec<f64> = forests.iter().map(|forest| forest.height() + 8.0).collect();
    // A ratio with its words takes more room than a bar.
    let (frames, height) = places(&heights, 2.0, manner.width() / 1.4);
    let frames = frames.into_iter().map(|frame| Frame { left: frame.left * 1.4, width: frame.width * 1.4, ..frame });
    for (forest, frame) in forests.iter().zip(frames) {
        let panel = Panel { title: forest.title.clone(), cells: Vec::new(), leaders: &[] };
        let frame = heading(&mut svg, &panel, frame);
        forest.draw(&mut svg, frame, manner);
    }
    manner.finish(&svg, height, title)
}
