//! A square for each target and setting, shaded by how far it is behind the best: where there are too many lines to read.

use crate::report::cell::Cell;
use crate::report::chart::plot::{Manner, Panel};
use crate::report::chart::svg::{Anchor, Svg, shortened, width_of};
use crate::report::estimate::Estimate;
use crate::report::quantity::{Quantity, told};

const ROW: f64 = 20.0;
/// How wide a square may be, in pixels.
const WIDEST: f64 = 96.0;
/// The steps of the shade; the last is ten times behind, or more.
const STEPS: f64 = 9.0;

/// One column: a value of the axis in a panel, and who has a figure there.
struct Column<'a> {
    panel: usize,
    value: String,
    squares: Vec<(&'a Cell, Estimate)>,
    best: f64,
}

/// Draws a quantity of the cells of all panels along `axis`, the targets that are nearest to the best first.
pub fn draw(panels: &[Panel<'_>], axis: &str, quantity: Quantity, manner: &Manner<'_>, title: &str) -> String {
    let mut svg = Svg::new();
    let columns = columns(panels, axis, quantity);
    let rows = rows(&columns, manner, quantity);
    let widest = rows.iter().map(|target| width_of(target)).fold(0.0, f64::max);
    let names = widest.min(manner.width() * 0.32) + 10.0;
    let gaps = 6.0 * panels.len().saturating_sub(1) as f64;
    let square = ((manner.width() - names - gaps) / columns.len().max(1) as f64).min(WIDEST);
    let top = if panels.iter().any(|panel| !panel.title.is_empty()) { 36.0 } else { 20.0 };
    let left = |at: usize| names + at as f64 * square + 6.0 * columns[at].panel as f64;
    for (number, panel) in panels.iter().enumerate() {
        let own = || (0..columns.len()).filter(|at| columns[*at].panel == number);
        let Some(first) = own().next() else { continue };
        let room = own().count() as f64 * square;
        svg.text(left(first), 12.0, Anchor::Start, "head", &shortened(&panel.title, room));
    }
    let mut free = f64::NEG_INFINITY;
    for (at, column) in columns.iter().enumerate() {
        let (middle, half) = (left(at) + square / 2.0, width_of(&column.value) / 2.0);
        if middle - half > free {
            svg.text(middle, top - 6.0, Anchor::Middle, "", &column.value);
            free = middle + half + 4.0;
        }
    }
    for (row, target) in rows.iter().enumerate() {
        let y = top + row as f64 * ROW;
        let class = if manner.baseline == Some(target.as_str()) { "head" } else { "ink" };
        svg.text(names - 8.0, y + 14.0, Anchor::End, class, &shortened(target, names - 10.0));
        for (at, column) in columns.iter().enumerate() {
            let Some((cell, figure)) = column.squares.iter().find(|(cell, _)| cell.target == *target) else { continue };
            let step = (behind(quantity, figure.value, column.best).log10() * STEPS).ceil().clamp(0.0, STEPS);
            manner.begin(&mut svg, cell, &format!("{}: {}", cell.id, told(quantity, figure)));
            svg.rect((left(at) + 0.5, y + 0.5), (square - 1.0, ROW - 1.0), &format!("h{step:.0}"));
            let text = figure.written(|value| quantity.written(value));
            if width_of(&text) <= square - 2.0 {
                svg.text(left(at) + square / 2.0, y + 14.0, Anchor::Middle, "ink", &text);
            }
            svg.end();
        }
    }
    let bottom = top + rows.len() as f64 * ROW;
    let words = format!(
        "{} by {axis}; a square is the darker the farther it is behind the best of its column",
        quantity.name()
    );
    svg.text(names, bottom + 16.0, Anchor::Start, "", &shortened(&words, manner.width() - names));
    manner.finish(&svg, bottom + 24.0, title)
}

/// How many times better the best is.
fn behind(quantity: Quantity, value: f64, best: f64) -> f64 {
    let ratio = if quantity.more_is_better() { best / value } else { value / best };
    if ratio.is_finite() { ratio.max(1.0) } else { 1.0 }
}

fn columns<'a>(panels: &[Panel<'a>], axis: &str, quantity: Quantity) -> Vec<Column<'a>> {
    let mut columns: Vec<Column<'a>> = Vec::new();
    for (number, panel) in panels.iter().enumerate() {
        let mut values: Vec<(f64, String)> = panel
            .cells
            .iter()
            .filter_map(|cell| Some((cell.settings.get(axis)?.number()?, cell.axis(axis)?)))
            .collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        values.dedup();
        for (_, value) in values {
            let own = panel.cells.iter().filter(|cell| cell.axis(axis).as_ref() == Some(&value));
            let squares: Vec<(&Cell, Estimate)> =
                own.filter_map(|cell| Some((*cell, cell.figure(quantity)?))).collect();
            let figures = squares.iter().map(|(_, figure)| figure.value);
            let best = figures.reduce(if quantity.more_is_better() { f64::max } else { f64::min }).unwrap_or(1.0);
            columns.push(Column { panel: number, value, squares, best });
        }
    }
    columns
}

/// The targets that occur, those first that are least behind over all columns that they have.
fn rows(columns: &[Column<'_>], manner: &Manner<'_>, quantity: Quantity) -> Vec<String> {
    let far = |target: &String| {
        let own = columns.iter().filter_map(|column| {
            let (_, figure) = column.squares.iter().find(|(cell, _)| cell.target == *target)?;
            Some(behind(quantity, figure.value, column.best).ln())
        });
        let own: Vec<f64> = own.collect();
        (!own.is_empty()).then(|| own.iter().sum::<f64>() / own.len() as f64)
    };
    let mut rows: Vec<(f64, String)> =
        manner.targets.iter().filter_map(|target| Some((far(target)?, target.clone()))).collect();
    rows.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    rows.into_iter().map(|(_, target)| target).collect()
}
