//! An assignment made ready to run: who is dialled, what each call asks, when it ends.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use crate::call::own::bound::{Callers, bind};
use crate::call::own::grpc::Proto;
use crate::call::own::{OwnCall, Protocol, Sessions};
use crate::call::{self, Call, CallError, CallSpec, Called, Chunks, Fill, Own, Settings, Verify, Wait, Word};
use crate::drive::messages::{Assignment, VERSION};
use crate::drive::schedule::{Limit, RateProfile, RateStep};
use crate::drive::sequence::{Drawn, Numbered, One, Pauses, Sequence, Split, Steps};
use crate::drive::setup_error::SetupError;
use crate::drive::watchdog::Watchdog;
use crate::key::load::{Extent, Load, Step};
use crate::key::part::Part;
use crate::registry::{find, suggestion};
use crate::server::MODELS;
use crate::stack::own;
use crate::transport::TRANSPORTS;
use crate::transport::address::Address;
use crate::transport::contract::{AsyncClient, ClientCodec, ClientContext, IoModel, Reply, Transport};
use crate::transport::grpc::reflection::Line;
use crate::transport::http1::{POOL, keeps_alive};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{COOKIES, resumes};
use crate::transport::socket::SocketOptions;
use crate::transport::tls::Trust;
use crate::units::MOST_CLIENTS;

/// What a load model works from.
pub struct Job {
    /// Where the server listens.
    pub address: Address,
    /// How its sockets behave.
    pub sockets: SocketOptions,
    /// What clients ask.
    pub calls: Box<dyn Sequence>,
    /// What each client asks once before; none where nothing is.
    pub before: Option<Box<dyn Sequence>>,
    /// How long clients pause after their calls.
    pub pauses: Pauses,
    /// True where each call dials, is answered once and closes.
    pub connect: bool,
    /// True where the server is the user's own, whose socket's owner has proved it.
    pub own: bool,
    /// True where such a call ends once it is connected: nothing of ours can be asked of a server of the user's own.
    pub dials_only: bool,
    /// How many callers.
    pub clients: usize,
    /// How many connections they share; as many as clients where no option says otherwise.
    pub connections: usize,
    /// How many calls one connection may carry at a time.
    pub streams: usize,
    /// When each client has called often enough before anything is timed.
    pub warmup: Limit,
    /// When each client has called often enough.
    pub limit: Limit,
    /// What an open loop is to offer; none where the loop is closed.
    pub profile: Option<RateProfile>,
    /// Whether replies are waited for without sleeping.
    pub spin: bool,
    /// How long a call may take from its actual send.
    pub timeout: Duration,
    /// How long after the window calls may still be answered.
    pub drain: Duration,
    /// Whether every byte of every reply is compared.
    pub verify_all: bool,
    /// How long to sleep once the first calls are sent, so that others on this core begin as well.
    pub gives_way: Duration,
    /// How often a call is sent again after its connection failed.
    pub retries: u64,
    /// The token that the server must answer with.
    pub nonce: Option<String>,
    /// What the handshake of the first connection has agreed on, in words, where there was one.
    pub negotiated: OnceCell<String>,
    /// How its transport plugs in.
    pub io_model: IoModel,
    /// Which part of a load it is, where other processes make the others.
    part: Option<Part>,
    own_calls: Arc<[OwnCall]>,
    sessions: Arc<Sessions>,
    context: ClientContext,
    trust: Option<Trust>,
}

