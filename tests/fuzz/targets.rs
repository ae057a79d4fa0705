//! What is fuzzed: every reader of outside bytes, as a function of them that may refuse and may not panic.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::call::own::bound::{Callers, bind};
use engine::call::own::grpc::Descriptors;
use engine::call::own::{Form, GrpcCall, Material, OwnCall};
use engine::call::{CallRequest, CallResponse, CallSpec, Fill, Own};
use engine::drive::job::Job;
use engine::drive::messages::{FromDrive, ToDrive};
use engine::place::kept::{Keep, ToKeeper};
use engine::place::link::lines::{FromLink, ToLink};
use engine::place::messages::{Answer as Answered, FromAgent, Hello, Launch, Request};
use engine::plan::Plan;
use engine::report::template::render;
use engine::report::view::View;
use engine::results::Results;
use engine::scenario::read;
use engine::transport::contract::{
    ClientCodec, ClientContext, Family, Next, ServerCodec, ServerContext, Step, StreamProtocol,
};
use engine::transport::grpc::reflection::Reflection;
use engine::transport::held::{HELD, Hold};
use engine::transport::option::Options;
use engine::transport::outbox::Outbox;

use crate::datagrams;
use crate::pairs::{Pair, Wire, every_call, stream_transports, written};

/// Far below any memory, so that a limit that does not hold is found.
pub(crate) const BODY_LIMIT: u64 = 1 << 20;
/// The smallest stack that a codec is ever run on: that of the thread of a connection.
const CONNECTION: usize = 256 << 10;
/// The stack that the main thread of a process has, on which files are read.
pub(crate) const MAIN: usize = 8 << 20;

/// Reads whatever comes.
type Read = Box<dyn Fn(&[u8]) + Send + Sync>;

/// A reader of outside bytes.
pub(crate) struct Target {
    /// Its name, as `FUZZ_TARGET` has it.
    pub(crate) name: String,
    /// The stack that it has to do with, in bytes.
    pub(crate) stack: usize,
    /// Reads the bytes.
    pub(crate) read: Read,
    /// What it reads without a complaint.
    pub(crate) seeds: Vec<Vec<u8>>,
}

/// All of them: both ends of every stream transport, as they are and in TLS, and every file and line.
pub(crate) fn targets() -> Vec<Target> {
    let mut targets = Vec::new();
    for (name, protocol) in stream_transports() {
        targets.extend(ends(name, protocol, false));
    }
    // What TLS carries is looked at above; here it is TLS itself.
    targets.extend(stream_transports().take(1).flat_map(|(_, protocol)| ends("tls", protocol, true)));
    targets.extend(
        stream_transports().filter(|(name, _)| ["grpc", "http1", "http2", "tcp"].contains(name)).map(own_calls),
    );
    targets.extend(datagrams::targets());
    let file = |name: &str, read: fn(&[u8]), seeds: &[&[u8]]| Target {
        name: name.to_owned(),
        stack: MAIN,
        read: Box::new(read),
        seeds: seeds.iter().map(|seed| seed.to_vec()).collect(),
    };
    targets.push(file("scenario", scenario, SCENARIOS));
    targets.push(file("results", results, &[RESULTS]));
    targets.push(file("journal", journal, &[JOURNAL]));
    targets.push(file("template", template, TEMPLATES));
    targets.push(file("rows", rows, ROWS));
    targets.push(file("given", given, GIVEN));
    let agent_seeds: Vec<String> = [&asked_of_an_agent()[..], &said_by_an_agent()[..]].concat();
    let agent_seeds: Vec<&[u8]> = agent_seeds.iter().map(String::as_bytes).collect();
    targets.push(file("agent-lines", agent_lines, &agent_seeds));
    targets.push(file("grpc-reflection", reflection, &[&said_of_itself()]));
    targets.push(file("grpc-descriptors", descriptors, &[&shop().1]));
    targets.push(file("grpc-message", message, &[b"\x0a\x02o1\x10\x02\x1a\x02ab", b"\x0a\0"]));
    targets.push(file("drive-lines", drive_lines, &[include_bytes!("seeds/lines.json")]));
    targets
}

const SCENARIOS: &[&[u8]] = &[
    include_bytes!("../../scenarios/quickstart.yaml"),
    include_bytes!("../../scenarios/capacity.yaml"),
    include_bytes!("../../scenarios/where-the-time-goes.yaml"),
    include_bytes!("seeds/scenario.yaml"),
];
const RESULTS: &[u8] = include_bytes!("seeds/results.json");
const JOURNAL: &[u8] = include_bytes!("seeds/results.journal");
const TEMPLATES: &[&[u8]] = &[
    include_bytes!("../../templates/pull-request.md.jinja"),
    include_bytes!("../../templates/gallery.md.jinja"),
    include_bytes!("../../templates/report.md.jinja"),
];

