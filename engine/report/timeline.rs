//! Which trials of a workload are shown over time, and what is to be seen in them.

use crate::figures::{NONE, grouped, time};
use crate::report::cell::Cell;
use crate::report::course::{Course, Why, began};
use crate::report::table::{Column, Kind, Row, Table};

/// More cells of a workload than this are not shown over time, so that pages stay small.
pub const MOST_SHOWN: usize = 6;

/// The cells to be shown over time, in their order, and how many there would be: those whose longest reply took most
/// times the usual.
pub fn shown(cells: &[Cell]) -> (Vec<(&Cell, &Course)>, usize) {
    let mut found: Vec<(usize, &Cell, &Course)> =
        cells.iter().enumerate().filter_map(|(at, cell)| Some((at, cell, cell.course()?))).collect();
    let all = found.len();
    // What was not steady comes first: a page says so of the cell elsewhere.
    let rank = |course: &Course| (course.why == Why::Unsteady, course.factor());
    found.sort_by(|(_, _, a), (_, _, b)| {
        let ((a_first, a), (b_first, b)) = (rank(a), rank(b));
        b_first.cmp(&a_first).then(b.total_cmp(&a))
    });
    found.truncate(MOST_SHOWN);
    found.sort_by_key(|(at, _, _)| *at);
    (found.into_iter().map(|(_, cell, course)| (cell, course)).collect(), all)
}

/// What is to be seen in the trials that are shown; `axes` are those that vary in the workload.
pub fn table(axes: &[String], shown: &[(&Cell, &Course)]) -> Table {
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target"]), Kind::Name);
    columns.extend(Column::all(
        ["trial", "window", "usual", "longest", "due at", "no answer for", "failed"],
        Kind::Figure,
    ));
    columns.extend(Column::all(["shown for"], Kind::Text));
    let rows = shown.iter().map(|(cell, course)| {
        let mut texts: Vec<String> =
            axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect();
        texts.extend([
            cell.target.clone(),
            course.trial.to_string(),
            time(course.ends_ns() as f64),
            time(course.usual_ns),
            time(course.longest_ns as f64),
            began(course.longest_at_ns),
            if course.silent_ns == 0 { NONE.to_owned() } else { time(course.silent_ns as f64) },
            grouped(course.failed),
            course.why.said().to_owned(),
        ]);
        Row { begins: false, cell: Some(cell.number), texts }
    });
    Table { caption: "Single trials over time".to_owned(), main: false, columns, rows: rows.collect() }
}