impl Job {
    /// The job that an assignment describes, or what is wrong with it.
    pub fn of(assignment: &Assignment) -> Result<Self, SetupError> {
        if assignment.end.version != VERSION {
            return Err(SetupError::assignment(format!(
                "version {} is not {VERSION}, which this engine speaks",
                assignment.end.version
            )));
        }
        let transport = find("transport", TRANSPORTS, &assignment.end.transport)?;
        let address: Address = assignment.end.address.parse()?;
        let io_model = transport.io_model();
        let calls = sequence(assignment, transport)?;
        let part = assignment.end.part;
        let numbered = |calls| numbered(part, calls);
        let (calls, before) = (numbered(calls), before(assignment, transport)?.map(numbered));
        let (connect, per_iteration) = (assignment.load.dials(), calls.calls_per_iteration());
        let load = &assignment.load;
        let limit = match (load.iterations, load.duration, load.ramp.as_slice()) {
            (Some(_), Some(_), _) | (None, None, []) => {
                return Err(SetupError::assignment("give either `iterations` or `duration_ns`"));
            }
            _ => match load.extent() {
                Extent::Iterations(count) => Limit::Calls(count.saturating_mul(per_iteration)),
                Extent::Duration(time) => Limit::Time(time.as_nanos() as u64),
            },
        };
        let clients = assignment.load.clients as usize;
        if clients == 0 || assignment.load.timeout.is_zero() {
            return Err(SetupError::assignment("`clients` and `timeout_ns` must be at least 1"));
        }
        if assignment.end.calls.len() > usize::from(u16::MAX) {
            return Err(SetupError::assignment("there are more calls than can be told apart"));
        }
        if u64::from(assignment.load.clients) > MOST_CLIENTS {
            return Err(SetupError::assignment(format!("`clients` is {clients}; the most is {MOST_CLIENTS}")));
        }
        // A call that dials has its connection to itself.
        let streams = if connect { 1 } else { assignment.end.options.count("streams").map_or(1, |n| n as usize) };
        let streams = streams.clamp(1, clients);
        let connections = assignment.load.connections(Some(streams as u64), assignment.end.options.count(POOL.name));
        let profile = profile(assignment)?;
        known(&assignment.end.options, transport)?;
        let (options, ca) = (&assignment.end.options, assignment.end.ca.as_deref());
        let verified = |modern: bool, alpn: Option<&str>| {
            let verification = assignment.end.verification.as_ref()?;
            Some(Trust::verified(verification, modern, resumes(options), alpn, &address).map(Some))
        };
        let (sockets, trust) = match io_model {
            IoModel::Stream(protocol) => {
                let trust = verified(false, protocol.alpn());
                (SocketOptions::of(options), trust.unwrap_or_else(|| Trust::of(options, protocol.alpn(), ca, &address)))
            }
            IoModel::Async(protocol) => {
                let alpn = Some(protocol.alpn());
                let placed = || Trust::with_ca(resumes(options), alpn, ca, &address).map(Some);
                (Ok(SocketOptions::default()), verified(true, alpn).unwrap_or_else(placed))
            }
        };
        let (sockets, trust) = (sockets?, trust?);
        let fill: Arc<Fill> = Fill::new(assignment.load.fill, assignment.load.seed);
        let callers = Callers {
            clients: part.map_or(load.clients, |part| part.clients),
            steps: calls.steps(),
            seed: load.seed,
            cookies: options.flag(COOKIES.name, false),
        };
        let bound = bind(compiled(assignment, transport)?, assignment.end.data.clone(), callers)
            .map_err(|unknown| SetupError::assignment(unknown.to_string()))?;
        Ok(Job {
            context: ClientContext {
                own: bound.calls.clone(),
                sessions: bound.sessions.clone(),
                ..ClientContext::of_service(fill, assignment.end.options.clone(), address.to_string())
            },
            address,
            sockets,
            own_calls: bound.calls,
            sessions: bound.sessions,
            calls,
            before,
            pauses: Pauses::of(load.think, load.seed).numbered_from(part.map_or(0, |part| part.first_client)),
            part,
            connect,
            own: assignment.end.own,
            dials_only: connect && assignment.end.own && assignment.end.ready.is_none(),
            clients,
            connections: connections as usize,
            streams,
            warmup: match assignment.load.warmup_time {
                Some(time) => Limit::Time(time.as_nanos() as u64),
                None => Limit::Calls(assignment.load.warmup.saturating_mul(per_iteration)),
            },
            limit,
            profile,
            spin: assignment.load.wait == Wait::Spin,
            timeout: assignment.load.timeout,
            drain: assignment.load.drain,
            verify_all: assignment.load.verify == Verify::Content,
            gives_way: assignment.end.gives_way,
            retries: assignment.end.options.count("retries").unwrap_or(0),
            nonce: assignment.end.nonce.clone(),
            negotiated: OnceCell::new(),
            io_model,
            trust,
        })
    }

    /// The client's end of a new connection; a fault where no handshake can be begun for it.
    pub fn codec(&self) -> Result<Box<dyn ClientCodec>, CallError> {
        let IoModel::Stream(protocol) = self.io_model else {
            return Err(CallError::protocol("this transport is no stream of bytes"));
        };
        self.secured(protocol.client(&self.context))
    }

