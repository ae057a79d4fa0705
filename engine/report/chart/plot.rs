//! What all pictures of a workload share: its fields, their frames, and the key to its targets.

use crate::key::KEYS;
use crate::report::cell::Cell;
use crate::report::chart::scale::Scale;
use crate::report::chart::svg::{Anchor, Svg, shortened, stroke, width_of};
use crate::report::words::distinct;

/// Lines of more targets than this are no picture that one can read: fields of their own or a heat map are.
pub const MOST_SERIES: usize = 8;

/// How much room an axis of times or rates takes at the left of its frame.
pub const MARGIN: f64 = 76.0;

const GAP: f64 = 26.0;
const KEY_LINE: f64 = 17.0;

/// A field beside others is at least this wide, in pixels.
const LEAST_FIELD: f64 = 290.0;

/// Where a picture is shown, which decides how wide it is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// In a file of its own.
    File,
    /// In a page.
    Page,
    /// In a page on a small screen.
    Narrow,
}

impl Medium {
    /// How wide it is, in pixels.
    pub fn width(self) -> f64 {
        match self {
            Medium::File => 760.0,
            Medium::Page => 980.0,
            Medium::Narrow => 360.0,
        }
    }

    /// What the page calls its width.
    pub fn name(self) -> &'static str {
        match self {
            Medium::File | Medium::Page => "wide",
            Medium::Narrow => "narrow",
        }
    }
}

/// One field of a picture: the cells of one setting, or of one line along an axis.
#[derive(Debug, Clone)]
pub struct Panel<'a> {
    /// What its cells have in common; empty where there is one panel.
    pub title: String,
    /// Its cells.
    pub cells: Vec<&'a Cell>,
    /// The targets that nobody is ahead of by what the workload is ranked by; empty where nobody is ranked.
    pub leaders: &'a [String],
}

impl Panel<'_> {
    /// How many targets it shows.
    pub fn targets(&self) -> usize {
        distinct(self.cells.iter().map(|cell| &cell.target)).len()
    }
}

/// Where something is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Frame {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// How wide it is.
    pub width: f64,
    /// How high it is.
    pub height: f64,
}

impl Frame {
    /// Its right edge.
    pub fn right(&self) -> f64 {
        self.left + self.width
    }

    /// Its lower edge.
    pub fn bottom(&self) -> f64 {
        self.top + self.height
    }
}

/// How a picture is drawn.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    /// Every target of the report; a target's place here is its colour and mark in all pictures.
    pub targets: &'a [String],
    /// The target that others are told as multiples of, where the scenario names one.
    pub baseline: Option<&'a str>,
    /// Whether values stand on a logarithmic axis.
    pub logarithmic: bool,
    /// Where the picture is shown.
    pub medium: Medium,
}

impl Manner<'_> {
    /// How wide the picture is, in pixels.
    pub fn width(&self) -> f64 {
        self.medium.width()
    }

    /// Whether the picture is a file of its own, and no part of a page.
    pub fn alone(&self) -> bool {
        self.medium == Medium::File
    }

    /// The whole picture.
    pub fn finish(&self, svg: &Svg, height: f64, title: &str) -> String {
        svg.finish((self.width(), height), title, self.alone())
    }

    /// The number of a target.
    pub fn series(&self, target: &str) -> usize {
        self.targets.iter().position(|known| known == target).unwrap_or(0)
    }

    /// The scale of values between `begin` and `end`.
    pub fn scale(&self, values: impl Iterator<Item = f64> + Clone, begin: f64, end: f64) -> Scale {
        let largest = values.clone().fold(0.0, f64::max);
        let least = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        if self.logarithmic {
            Scale::logarithmic(least, largest, begin, end)
        } else {
            Scale::linear(largest, begin, end)
        }
    }

    /// Begins the group of a cell, with what is told where one points at it.
    pub fn begin(&self, svg: &mut Svg, cell: &Cell, told: &str) {
        svg.begin(
            &cell.target,
            if self.alone() { None } else { Some(cell.number) },
            if self.alone() { told } else { "" },
        );
    }

    /// The same for a row of that height in pixels, which a page moves up where rows above it are left out.
    pub fn begin_row(&self, svg: &mut Svg, cell: &Cell, told: &str, height: f64) {
        if self.alone() {
            svg.begin(&cell.target, None, told);
        } else {
            svg.begin_row(&cell.target, cell.number, height);
        }
    }

    /// Begins the group of a cell that tells this in a page too, before its figures.
    pub fn begin_telling(&self, svg: &mut Svg, cell: &Cell, told: &str) {
        svg.begin(&cell.target, if self.alone() { None } else { Some(cell.number) }, told);
    }

    /// Writes the key of the targets that occur, and says how high it is.
    pub fn key(&self, svg: &mut Svg, panels: &[Panel<'_>]) -> f64 {
        let (mut x, mut y) = (4.0, 12.0);
        let occurs = |target: &String| panels.iter().flat_map(|panel| &panel.cells).any(|cell| cell.target == *target);
        for (series, target) in self.targets.iter().enumerate().filter(|(_, target)| occurs(target)) {
            let label = shortened(target, self.width() / 2.0);
            let width = 36.0 + width_of(&label);
            if x + width > self.width() && x > 4.0 {
                (x, y) = (4.0, y + KEY_LINE);
            }
            svg.begin_key(target);
            svg.line((x, y - 4.0), (x + 22.0, y - 4.0), &stroke(series));
            svg.mark(x + 11.0, y - 4.0, series);
            svg.text(x + 27.0, y, Anchor::Start, "ink", &label);
            svg.end();
            x += width + 10.0;
        }
        y + 10.0
    }
}

