//! Streams of `quic` and `http3` with anything on them: an end of ours against the bare library, in one process.

use std::cell::{Cell, RefCell};
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::{Arc, Once};
use std::thread::LocalKey;
use std::time::Duration;

use engine::call::{CallRequest, CallResponse, CallSpec, Fill};
use engine::transport::TRANSPORTS;
use engine::transport::address::Address;
use engine::transport::contract::{
    AsyncClient, AsyncConnection, AsyncProtocol, ClientContext, Executor, Executors, IoModel, LocalBoxFuture,
    ServerContext,
};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::Options;
use engine::transport::peers::Peers;
use engine::transport::tls::{Identity, Trust};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, RecvStream, SendStream, ServerConfig, TokioRuntime};
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::pairs::every_call;
use crate::targets::{BODY_LIMIT, MAIN, Target, answered, pieces};

/// How long one end waits for the other; nothing depends on it but how long an input lasts that is not answered.
const PATIENCE: Duration = Duration::from_millis(10);
/// The most of an answer that is kept.
const LONG: usize = 1 << 20;
/// In the first byte of an input: its stream is given up rather than ended.
const RESET: u8 = 0x80;
/// In the first byte of an input: its bytes go on a stream of one way, as those of HTTP/3's settings do.
const ONE_WAY: u8 = 0x40;
/// What an end of HTTP/3 says first: its control stream with settings that are all at their default (RFC 9114, 6.2.1).
const SETTINGS: [u8; 3] = [0, 4, 0];

thread_local! {
    /// How many tasks of this thread have panicked: the runtime catches it.
    static PANICS: Cell<u64> = const { Cell::new(0) };
    /// The ends that this thread has; they are made by its first input, and kept to the end of the process, since the
    /// library needs its runtime when it goes.
    static SERVED: Ends<Served> = const { RefCell::new(Vec::new()) };
    static CALLED: Ends<Called> = const { RefCell::new(Vec::new()) };
}

/// Ends of transports by their name.
type Ends<T> = RefCell<Vec<(&'static str, &'static T)>>;

/// Both ends of every transport over datagrams.
pub(crate) fn targets() -> impl Iterator<Item = Target> {
    TRANSPORTS
        .iter()
        .filter_map(|transport| match transport.io_model() {
            IoModel::Async(protocol) => Some(ends(transport.name(), protocol)),
            IoModel::Stream(_) => None,
        })
        .flatten()
}

fn ends(name: &'static str, protocol: &'static dyn AsyncProtocol) -> [Target; 2] {
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let (called, served) = (Called::new(protocol), Served::new(protocol));
    for (ask, asked) in (0..).zip(every_call(&[0, 5, 2100])) {
        let said = called.call(asked, &[ask, 0]);
        down.push([&[ask, 0], &served.hear(&[&[0, 0], &said[..]].concat())[..]].concat());
        up.push([&[0, 0], &said[..]].concat());
    }
    let target = |end: &str, read, seeds| Target { name: format!("{name}-{end}"), stack: MAIN, read, seeds };
    let server =
        move |input: &[u8]| watched(&SERVED, name, || Served::new(protocol), |served| drop(served.hear(input)));
    let client = move |input: &[u8]| {
        let asks: Vec<CallSpec> = every_call(&[0, 5, 2100]);
        let ask = asks[usize::from(input.first().map_or(0, |head| head & !RESET & !ONE_WAY)) % asks.len()];
        watched(&CALLED, name, || Called::new(protocol), |called| drop(called.call(ask, input)));
    };
    [target("server", Box::new(server), up), target("client", Box::new(client), down)]
}

/// Does something with this thread's ends of a transport; a panic of one of their tasks is one of the caller.
fn watched<T>(all: &'static LocalKey<Ends<T>>, name: &'static str, make: impl FnOnce() -> T, work: impl FnOnce(&T)) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PANICS.set(PANICS.get() + 1);
            before(info);
        }));
    });
    let panics = PANICS.get();
    let known = all.with_borrow(|all| all.iter().find(|(known, _)| *known == name).map(|(_, ends)| *ends));
    let ends = known.unwrap_or_else(|| {
        let made: &'static T = Box::leak(Box::new(make()));
        all.with_borrow_mut(|all| all.push((name, made)));
        made
    });
    work(ends);
    assert_eq!(PANICS.get(), panics, "a task has panicked");
}

/// A runtime, and the certificate of the server on it.
struct Ground {
    runtime: Runtime,
    tasks: LocalSet,
    identity: Identity,
    trust: Trust,
}

impl Ground {
    fn new(protocol: &dyn AsyncProtocol) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let address: Address = "127.0.0.1:1".parse().expect("an address");
        let identity = Identity::fresh(false, &[protocol.alpn()], &address).expect("a certificate");
        let trust = Trust::with_ca(false, Some(protocol.alpn()), Some(identity.ca()), &address).expect("a certificate");
        Ground { runtime, tasks: LocalSet::new(), identity, trust }
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.tasks.block_on(&self.runtime, work)
    }
}

fn any_port() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let address = socket.local_addr().expect("it is bound");
    (socket, address)
}

/// Writes an input to a stream and ends it as the input says.
async fn say(mut stream: SendStream, head: u8, cut: u8, bytes: &[u8]) {
    for piece in pieces(bytes, cut) {
        if stream.write_all(piece).await.is_err() {
            return;
        }
    }
    let _ = if head & RESET == 0 { stream.finish().ok() } else { stream.reset(1u32.into()).ok() };
}

/// What comes on a stream, as far as it comes.
async fn heard(mut stream: RecvStream) -> Vec<u8> {
    let whole = timeout(PATIENCE, stream.read_to_end(LONG)).await;
    whole.ok().and_then(Result::ok).unwrap_or_default()
}