    /// The client's end of a connection on which the server is asked to describe itself, question by question.
    pub fn reflecting(&self, line: &Line) -> Result<Box<dyn ClientCodec>, CallError> {
        self.secured(line.client(&self.context))
    }

    fn secured(&self, codec: Box<dyn ClientCodec>) -> Result<Box<dyn ClientCodec>, CallError> {
        match &self.trust {
            None => Ok(codec),
            Some(trust) => trust.secure(codec),
        }
    }

    /// When an open loop ends, which counts its passes and not those of each client.
    pub fn open_limit(&self) -> Limit {
        let Limit::Calls(each) = self.limit else { return self.limit };
        let passes = each / self.calls.steps();
        Limit::Calls(match self.part {
            Some(part) => part.share(passes.saturating_mul(part.clients.into())),
            None => passes.saturating_mul(self.clients as u64),
        })
    }

    /// Whether a client does more than to call again and again: it pauses, goes through steps, or uses what it is given.
    pub fn flows(&self) -> bool {
        let takes = self.own_calls.iter().any(|call| !call.take.is_empty());
        takes || self.calls.has_passes() || self.before.is_some() || !self.pauses.are_none() || self.sessions.cookies()
    }

    /// Has the client of a call keep what its reply gives it, once the time of that is known; true where there was something
    /// to look into. A reply that lacks what is taken from it is none that was asked for.
    pub fn keep(&self, ask: &CallSpec, reply: &mut Reply) -> bool {
        let (CallSpec::Own(own), Some(material)) = (ask, reply.material.take()) else { return false };
        let take = self.own_calls.get(usize::from(own.call)).map_or(&[][..], |call| &call.take[..]);
        if let Err(fault) = self.sessions.keep(own.client, take, &material, reply.verdict.is_ok()) {
            reply.verdict = Err(fault);
        }
        true
    }

    /// Whether its connections carry more calls than one, as far as its options say.
    pub fn keeps_alive(&self) -> bool {
        keeps_alive(&self.context.options)
    }

    /// A watch over the time that blocking calls may take.
    pub fn deadline(&self) -> Result<Watchdog, SetupError> {
        Watchdog::new(self.timeout).map_err(|error| SetupError::system("cannot start a thread", &error))
    }

    /// What dials the server by itself, on the thread of a runtime; for a transport whose library owns its IO.
    pub fn dialler(&self) -> Result<Box<dyn AsyncClient>, SetupError> {
        match (self.io_model, self.address.ip(), &self.trust) {
            (IoModel::Async(protocol), Some(address), Some(trust)) => {
                Ok(protocol.client(&self.context, address, trust.config())?)
            }
            _ => Err(SetupError::assignment(format!("this transport does not dial {} by itself", self.address))),
        }
    }
}

/// Each option must be one of the transport's or of some server model's, which a target's options go along with.
fn known(options: &Options, transport: &dyn Transport) -> Result<(), SetupError> {
    let of_models = MODELS.iter().flat_map(|model| model.options());
    let specs: Vec<&OptionSpec> = transport.options().iter().chain(of_models).chain(&own::options::OPTIONS).collect();
    for (name, value) in &options.0 {
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
            let names: Vec<&str> = specs.iter().map(|spec| spec.name).collect();
            return Err(SetupError::assignment(format!("unknown option `{name}`: {}", suggestion(name, &names))));
        };
        if spec.parse(&value.to_string())? != *value {
            return Err(SetupError::assignment(format!("option `{name}` takes {}, and not as text", spec.kind)));
        }
    }
    Ok(())
}

/// What an open loop is to offer, where the assignment asks for one.
fn profile(assignment: &Assignment) -> Result<Option<RateProfile>, SetupError> {
    let steps = match (assignment.load.rate, assignment.load.ramp.as_slice()) {
        (None, []) => return Ok(None),
        (Some(rate), []) => vec![RateStep::held(rate, u64::MAX)],
        (None, steps) => {
            let pace = |step: &Step| RateStep {
                from: step.rate,
                to: step.end.unwrap_or(step.rate),
                ns: step.time.as_nanos() as u64,
            };
            steps.iter().map(pace).collect()
        }
        (Some(_), _) => return Err(SetupError::assignment("give either `rate` or `ramp`")),
    };
    // Only a ramp has pauses, and not only them.
    let pauses = assignment.load.rate.is_none() && steps.iter().any(|step| step.from + step.to > 0.0);
    let known = |rate: f64| (1e-3..=1e7).contains(&rate) || pauses && rate == 0.0;
    match steps.iter().flat_map(|step| [step.from, step.to]).find(|rate| !known(*rate)) {
        Some(rate) => {
            Err(SetupError::assignment(format!("a rate of {rate} calls/s is not between 0.001 and 10000000")))
        }
        None => {
            let Load { arrivals, seed, .. } = assignment.load;
            Ok(Some(RateProfile { steps, arrivals, seed, part: assignment.end.part }))
        }
    }
}

