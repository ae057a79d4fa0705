//! Every transport on every server model that can host it: all calls are answered, and bad peers hurt only themselves.

mod ends;

use std::fmt;
use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ends::{Server, until};
use engine::call::{CallSpec, Fill, FillKind, SQUARES, SplitMix};
use engine::drive::connection::take_rest;
use engine::server::MODELS;
use engine::server::workers::{cores, workers};
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::TRANSPORTS;
use engine::transport::address::Address;
use engine::transport::contract::{
    AsyncClient, AsyncConnection, AsyncProtocol, ClientCodec, ClientContext, IoModel, Reply,
};
use engine::transport::http1::ENCODING;
use engine::transport::option::{OptionValue, Options};
use engine::transport::options::TLS;
use engine::transport::outbox::Outbox;
use engine::transport::socket::{Socket, SocketOptions, Stream, flush};
use engine::transport::tls::Trust;
use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};
use tokio::runtime::{Builder, Runtime};
use tokio::task::LocalSet;
use tokio::time::timeout;

const CHUNK: u64 = 64 * 1024;
const SEED: u64 = 42;
/// How long a server may keep its client waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket whose server may be slow, but not for ever.
fn dial(address: &Address) -> Socket {
    let options = SocketOptions::default();
    let socket = Socket::dial_within(address, PATIENCE, &options).expect("the server listens");
    setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(PATIENCE.as_secs() as i64)).expect("the time is not zero");
    socket
}

/// A client that waits for each reply, of either IO model.
enum Caller {
    Stream(StreamCaller),
    Async(AsyncCaller),
}

impl Caller {
    fn dial(end: &End, fill: &Arc<Fill>) -> Self {
        match end.io_model {
            IoModel::Stream(_) => Caller::Stream(StreamCaller::dial(end, fill)),
            IoModel::Async(protocol) => Caller::Async(AsyncCaller::dial(protocol, end, fill)),
        }
    }

    fn call(&mut self, ask: CallSpec) -> Reply {
        match self {
            Caller::Stream(caller) => caller.call(ask),
            Caller::Async(caller) => caller.call(ask),
        }
    }

    /// Ends the connection in the way of its protocol.
    fn close(self) {
        match self {
            Caller::Stream(caller) => caller.close(),
            Caller::Async(caller) => caller.close(),
        }
    }
}

/// A client over a socket.
struct StreamCaller {
    socket: Socket,
    codec: Box<dyn ClientCodec>,
    out: Outbox,
    buffer: Vec<u8>,
}

impl StreamCaller {
    fn dial(end: &End, fill: &Arc<Fill>) -> Self {
        let (codec, buffer) = (end.codec(fill), vec![0; 256 * 1024]);
        let mut caller = StreamCaller { socket: dial(&end.address), codec, out: Outbox::new(), buffer };
        while caller.codec.open(&mut caller.out) {
            caller.reply().verdict.expect("the greeting is answered");
        }
        caller
    }

    fn call(&mut self, ask: CallSpec) -> Reply {
        self.codec.call(0, &ask, true, &mut self.out);
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        loop {
            flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut 0).expect("the server reads");
            let n = self.socket.read(&mut self.buffer).expect("the server writes");
            assert!(n > 0, "the server has closed the connection: {:?}", self.codec.hung_up());
            let mut input = &self.buffer[..n];
            if let Some(reply) = self.codec.receive(&mut input, &mut self.out).expect("the reply is well formed") {
                take_rest(&mut *self.codec, input, &mut self.out).expect("one reply to a call");
                return reply;
            }
        }
    }

    fn close(mut self) {
        self.codec.close(&mut self.out);
        flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut 0).expect("the server reads to the end");
    }
}

/// A client whose library owns the IO.
struct AsyncCaller {
    runtime: Runtime,
    local: LocalSet,
    client: Box<dyn AsyncClient>,
    connection: Rc<dyn AsyncConnection>,
}

impl AsyncCaller {
    fn dial(protocol: &'static dyn AsyncProtocol, end: &End, fill: &Arc<Fill>) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (local, tls) = (LocalSet::new(), end.trust.as_ref().expect("it is encrypted").config());
        let Address::Tcp(address) = end.address else { panic!("{} is no address of UDP", end.address) };
        let (client, connection) = local.block_on(&runtime, async {
            let client = protocol.client(&end.context(fill), address, tls).expect("there are no options");
            let dialled = timeout(PATIENCE, client.dial()).await.expect("the server answers");
            let connection = dialled.expect("the handshake succeeds");
            (client, connection)
        });
        AsyncCaller { runtime, local, client, connection }
    }

    fn call(&mut self, ask: CallSpec) -> Reply {
        let reply =
            self.local.block_on(&self.runtime, async { timeout(PATIENCE, self.connection.call(ask, true)).await });
        reply.expect("the server answers").expect("the connection lives")
    }

