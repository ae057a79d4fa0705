//! A bar for each target, the best first, with a whisker for its interval of 95 %.
//!
//! On a logarithmic axis a bar has no length to compare, so there it is a mark.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MOST_SERIES, Manner, Panel, heading, level, places};
use crate::report::chart::svg::{Anchor, Svg, colour, shortened, width_of};
use crate::report::estimate::Estimate;
use crate::report::quantity::{Quantity, told};

/// How high the row of a bar is, in pixels.
pub const ROW: f64 = 19.0;

/// How much room the mark of who is ahead takes, in pixels.
const LEADS: f64 = 14.0;

/// Draws a quantity of the cells of each panel; `ranked` says that it is what the panels' leaders lead by.
pub fn draw(panels: &[Panel<'_>], quantity: Quantity, ranked: bool, manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let heights: Vec<f64> = panels.iter().map(|panel| 54.0 + ROW * panel.cells.len() as f64).collect();
    let (frames, height) = places(&heights, 2.0, manner.width());
    for (panel, frame) in panels.iter().zip(frames) {
        let frame = heading(&mut svg, panel, frame);
        field(&mut svg, panel, frame, (quantity, ranked), manner);
    }
    manner.finish(&svg, height, title)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, frame: Frame, (quantity, ranked): (Quantity, bool), manner: &Manner<'_>) {
    let cells = best_first(&panel.cells, quantity);
    let widest = cells.iter().map(|(cell, _)| width_of(&cell.target)).fold(0.0, f64::max);
    let names = widest.min(frame.width * 0.42) + 8.0 + LEADS;
    let frame = Frame { left: frame.left + names, width: frame.width - names - 76.0, ..frame };
    let frame = Frame { height: ROW * cells.len() as f64, ..frame };
    let values = cells.iter().filter_map(|(_, figure)| *figure);
    let scale =
        manner.scale(values.flat_map(|figure| [figure.least, figure.value, figure.most]), frame.left, frame.right());
    let ticks: Vec<(f64, String)> =
        scale.ticks().into_iter().map(|tick| (scale.at(tick), quantity.written(tick))).collect();
    for (x, _) in &ticks {
        svg.line((*x, frame.top), (*x, frame.bottom()), "grid");
    }
    level(svg, frame, &ticks, quantity.name());
    let of_baseline = cells.iter().find(|(cell, _)| manner.baseline == Some(cell.target.as_str()));
    if let Some(figure) = of_baseline.and_then(|(_, figure)| *figure) {
        let x = scale.at(figure.value);
        svg.line((x, frame.top), (x, frame.bottom()), "baseline");
    }
    for (at, (cell, figure)) in cells.iter().enumerate() {
        let middle = frame.top + ROW * (at as f64 + 0.5);
        let leads = ranked && panel.leaders.contains(&cell.target);
        let series = manner.series(&cell.target);
        let told = figure.map_or_else(|| "nothing to show".to_owned(), |figure| told(quantity, &figure));
        manner.begin_row(svg, cell, &format!("{}: {told}", cell.id), ROW);
        if leads {
            svg.leads(frame.left - 7.0, middle, panel.leaders.len() == 1);
        }
        let name = shortened(&cell.target, names - 8.0 - LEADS);
        let class = if manner.baseline == Some(cell.target.as_str()) { "head" } else { "ink" };
        svg.text(frame.left - 4.0 - LEADS, middle + 4.0, Anchor::End, class, &name);
        match figure {
            None => svg.text(frame.left + 4.0, middle + 4.0, Anchor::Start, "", "–"),
            Some(figure) => {
                let value = scale.at(figure.value);
                let around = figure.interval().map(|over| (scale.at(over.low), scale.at(over.high)));
                let (from, to) = around.unwrap_or((value, value));
                if manner.logarithmic {
                    if around.is_some() {
                        whisker(svg, from, to, middle);
                    }
                    svg.mark(value, middle, series);
                } else {
                    let bar = (value - frame.left, ROW - 7.0);
                    // More colours than can be told apart would say less than two.
                    let coloured = match manner.targets.len() <= MOST_SERIES {
                        true => colour(series),
                        false => if leads { "s0" } else { "s7" }.to_owned(),
                    };
                    svg.rect((frame.left, middle - bar.1 / 2.0), bar, &format!("{coloured} bar"));
                    if around.is_some() {
                        whisker(svg, from, to, middle);
                    }
                }
                let label = figure.written(|value| quantity.written(value));
                svg.text(to.max(value) + 7.0, middle + 4.0, Anchor::Start, "", &label);
            }
        }
        svg.end();
    }
}

/// The cells with their figures, the best first, those without one last.
fn best_first<'a>(cells: &[&'a Cell], quantity: Quantity) -> Vec<(&'a Cell, Option<Estimate>)> {
    let mut cells: Vec<(&Cell, Option<Estimate>)> = cells.iter().map(|cell| (*cell, cell.figure(quantity))).collect();
    let cost = |figure: &Option<Estimate>| match figure {
        Some(figure) if quantity.more_is_better() => -figure.value,
        Some(figure) => figure.value,
        None => f64::INFINITY,
    };
    cells.sort_by(|(_, a), (_, b)| cost(a).total_cmp(&cost(b)));
    cells
}

fn whisker(svg: &mut Svg, from: f64, to: f64, y: f64) {
    svg.line((from, y), (to, y), "whisker");
    svg.line((from, y - 3.0), (from, y + 3.0), "whisker");
    svg.line((to, y - 3.0), (to, y + 3.0), "whisker");
}
