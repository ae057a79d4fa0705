//! The 99th percentile against the rate that was offered, from the probes of searches, with the bound that is expected.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Frame, MARGIN, Manner, Panel, heading, level, places, upright};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, stroke};
use crate::report::quantity::{Quantile, Quantity, told};
use crate::results::search::Probe;
use crate::scenario::expect::{Expectation, Figure};

/// Probes at rates that differ by no more than this factor are one point of the line.
const ALIKE: f64 = 1.12;

/// Draws the probes of the cells of each panel, each a mark: filled where all that is expected held.
pub fn draw(panels: &[Panel<'_>], manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let top = manner.key(&mut svg, panels);
    svg.rect((4.0, top - 5.0), (7.0, 7.0), "s7 bar");
    svg.text(17.0, top + 2.0, Anchor::Start, "ink", "held");
    svg.rect((52.0, top - 5.0), (7.0, 7.0), "s7 hollow");
    svg.text(65.0, top + 2.0, Anchor::Start, "ink", "broke what is expected");
    let (frames, height) = places(&vec![300.0; panels.len()], top + 10.0, manner.width());
    for (panel, frame) in panels.iter().zip(frames) {
        let frame = heading(&mut svg, panel, frame);
        field(&mut svg, panel, frame, manner);
    }
    manner.finish(&svg, height, title)
}

/// The probes of a cell, by their rates.
fn probes(cell: &Cell) -> Vec<&Probe> {
    let trials = cell.capacity.iter().flat_map(|capacity| &capacity.trials);
    let mut probes: Vec<&Probe> =
        trials.flat_map(|searched| &searched.search.probes).filter(|probe| probe.p99_ns > 0).collect();
    probes.sort_by(|a, b| a.rate.total_cmp(&b.rate));
    probes
}

/// The least bound of the 99th percentile that is expected of a cell, in nanoseconds.
fn bound(cell: &Cell) -> Option<f64> {
    let of_p99 = |expected: &&Expectation| expected.figure == Figure::P99 && expected.limits_response();
    cell.planned().expect.iter().filter(of_p99).filter_map(Expectation::fixed).reduce(f64::min)
}

fn field(svg: &mut Svg, panel: &Panel<'_>, frame: Frame, manner: &Manner<'_>) {
    let (time, rate) = (Quantity::Time(Quantile::P99), Quantity::Rate);
    let frame = Frame {
        left: frame.left + MARGIN,
        top: frame.top + 6.0,
        width: frame.width - MARGIN - 20.0,
        height: frame.height - 44.0,
    };
    let all = || panel.cells.iter().flat_map(|cell| probes(cell));
    let (least, most) =
        all().fold((f64::INFINITY, 0.0f64), |(least, most), probe| (least.min(probe.rate), most.max(probe.rate)));
    if most <= 0.0 {
        return;
    }
    let across = Scale::logarithmic(least, most, frame.left, frame.right());
    let bounds: Vec<f64> = panel.cells.iter().filter_map(|cell| bound(cell)).collect();
    let times = all().map(|probe| probe.p99_ns as f64).chain(bounds.iter().copied());
    let scale = manner.scale(times, frame.bottom(), frame.top);
    upright(svg, frame, &scale, |value| time.written(value));
    let ticks: Vec<(f64, String)> =
        across.ticks().into_iter().map(|tick| (across.at(tick), rate.written(tick))).collect();
    level(svg, frame, &ticks, "p99 by the rate that was offered");
    let mut drawn: Vec<f64> = Vec::new();
    for bound in bounds {
        if !drawn.contains(&bound) {
            let y = scale.at(bound);
            svg.line((frame.left, y), (frame.right(), y), "bound");
            svg.text(frame.right(), y - 4.0, Anchor::End, "ink", &format!("p99 < {}", time.written(bound)));
            drawn.push(bound);
        }
    }
    for cell in &panel.cells {
        let series = manner.series(&cell.target);
        let capacity = cell.capacity.as_ref().and_then(|capacity| capacity.figure);
        let said = capacity.map_or_else(|| "no rate held".to_owned(), |figure| told(Quantity::Capacity, &figure));
        manner.begin(svg, cell, &format!("{}: {said}", cell.id));
        let probes = probes(cell);
        let mut line: Vec<(f64, f64)> = Vec::new();
        let mut rest = probes.as_slice();
        while let Some(first) = rest.first() {
            let near = rest.iter().take_while(|probe| probe.rate <= first.rate * ALIKE).count();
            let (alike, later) = rest.split_at(near);
            let mean = |of: fn(&Probe) -> f64| (alike.iter().map(|it| of(it).ln()).sum::<f64>() / near as f64).exp();
            line.push((across.at(mean(|probe| probe.rate)), scale.at(mean(|probe| probe.p99_ns as f64))));
            rest = later;
        }
        svg.polyline(&line, &stroke(series));
        for probe in probes {
            let class = if probe.held { "bar" } else { "hollow" };
            svg.spot(across.at(probe.rate), scale.at(probe.p99_ns as f64), series, class);
        }
        svg.end();
    }
}
