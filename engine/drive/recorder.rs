//! What became of every call, kept without allocating on the timed path.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::call::{CallError, Cause};
use crate::drive::arrival_test::KEPT;
use crate::drive::buckets::{Fine, Rough};
use crate::drive::dials::Dials;
use crate::drive::live::LiveHistogram;
use crate::drive::per_call::PerCall;
use crate::drive::per_pass::PerPass;
use crate::drive::timeline::Timeline;
use crate::mutant;
use crate::results::calls::{CallFigures, Untimed};
use crate::results::distribution::Distribution;
use crate::results::{ArrivalTest, Bytes, Client, Connect, Counts, Generator, Lacked, Measured};

/// The instants of one call in nanoseconds since the barrier's clock began.
#[derive(Debug, Clone, Copy)]
pub struct Stamps {
    /// When the call was due.
    pub intended: u64,
    /// When its first byte was handed to the kernel.
    pub sent: u64,
    /// When its fate was known.
    pub ended: u64,
}

impl Stamps {
    fn response(self) -> u64 {
        self.ended.saturating_sub(self.intended)
    }

    fn service(self) -> u64 {
        self.ended.saturating_sub(self.sent)
    }
}

/// How many failures are kept in words.
const WORDS: usize = 8;

/// Records every call of one measured window.
pub struct Recorder {
    /// Calls that were sent when they were due, whose response time is their service time.
    prompt: Fine,
    response: Fine,
    service: Fine,
    dial: Fine,
    tls: Fine,
    first_answer: Fine,
    given_up_response: Option<u64>,
    given_up_service: Option<u64>,
    counts: Counts,
    bytes: Bytes,
    clients: Vec<PerClient>,
    /// By the names of a sequence; none where it has none.
    calls: Vec<PerCall>,
    /// Where calls are steps.
    pub passes: Option<PerPass>,
    /// The first few failures, in words.
    pub failures: Vec<String>,
    timeline: Timeline,
    live: Arc<LiveHistogram>,
    lateness: Fine,
    unsent: u64,
    sends: Vec<u64>,
    /// Whether the calls arrived as they were meant to, once that has been tested.
    pub arrivals: Option<ArrivalTest>,
    /// How long the load model was busy rather than waiting, where it looks.
    pub busy_ns: Option<u64>,
    /// Calls that were sent again.
    pub retries: u64,
    /// Connections dialled anew after a failure.
    pub reconnects: u64,
    /// Calls that the server never took, and that were asked again.
    pub resent: u64,
    /// The dials of the window.
    pub dials: Dials,
    /// Calls that were made before the window, which forgetting leaves alone.
    pub untimed: Untimed,
    /// What this machine lacked when calls failed for that, and how many did.
    lacked: Option<Lacked>,
    /// How long the window was, from the barrier to the end of the last call.
    pub elapsed_ns: u64,
    /// Protocol messages that clients sent in it.
    pub messages: u64,
}

/// Whose a call is, and which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Who {
    /// The client that makes it.
    pub client: usize,
    /// Which of the names of its sequence it has.
    pub name: usize,
}

struct PerClient {
    counts: Client,
    /// There to show fairness, and of ten thousand clients each has its own: one digit is enough.
    response: Rough,
}

impl Recorder {
    /// Everything that will be needed for so many clients and so many names of calls, allocated now.
    pub fn new(clients: usize, names: usize) -> Self {
        Recorder {
            prompt: Fine::touched(),
            response: Fine::touched(),
            service: Fine::touched(),
            dial: Fine::touched(),
            tls: Fine::touched(),
            first_answer: Fine::touched(),
            given_up_response: None,
            given_up_service: None,
            counts: Counts::default(),
            bytes: Bytes::default(),
            clients: (0..clients).map(|_| PerClient { counts: Client::default(), response: Rough::new() }).collect(),
            calls: (0..names).map(|_| PerCall::new()).collect(),
            passes: None,
            failures: Vec::with_capacity(WORDS),
            timeline: Timeline::default(),
            live: Arc::default(),
            lateness: Fine::touched(),
            unsent: 0,
            sends: Vec::with_capacity(KEPT),
            arrivals: None,
            busy_ns: None,
            retries: 0,
            reconnects: 0,
            resent: 0,
            dials: Dials::default(),
            untimed: Untimed::default(),
            lacked: None,
            elapsed_ns: 0,
            messages: 0,
        }
    }

