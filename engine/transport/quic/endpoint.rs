//! Both ends of QUIC before anything is said on it: sockets, settings, handshakes.

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

use crate::call::Fault;
use crate::transport::contract::{Executor, Executors, Later, Options};
use crate::transport::options::CONGESTION;
use crate::transport::socket::{Address, bind_datagrams};

/// How much of one body may be on its way unread, in bytes, as on `http2`.
const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all bodies of a connection together.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How many calls a server takes at a time on a connection.
const STREAMS: u32 = 4096;
/// How long a connection lives from which nothing is heard.
const IDLE: Duration = Duration::from_secs(60);
/// How often a client says that it is still there.
const ALIVE: Duration = Duration::from_secs(15);
/// How long the goodbyes of closed connections are waited for.
const GOODBYE: Duration = Duration::from_millis(10);
/// How many handshakes a server lets wait for their turn.
const WAITING: usize = 4096;

/// The code of an end that is no error.
pub(crate) const NO_ERROR: VarInt = VarInt::from_u32(0);

fn settings(options: &Options) -> Result<TransportConfig, String> {
    let mut settings = TransportConfig::default();
    settings
        .max_concurrent_bidi_streams(STREAMS.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(CONNECTION_WINDOW.into())
        .datagram_receive_buffer_size(None)
        .max_idle_timeout(Some(IDLE.try_into().map_err(|_| "no such idle time-out")?));
    match options.word(CONGESTION.name) {
        None | Some("cubic") => settings.congestion_controller_factory(Arc::new(CubicConfig::default())),
        Some("newreno") => settings.congestion_controller_factory(Arc::new(NewRenoConfig::default())),
        Some("bbr") => settings.congestion_controller_factory(Arc::new(BbrConfig::default())),
        Some(word) => {
            return Err(format!("QUIC has no congestion control `{word}` here; it has cubic, newreno, bbr"));
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
    pub(crate) fn new(server: SocketAddr, tls: Arc<rustls::ClientConfig>, options: &Options) -> Result<Self, String> {
        let mut transport = settings(options)?;
        transport.keep_alive_interval(Some(ALIVE));
        let tls = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
        let mut settings = ClientConfig::new(Arc::new(tls));
        settings.transport_config(Arc::new(transport));
        // The kernel chooses the way to the server, and with it the address that this end has.
        let any = match server {
            SocketAddr::V4(_) => SocketAddr::from(([0u8; 4], 0)),
            SocketAddr::V6(_) => SocketAddr::from(([0u16; 8], 0)),
        };
        let socket = bind_datagrams(&Address::Tcp(any)).map_err(|error| format!("cannot open a socket: {error}"))?;
        let endpoint = endpoint(None, socket)?;
        Ok(Dialler { endpoint, settings, server, name: server.ip().to_string() })
    }

    /// A new connection once its handshake is complete.
    pub(crate) async fn dial(&self) -> Result<Connection, Fault> {
        let broken = |reason: String| Fault::connect(format!("cannot dial {}: {reason}", self.server));
        let dialling = self.endpoint.connect_with(self.settings.clone(), self.server, &self.name);
        dialling.map_err(|error| broken(error.to_string()))?.await.map_err(|error| broken(error.to_string()))
    }

    /// Lets goodbyes leave; their acknowledgement is not worth waiting for.
    pub(crate) async fn rest(&self) {
        let _ = timeout(GOODBYE, self.endpoint.wait_idle()).await;
    }
}

/// A server's end on `socket`.
pub(crate) fn listen(socket: UdpSocket, tls: Arc<rustls::ServerConfig>, options: &Options) -> Result<Endpoint, String> {
    let tls = QuicServerConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut config = ServerConfig::with_crypto(Arc::new(tls));
    config.transport_config(Arc::new(settings(options)?)).max_incoming(WAITING);
    endpoint(Some(config), socket)
}

fn endpoint(server: Option<ServerConfig>, socket: UdpSocket) -> Result<Endpoint, String> {
    let runtime = Arc::new(TokioRuntime);
    Endpoint::new(EndpointConfig::default(), server, socket, runtime)
        .map_err(|error| format!("cannot use the socket: {error}"))
}

/// Serves each connection as a task, with an executor of its own, until the endpoint fails.
///
/// A client whose handshake fails, or for whom there is no executor, hurts nobody else.
pub(crate) async fn accept(
    endpoint: Endpoint,
    executors: Executors,
    serve: impl Fn(Connection, Rc<dyn Executor>) -> Later<'static, ()> + 'static,
) {
    let shared = Rc::new((executors, serve));
    while let Some(incoming) = endpoint.accept().await {
        let shared = shared.clone();
        spawn_local(async move {
            let (executors, serve) = &*shared;
            let Ok(connection) = incoming.await else { return };
            match executors() {
                Some(executor) => serve(connection, executor).await,
                None => connection.close(NO_ERROR, b"no room"),
            }
        });
    }
}

/// The failure of a whole connection, as its calls see it.
pub(crate) fn lost(error: ConnectionError) -> Fault {
    match error {
        ConnectionError::TransportError(_) | ConnectionError::VersionMismatch => Fault::protocol(error.to_string()),
        _ => Fault::connect(error.to_string()),
    }
}
