//! Both ends of QUIC before anything is said on it: sockets, settings, handshakes.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::{BbrConfig, CubicConfig, NewRenoConfig};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{
    ClientConfig, Connection, ConnectionError, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig,
    VarInt,
};
use tokio::task::spawn_local;
use tokio::time::timeout;

use crate::call::CallError;
use crate::error::{Context, Error, Result};
use crate::transport::address::Address;
use crate::transport::congestion::congestion_of_quic;
use crate::transport::contract::{ClientContext, Executor, Executors, LocalBoxFuture};
use crate::transport::option::Options;
use crate::transport::options::{SERVER_NAME, STREAMS as STREAMS_OPTION};
use crate::transport::peers::Peers;
use crate::transport::socket::bind_datagrams;
use crate::units::MOST_CLIENTS;

/// How much of one body may be on its way unread, in bytes, as on `http2`.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all bodies of a connection together.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How many calls a server takes at a time on a connection at least, as RFC 9114 (6.1) asks; the library makes room for
/// all of them with each connection.
const STREAMS: u64 = 100;
/// How many at most.
const MOST_STREAMS: u64 = 1 << 16;
/// How long a connection lives from which nothing is heard.
const IDLE: Duration = Duration::from_secs(60);
/// How often a client says that it is still there.
const ALIVE: Duration = Duration::from_secs(15);
/// How long the goodbyes of closed connections are waited for.
const GOODBYE: Duration = Duration::from_millis(10);
/// How many handshakes a server lets wait for their turn.
const WAITING: usize = 4096;
/// How many bytes of such a handshake, and of all of them together, wait with it.
const WAITING_BYTES: (u64, u64) = (64 << 10, 16 << 20);
/// How long a handshake may take until it is given up.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// With so many unfinished handshakes, a new client has to prove first that it is where it says it is, by an exchange
/// that the server keeps nothing of (Retry, RFC 9000, 8.1.2).
pub(crate) const UNPROVEN: usize = 1024;
/// How many handshakes may be unfinished in all; further clients have to try again.
pub(crate) const HANDSHAKES: usize = 4096;
/// How many connections a server has at most, which is as many as a scenario may have clients: unlike those of TCP they
/// take no descriptor, which would limit them.
pub(crate) const CONNECTIONS: usize = MOST_CLIENTS as usize;

/// The code of an end that is no error.
pub(crate) const NO_ERROR: VarInt = VarInt::from_u32(0);

/// How many streams the peer may have open at a time; the library makes room for all of them with each connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams {
    calls: u64,
    one_way: u32,
}

impl Streams {
    /// Those of a client, which is called by nobody.
    pub(crate) fn of_client(one_way: u32) -> Self {
        Streams { calls: 0, one_way }
    }

    /// Those of a server whose connections carry as many calls at a time as `options` ask for. As many again are
    /// allowed, so that a call never waits for the word that the one before it is over.
    pub(crate) fn of_server(options: &Options, one_way: u32) -> Self {
        let asked = options.count(STREAMS_OPTION.name).unwrap_or(1);
        Streams { calls: asked.saturating_mul(2).clamp(STREAMS, MOST_STREAMS), one_way }
    }
}

fn settings(options: &Options, streams: Streams) -> Result<TransportConfig> {
    let mut settings = TransportConfig::default();
    settings
        .max_concurrent_bidi_streams(VarInt::from_u64(streams.calls).doing("no such number of streams")?)
        .max_concurrent_uni_streams(streams.one_way.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(CONNECTION_WINDOW.into())
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IDLE.try_into().doing("no such idle time-out")?));
    match congestion_of_quic(options) {
        "cubic" => settings.congestion_controller_factory(Arc::new(CubicConfig::default())),
        "newreno" => settings.congestion_controller_factory(Arc::new(NewRenoConfig::default())),
        "bbr" => settings.congestion_controller_factory(Arc::new(BbrConfig::default())),
        word => {
            let what = format!("QUIC has no congestion control `{word}` here");
            return Err(Error::usage(what).help("it has cubic, newreno, bbr"));
        }
    };
    Ok(settings)
}

/// Dials one server from one socket.
pub(crate) struct Dialler {
    endpoint: Endpoint,
    settings: ClientConfig,
    server: SocketAddr,
    name: String,
}

impl Dialler {
    /// Connections to `server`, each with its own handshake. To be called on the thread of a runtime.
    pub(crate) fn new(
        server: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
        context: &ClientContext,
        one_way: u32,
    ) -> Result<Self> {
        let options = &context.options;
        let host = context.authority.rsplit_once(':').map_or(context.authority.as_str(), |(host, _)| host);
        let name = options.word(SERVER_NAME).unwrap_or(host.trim_matches(['[', ']'])).to_owned();
        let mut transport = settings(options, Streams::of_client(one_way))?;
        transport.keep_alive_interval(Some(ALIVE));
        let tls = QuicClientConfig::try_from(tls).doing("QUIC cannot use this TLS")?;
        let mut settings = ClientConfig::new(Arc::new(tls));
        settings.transport_config(Arc::new(transport));
        // The kernel chooses the way to the server, and with it the address that this end has.
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from(([0u8; 4], 0)),
            SocketAddr::V6(_) => SocketAddr::from(([0u16; 8], 0)),
        };
        let socket = bind_datagrams(&Address::Tcp(any)).doing("cannot open a socket")?;
        let endpoint = endpoint(None, socket)?;
        Ok(Dialler { endpoint, settings, server, name })
    }

    /// A new connection once its handshake is complete.
    pub(crate) async fn dial(&self) -> std::result::Result<Connection, CallError> {
        let broken = |reason: String| CallError::connect(format!("cannot dial {}: {reason}", self.server));
        let dialling = self.endpoint.connect_with(self.settings.clone(), self.server, &self.name);
        dialling.map_err(|error| broken(error.to_string()))?.await.map_err(|error| broken(error.to_string()))
    }

    /// Lets goodbyes leave; their acknowledgement is not worth waiting for.
    pub(crate) async fn rest(&self) {
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await;
    }
}