/// In the first byte of an input: its bytes are the data of one frame, to be headed as the protocol heads it.
const ONE_FRAME: u8 = 0x80;

/// The two ends of a transport. An input begins with a byte that chooses what the client asks first, and a byte that
/// says in pieces of what size the rest comes.
fn ends(name: &'static str, protocol: &'static dyn StreamProtocol, tls: bool) -> [Target; 2] {
    let wire = move || if tls { Wire::secure(protocol) } else { Wire::plain(protocol) };
    let (mut up, mut down) = (Vec::new(), Vec::new());
    for (ask, asked) in (0..).zip(every_call(&[0, 5, 2100])) {
        let mut pair = Pair::new(&wire(), usize::MAX);
        // What the opening takes is part of the stream.
        pair.call(asked);
        for (stream, seeds) in [(&pair.up, &mut up), (&pair.down, &mut down)] {
            seeds.push([&[ask, 0], &stream[..]].concat());
            seeds.extend(frames(name, stream).into_iter().map(|frame| [&[ask | ONE_FRAME, 0], &frame[..]].concat()));
        }
    }
    let secured = Arc::new(wire());
    let (for_server, for_client) = (secured.clone(), secured);
    let context =
        ServerContext { options: Options::default(), body_limit: BODY_LIMIT, hold: Hold::new(HELD).expect("a page") };
    let server = move |input: &[u8]| {
        let [head, cut, bytes @ ..] = input else { return };
        let codec = protocol.server(&context);
        let codec = match &for_server.tls {
            Some((identity, _)) => identity.secure(codec),
            None => codec,
        };
        serve(codec, &framed(name, *head, bytes), *cut);
    };
    let client = move |input: &[u8]| {
        let [head, cut, bytes @ ..] = input else { return };
        let context = ClientContext::of_service(Fill::constant(0), Options::default(), "fuzz");
        let codec = protocol.client(&context);
        let codec = match &for_client.tls {
            Some((_, trust)) => trust.secure(codec).expect("a handshake can be begun"),
            None => codec,
        };
        call(codec, usize::from(head & !ONE_FRAME), &framed(name, *head, bytes), *cut);
    };
    let target = |end: &str, read, seeds| Target { name: format!("{name}-{end}"), stack: CONNECTION, read, seeds };
    [target("server", Box::new(server) as Read, up), target("client", Box::new(client) as Box<_>, down)]
}

/// The client's end of a transport that asks calls of the user's own, which look into what comes.
fn own_calls((name, protocol): (&'static str, &'static dyn StreamProtocol)) -> Target {
    let (calls, replies) = match name {
        "tcp" => (OWN_BYTES, BYTES),
        "grpc" => (OWN_METHODS, MESSAGES),
        _ => (OWN_CALLS, REPLIES),
    };
    let mut calls: Vec<OwnCall> = serde_json::from_str(calls).expect("calls");
    let grpc = calls.iter_mut().filter_map(|call| call.grpc.as_mut());
    grpc.for_each(|call| call.compile(&shop().0).expect("a call of the shop"));
    let asks: Vec<CallSpec> =
        (0..calls.len() as u16).map(|call| CallSpec::Own(Own { call, client: 1, number: 2 })).collect();
    let own: Arc<[OwnCall]> = calls.into();
    let context = ClientContext { own, ..ClientContext::of_service(Fill::constant(0), Options::default(), "fuzz") };
    let seeds = (0..).zip(replies).map(|(ask, reply)| [&[ask, 0][..], *reply].concat()).collect();
    let read = move |input: &[u8]| {
        let [head, cut, bytes @ ..] = input else { return };
        converse(protocol.client(&context), &asks, usize::from(*head), bytes, *cut);
    };
    Target { name: format!("{name}-own-client"), stack: CONNECTION, read: Box::new(read), seeds }
}

