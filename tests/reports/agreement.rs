//! Whether the figures that a report shows in several places are the same ones.

use std::collections::BTreeMap;

use engine::report::chart::Drawing;
use engine::report::workload::Workload;

/// The figures of a workload's tables, by the number and the id of their cell.
pub(crate) struct Shown {
    ids: BTreeMap<String, usize>,
    targets: BTreeMap<(usize, String), String>,
}

impl Shown {
    pub(crate) fn of(workload: &Workload) -> Self {
        let tables = workload.tables.iter().filter(|table| table.main || table.caption.starts_with("Capacity"));
        let mut targets = BTreeMap::new();
        for table in tables {
            for row in &table.rows {
                let cell = row.cell.expect("each row is of a cell");
                let texts = table.columns.iter().zip(&row.texts);
                targets.extend(texts.map(|(column, text)| ((cell, column.label.clone()), text.clone())));
            }
        }
        Shown { ids: workload.cells.iter().map(|cell| (cell.id.clone(), cell.number)).collect(), targets }
    }

    fn text(&self, cell: usize, column: &str) -> &str {
        let key = (cell, column.to_owned());
        self.targets.get(&key).unwrap_or_else(|| panic!("no table has {column} of cell {cell}"))
    }

    /// Looks at what the marks of a picture's file tell, and says how many there are: `cell: p50 1.2 ms (…)`.
    pub(crate) fn told(&self, svg: &str) -> usize {
        let mut seen = 0;
        for group in svg.split("<g data-target=").skip(1) {
            let Some(told) = between(group, "<title>", "</title>").map(unescaped) else { continue };
            // The longest id that fits is the cell's: none is cut at a colon of its own.
            let fits = |id: &&String| told.starts_with(&format!("{id}: "));
            let Some(id) = self.ids.keys().filter(fits).max_by_key(|id| id.len()) else { continue };
            let rest = &told[id.len() + 2..];
            if rest == "nothing to show" {
                continue;
            }
            let (figure, _) = rest.split_once(" (").expect("a figure and its interval");
            let (name, value) = figure.split_once(' ').expect("a name and a value");
            let column = if name == "capacity" { "capacity, calls/s" } else { name };
            assert_eq!(bare(value), self.text(self.ids[id], column), "{told}");
            if let Some(label) = label(group) {
                assert_eq!(label, value, "{told}");
            }
            seen += 1;
        }
        seen
    }

    /// Looks at the labels of the bars of a drawing in the page, and says how many there are.
    pub(crate) fn labelled(&self, drawing: &Drawing) -> usize {
        let Some(quantile) = drawing.quantile else { return 0 };
        let mut seen = 0;
        for group in drawing.svg.split("<g data-target=").skip(1) {
            let Some(cell) = between(group, "data-cell=\"", "\"").and_then(|cell| cell.parse().ok()) else { continue };
            let Some(label) = label(group) else { continue };
            let known = self.targets.get(&(cell, quantile.to_owned()));
            assert_eq!(label, known.map_or("–", String::as_str), "{quantile} of cell {cell}");
            seen += 1;
        }
        seen
    }

    /// Looks whether the figures of the leader and of those behind it divide to the ratios that are printed, as far as
    /// their digits say, in the table of who is ahead and in the map, and says how many ratios there are.
    pub(crate) fn divides(&self, workload: &Workload) -> usize {
        let mut seen = 0;
        for comparison in &workload.comparisons {
            let ranked = || comparison.standings.iter().filter(|standing| standing.ranked);
            let column = match comparison.measured_by {
                "response time (p50)" => "p50",
                "bandwidth" => "MB/s",
                "capacity" => "capacity, calls/s",
                other => other,
            };
            let number = |target: &str| {
                let of = |cell: &&engine::report::cell::Cell| {
                    let setting = workload.axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| "–".to_owned()));
                    cell.target == target && setting.eq(comparison.setting.iter().cloned())
                };
                workload.cells.iter().find(of).expect("the cell of a standing").number
            };
            let Some(best) = ranked().next().filter(|best| best.figure.is_some()) else { continue };
            let best_text = self.text(number(&best.target), column).to_owned();
            for own in ranked().skip(1).filter(|own| own.figure.is_some()) {
                let own_text = self.text(number(&own.target), column);
                let ratio = engine::report::comparison::how_far(own).expect("it is behind the best");
                assert!(
                    workload.ranking.rows.iter().any(|row| row.texts.iter().any(|text| text.contains(&ratio)))
                        || comparison.leaders.contains(&own.target),
                    "the table of who is ahead lacks {ratio}"
                );
                let printed = ratio.split(" ×").next().expect("a factor");
                let (low, high) = span(printed);
                let ((best_low, best_high), (own_low, own_high)) = (span(&best_text), span(own_text));
                let quotients = if column == "p50" {
                    (own_low / best_high, own_high / best_low)
                } else {
                    (best_low / own_high, best_high / own_low)
                };
                assert!(
                    quotients.0 <= high && low <= quotients.1,
                    "{}: {best_text} and {own_text} do not divide to {ratio}",
                    own.target
                );
                seen += 1;
            }
        }
        seen
    }
}

/// What a printed figure may have been before it was rounded, in the base of its unit.
fn span(text: &str) -> (f64, f64) {
    let text = text.trim_start_matches("≥ ");
    let (digits, unit) = text.split_once(' ').unwrap_or((text, ""));
    let scale = match unit {
        "s" => 1e9,
        "ms" => 1e6,
        "µs" => 1e3,
        _ => 1.0,
    };
    let value: f64 = digits.replace(',', "").parse().unwrap_or_else(|_| panic!("`{text}` is no figure"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let half = 0.5 * 10f64.powi(-(decimals as i32)) * (1.0 + 1e-9);
    ((value - half) * scale, (value + half) * scale)
}

/// A rate without the unit that stands in its table's head.
fn bare(value: &str) -> &str {
    value.trim_end_matches(" MB/s").trim_end_matches("/s")
}

/// The label of a bar: the last text of its group, behind the name.
fn label(group: &str) -> Option<String> {
    let own = group.split("</g>").next()?;
    let texts: Vec<&str> =
        own.match_indices("<text").filter_map(|(at, _)| between(&own[at..], ">", "</text>")).collect();
    (texts.len() == 2).then(|| unescaped(texts[1]))
}

fn between<'a>(text: &'a str, begin: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    Some(rest.split_once(end)?.0)
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}
