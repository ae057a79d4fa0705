//! A bar for each target, with a whisker for its interval of 95 %.
//!
//! On a logarithmic axis a bar has no length to compare, so there it is a mark.

use crate::report::chart::plot::{Frame, Manner, Panel, WIDTH, heading, level, places};
use crate::report::chart::svg::{Anchor, Svg, colour, shortened, width_of};
use crate::report::estimate::Estimate;
use crate::report::quantity::{Quantity, told};

const ROW: f64 = 19.0;

/// Draws a quantity of the cells of each panel.
pub fn draw(panels: &[Panel<'_>], quantity: Quantity, manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let heights: Vec<f64> = panels.iter().map(|panel| 54.0 + ROW * panel.cells.len() as f64).collect();
    let (frames, height) = places(&heights, 2.0);
    for (panel, frame) in panels.iter().zip(frames) {
        let frame = heading(&mut svg, panel, frame);
        field(&mut svg, panel, frame, quantity, manner);
    }
    svg.finish((WIDTH, height), title, manner.alone)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, frame: Frame, quantity: Quantity, manner: &Manner<'_>) {
    let widest = panel.cells.iter().map(|cell| width_of(&cell.target)).fold(0.0, f64::max);
    let names = widest.min(frame.width * 0.42) + 8.0;
    let frame = Frame { left: frame.left + names, width: frame.width - names - 76.0, ..frame };
    let frame = Frame { height: ROW * panel.cells.len() as f64, ..frame };
    let figures: Vec<Option<Estimate>> = panel.cells.iter().map(|cell| cell.figure(quantity)).collect();
    let values = figures.iter().flatten().flat_map(|figure| [figure.least, figure.value, figure.most]);
    let scale = manner.scale(values, frame.left, frame.right());
    let ticks: Vec<(f64, String)> =
        scale.ticks().into_iter().map(|tick| (scale.at(tick), quantity.written(tick))).collect();
    for (x, _) in &ticks {
        svg.line((*x, frame.top), (*x, frame.bottom()), "grid");
    }
    level(svg, frame, &ticks, quantity.name());
    for (at, (cell, figure)) in panel.cells.iter().zip(&figures).enumerate() {
        let middle = frame.top + ROW * (at as f64 + 0.5);
        let series = manner.series(&cell.target);
        let told = figure.map_or_else(|| "nothing to show".to_owned(), |figure| told(quantity, &figure));
        manner.begin(svg, cell, &format!("{}: {told}", cell.id));
        svg.text(frame.left - 8.0, middle + 4.0, Anchor::End, "ink", &shortened(&cell.target, names - 8.0));
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
                    svg.rect((frame.left, middle - bar.1 / 2.0), bar, &format!("{} bar", colour(series)));
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

fn whisker(svg: &mut Svg, from: f64, to: f64, y: f64) {
    svg.line((from, y), (to, y), "whisker");
    svg.line((from, y - 3.0), (from, y + 3.0), "whisker");
    svg.line((to, y - 3.0), (to, y + 3.0), "whisker");
}