/// A server's end on `socket`, whose clients may open so many streams that go one way.
pub(crate) fn listen(
    socket: UdpSocket,
    tls: Arc<rustls::ServerConfig>,
    options: &Options,
    one_way: u32,
) -> Result<Endpoint> {
    let tls = QuicServerConfig::try_from(tls).doing("QUIC cannot use this TLS")?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config
        .transport_config(Arc::new(settings(options, Streams::of_server(options, one_way))?))
        .max_incoming(WAITING)
        .incoming_buffer_size(WAITING_BYTES.0)
        .incoming_buffer_size_total(WAITING_BYTES.1);
    endpoint(Some(config), socket)
}

fn endpoint(server: Option<ServerConfig>, socket: UdpSocket) -> Result<Endpoint> {
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(EndpointConfig::default(), server, socket, runtime).doing("cannot use the socket")
}

/// What is done with a client that begins a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admission {
    /// The handshake goes on.
    Granted,
    /// It has to prove where it is, and then begins again.
    Retry,
    /// Nothing: it will try again, and may find fewer before it.
    Later,
    /// It is told that it is not taken.
    Refused,
}

/// What is done where so many `handshakes` are unfinished and so many `connections` open in all, with a client that
/// has not been `asked` yet for a proof of where it is.
fn admit(handshakes: usize, connections: usize, asked: bool) -> Admission {
    match (handshakes, connections) {
        (_, CONNECTIONS..) => Admission::Refused,
        (UNPROVEN.., _) if !asked => Admission::Retry,
        (HANDSHAKES.., _) => Admission::Later,
        _ => Admission::Granted,
    }
}

/// Counts an unfinished handshake for as long as it lives.
struct Unfinished(Rc<Cell<usize>>);

impl Unfinished {
    fn among(all: &Rc<Cell<usize>>) -> Self {
        all.set(all.get() + 1);
        Unfinished(all.clone())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// Serves each connection of `peers` as a task, with an executor of its own, until the endpoint fails.
///
/// A client whose handshake fails, or for whom there is no executor, hurts nobody else.
pub(crate) async fn accept(
    endpoint: Endpoint,
    peers: Peers,
    executors: Executors,
    serve: impl Fn(Connection, Rc<dyn Executor>) -> LocalBoxFuture<'static, ()> + 'static,
) {
    let (shared, handshakes) = (Rc::new((executors, serve)), Rc::new(Cell::new(0)));
    while let Some(incoming) = endpoint.accept().await {
        let taken = peers.takes(incoming.remote_address().ip());
        let admitted = || admit(handshakes.get(), endpoint.open_connections(), !incoming.may_retry());
        match if taken { admitted() } else { Admission::Refused } {
            Admission::Granted => {}
            Admission::Retry => {
                // It can be asked, as was seen just now.
                let _ = incoming.retry();
                continue;
            }
            Admission::Later => {
                incoming.ignore();
                continue;
            }
            Admission::Refused => {
                incoming.refuse();
                continue;
            }
        }
        let (shared, unfinished) = (shared.clone(), Unfinished::among(&handshakes));
        spawn_local(async move {
            let (executors, serve) = &*shared;
            let Ok(Ok(connection)) = timeout(HANDSHAKE, incoming.into_future()).await else { return };
            drop(unfinished);
            match executors() {
                Some(executor) => serve(connection, executor).await,
                None => connection.close(NO_ERROR, b"no room"),
            }
        });
    }
}

/// The failure of a whole connection, as its calls see it.
pub(crate) fn lost(error: ConnectionError) -> CallError {
    match error {
        ConnectionError::TransportError(_) | ConnectionError::VersionMismatch => CallError::protocol(error.to_string()),
        _ => CallError::connect(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, CONNECTIONS, HANDSHAKES, STREAMS, Streams, UNPROVEN, admit};
    use crate::transport::option::{OptionValue, Options};
    use crate::transport::options::STREAMS as STREAMS_OPTION;

    #[test]
    fn who_begins_a_handshake_is_admitted_as_there_is_room() {
        for asked in [false, true] {
            assert_eq!(admit(0, 0, asked), Admission::Granted);
            assert_eq!(admit(UNPROVEN - 1, CONNECTIONS - 1, asked), Admission::Granted);
            assert_eq!(admit(0, CONNECTIONS, asked), Admission::Refused);
        }
        assert_eq!(admit(UNPROVEN, UNPROVEN, false), Admission::Retry);
        assert_eq!(admit(UNPROVEN, UNPROVEN, true), Admission::Granted);
        assert_eq!(admit(HANDSHAKES, HANDSHAKES, true), Admission::Later);
    }

    #[test]
    fn a_server_allows_twice_the_streams_that_are_asked_for() {
        let of = |streams: u64| {
            let options = Options([(STREAMS_OPTION.name.to_owned(), OptionValue::Count(streams))].into());
            Streams::of_server(&options, 0).calls
        };
        assert_eq!((of(1), of(50), of(51), of(1000)), (STREAMS, 100, 102, 2000));
        assert_eq!(of(u64::MAX), 1 << 16);
        assert_eq!(Streams::of_client(3).calls, 0);
    }
}