const OWN_CALLS: &str = r#"[
    {"name": "a", "http": {"method": "GET", "path": "/${unique}"}, "contains": "ok"},
    {"name": "b", "http": {"method": "HEAD", "path": "/"}, "size": 0},
    {"name": "c", "http": {"method": "POST", "path": "/", "body": {"text": "${number}"}, "status": [200, 302]},
     "take": [{"name": "at", "from": {"header": "location"}}, {"name": "all", "from": "all"}]}
]"#;
const OWN_METHODS: &str = r#"[
    {"name": "a", "grpc": {"service": "shop.v1.Orders", "method": "Place", "message": {"note": "${unique}"}}, "contains": "o1"},
    {"name": "b", "grpc": {"service": "shop.v1.Orders", "method": "List", "message": {"count": 2}}, "contains": "a-1"},
    {"name": "c", "grpc": {"service": "shop.v1.Orders", "method": "Refuse", "status": ["NOT_FOUND"]}, "size": 0}
]"#;
// SETTINGS, HEADERS with `:status: 200`, DATA, and HEADERS with `grpc-status`, which ends the stream.
const MESSAGES: &[&[u8]] = &[
    b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x0b\0\0\0\0\0\x01\0\0\0\0\x06\x0a\x02o1\x10\x02\0\0\x0f\x01\x05\0\0\0\x01\0\x0bgrpc-status\x010",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x04\0\0\0\x01\x88\0\0\x14\0\0\0\0\0\x01\0\0\0\0\x05\x0a\x03a-0\0\0\0\0\x05\x0a\x03a-1\0\0\x0f\x01\x05\0\0\0\x01\0\x0bgrpc-status\x010",
    b"\0\0\0\x04\0\0\0\0\0\0\0\x10\x01\x05\0\0\0\x01\x88\0\x0bgrpc-status\x015",
];
const OWN_BYTES: &str = r#"[
    {"name": "a", "send": {"message": {"text": "PING"}, "reply": {"until": "DQo="}}, "contains": "ok"},
    {"name": "b", "send": {"message": {"bytes": "AAE="}, "reply": {"bytes": 4}}, "size": 4},
    {"name": "c", "send": {"message": {"text": "${unique}"}, "reply": {"length": "u64le"}}, "take": [{"name": "all", "from": "all"}]}
]"#;
const BYTES: &[&[u8]] = &[b"+ok\r\n", b"four", b"\x03\0\0\0\0\0\0\0abc+\r\r\n"];
const REPLIES: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n\x1f\x8b\x08\x00\x00\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\nok",
];

/// The bytes, in one frame where they are to be, so that a slip in a length does not end all reading.
fn framed(transport: &str, head: u8, bytes: &[u8]) -> Vec<u8> {
    let len = (bytes.len() as u32).to_be_bytes();
    match transport {
        _ if head & ONE_FRAME == 0 => bytes.to_vec(),
        // Length, whether it is compressed, the data, a flush byte (`rpyc/core/channel.py`).
        "rpyc" => [&len[..], &[0], bytes, b"\n"].concat(),
        _ => bytes.to_vec(),
    }
}

/// The data of each frame of a stream that one end wrote.
fn frames(transport: &str, mut stream: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while transport == "rpyc"
        && let Some((len, rest)) = stream.split_first_chunk::<4>()
        && let Some(data) = rest.get(1..1 + u32::from_be_bytes(*len) as usize)
    {
        frames.push(data.to_vec());
        stream = rest.get(2 + data.len()..).unwrap_or_default();
    }
    frames
}

pub(crate) fn pieces(bytes: &[u8], cut: u8) -> impl Iterator<Item = &[u8]> {
    bytes.chunks(if cut == 0 { usize::MAX } else { usize::from(cut) })
}

/// What a server answers here.
pub(crate) fn answered(asked: CallRequest) -> CallResponse {
    match asked {
        CallRequest::Echo(bytes) => CallResponse::Echo(bytes),
        CallRequest::Upload(len) => CallResponse::Size(len),
        CallRequest::Download { len, .. } => CallResponse::Bytes { fill: Fill::constant(0), len: len.min(1 << 16) },
        // Computing and sleeping as long as a stranger says is the service's matter, not the codec's.
        CallRequest::Compute { .. } => CallResponse::Number(0),
        CallRequest::Sleep { ns } => CallResponse::Slept(ns),
        CallRequest::Ping => CallResponse::Pong,
        CallRequest::Nonce => CallResponse::Nonce("nonce".into()),
    }
}

fn serve(mut codec: Box<dyn ServerCodec>, bytes: &[u8], cut: u8) {
    let mut out = Outbox::new();
    for mut piece in pieces(bytes, cut) {
        loop {
            match codec.receive(&mut piece, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Write) => {}
                Ok(Step::Close) | Err(_) => return,
                Ok(Step::Execute { call, asked }) => {
                    // Computing and sleeping as long as a stranger says is the service's matter, not the codec's.
                    if codec.answer(call, answered(asked), &mut out) == Next::Close {
                        return;
                    }
                }
            }
            let _ = written(&mut out, |out| codec.fill_output(out));
        }
    }
}