/// Places for panels of these heights below `top`, as many beside each other as there is room for, and how high they
/// are together.
pub fn places(heights: &[f64], top: f64, width: f64) -> (Vec<Frame>, f64) {
    let columns = ((width / LEAST_FIELD) as usize).clamp(1, heights.len().max(1));
    let width = (width - GAP * (columns as f64 - 1.0)) / columns as f64;
    let mut frames = Vec::new();
    let mut y = top;
    for row in heights.chunks(columns) {
        let height = row.iter().copied().fold(0.0, f64::max);
        for (column, own) in row.iter().enumerate() {
            frames.push(Frame { left: column as f64 * (width + GAP), top: y, width, height: *own });
        }
        y += height + 10.0;
    }
    (frames, y)
}

/// The heading of a panel, where it has one, and what is left of its frame.
pub fn heading(svg: &mut Svg, panel: &Panel<'_>, frame: Frame) -> Frame {
    if panel.title.is_empty() {
        return frame;
    }
    svg.text(frame.left + 2.0, frame.top + 12.0, Anchor::Start, "head", &shortened(&panel.title, frame.width));
    Frame { top: frame.top + 20.0, height: frame.height - 20.0, ..frame }
}

/// Lines across a frame at the values that its upright axis names.
pub fn upright(svg: &mut Svg, frame: Frame, scale: &Scale, written: impl Fn(f64) -> String) {
    for tick in scale.ticks() {
        let y = scale.at(tick);
        svg.line((frame.left, y), (frame.right(), y), "grid");
        svg.text(frame.left - 6.0, y + 4.0, Anchor::End, "", &written(tick));
    }
}

/// Labels below a frame, those left out that would meet the one before.
pub fn level(svg: &mut Svg, frame: Frame, labels: &[(f64, String)], name: &str) {
    svg.line((frame.left, frame.bottom()), (frame.right(), frame.bottom()), "axis");
    let mut free = f64::NEG_INFINITY;
    for (x, label) in labels {
        let half = width_of(label) / 2.0;
        svg.line((*x, frame.bottom()), (*x, frame.bottom() + 4.0), "axis");
        if x - half > free {
            svg.text(*x, frame.bottom() + 15.0, Anchor::Middle, "", label);
            free = x + half + 4.0;
        }
    }
    svg.text(frame.right(), frame.bottom() + 28.0, Anchor::End, "", name);
}

/// The axis along which a workload is drawn: the one of numbers that has most values.
pub fn along<'a>(axes: &'a [String], cells: &[Cell]) -> Option<&'a str> {
    // Of as many values, the first key of the list is taken.
    let numeric = KEYS.iter().rev().filter(|key| key.runs().is_some());
    let numeric = numeric.filter_map(|key| axes.iter().find(|axis| *axis == key.name()));
    numeric
        .map(|axis| (values(axis, cells), axis.as_str()))
        .filter(|(count, _)| *count > 1)
        .max_by_key(|(count, _)| *count)
        .map(|(_, axis)| axis)
}

/// How many values an axis of numbers has among cells.
pub fn values(axis: &str, cells: &[Cell]) -> usize {
    let mut values: Vec<f64> = cells.iter().filter_map(|cell| cell.settings.get(axis)?.number()).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values.len()
}
