//! What became of the calls of one name, where a sequence has several, while it is recorded.

use crate::call::CallError;
use crate::drive::buckets::Fine;
use crate::results::Counts;
use crate::results::calls::{CallBytes, CallFigures};
use crate::results::distribution::Distribution;

/// Counts and times of one name.
pub(super) struct PerCall {
    counts: Counts,
    response: Fine,
    service: Fine,
    given_up: Option<(u64, u64)>,
    bytes: CallBytes,
}

impl PerCall {
    pub(super) fn new() -> Self {
        let (response, service) = (Fine::touched(), Fine::touched());
        PerCall { counts: Counts::default(), response, service, given_up: None, bytes: CallBytes::default() }
    }

    /// A call has the answer that was asked for, so long after it was due, and after it was sent.
    pub(super) fn ok(&mut self, response: u64, service: u64, payload: (u64, u64)) {
        self.counts.ok += 1;
        self.response.record(response);
        self.service.record(service);
        self.bytes.payload_up += payload.0;
        self.bytes.payload_down += payload.1;
    }

    /// A call failed.
    pub(super) fn fault(&mut self, fault: &CallError) {
        self.counts.error.count(fault.class);
    }

    /// A call had no answer in time, when it had lasted so long.
    pub(super) fn timeout(&mut self, response: u64, service: u64) {
        self.counts.timeout += 1;
        self.gave_up(response, service);
    }

    /// A call was unanswered when draining ended.
    pub(super) fn censored(&mut self, response: u64, service: u64) {
        self.counts.censored += 1;
        self.gave_up(response, service);
    }

    /// A call was still queued when draining ended: it has no service time.
    pub(super) fn never_sent(&mut self, response: u64) {
        self.counts.censored += 1;
        self.response.record(response);
        let (least, sent) = self.given_up.unwrap_or((u64::MAX, u64::MAX));
        self.given_up = Some((least.min(response), sent));
    }

    fn gave_up(&mut self, response: u64, service: u64) {
        self.response.record(response);
        self.service.record(service);
        let least = self.given_up.unwrap_or((u64::MAX, u64::MAX));
        self.given_up = Some((least.0.min(response), least.1.min(service)));
    }

    pub(super) fn clear(&mut self) {
        (self.counts, self.given_up, self.bytes) = (Counts::default(), None, CallBytes::default());
        self.response.clear();
        self.service.clear();
    }

    pub(super) fn figures(&self) -> CallFigures {
        let least = |of: fn((u64, u64)) -> u64| self.given_up.map(of).filter(|least| *least < u64::MAX);
        let mut counts = self.counts;
        // Every call that was due has come to one of these ends.
        counts.scheduled = counts.ok + counts.error.total() + counts.timeout + counts.censored;
        CallFigures {
            counts,
            response_time: Distribution::of(&self.response.histogram(), least(|(response, _)| response)),
            service_time: Some(Distribution::of(&self.service.histogram(), least(|(_, service)| service))),
            bytes: self.bytes,
        }
    }
}