    /// Forgets all that was recorded, without giving memory back: what came so far was warming up.
    pub fn forget(&mut self) {
        self.untimed.warmup += self.counts.scheduled;
        self.clear();
    }

    /// The same: what came so far each client makes once, before anything else.
    pub fn forget_before(&mut self) {
        self.untimed.before += self.counts.scheduled;
        self.clear();
    }

    fn clear(&mut self) {
        let Recorder {
            prompt,
            response,
            service,
            dial,
            tls,
            first_answer,
            given_up_response,
            given_up_service,
            counts,
            bytes,
            clients,
            calls,
            passes,
            failures,
            timeline,
            live,
            lateness,
            unsent,
            sends,
            arrivals,
            busy_ns,
            retries,
            reconnects,
            resent,
            dials,
            untimed: _,
            lacked,
            elapsed_ns,
            messages,
        } = self;
        for times in [prompt, response, service, dial, tls, first_answer, lateness] {
            times.clear();
        }
        for client in clients {
            client.counts = Client::default();
            client.response.clear();
        }
        calls.iter_mut().for_each(PerCall::clear);
        passes.iter_mut().for_each(PerPass::clear);
        failures.clear();
        timeline.clear();
        live.clear();
        sends.clear();
        (*given_up_response, *given_up_service, *busy_ns) = (None, None, None);
        (*counts, *bytes, *dials) = (Counts::default(), Bytes::default(), Dials::default());
        (*arrivals, *lacked) = (None, None);
        (*unsent, *retries, *reconnects, *resent, *elapsed_ns, *messages) = (0, 0, 0, 0, 0, 0);
    }

    /// The response times so far, for another thread to read.
    pub fn live(&self) -> Arc<LiveHistogram> {
        Arc::clone(&self.live)
    }

    /// The window begins now.
    pub fn begin(&mut self, at: u64) {
        self.timeline.begin(at);
    }

    /// A call of an open loop is sent, so much later than it could have been.
    pub fn sent(&mut self, at: u64, late: u64) {
        self.late(late);
        if self.sends.len() < KEPT {
            self.sends.push(at);
        }
    }

    /// A call of an open loop is sent so much later than it could have been, and came due with the one before it.
    pub fn late(&mut self, late: u64) {
        self.lateness.record(late);
    }

    /// When the first calls of an open loop were sent.
    pub fn sends(&self) -> &[u64] {
        &self.sends
    }

    /// A call is due.
    pub fn scheduled(&mut self) {
        self.counts.scheduled += 1;
    }

    /// A call has the answer that was asked for.
    pub fn ok(&mut self, Who { client, name }: Who, at: Stamps, payload: (u64, u64)) {
        self.counts.ok += 1;
        self.bytes.payload_up += payload.0;
        self.bytes.payload_down += payload.1;
        let response = at.response();
        if at.sent == at.intended {
            self.prompt.record(response);
        } else {
            self.response.record(response);
            self.service.record(at.service());
        }
        self.timeline.ok(at.intended, response);
        self.live.note(response);
        let own = &mut self.clients[client];
        own.counts.ok += 1;
        own.response.record(response);
        if let Some(call) = self.calls.get_mut(name) {
            call.ok(response, at.service(), payload);
        }
    }

    /// The parts of an answered connect, by the instants at which each ended; `secured` where there was a handshake.
    pub fn connected(&mut self, intended: u64, dialled: u64, secured: Option<u64>, ended: u64) {
        self.dial.record(dialled - intended);
        if let Some(secured) = secured {
            self.tls.record(secured - dialled);
        }
        self.first_answer.record(ended - secured.unwrap_or(dialled));
    }

    /// A call that was due at `intended` failed; failures have no time.
    pub fn fault(&mut self, Who { client, name }: Who, intended: u64, fault: &CallError) {
        self.timeline.failed(intended);
        if let Cause::Machine(what) = fault.cause {
            self.lacked.get_or_insert(Lacked { what, calls: 0 }).calls += 1;
        }
        self.counts.error.count(fault.class);
        self.clients[client].counts.error += 1;
        if let Some(call) = self.calls.get_mut(name) {
            call.fault(fault);
        }
        self.note(|| fault.to_string());
    }