/// The calls of the user's own, ready to be sent; those of gRPC are not where the server has yet to describe itself.
fn compiled(assignment: &Assignment, transport: &dyn Transport) -> Result<Vec<OwnCall>, SetupError> {
    let mut calls = assignment.end.calls.clone();
    if transport.asks() != Some(Protocol::Grpc) {
        return Ok(calls);
    }
    for call in &mut calls {
        let Some(grpc) = &mut call.grpc else { continue };
        let told = |why: &dyn std::fmt::Display| SetupError::assignment(format!("`{}`: {why}", call.name));
        match &assignment.end.proto {
            Some(Proto::Files { descriptors, .. }) => grpc.compile(descriptors).map_err(|fault| told(&fault))?,
            Some(Proto::Reflection) => {}
            None => return Err(told(&"nothing says what its messages are: `proto` is missing")),
        }
    }
    Ok(calls)
}

/// What clients ask by an assignment, or what is missing in it.
fn sequence(assignment: &Assignment, transport: &dyn Transport) -> Result<Box<dyn Sequence>, SetupError> {
    if assignment.load.chunk == Some(0) {
        return Err(SetupError::assignment("`chunk` must be at least 1 byte; without it a payload is whole"));
    }
    let load = &assignment.load;
    let settings = settings(load);
    let ask_of = |called: &Called, settings: &Settings| asked(assignment, transport, called, settings);
    if !load.steps.is_empty() {
        if !load.mix.is_empty() || load.kinds().any(|kind| kind.dials()) {
            return Err(SetupError::assignment("steps stand without a mix, and none of them may dial"));
        }
        let steps = load.steps.iter().map(|called| Ok((called.name().to_owned(), ask_of(called, &settings)?)));
        return Ok(Box::new(Steps::of(steps.collect::<Result<Vec<_>, SetupError>>()?)));
    }
    if !load.mix.is_empty() {
        if load.kinds().any(|kind| kind.dials()) || load.mix.iter().all(|share| share.weight == 0) {
            return Err(SetupError::assignment("a mix needs weights, and none of its calls may dial"));
        }
        let drawn = load
            .mix
            .iter()
            .map(|share| Ok((share.call.name().to_owned(), ask_of(&share.call, &settings)?, share.weight)));
        return Ok(Box::new(Drawn::of(drawn.collect::<Result<Vec<_>, SetupError>>()?, load.seed)));
    }
    let ask = |settings: &Settings| ask_of(&load.call, settings);
    let whole = |len: u64| ask(&Settings { payload: Some(len), chunk: None, ..settings });
    Ok(match (load.split, load.payload, load.chunk) {
        (call::Split::Calls, Some(len), Some(chunk)) if load.has_body() => {
            let (chunks, each) = (Chunks::count(len, Some(chunk)), chunk.min(len));
            Box::new(Split { each: whole(each)?, last: whole(len - (chunks - 1) * each)?, chunks })
        }
        _ => Box::new(One(ask(&settings)?)),
    })
}

/// What the calls ask that each client makes once before, or what is missing.
fn before(assignment: &Assignment, transport: &dyn Transport) -> Result<Option<Box<dyn Sequence>>, SetupError> {
    let load = &assignment.load;
    if load.before.iter().any(|called| called.kind().dials()) {
        return Err(SetupError::assignment("no call of `before` may dial"));
    }
    let ask = |called: &Called| Ok((called.name().to_owned(), asked(assignment, transport, called, &settings(load))?));
    let calls = load.before.iter().map(ask).collect::<Result<Vec<_>, SetupError>>()?;
    Ok((!calls.is_empty()).then(|| Box::new(Steps::of(calls)) as Box<dyn Sequence>))
}

