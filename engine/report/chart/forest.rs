//! A forest plot: ratios with their intervals, one below the other, around the line of no difference.

use crate::report::chart::plot::{Frame, Manner, level};
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, shortened, width_of};
use crate::statistics::interval::Interval;

/// How high the row of a ratio is, in pixels.
pub const ROW: f64 = 18.0;

/// How much a field takes above and below its rows, in pixels.
pub const AROUND: f64 = 34.0;

/// One ratio.
#[derive(Debug, Clone)]
pub struct Ratio<'a> {
    /// What it is of.
    pub label: String,
    /// Its target and its cell, where it is of one.
    pub of: Option<(&'a str, usize)>,
    /// The ratio.
    pub value: f64,
    /// Its interval, where it has one.
    pub interval: Option<Interval>,
    /// What stands beside it.
    pub text: String,
    /// Whether a difference was shown.
    pub shown: bool,
}

/// What a forest is drawn of.
#[derive(Debug, Clone)]
pub struct Forest<'a> {
    /// What its ratios have in common; empty where there is one forest.
    pub title: String,
    /// What its axis is called.
    pub axis: String,
    /// From above to below.
    pub ratios: Vec<Ratio<'a>>,
}

impl Forest<'_> {
    /// How high it is with its heading, in pixels.
    pub fn height(&self) -> f64 {
        AROUND + ROW * self.ratios.len() as f64 + if self.title.is_empty() { 0.0 } else { 20.0 }
    }

    /// Draws it into a frame, whose heading is drawn already.
    pub fn draw(&self, svg: &mut Svg, frame: Frame, manner: &Manner<'_>) {
        let most = |part: f64, of: &dyn Fn(&Ratio<'_>) -> f64| {
            self.ratios.iter().map(of).fold(0.0, f64::max).min(frame.width * part) + 10.0
        };
        let names = most(0.34, &|ratio| width_of(&ratio.label));
        let texts = most(0.36, &|ratio| width_of(&ratio.text));
        let inner = Frame {
            left: frame.left + names,
            width: (frame.width - names - texts).max(40.0),
            height: ROW * self.ratios.len() as f64,
            ..frame
        };
        let ends = self.ratios.iter().flat_map(|ratio| match ratio.interval {
            Some(over) => [over.low, over.high],
            None => [ratio.value; 2],
        });
        let ends: Vec<f64> = ends.filter(|end| end.is_finite() && *end > 0.0).chain([1.0]).collect();
        let (low, high) = ends.iter().fold((f64::INFINITY, 0.0f64), |(low, high), end| (low.min(*end), high.max(*end)));
        // Where nothing differs the line of no difference still stands between two others.
        let (low, high) = (low.clamp(1e-4, 0.9), high.clamp(1.1, 1e4));
        let scale = Scale::logarithmic(low, high, inner.left, inner.right());
        let ticks: Vec<(f64, String)> =
            scale.ticks().into_iter().map(|tick| (scale.at(tick), format!("{tick} ×"))).collect();
        for (x, _) in &ticks {
            svg.line((*x, inner.top), (*x, inner.bottom()), "grid");
        }
        level(svg, inner, &ticks, &self.axis);
        let one = scale.at(1.0);
        svg.line((one, inner.top), (one, inner.bottom()), "one");
        for (at, ratio) in self.ratios.iter().enumerate() {
            let middle = inner.top + ROW * (at as f64 + 0.5);
            match ratio.of {
                Some((target, cell)) if !manner.alone() => svg.begin_row(target, cell, ROW),
                Some((target, _)) => svg.begin(target, None, &format!("{}: {}", ratio.label, ratio.text)),
                None => svg.begin("", None, ""),
            }
            let class = if ratio.shown { "ink" } else { "" };
            svg.text(inner.left - 8.0, middle + 4.0, Anchor::End, class, &shortened(&ratio.label, names - 10.0));
            if let Some(over) = ratio.interval {
                let (from, to) = (scale.at(over.low), scale.at(over.high));
                svg.line((from, middle), (to, middle), "whisker");
                svg.line((from, middle - 3.0), (from, middle + 3.0), "whisker");
                svg.line((to, middle - 3.0), (to, middle + 3.0), "whisker");
            }
            let (x, half) = (scale.at(ratio.value), 3.6);
            let point = if ratio.shown { "s0 bar" } else { "s7 hollow" };
            svg.rect((x - half, middle - half), (2.0 * half, 2.0 * half), point);
            svg.text(inner.right() + 10.0, middle + 4.0, Anchor::Start, class, &shortened(&ratio.text, texts));
            svg.end();
        }
    }
}