    /// A call had no answer in time: it lasted at least until now.
    pub fn timeout(&mut self, Who { client, name }: Who, at: Stamps) {
        if mutant::is("discard-time-outs") {
            self.counts.scheduled -= 1;
            return;
        }
        self.counts.timeout += 1;
        self.clients[client].counts.timeout += 1;
        if let Some(call) = self.calls.get_mut(name) {
            call.timeout(at.response(), at.service());
        }
        self.gave_up(client, at);
        self.note(|| format!("timeout: no reply within {:.3} s", at.service() as f64 / 1e9));
    }

    /// A call was unanswered when draining ended.
    pub fn censored(&mut self, Who { client, name }: Who, at: Stamps) {
        self.counts.censored += 1;
        self.clients[client].counts.censored += 1;
        if let Some(call) = self.calls.get_mut(name) {
            call.censored(at.response(), at.service());
        }
        self.gave_up(client, at);
    }

    /// A call was still queued when draining ended, so that it has no service time; `sendable` where a client was free.
    pub fn never_sent(&mut self, client: Option<usize>, name: usize, intended: u64, ended: u64, sendable: bool) {
        self.counts.censored += 1;
        if let Some(call) = self.calls.get_mut(name) {
            call.never_sent(ended.saturating_sub(intended));
        }
        if let Some(client) = client {
            self.clients[client].counts.censored += 1;
        }
        self.unsent += u64::from(sendable);
        self.gave_up_response(intended, ended);
    }

    /// Bytes that went over the sockets.
    pub fn wire(&mut self, up: u64, down: u64) {
        self.bytes.wire_up += up;
        self.bytes.wire_down += down;
    }

    fn gave_up(&mut self, client: usize, at: Stamps) {
        let service = at.service();
        self.gave_up_response(at.intended, at.ended);
        self.clients[client].response.record(at.response());
        self.service.record(service);
        self.given_up_service = Some(self.given_up_service.map_or(service, |least| least.min(service)));
    }

    fn gave_up_response(&mut self, intended: u64, ended: u64) {
        let response = ended.saturating_sub(intended);
        self.timeline.failed(intended);
        self.response.record(response);
        self.live.note(response);
        self.given_up_response = Some(self.given_up_response.map_or(response, |least| least.min(response)));
    }

    fn note(&mut self, words: impl FnOnce() -> String) {
        if self.failures.len() < WORDS {
            let words = words();
            if !self.failures.contains(&words) {
                self.failures.push(words);
            }
        }
    }

    /// The figures of the window by the names of calls, where the sequence has names.
    pub fn calls(&self) -> Vec<CallFigures> {
        self.calls.iter().map(PerCall::figures).collect()
    }