/// Says what is said first; the stream of it, which has to stay open as long as the connection does.
async fn greet(connection: &Connection) -> Option<SendStream> {
    // Where streams of one way are not taken, none is due.
    let mut control = timeout(PATIENCE, connection.open_uni()).await.ok()?.ok()?;
    let _ = control.write_all(&SETTINGS).await;
    Some(control)
}

/// A server of ours, and a bare client that says anything to it.
struct Served {
    ground: Ground,
    client: Endpoint,
    address: SocketAddr,
    connection: RefCell<Option<(Connection, Option<SendStream>)>>,
}

struct AtOnce;

impl Executor for AtOnce {
    fn execute(&self, asked: CallRequest) -> LocalBoxFuture<'static, CallResponse> {
        Box::pin(async { answered(asked) })
    }
}

impl Served {
    fn new(protocol: &dyn AsyncProtocol) -> Self {
        let ground = Ground::new(protocol);
        let (socket, address) = any_port();
        let context = ServerContext {
            options: Options::default(),
            body_limit: BODY_LIMIT,
            hold: Hold::new(HELD).expect("a page"),
        };
        let executors: Executors = Box::new(|| Some(Rc::new(AtOnce) as Rc<dyn Executor>));
        let client = ground.run(async {
            let serving = protocol
                .serve(&context, socket, Peers::default(), ground.identity.config(), executors)
                .expect("it serves");
            spawn_local(serving);
            let mut client = Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port is free");
            let tls = QuicClientConfig::try_from(ground.trust.config()).expect("TLS 1.3");
            client.set_default_client_config(ClientConfig::new(Arc::new(tls)));
            client
        });
        Served { ground, client, address, connection: RefCell::default() }
    }

    /// Says an input on a stream of its own; what the server answers.
    fn hear(&self, input: &[u8]) -> Vec<u8> {
        let [head, cut, bytes @ ..] = input else { return Vec::new() };
        self.ground.run(async {
            let living = self.connection.borrow().as_ref().map(|(connection, _)| connection.clone());
            let living = living.filter(|living| living.close_reason().is_none());
            let connection = match living {
                Some(living) => living,
                None => {
                    let dialling = self.client.connect(self.address, "127.0.0.1").expect("a dial can be begun");
                    let Ok(fresh) = dialling.await else { return Vec::new() };
                    let control = greet(&fresh).await;
                    self.connection.replace(Some((fresh.clone(), control)));
                    fresh
                }
            };
            if head & ONE_WAY != 0 {
                if let Ok(Ok(stream)) = timeout(PATIENCE, connection.open_uni()).await {
                    say(stream, *head, *cut, bytes).await;
                }
                return Vec::new();
            }
            let Ok(Ok((send, recv))) = timeout(PATIENCE, connection.open_bi()).await else {
                // Streams that never end have used up their number.
                connection.close(0u32.into(), b"");
                return Vec::new();
            };
            say(send, *head, *cut, bytes).await;
            heard(recv).await
        })
    }
}

/// A client of ours, and a bare server that answers anything.
struct Called {
    ground: Ground,
    server: Endpoint,
    client: Box<dyn AsyncClient>,
    connection: RefCell<Option<Accepted>>,
}

/// Both ends of a connection, and the stream on which the server has said what is said first.
type Accepted = (Rc<dyn AsyncConnection>, Connection, Option<SendStream>);

impl Called {
    fn new(protocol: &dyn AsyncProtocol) -> Self {
        let ground = Ground::new(protocol);
        let (socket, address) = any_port();
        let server = ground.run(async {
            let tls = QuicServerConfig::try_from(ground.identity.config()).expect("TLS 1.3");
            let config = ServerConfig::with_crypto(Arc::new(tls));
            let endpoint = EndpointConfig::default();
            Endpoint::new(endpoint, Some(config), socket, Arc::new(TokioRuntime)).expect("it listens")
        });
        let client = ground.run(async {
            let fill = Fill::constant(0);
            let context = ClientContext::of_service(fill, Options::default(), "fuzz");
            protocol.client(&context, address, ground.trust.config()).expect("a client")
        });
        Called { ground, server, client, connection: RefCell::default() }
    }

    /// Makes a call that is answered with an input; what the client said.
    fn call(&self, ask: CallSpec, input: &[u8]) -> Vec<u8> {
        let [head, cut, bytes @ ..] = input else { return Vec::new() };
        self.ground.run(async {
            let living = self.connection.borrow().as_ref().map(|(client, server, _)| (client.clone(), server.clone()));
            let living = living.filter(|(client, server)| client.accepts() && server.close_reason().is_none());
            let (client, server) = match living {
                Some(living) => living,
                None => {
                    let accepting = async { self.server.accept().await?.await.ok() };
                    let (dialled, accepted) = tokio::join!(self.client.dial(), accepting);
                    let (Ok(client), Some(server)) = (dialled, accepted) else { return Vec::new() };
                    let control = greet(&server).await;
                    self.connection.replace(Some((client.clone(), server.clone(), control)));
                    (client, server)
                }
            };
            let answer = async {
                let Ok((send, recv)) = server.accept_bi().await else { return Vec::new() };
                let said = heard(recv).await;
                if head & ONE_WAY == 0 {
                    say(send, *head, *cut, bytes).await;
                } else if let Ok(Ok(stream)) = timeout(PATIENCE, server.open_uni()).await {
                    say(stream, *head, *cut, bytes).await;
                }
                said
            };
            let call = timeout(PATIENCE, client.call(ask, true));
            tokio::join!(call, answer).1
        })
    }
}