/// The calls of clients who have their numbers among those of all parts of a load.
fn numbered(part: Option<Part>, calls: Box<dyn Sequence>) -> Box<dyn Sequence> {
    match part {
        Some(part) => Box::new(Numbered { calls, first: part.first_client as usize }),
        None => calls,
    }
}

fn settings(load: &Load) -> Settings {
    Settings {
        payload: load.payload,
        chunk: load.chunk,
        work: load.work,
        hold_ns: load.hold.map(|hold| hold.as_nanos() as u64),
    }
}

/// What a call asks with these settings.
fn asked(
    assignment: &Assignment,
    transport: &dyn Transport,
    called: &Called,
    settings: &Settings,
) -> Result<CallSpec, SetupError> {
    match called {
        // To be connected to a server of the user's own is to be answered once by the call that says it is ready.
        Called::Service(call) if call.service().dials() && assignment.end.ready.is_some() => {
            own(assignment, transport, assignment.end.ready.as_ref().map_or("", |ready| &ready.call))
        }
        Called::Service(_) if !assignment.end.calls.is_empty() => Err(SetupError::assignment(format!(
            "`{called}` is a call of the service, and the others are the user's own"
        ))),
        Called::Service(call) => {
            call.service().ask(settings).map_err(|missing| SetupError::assignment(missing.to_string()))
        }
        Called::Own(name) => own(assignment, transport, name),
    }
}

/// What the call of that name asks, which is the user's own.
fn own(assignment: &Assignment, transport: &dyn Transport, name: &str) -> Result<CallSpec, SetupError> {
    let calls = &assignment.end.calls;
    let Some(index) = calls.iter().position(|call| call.name == name) else {
        let known: Vec<&str> =
            Call::ALL.iter().map(|call| call.word()).chain(calls.iter().map(|call| call.name.as_str())).collect();
        return Err(SetupError::assignment(format!("unknown call `{name}`: {}", suggestion(name, &known))));
    };
    match transport.asks() {
        Some(protocol) if calls[index].speaks(protocol) => {
            Ok(CallSpec::Own(Own { call: index as u16, client: 0, number: 0 }))
        }
        _ => Err(SetupError::assignment(format!("`{name}` cannot be asked over {}", transport.name()))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, sequence};
    use crate::call::CallSpec;
    use crate::drive::messages::Assignment;
    use crate::transport::TRANSPORTS;

    #[test]
    fn an_assignment_by_hand_keeps_to_the_bounds_too() {
        let told = |key: &str, value: serde_json::Value| {
            let mut assignment = serde_json::json!({
                "version": 1, "address": "127.0.0.1:1", "transport": "http2", "call": "ping", "clients": 1,
                "iterations": 1, "warmup": u64::MAX, "timeout_ns": 1, "drain_ns": 1
            });
            assignment[key] = value;
            let assignment: Assignment = serde_json::from_value(assignment).expect("an assignment");
            Job::of(&assignment).map(|_| ()).map_err(|failed| failed.reason)
        };
        assert_eq!(told("options", serde_json::json!({"streams": 2})), Ok(()));
        for (key, value, what) in [
            ("options", serde_json::json!({"streams": 1_000_000_000u64}), "takes a whole number from 1 to 100000"),
            ("options", serde_json::json!({"tls": "maybe"}), "takes true or false"),
            ("clients", 200_000.into(), "the most is 100000"),
        ] {
            let told = told(key, value).expect_err(what);
            assert!(told.contains(what), "{told}");
        }
    }

    #[test]
    fn a_split_into_calls_asks_for_each_chunk_and_the_last_is_short() {
        let assignment: Assignment = serde_json::from_value(serde_json::json!({
            "version": 1, "address": "127.0.0.1:1", "transport": "tcp", "call": "upload", "payload": 10, "chunk": 4,
            "split": "calls", "clients": 1, "iterations": 1, "timeout_ns": 1, "drain_ns": 1
        }))
        .expect("a valid assignment");
        let calls = sequence(&assignment, TRANSPORTS[0]).expect("calls");
        let lens: Vec<u64> = (0..6).map(|n| calls.call(0, n).ask.payload_up()).collect();
        assert_eq!(lens, [4, 4, 2, 4, 4, 2]);
        assert_eq!(calls.call(0, 0).ask, CallSpec::Upload { len: 4, chunk: None });
    }
}
