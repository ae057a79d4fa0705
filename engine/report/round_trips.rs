//! How many round trips a call takes: by how much its median response time grows with the delay of a link.

use crate::figures::NONE;
use crate::report::cell::Cell;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::distinct;
use crate::statistics::CONFIDENCE;
use crate::statistics::contrast::Contrast;
use crate::statistics::line::line;

/// The axis along which it is seen.
const DELAY: &str = "link.delay";
/// Half of an interval of 95 % is so many standard errors.
const HALF: f64 = 1.96;
/// The freedom of a standard error that was read off an interval, which has taken the number of trials into account.
const KNOWN: f64 = 1e6;

/// A table of the round trips of each target in each setting; none where no delay varies.
pub fn round_trips(axes: &[String], cells: &[Cell]) -> Option<Table> {
    let over: Vec<&Cell> = cells.iter().filter(|cell| cell.settings.get(DELAY).is_some()).collect();
    if distinct(over.iter().map(|cell| cell.axis(DELAY))).len() < 2 {
        return None;
    }
    let others: Vec<&str> = axes.iter().map(String::as_str).filter(|axis| *axis != DELAY).collect();
    let texts = |cell: &Cell| -> Vec<String> {
        others.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect()
    };
    let mut groups: Vec<(Vec<String>, &str, Vec<&Cell>)> = Vec::new();
    for cell in over {
        let (setting, target) = (texts(cell), cell.target.as_str());
        match groups.iter_mut().find(|(known, of, _)| *known == setting && *of == target) {
            Some((_, _, group)) => group.push(cell),
            None => groups.push((setting, target, vec![cell])),
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut before: Option<Vec<String>> = None;
    for (setting, target, group) in groups {
        let (points, sure): (Vec<(f64, Contrast)>, Vec<bool>) = group.iter().filter_map(|cell| point(cell)).unzip();
        let range = |slope: Contrast| {
            let (low, high) = slope.range(CONFIDENCE);
            if sure.iter().all(|sure| *sure) { format!("{low:.2} – {high:.2}") } else { NONE.to_owned() }
        };
        let (trips, around) = match line(&points) {
            Some((slope, _)) => (format!("{:.2}", slope.value), range(slope)),
            None => (NONE.to_owned(), NONE.to_owned()),
        };
        let begins = before.as_ref().is_some_and(|before| *before != setting);
        let texts = setting.iter().cloned().chain([target.to_owned(), trips, around]).collect();
        rows.push(Row { begins, cell: None, texts });
        before = Some(setting);
    }
    let mut columns = Column::all(others, Kind::Figure);
    columns.extend(Column::all(["target"], Kind::Name));
    columns.extend(Column::all(["round trips per call", "95 % of them"], Kind::Figure));
    let caption = "Round trips per call: by how much the median response time grows where a round trip takes longer";
    Some(Table { caption: caption.to_owned(), main: false, columns, rows })
}

/// How long the delay of a round trip is and the median response time in nanoseconds, and whether that has an interval.
fn point(cell: &Cell) -> Option<((f64, Contrast), bool)> {
    let delay = cell.settings.get(DELAY)?.number()?;
    let median = cell.figure(Quantity::Time(Quantile::P50))?;
    let error = median.interval().map(|interval| (interval.high - interval.low) / (2.0 * HALF));
    let variance = error.unwrap_or_default().powi(2);
    Some(((2.0 * delay, Contrast { value: median.value, variance, freedom: KNOWN }), error.is_some()))
}
