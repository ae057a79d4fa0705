//! How many round trips a call takes: by how much its median response time grows with the delay of a link.

use crate::figures::{NONE, listed};
use crate::report::cell::Cell;
use crate::report::effect::aspect::Aspect;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::{Column, Kind, Row, Table};
use crate::report::words::distinct;
use crate::report::workload::Workload;
use crate::statistics::CONFIDENCE;
use crate::statistics::contrast::Contrast;
use crate::statistics::line::line;

/// The axis along which it is seen.
pub const DELAY: &str = "link.delay";
/// Half of an interval of 95 % is so many standard errors.
const HALF: f64 = 1.96;
/// The freedom of a standard error that was read off an interval, which has taken the number of trials into account.
const KNOWN: f64 = 1e6;

/// By how much calls of one target in one setting take longer where the delay is.
struct Slope<'c> {
    /// Its setting but for the delay, by the axes of the workload.
    setting: Vec<String>,
    target: &'c str,
    call: String,
    /// In round trips; none where no line goes through the medians.
    trips: Option<Contrast>,
    /// Whether each median has an interval.
    sure: bool,
}

/// The slope of each target in each setting; none where no delay varies.
fn slopes<'c>(others: &[&str], cells: &'c [Cell]) -> Vec<Slope<'c>> {
    let over: Vec<&Cell> = cells.iter().filter(|cell| cell.settings.get(DELAY).is_some()).collect();
    if distinct(over.iter().map(|cell| cell.axis(DELAY))).len() < 2 {
        return Vec::new();
    }
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
    let slope = |(setting, target, group): (Vec<String>, &'c str, Vec<&'c Cell>)| {
        let (points, sure): (Vec<(f64, Contrast)>, Vec<bool>) = group.iter().filter_map(|cell| point(cell)).unzip();
        let call = group.first().and_then(|cell| cell.settings.text("call")).unwrap_or_default();
        let trips = line(&points).map(|(slope, _)| slope);
        Slope { setting, target, call, trips, sure: sure.iter().all(|sure| *sure) }
    };
    groups.into_iter().map(slope).collect()
}

/// A table of the round trips of each target in each setting; none where no delay varies.
pub fn round_trips(axes: &[String], cells: &[Cell]) -> Option<Table> {
    let others: Vec<&str> = axes.iter().map(String::as_str).filter(|axis| *axis != DELAY).collect();
    let slopes = slopes(&others, cells);
    if slopes.is_empty() {
        return None;
    }
    let mut rows: Vec<Row> = Vec::new();
    let mut before: Option<Vec<String>> = None;
    for Slope { setting, target, trips, sure, .. } in slopes {
        let range = |slope: Contrast| {
            let (low, high) = slope.range(CONFIDENCE);
            if sure { format!("{low:.2} – {high:.2}") } else { NONE.to_owned() }
        };
        let (trips, around) = match trips {
            Some(slope) => (format!("{:.2}", slope.value), range(slope)),
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

/// What each kind of call waits for, in a sentence: `A ping waits for 1 round trip with tcp and http2, for 2 with http1.`
/// None where no delay varies.
pub fn sentence(workloads: &[Workload]) -> Option<String> {
    let mut calls: Vec<(String, Vec<(&str, f64)>)> = Vec::new();
    for workload in workloads {
        let others: Vec<&str> = workload.axes.iter().map(String::as_str).filter(|axis| *axis != DELAY).collect();
        for Slope { target, call, trips, .. } in slopes(&others, &workload.cells) {
            let Some(trips) = trips else { continue };
            let place = calls.iter().position(|(known, _)| *known == call).unwrap_or_else(|| {
                calls.push((call, Vec::new()));
                calls.len() - 1
            });
            calls[place].1.push((target, trips.value));
        }
    }
    let told: Vec<String> = calls.iter().map(|(call, trips)| waits(call, trips)).collect();
    let text = told.join("; ");
    let mut letters = text.chars();
    let first = letters.next()?.to_uppercase();
    Some(format!("{}{}.", first, letters.as_str()))
}

/// How many round trips one kind of call waits for, the fewest first.
fn waits(call: &str, trips: &[(&str, f64)]) -> String {
    let targets = distinct(trips.iter().map(|(target, _)| *target)).into_iter().map(|target| {
        let own: Vec<f64> = trips.iter().filter(|(other, _)| *other == target).map(|(_, trips)| *trips).collect();
        (target, said(own.iter().sum::<f64>() / own.len() as f64))
    });
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (target, trips) in targets {
        match groups.iter_mut().find(|(known, _)| *known == trips) {
            Some((_, group)) => group.push(target),
            None => groups.push((trips, vec![target])),
        }
    }
    groups.sort_by(|(a, _), (b, _)| a.parse().unwrap_or(0.0_f64).total_cmp(&b.parse().unwrap_or(0.0)));
    let told = groups.iter().enumerate().map(|(at, (trips, targets))| {
        let unit = if trips == "1" { " round trip" } else { " round trips" };
        format!("for {trips}{} with {}", if at == 0 { unit } else { "" }, few(targets))
    });
    format!("{} waits {}", Aspect::P50.subject(call), listed(&told.collect::<Vec<_>>()))
}

/// The number of round trips, whole where it is one.
fn said(trips: f64) -> String {
    // A slope is as exact as the medians of a few trials.
    let whole = (trips - trips.round()).abs() <= 0.1;
    if whole { (trips.round().max(0.0) as u64).to_string() } else { format!("{trips:.1}") }
}

/// The first names of a long list, and how many more there are.
fn few(names: &[&str]) -> String {
    const SHOWN: usize = 3;
    match names.len() {
        count if count <= SHOWN + 1 => listed(names),
        count => format!("{} and {} more", names[..SHOWN].join(", "), count - SHOWN),
    }
}

/// How long the delay of a round trip is and the median response time in nanoseconds, and whether that has an interval.
fn point(cell: &Cell) -> Option<((f64, Contrast), bool)> {
    let delay = cell.settings.get(DELAY)?.number()?;
    let median = cell.figure(Quantity::Time(Quantile::P50))?;
    let error = median.interval().map(|interval| (interval.high - interval.low) / (2.0 * HALF));
    let variance = error.unwrap_or_default().powi(2);
    Some(((2.0 * delay, Contrast { value: median.value, variance, freedom: KNOWN }), error.is_some()))
}

#[cfg(test)]
mod tests {
    use super::{few, said, waits};

    #[test]
    fn round_trips_are_whole_where_they_are_and_the_fewest_come_first() {
        assert_eq!([1.04, 0.96, 2.5, 4.98, -0.02].map(said), ["1", "1", "2.5", "5", "0"]);
        let trips = [("rpyc", 2.01), ("tcp", 1.0), ("http1", 1.02), ("rpyc", 1.99), ("odd", 2.4)];
        assert_eq!(
            waits("ping", &trips),
            "a ping waits for 1 round trip with tcp and http1, for 2 with rpyc and for 2.4 with odd"
        );
        assert_eq!(few(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(few(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