fn call(codec: Box<dyn ClientCodec>, first: usize, bytes: &[u8], cut: u8) {
    converse(codec, &every_call(&[0, 5, 2100]), first, bytes, cut);
}

/// Asks one call after the other, from the `first` on, while these bytes come.
fn converse(mut codec: Box<dyn ClientCodec>, asks: &[CallSpec], first: usize, bytes: &[u8], cut: u8) {
    let mut out = Outbox::new();
    let mut next = asks.iter().cycle().skip(first % asks.len());
    let mut opening = codec.open(&mut out);
    if !opening && let Some(ask) = next.next() {
        codec.call(0, ask, true, &mut out);
    }
    for mut piece in pieces(bytes, cut) {
        loop {
            let _ = written(&mut out, |out| codec.fill_output(out));
            match codec.receive(&mut piece, &mut out) {
                Ok(Some(reply)) if !reply.reusable => return,
                Ok(Some(reply)) => {
                    let _ = reply.verdict.is_ok().then(|| codec.inspect(reply.slot));
                    opening = opening && reply.verdict.is_ok() && codec.open(&mut out);
                    if !opening && let Some(ask) = next.next() {
                        codec.call(reply.slot, ask, true, &mut out);
                    }
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
    let _ = codec.hung_up();
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A scenario of reasonable size is read, planned, and drawn up with its mistakes.
fn scenario(bytes: &[u8]) {
    match read("fuzzed.yaml", &text(bytes), &[]) {
        Ok(scenario) => drop(Plan::of(&scenario)),
        Err(mistakes) => drop(mistakes.render(false)),
    }
}

fn results(bytes: &[u8]) {
    if let Ok(results) = Results::parse(&text(bytes)) {
        drop(View::of(&results));
    }
}

fn journal(bytes: &[u8]) {
    if let Ok(results) = engine::results::journal::parse(&text(bytes)) {
        drop(View::of(&results));
    }
}

fn template(bytes: &[u8]) {
    static VIEW: std::sync::OnceLock<Arc<View>> = std::sync::OnceLock::new();
    let view = VIEW.get_or_init(|| {
        let results = Results::parse(&text(RESULTS)).expect("the seed is whole");
        Arc::new(View::of(&results).expect("and has a view"))
    });
    drop(render(view, "fuzzed.md", &text(bytes)));
}

/// A file of rows.
fn rows(bytes: &[u8]) {
    drop(engine::scenario::data::table(bytes));
}

const ROWS: &[&[u8]] = &[b"user,password\nann,\"p\"\"w,\n1\"\nbob,\n", b"\xef\xbb\xbfsku\r\na-1\r\n\r\nb-2\r\n"];
const GIVEN: &[&[u8]] = &[
    b"sid=1; Path=/a; Max-Age=60\n{\"a\": [{\"b\": \"x\"}]}",
    b"sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT\n[1, null]",
];

/// A cookie, and JSON that values are taken from.
fn given(bytes: &[u8]) {
    let take = r#"[{"name": "a", "take": [{"name": "x", "from": {"json": "/a/0/b"}}, {"name": "y", "from": "all"}]}]"#;
    let calls: Vec<OwnCall> = serde_json::from_str(take).expect("a call");
    let callers = Callers { clients: 1, steps: 1, seed: 1, cookies: true };
    let bound = bind(calls, Vec::new(), callers).expect("it has no words");
    let (cookie, body) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let fields = vec![("set-cookie".to_owned(), cookie.to_vec())];
    let _ = bound.sessions.keep(0, &bound.calls[0].take, &Material { body: body.to_vec(), fields }, true);
    let mut out = Vec::new();
    bound.sessions.put_cookies(0, body, b"", &mut out);
    bound.sessions.put(0, 1, Form::Json, &mut out);
}

/// The shop of `tests/systems/proto`, described, and as the bytes that describe it.
fn shop() -> (Descriptors, Vec<u8>) {
    let text = include_str!("seeds/descriptors.json");
    let descriptors: Descriptors = serde_json::from_str(text).expect("descriptors");
    let text: String = serde_json::from_str(text).expect("a text");
    (descriptors, STANDARD.decode(text).expect("base64"))
}

/// One field of a message, whose value has a length.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    assert!(number < 16);
    let mut len = value.len();
    let mut bytes = vec![number << 3 | 2];
    while len >= 0x80 {
        bytes.push(len as u8 | 0x80);
        len >>= 7;
    }
    bytes.push(len as u8);
    [bytes, value.to_vec()].concat()
}

/// Answers to questions of reflection, each behind its length in two bytes: all files at once, as a set has them.
fn said_of_itself() -> Vec<u8> {
    let answer = field(4, &shop().1);
    [&(answer.len() as u16).to_be_bytes()[..], &answer].concat()
}

/// A server describes itself as it likes; what comes of that is asked a call.
fn reflection(mut bytes: &[u8]) {
    let mut reflection = Reflection::of(["shop.v1.Orders"]);
    while let Some((head, rest)) = bytes.split_first_chunk::<2>() {
        let (answer, more) = rest.split_at(usize::from(u16::from_be_bytes(*head)).min(rest.len()));
        bytes = more;
        if reflection.next().is_none() || reflection.take(Ok(answer)).is_err() {
            break;
        }
    }
    if let Ok(descriptors) = reflection.finish() {
        ask(&descriptors);
    }
}

/// A set of descriptors; what it describes is asked a call.
fn descriptors(bytes: &[u8]) {
    if let Ok(descriptors) = Descriptors::of(bytes.to_vec().into()) {
        ask(&descriptors);
    }
}

/// Makes a call of the shop ready by those descriptors, and another with a fault.
fn ask(descriptors: &Descriptors) {
    drop(descriptors.services());
    for call in [
        r#"{"service": "shop.v1.Orders", "method": "Place", "message": {"note": "${unique}", "items": [{"sku": "a"}], "state": "STATE_OPEN"}}"#,
        r#"{"service": "shop.v1.Orders", "method": "Place", "message": {"note": 1, "before": {"quantity": "x"}}}"#,
    ] {
        let mut call: GrpcCall = serde_json::from_str(call).expect("a call");
        if call.compile(descriptors).is_err() {
            continue;
        }
        if let Some(compiled) = &call.compiled {
            let own = Own { call: 0, client: 1, number: 2 };
            let mut out = Vec::new();
            compiled.put(own, &mut out);
            assert_eq!(out.len(), compiled.len(own) + 5);
            drop(compiled.as_json(&out));
        }
    }
}

/// A message of a reply, told as JSON.
fn message(bytes: &[u8]) {
    static CALL: std::sync::OnceLock<GrpcCall> = std::sync::OnceLock::new();
    let call = CALL.get_or_init(|| {
        let call = r#"{"service": "shop.v1.Orders", "method": "Place"}"#;
        let mut call: GrpcCall = serde_json::from_str(call).expect("a call");
        call.compile(&shop().0).expect("a call of the shop");
        call
    });
    drop(call.compiled.as_ref().and_then(|compiled| compiled.as_json(bytes)));
}

fn asked_of_an_agent() -> Vec<String> {
    let requests = [Request::Launch(Launch::default()), Request::Begin {}, Request::Beat {}];
    let keep = Keep {
        words: vec!["serve".into(), "${address}".into()],
        env: BTreeMap::from([("PORT".into(), "${port}".into())]),
        folder: "/".into(),
        host: "127.0.0.1".into(),
        family: Family::Tcp,
        within_ns: 1,
    };
    let mut lines: Vec<_> = requests.iter().map(serde_json::to_string).collect();
    lines.extend([ToKeeper::Keep(keep), ToKeeper::Stop {}].iter().map(serde_json::to_string));
    lines.extend([ToLink::Begin {}, ToLink::End {}].iter().map(serde_json::to_string));
    lines.into_iter().map(|line| line.expect("a line")).collect()
}

fn said_by_an_agent() -> Vec<String> {
    let answers =
        [Answered::Done {}, Answered::Window(Box::default()), Answered::Ended { how: "by itself".into(), wrote: None }];
    let mut said: Vec<FromAgent> = answers.map(FromAgent::Answer).into();
    said.push(FromAgent::Hello(Hello { version: 1, engine: "0".into(), cores: vec![0, 1], ..Hello::default() }));
    said.push(FromAgent::Absent { machine: "x86_64".into() });
    said.iter().map(|said| serde_json::to_string(said).expect("a line")).collect()
}

/// Lines to an agent and from one, and to and from those who lay links and keep commands for it.
fn agent_lines(bytes: &[u8]) {
    for line in text(bytes).lines() {
        drop(serde_json::from_str::<Request>(line));
        drop(serde_json::from_str::<FromAgent>(line));
        drop(serde_json::from_str::<ToLink>(line));
        drop(serde_json::from_str::<FromLink>(line));
        drop(serde_json::from_str::<ToKeeper>(line));
    }
}

/// Lines of a client process and lines to it; an assignment is taken as far as it goes without a connection.
fn drive_lines(bytes: &[u8]) {
    for line in text(bytes).lines() {
        drop(line.parse::<FromDrive>());
        if let Ok(ToDrive::Assignment(assignment)) = serde_json::from_str(line) {
            drop(Job::of(&assignment));
        }
    }
}
