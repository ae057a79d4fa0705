//! The table of a workload call by call.

use crate::figures::{NONE, grouped, share, size, time};
use crate::report::cell::Cell;
use crate::report::estimate::Estimate;
use crate::report::table::{Column, Kind, Row, Table};

/// The table of the cells of a workload call by call; none where each makes calls of one name.
pub fn table(axes: &[String], cells: &[Cell]) -> Option<Table> {
    let (mut rows, with_passes) = (Vec::new(), cells.iter().any(|cell| cell.passes.is_some()));
    for cell in cells {
        let setting = || axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned()));
        for (at, call) in cell.calls.iter().enumerate() {
            let times = &call.response;
            let figures = [
                grouped(call.counts.scheduled),
                share(call.counts.ok, call.counts.scheduled),
                written(times.mean),
                written(times.p50),
                written(times.p90),
                written(times.p99),
                bytes(call.payload_up, call.counts.ok),
                bytes(call.payload_down, call.counts.ok),
            ];
            let skipped = with_passes.then(|| NONE.to_owned());
            let names = setting().chain([cell.target.clone(), call.name.clone()]);
            let texts = names.chain(figures).chain(skipped).collect();
            rows.push(Row { begins: at == 0 && !rows.is_empty(), cell: Some(cell.number), texts });
        }
        if let Some(passes) = &cell.passes {
            let (times, none) = (&passes.response, || NONE.to_owned());
            let figures = [
                grouped(passes.count),
                none(),
                written(times.mean),
                written(times.p50),
                written(times.p90),
                written(times.p99),
                none(),
                none(),
                grouped(passes.skipped_steps),
            ];
            let texts = setting().chain([cell.target.clone(), "a whole pass".to_owned()]).chain(figures).collect();
            rows.push(Row { begins: false, cell: Some(cell.number), texts });
        }
    }
    if rows.is_empty() {
        return None;
    }
    let mut columns = Column::all(axes.iter().map(String::as_str).chain(["target", "call"]), Kind::Name);
    let labels = ["calls", "success", "mean", "p50", "p90", "p99", "payload up", "payload down"];
    columns.extend(Column::all(labels, Kind::Figure));
    columns.extend(Column::all(with_passes.then_some("skipped steps"), Kind::Figure));
    Some(Table { caption: "Call by call".to_owned(), main: false, columns, rows })
}

fn written(figure: Option<Estimate>) -> String {
    figure.map_or_else(|| NONE.to_owned(), |figure| figure.written(time))
}

/// Bytes for each call that was answered.
fn bytes(all: u64, calls: u64) -> String {
    match all.checked_div(calls) {
        None | Some(0) => NONE.to_owned(),
        Some(each) => size(each),
    }
}
