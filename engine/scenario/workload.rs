//! A workload multiplied out: one value on each axis that its call uses.

use std::num::NonZeroU32;

use serde_json::Value;

use crate::call::{Arrivals, Call, FillKind, Split, Wait};
use crate::scenario::Workload;
use crate::scenario::axis::{Axis, Chunk, Offered};
use crate::units::{Size, Time};

/// Every axis that [`Workload::axes`] can give, in the order in which reports name them.
pub const AXES: [&str; 12] =
    ["call", "payload", "fill", "chunk", "split", "clients", "rate", "ramp", "arrivals", "wait", "work", "hold"];

/// Whether a call has a body, and with it a payload, a fill and chunks.
pub(crate) fn has_body(call: Call) -> bool {
    matches!(call, Call::Echo | Call::Upload | Call::Download)
}

/// One value on each axis; what the call does not use is absent, or stands at its default.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// What is asked.
    pub call: Call,
    /// Bytes of a body.
    pub payload: Option<Size>,
    /// What the bytes are.
    pub fill: FillKind,
    /// In what pieces a body travels.
    pub chunk: Chunk,
    /// How a body with chunks is carried.
    pub split: Split,
    /// How many callers.
    pub clients: u32,
    /// How far `compute` sums.
    pub work: Option<u64>,
    /// How long `sleep` waits.
    pub hold: Option<Time>,
    /// Calls per second of all clients together, or that they are searched.
    pub rate: Option<Offered>,
    /// How the due times of an open loop are spaced.
    pub arrivals: Arrivals,
    /// How the client process waits.
    pub wait: Wait,
}

impl Workload {
    /// Every combination, in the order of the file.
    pub fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for &call in self.call.values() {
            let body = has_body(call);
            for payload in used(body, self.payload.as_ref()) {
                for fill in used(body, self.fill.as_ref()) {
                    for chunk in used(body, self.chunk.as_ref()) {
                        let chunk = chunk.unwrap_or(Chunk::Whole);
                        // A body in one piece is one call however it is split.
                        for split in used(chunk != Chunk::Whole, self.split.as_ref()) {
                            for clients in used(true, self.clients.as_ref()) {
                                for work in used(call == Call::Compute, self.work.as_ref()) {
                                    for hold in used(call == Call::Sleep, self.hold.as_ref()) {
                                        points.extend(self.paces().map(|(rate, arrivals, wait)| Point {
                                            call,
                                            payload,
                                            fill: fill.unwrap_or(FillKind::Zeros),
                                            chunk,
                                            split: split.unwrap_or(Split::Body),
                                            clients: clients.map_or(1, NonZeroU32::get),
                                            work,
                                            hold,
                                            rate,
                                            arrivals,
                                            wait,
                                        }));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        points
    }

    /// Every way in which calls are offered.
    fn paces(&self) -> impl Iterator<Item = (Option<Offered>, Arrivals, Wait)> {
        let open = self.is_open();
        used(open, self.rate.as_ref()).into_iter().flat_map(move |rate| {
            used(open, self.arrivals.as_ref()).into_iter().flat_map(move |arrivals| {
                used(true, self.wait.as_ref())
                    .into_iter()
                    .map(move |wait| (rate, arrivals.unwrap_or(Arrivals::Constant), wait.unwrap_or(Wait::Block)))
            })
        })
    }

    /// The most combinations there can be, without making them.
    pub(crate) fn count(&self) -> u64 {
        let lengths = [
            self.call.values().len(),
            length(self.payload.as_ref()),
            length(self.fill.as_ref()),
            length(self.chunk.as_ref()),
            length(self.split.as_ref()),
            length(self.clients.as_ref()),
            length(self.work.as_ref()),
            length(self.hold.as_ref()),
            length(self.rate.as_ref()),
            length(self.arrivals.as_ref()),
            length(self.wait.as_ref()),
        ];
        lengths.into_iter().fold(1, |product, length| product.saturating_mul(length as u64))
    }

    /// The axes that a point has a value on, each with whether it varies in this workload.
    pub fn axes(&self, point: &Point) -> Vec<(&'static str, Value, bool)> {
        let mut axes = vec![("call", Value::from(point.call.to_string()), self.call.varies())];
        if let Some(payload) = point.payload {
            axes.push(("payload", payload.to_string().into(), varies(self.payload.as_ref())));
            axes.push(("fill", point.fill.to_string().into(), varies(self.fill.as_ref())));
            axes.push(("chunk", point.chunk.to_string().into(), varies(self.chunk.as_ref())));
            if point.chunk != Chunk::Whole {
                axes.push(("split", point.split.to_string().into(), varies(self.split.as_ref())));
            }
        }
        axes.push(("clients", point.clients.into(), varies(self.clients.as_ref())));
        if let Some(work) = point.work {
            axes.push(("work", work.into(), varies(self.work.as_ref())));
        }
        if let Some(hold) = point.hold {
            axes.push(("hold", hold.to_string().into(), varies(self.hold.as_ref())));
        }
        if let Some(rate) = point.rate {
            // Numbers of a file are finite, so that each has its JSON.
            axes.push(("rate", serde_json::to_value(rate).unwrap_or_default(), varies(self.rate.as_ref())));
        }
        if !self.ramp.is_empty() {
            let steps: Vec<String> =
                self.ramp.iter().map(|step| format!("{}/s for {}", step.rate.0, step.time)).collect();
            axes.push(("ramp", steps.join(", ").into(), false));
        }
        if self.is_open() {
            axes.push(("arrivals", point.arrivals.to_string().into(), varies(self.arrivals.as_ref())));
        }
        if self.wait.is_some() {
            axes.push(("wait", point.wait.to_string().into(), varies(self.wait.as_ref())));
        }
        axes
    }
}

/// The values of an axis where it is used and given, else one absent value.
fn used<T: Copy + PartialEq>(used: bool, axis: Option<&Axis<T>>) -> Vec<Option<T>> {
    match axis {
        Some(axis) if used => axis.values().iter().copied().map(Some).collect(),
        _ => vec![None],
    }
}

fn varies<T: PartialEq>(axis: Option<&Axis<T>>) -> bool {
    axis.is_some_and(Axis::varies)
}

fn length<T: PartialEq>(axis: Option<&Axis<T>>) -> usize {
    axis.map_or(1, |axis| axis.values().len())
}
