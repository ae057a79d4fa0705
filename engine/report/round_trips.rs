//! How many round trips a call takes: by how much its median response time grows with the delay of a link.

use crate::figures::NONE;
use crate::report::cell::Cell;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::distinct;

/// The axis along which it is seen.
const DELAY: &str = "link.delay";
/// Half of an interval of 95 % is so many standard errors.
const HALF: f64 = 1.96;

/// The slope of a line, with half of its interval of 95 %, where every point has one.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Slope {
    value: f64,
    around: Option<f64>,
}

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
        let slope = slope(&group.iter().filter_map(|cell| point(cell)).collect::<Vec<_>>());
        let (trips, around) = match slope {
            Some(Slope { value, around }) => (
                format!("{value:.2}"),
                around.map_or_else(|| NONE.to_owned(), |half| format!("{:.2} – {:.2}", value - half, value + half)),
            ),
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

/// How long the delay of a round trip is, and the median response time with its standard error, in nanoseconds.
fn point(cell: &Cell) -> Option<(f64, f64, Option<f64>)> {
    let delay = cell.settings.get(DELAY)?.number()?;
    let median = cell.figure(Quantity::Time(Quantile::P50))?;
    let error = median.interval().map(|interval| (interval.high - interval.low) / (2.0 * HALF));
    Some((2.0 * delay, median.value, error))
}

/// The line through points that each count alike; none where they are all at one place.
fn slope(points: &[(f64, f64, Option<f64>)]) -> Option<Slope> {
    let middle = points.iter().map(|(x, ..)| x).sum::<f64>() / points.len() as f64;
    let spread: f64 = points.iter().map(|(x, ..)| (x - middle).powi(2)).sum();
    if points.len() < 2 || spread == 0.0 {
        return None;
    }
    let factors = points.iter().map(|(x, ..)| (x - middle) / spread);
    let value = factors.clone().zip(points).map(|(factor, (_, y, _))| factor * y).sum();
    let errors: Option<Vec<f64>> = points.iter().map(|(.., error)| *error).collect();
    let around = errors.map(|errors| {
        let variance: f64 = factors.zip(errors).map(|(factor, error)| (factor * error).powi(2)).sum();
        HALF * variance.sqrt()
    });
    Some(Slope { value, around })
}

#[cfg(test)]
mod tests {
    use super::{Slope, slope};

    #[test]
    fn a_slope_is_exact_on_a_line_and_as_sure_as_its_points() {
        let points = |error| [(0.0, 5.0, error), (20.0, 45.0, error), (100.0, 205.0, error)];
        let Some(Slope { value, around }) = slope(&points(None)) else { panic!("there is a slope") };
        assert!((value - 2.0).abs() < 1e-12 && around.is_none());
        let sure = |error| slope(&points(Some(error))).and_then(|slope| slope.around).expect("each has an error");
        assert!(sure(1.0) > 0.0 && (sure(2.0) / sure(1.0) - 2.0).abs() < 1e-9);
        assert_eq!(slope(&[(1.0, 1.0, None), (1.0, 2.0, None)]), None, "one place makes no line");
        assert_eq!(slope(&[(1.0, 1.0, None)]), None);
    }
}