    /// The figures of the window.
    pub fn measured(&self, connect: bool, names: &[String], facts: BTreeMap<String, String>) -> Measured {
        let Recorder { elapsed_ns, messages, .. } = *self;
        let open = !self.lateness.is_empty() || self.unsent > 0;
        let both = |late: &Fine| {
            let mut times = self.prompt.histogram();
            // The bounds are the same, so it cannot fail.
            let _ = times.add(late.histogram());
            times
        };
        Measured {
            counts: self.counts,
            elapsed_ns,
            calls_per_s: if elapsed_ns == 0 { 0.0 } else { self.counts.ok as f64 * 1e9 / elapsed_ns as f64 },
            response_time: Distribution::of(&both(&self.response), self.given_up_response),
            service_time: Some(Distribution::of(&both(&self.service), self.given_up_service)),
            connect: connect.then(|| Connect {
                dial: Distribution::of(&self.dial.histogram(), None),
                tls: (!self.tls.is_empty()).then(|| Distribution::of(&self.tls.histogram(), None)),
                first_answer: Distribution::of(&self.first_answer.histogram(), None),
            }),
            bytes: self.bytes,
            messages_per_call: (self.counts.ok > 0).then(|| messages as f64 / self.counts.ok as f64),
            retries: self.retries,
            reconnects: self.reconnects,
            dials: Some(self.dials.count),
            dial_ns: Some(self.dials.ns),
            resent: self.resent,
            clients: self
                .clients
                .iter()
                .map(|own| {
                    let times = own.response.histogram();
                    let [p50_ns, p99_ns] = [0.5, 0.99].map(|q| times.value_at_quantile(q));
                    Client { p50_ns, p99_ns, ..own.counts }
                })
                .collect(),
            drivers: Vec::new(),
            calls: names.iter().cloned().zip(self.calls()).collect(),
            passes: self.passes.as_ref().map(PerPass::figures),
            untimed: Some(self.untimed).filter(|untimed| *untimed != Untimed::default()),
            failures: self.failures.clone(),
            timeline: self.timeline.slices(),
            generator: Generator {
                lateness: open.then(|| Distribution::of(&self.lateness.histogram(), None)),
                unsent: open.then_some(self.unsent),
                arrivals: self.arrivals.clone(),
                busy_ns: self.busy_ns,
                hiccups: None,
                lacked: self.lacked,
            },
            facts,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Recorder, Stamps, Who};
    use crate::call::CallError;
    use crate::lack::Lack;
    use crate::results::ArrivalTest;
    use crate::results::calls::CallFigures;

    #[test]
    fn what_is_forgotten_leaves_no_trace() {
        let mut recorder = Recorder::new(2, 2);
        recorder.begin(7);
        let at = Stamps { intended: 10, sent: 20, ended: 3_000_000_000 };
        for client in [0, 1] {
            let who = Who { client, name: client };
            recorder.scheduled();
            recorder.sent(20, 10);
            recorder.ok(who, at, (5, 5));
            recorder.ok(who, Stamps { sent: 10, ..at }, (0, 0));
            recorder.connected(10, 20, Some(30), 40);
            recorder.fault(
                who,
                10,
                &CallError { cause: crate::call::Cause::Machine(Lack::Ports), ..CallError::connect("no") },
            );
            recorder.timeout(who, at);
            recorder.censored(who, at);
            recorder.never_sent(Some(client), client, 10, 40, true);
        }
        recorder.wire(1, 2);
        recorder.dials.over(3);
        recorder.arrivals = Some(ArrivalTest { sends: 1, statistic: 1.0, p: 1.0 });
        recorder.busy_ns = Some(1);
        (recorder.retries, recorder.reconnects, recorder.resent) = (1, 1, 1);
        (recorder.elapsed_ns, recorder.messages) = (1, 1);
        let live = recorder.live();
        (0..2_000).for_each(|_| live.note(5));
        let names = ["a".to_owned(), "b".to_owned()];
        let measured = |recorder: &Recorder| recorder.measured(true, &names, BTreeMap::new());
        assert_ne!(measured(&recorder), measured(&Recorder::new(2, 2)));
        recorder.forget();
        assert_eq!(std::mem::take(&mut recorder.untimed).warmup, 2, "but how many there were");
        assert_eq!(measured(&recorder), measured(&Recorder::new(2, 2)));
        assert_eq!((live.quantiles(), recorder.sends().len()), ((None, None), 0));
        assert_eq!(recorder.calls(), Recorder::new(2, 2).calls());
    }

    #[test]
    fn calls_of_several_names_have_figures_of_their_own_and_those_of_one_name_have_none() {
        let mut recorder = Recorder::new(1, 2);
        let (read, buy) = (Who { client: 0, name: 0 }, Who { client: 0, name: 1 });
        let at = |sent: u64, ended: u64| Stamps { intended: 0, sent, ended };
        recorder.ok(read, at(0, 1_000), (0, 7));
        recorder.ok(read, at(500, 2_000), (0, 7));
        recorder.ok(buy, at(0, 500), (3, 0));
        recorder.fault(buy, 0, &CallError::connect("no"));
        recorder.timeout(buy, at(100, 1_100));
        recorder.censored(buy, at(0, 900));
        let [reads, buys] = &recorder.calls()[..] else { panic!("two names") };
        assert_eq!((reads.counts.ok, reads.bytes.payload_down, reads.response_time.count), (2, 14, 2));
        let longest =
            |figures: &CallFigures| (figures.response_time.max_ns, figures.service_time.as_ref().map(|it| it.max_ns));
        assert_eq!(longest(reads), (2_000, Some(1_500)));
        let counts = &buys.counts;
        assert_eq!((counts.ok, counts.error.connect, counts.timeout, counts.censored), (1, 1, 1, 1));
        assert!(counts.conserved());
        assert_eq!((buys.bytes.payload_up, buys.response_time.count), (3, 3), "an error has no time");
        assert_eq!(buys.response_time.at_least_from, Some(1.0 / 3.0), "two were given up, after 900 ns the first");
        let mut one = Recorder::new(1, 0);
        one.ok(read, at(0, 1), (0, 0));
        assert!(one.calls().is_empty());
    }
}
