//! Figures with their units, as a terminal shows them.

use std::fmt;

use crate::results::{Measured, Record, State};

/// The figures of a cell in columns: medians over its trials.
pub(crate) struct Figures {
    p50_ns: Option<f64>,
    p99_ns: Option<f64>,
    calls_per_s: Option<f64>,
    mb_per_s: Option<f64>,
    /// True where the client was the limit, so that rates are lower bounds.
    limited: bool,
}

impl Figures {
    /// The figures of the records of one cell.
    pub(crate) fn of(records: &[&Record]) -> Self {
        let over =
            |figure: fn(&Measured) -> f64| median(records.iter().filter_map(|r| r.measured.as_ref()).map(figure));
        let moved = |m: &Measured| (m.bytes.payload_up + m.bytes.payload_down) as f64;
        Figures {
            p50_ns: over(|m| m.response_time.p50_ns as f64),
            // The report's rule for quantiles, for one trial: ten calls must lie beyond it.
            p99_ns: over(|m| m.response_time.p99_ns as f64)
                .filter(|_| records.iter().all(|r| r.measured.as_ref().is_some_and(|m| m.response_time.count >= 1000))),
            calls_per_s: over(|m| m.calls_per_s),
            mb_per_s: over(|m| (m.bytes.payload_up + m.bytes.payload_down) as f64 * 1e3 / m.elapsed_ns.max(1) as f64)
                .filter(|_| records.iter().filter_map(|r| r.measured.as_ref()).any(|m| moved(m) > 0.0)),
            limited: records.iter().any(|record| record.verdict.state == State::Suspect),
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[n / 2]),
        n => Some((values[n / 2 - 1] + values[n / 2]) / 2.0),
    }
}

/// A time with three digits and its unit.
pub(crate) fn time(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "us"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    let digits = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.digits$} {unit}")
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dash = || "–".to_owned();
        let p50 = self.p50_ns.map_or_else(dash, time);
        let p99 = self.p99_ns.map_or_else(dash, time);
        let bound = if self.limited { "≥ " } else { "" };
        let calls = self.calls_per_s.map_or_else(dash, |calls| format!("{bound}{calls:.0}"));
        let mb = self.mb_per_s.map_or_else(dash, |mb| format!("{bound}{mb:.1}"));
        write!(f, "{p50:>9}  {p99:>9}  {calls:>11}  {mb:>12}")
    }
}
