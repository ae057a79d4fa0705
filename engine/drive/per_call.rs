//! What became of the calls of one name, where a sequence has several.

use crate::drive::buckets::Fine;
use crate::results::Client;
use crate::results::distribution::Distribution;

/// What became of the calls of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct CallFigures {
    /// How each ended; the quantiles are those of `response_time`.
    pub counts: Client,
    /// From when they were due.
    pub response_time: Distribution,
    /// From when they were sent.
    pub service_time: Distribution,
    /// Bytes of the payloads of answered calls, up and down.
    pub payload: (u64, u64),
}

/// Counts and times of one name, while they are recorded.
pub(super) struct PerCall {
    pub(super) counts: Client,
    response: Fine,
    service: Fine,
    given_up: Option<(u64, u64)>,
    pub(super) payload: (u64, u64),
}

impl PerCall {
    pub(super) fn new() -> Self {
        let (response, service) = (Fine::touched(), Fine::touched());
        PerCall { counts: Client::default(), response, service, given_up: None, payload: (0, 0) }
    }

    /// A call lasted so long since it was due, and since it was sent.
    pub(super) fn time(&mut self, response: u64, service: u64) {
        self.response.record(response);
        self.service.record(service);
    }

    /// A call was given up when it had lasted so long.
    pub(super) fn gave_up(&mut self, response: u64, service: u64) {
        self.time(response, service);
        let least = self.given_up.unwrap_or((u64::MAX, u64::MAX));
        self.given_up = Some((least.0.min(response), least.1.min(service)));
    }

    pub(super) fn clear(&mut self) {
        (self.counts, self.given_up, self.payload) = (Client::default(), None, (0, 0));
        self.response.clear();
        self.service.clear();
    }

    pub(super) fn figures(&self) -> CallFigures {
        let response_time = Distribution::of(&self.response.histogram(), self.given_up.map(|least| least.0));
        let service_time = Distribution::of(&self.service.histogram(), self.given_up.map(|least| least.1));
        let counts = Client { p50_ns: response_time.p50_ns, p99_ns: response_time.p99_ns, ..self.counts };
        CallFigures { counts, response_time, service_time, payload: self.payload }
    }
}