    fn close(self) {
        self.connection.close();
        self.local.block_on(&self.runtime, self.client.rest());
    }
}

/// A server to launch: a pair of ours that fits, as it is or with an option that changes what is on the wire.
struct Pair {
    pairing: Pairing,
    option: Option<(&'static str, OptionValue)>,
}

impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.option {
            None => write!(f, "{}", self.pairing),
            Some((name, value)) => write!(f, "{} {name}={value}", self.pairing),
        }
    }
}

/// The name of its server model.
fn model(pairing: &Pairing) -> &'static str {
    pairing.serving().model().map_or("", |(model, _)| model.name())
}

fn pairs() -> impl Iterator<Item = Pair> {
    let pairings = TRANSPORTS.iter().flat_map(|transport| {
        MODELS.iter().filter_map(|model| Pairing::of(*transport, *model, &native::Native, &driver::native::Native).ok())
    });
    pairings.flat_map(|pairing| {
        let known = |name: &str| pairing.options().iter().any(|spec| spec.name == name);
        let coded = OptionValue::Word("chunked".to_owned());
        let ways = [(TLS.name, OptionValue::Flag(true)), (ENCODING.name, coded)];
        let ways: Vec<_> = ways.into_iter().filter(|(name, _)| known(name)).map(Some).collect();
        [None].into_iter().chain(ways).map(move |option| Pair { pairing: pairing.clone(), option })
    })
}

/// What a client of a pair has to know.
struct End {
    io_model: IoModel,
    address: Address,
    trust: Option<Trust>,
    options: Options,
}

impl End {
    fn context(&self, fill: &Arc<Fill>) -> ClientContext {
        ClientContext::of_service(fill.clone(), self.options.clone(), self.address.to_string())
    }

    fn plain_codec(&self, fill: &Arc<Fill>) -> Box<dyn ClientCodec> {
        let IoModel::Stream(protocol) = self.io_model else { panic!("only streams have codecs") };
        protocol.client(&self.context(fill))
    }

    fn codec(&self, fill: &Arc<Fill>) -> Box<dyn ClientCodec> {
        let codec = self.plain_codec(fill);
        match &self.trust {
            None => codec,
            Some(trust) => trust.secure(codec).expect("a handshake can be begun"),
        }
    }
}

fn launch(pair: &Pair) -> (Server, End) {
    let Pair { pairing, option } = pair;
    let (seed, text) = (SEED.to_string(), option.as_ref().map(|(name, value)| format!("{name}={value}")));
    let mut more = vec!["--fill", "random", "--seed", &seed];
    more.extend(text.iter().flat_map(|text| ["--option", text]));
    let server = Server::launch(pairing.transport().name(), model(pairing), &more);
    let address = server.address().parse().expect("the ready line has an address");
    let options = Options(option.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect());
    let (io_model, ca) = (pairing.transport().io_model(), server.ready["ca"].as_str());
    let trust = match io_model {
        IoModel::Stream(protocol) => Trust::of(&options, protocol.alpn(), ca, &address),
        IoModel::Async(protocol) => Trust::with_ca(false, Some(protocol.alpn()), ca, &address).map(Some),
    };
    (server, End { io_model, address, trust: trust.expect("a certificate"), options })
}

#[test]
fn every_pair_that_fits_answers_every_call() {
    let fill = Fill::new(FillKind::Random, SEED);
    let mut served = 0;
    for pairing in pairs() {
        let (server, end) = launch(&pairing);
        assert_eq!(server.status("Threads"), 1, "{pairing}: a server that is ready has one thread");
        let caller = || Caller::dial(&end, &fill);
        let (mut one, mut other) = (caller(), caller());
        let check = |caller: &mut Caller, ask: CallSpec| {
            let reply = caller.call(ask);
            assert_eq!(reply.verdict, Ok(()), "{pairing}: {ask:?}");
            assert!(reply.reusable, "{pairing}: {ask:?}");
            reply.nonce
        };
        assert_eq!(check(&mut one, CallSpec::Nonce).as_deref(), Some(server.nonce()), "{pairing}");
        for ask in [
            CallSpec::Ping,
            CallSpec::Compute { what: &SQUARES, n: 0 },
            CallSpec::Compute { what: &SQUARES, n: 1000 },
            CallSpec::Sleep { ns: 1_000_000 },
        ] {
            check(&mut one, ask);
            check(&mut other, ask);
        }
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 1 << 20] {
            for chunk in [None, Some(CHUNK)] {
                for ask in
                    [CallSpec::Echo { len, chunk }, CallSpec::Upload { len, chunk }, CallSpec::Download { len, chunk }]
                {
                    check(&mut one, ask);
                    check(&mut other, ask);
                }
            }
        }
        one.close();
        // The other connection is still open: whoever serves it must not outlive the server.
        check(&mut other, CallSpec::Ping);
        assert!(server.stop(), "{pairing}: closing stdin ends it well, children included");
        served += 1;
    }
    assert!(served >= TRANSPORTS.len(), "every transport fits some model");
}

