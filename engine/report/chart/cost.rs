//! CPU time of a call, the server's part and the client's on top of each other.

use crate::figures::time;
use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MOST_SERIES, Manner, Panel, heading, level, places};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, colour, shortened, width_of};

const ROW: f64 = 19.0;

/// Draws what the cells of each panel spent; a part that the counters are too coarse for is left out.
pub fn draw(panels: &[Panel<'_>], manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    svg.rect((4.0, 4.0), (18.0, 10.0), "s7 bar");
    svg.text(27.0, 13.0, Anchor::Start, "ink", "server");
    svg.rect((80.0, 4.0), (18.0, 10.0), "s7 hollow");
    svg.text(103.0, 13.0, Anchor::Start, "ink", "client");
    let heights: Vec<f64> = panels.iter().map(|panel| 54.0 + ROW * panel.cells.len() as f64).collect();
    let (frames, height) = places(&heights, 22.0, manner.width());
    for (panel, frame) in panels.iter().zip(frames) {
        let frame = heading(&mut svg, panel, frame);
        field(&mut svg, panel, frame, manner);
    }
    manner.finish(&svg, height, title)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, frame: Frame, manner: &Manner<'_>) {
    let mut cells = panel.cells.clone();
    let spent = |cell: &Cell| parts(cell).into_iter().flatten().sum::<f64>();
    let known = |cell: &Cell| parts(cell).iter().any(Option::is_some);
    cells.sort_by(|a, b| known(b).cmp(&known(a)).then(spent(a).total_cmp(&spent(b))));
    let widest = cells.iter().map(|cell| width_of(&cell.target)).fold(0.0, f64::max);
    let names = widest.min(frame.width * 0.42) + 8.0;
    let frame = Frame { left: frame.left + names, width: frame.width - names - 120.0, ..frame };
    let frame = Frame { height: ROW * cells.len() as f64, ..frame };
    let largest = cells.iter().map(|cell| spent(cell)).fold(0.0, f64::max);
    let scale = Scale::linear(largest, frame.left, frame.right());
    let ticks: Vec<(f64, String)> = scale.ticks().into_iter().map(|tick| (scale.at(tick), time(tick))).collect();
    for (x, _) in &ticks {
        svg.line((*x, frame.top), (*x, frame.bottom()), "grid");
    }
    level(svg, frame, &ticks, "CPU time of a call");
    for (at, cell) in cells.iter().enumerate() {
        let middle = frame.top + ROW * (at as f64 + 0.5);
        let several = manner.targets.len() <= MOST_SERIES;
        let colour = if several { colour(manner.series(&cell.target)) } else { "s7".to_owned() };
        let written = parts(cell).map(|part| part.map_or_else(|| "?".to_owned(), time)).join(" + ");
        manner.begin_row(svg, cell, &format!("{}: server + client {written}", cell.id), ROW);
        svg.text(frame.left - 8.0, middle + 4.0, Anchor::End, "ink", &shortened(&cell.target, names - 8.0));
        let mut reached = 0.0;
        for (part, class) in parts(cell).into_iter().zip(["bar", "hollow"]) {
            let Some(part) = part else { continue };
            let (from, to) = (scale.at(reached), scale.at(reached + part));
            svg.rect((from, middle - 6.0), (to - from, 12.0), &format!("{colour} {class}"));
            reached += part;
        }
        svg.text(scale.at(reached) + 6.0, middle + 4.0, Anchor::Start, "", &written);
        svg.end();
    }
}

/// What the server and the client spent on a call, in nanoseconds.
pub fn parts(cell: &Cell) -> [Option<f64>; 2] {
    [cell.server.cpu_ns_per_call, cell.client.cpu_ns_per_call].map(|cost| cost.map(|cost| cost.value))
}
