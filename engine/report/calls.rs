//! Call by call: the figures of each call where a load makes several, and of the passes through its steps.

use schemars::JsonSchema;
use serde::Serialize;

use crate::error::Result;
use crate::report::times::{Times, Trials as Timed};
use crate::results::calls::{CallFigures, Passes};
use crate::results::{Counts, Record};

/// The calls of one name over the trials of a cell.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OfCall {
    /// Its name.
    pub name: String,
    /// What became of its calls.
    pub counts: Counts,
    /// From the intended start of a call to the end of its reply.
    pub response: Times,
    /// Bytes of payload from client to server.
    pub payload_up: u64,
    /// Bytes of payload from server to client.
    pub payload_down: u64,
}

/// The passes over the trials of a cell.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OfPasses {
    /// How many were gone through whole.
    pub count: u64,
    /// The response times of the steps of a pass together, without the pauses between them.
    pub response: Times,
    /// Steps that were never due, since one before them did not succeed.
    pub skipped_steps: u64,
}

/// The passes of a cell; none where its calls are no steps.
pub fn passes_of_cell(records: &[&Record]) -> Result<Option<OfPasses>> {
    let each: Vec<Option<&Passes>> = records.iter().map(|record| record.measured.as_ref()?.passes.as_ref()).collect();
    if each.iter().all(Option::is_none) {
        return Ok(None);
    }
    let timed = each.iter().map(|passes| passes.map(|passes| &passes.response_time)).collect();
    let known = || each.iter().flatten();
    Ok(Some(OfPasses {
        count: known().map(|passes| passes.count).sum(),
        response: Timed::of(timed)?.times(&[]),
        skipped_steps: known().map(|passes| passes.skipped_steps).sum(),
    }))
}

/// The calls of a cell by their names, in the order of its mix or its steps; none where it makes calls of one name.
pub fn of_cell(records: &[&Record], order: &[String]) -> Result<Vec<OfCall>> {
    let of =
        |record: &Record, name: &str| -> Option<CallFigures> { record.measured.as_ref()?.calls.get(name).cloned() };
    let call = |name: &String| {
        let each: Vec<Option<CallFigures>> = records.iter().map(|record| of(record, name)).collect();
        let timed = each.iter().map(|figures| figures.as_ref().map(|figures| &figures.response_time)).collect();
        let known = || each.iter().flatten();
        Ok(OfCall {
            name: name.clone(),
            counts: known().map(|figures| figures.counts).sum(),
            response: Timed::of(timed)?.times(&[]),
            payload_up: known().map(|figures| figures.bytes.payload_up).sum(),
            payload_down: known().map(|figures| figures.bytes.payload_down).sum(),
        })
    };
    order.iter().map(call).collect()
}