/// Writes what the server is willing to take, says that nothing more comes, and reads to the end.
fn send_only(address: &Address, bytes: &[u8]) {
    let (mut socket, mut out) = (dial(address), Outbox::new());
    out.put(bytes);
    // A server may close before it has read all.
    while !out.is_empty() && socket.write_from(&mut out).is_ok() {}
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Write);
    let mut scrap = [0; 4096];
    loop {
        match socket.read(&mut scrap) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return,
            Err(error) => panic!("the server keeps a broken connection open: {error}"),
        }
    }
}

/// Writes these bytes and then nothing for as long as the socket lives.
fn stall(address: &Address, bytes: &[u8]) -> Socket {
    let (mut socket, mut out) = (dial(address), Outbox::new());
    out.put(bytes);
    while !out.is_empty() {
        socket.write_from(&mut out).expect("the server reads");
    }
    socket
}

/// Writes a call and goes away in the middle of its reply, which resets the connection.
fn abandon(address: &Address, call: &[u8]) {
    let mut socket = stall(address, call);
    assert!(socket.read(&mut [0]).expect("the server replies") > 0);
}

/// What a client sends from its first byte to the end of one call that no reply of the server interrupts.
fn sent(mut codec: Box<dyn ClientCodec>, ask: CallSpec) -> Vec<u8> {
    let (mut out, mut bytes) = (Outbox::new(), Vec::new());
    if !codec.open(&mut out) {
        codec.call(0, &ask, false, &mut out);
    }
    loop {
        if out.is_empty() {
            codec.fill_output(&mut out);
        }
        if out.is_empty() {
            return bytes;
        }
        bytes.extend(out.drain());
    }
}

#[test]
fn a_bad_peer_ends_its_own_connection_and_no_other() {
    let fill = Fill::new(FillKind::Random, SEED);
    let mut random = SplitMix::new(SEED);
    let garbage: Vec<u8> = (0..100_000).map(|_| random.next() as u8).collect();
    // A frame of rpyc in which each value is announced to hold another, on and on: text, then tuples.
    let deep = |tag: u8| [&1770u32.to_be_bytes()[..], &[0, 1], &[tag; 1769], b"\n"].concat();
    // What comes in as datagrams has its own bad peers (`tests/quic.rs`).
    for pairing in pairs().filter(|pair| matches!(pair.pairing.transport().io_model(), IoModel::Stream(_))) {
        let (server, end) = launch(&pairing);
        let address = &end.address;
        let caller = || Caller::dial(&end, &fill);
        let mut bystander = caller();
        let upload = CallSpec::Upload { len: 10_000, chunk: None };
        // In TLS these are the first words of a handshake, and what comes without one.
        let (upload, bare) = (sent(end.codec(&fill), upload), sent(end.plain_codec(&fill), upload));
        let stalled = stall(address, &upload[..upload.len() / 2]);
        let huge = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n";
        let before = server.status("VmPeak");
        for bytes in [
            &b""[..],
            &b"\0"[..],
            &garbage,
            &[0xff; 100],
            &[0x7f; 100],
            huge.as_bytes(),
            &deep(0x08),
            &deep(0x10),
            &upload[..1],
            &upload[..upload.len() / 2],
            &upload[..upload.len() - 1],
            &bare[..bare.len() - 1],
        ] {
            send_only(address, bytes);
            assert_eq!(bystander.call(CallSpec::Ping).verdict, Ok(()), "{pairing}: a bystander is served");
            assert_eq!(caller().call(CallSpec::Ping).verdict, Ok(()), "{pairing}: a new client is served");
        }
        // In KiB: nobody makes room for what a length only announces.
        assert!(server.status("VmPeak") - before < 1 << 20, "{pairing} grew to {} KiB", server.status("VmPeak"));
        assert!(server.peak_memory() < 64 << 10, "{pairing}: {} KiB were resident", server.peak_memory());
        abandon(address, &sent(end.codec(&fill), CallSpec::Download { len: 1 << 24, chunk: None }));
        drop(stalled);
        assert_eq!(bystander.call(CallSpec::Echo { len: 1000, chunk: None }).verdict, Ok(()), "{pairing}");
        assert_eq!(caller().call(CallSpec::Ping).verdict, Ok(()), "{pairing}: a new client is served after a reset");
        bystander.close();
        let (workers, model) = (workers(&Options::default(), cores()) as usize, model(&pairing.pairing));
        let threads = if model == "pooled" { 1 + workers } else { 1 };
        let processes = if model == "preforked" { 1 + workers } else { 1 };
        let census = || (server.status("Threads") as usize, server.processes());
        let settled = until(|| (census() == (threads, processes)).then_some(()));
        assert!(settled.is_some(), "{pairing}: threads and processes are left behind: {:?}", census());
        assert!(server.stop(), "{pairing}: closing stdin ends it well, children included");
    }
}
