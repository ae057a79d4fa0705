//! A bare quinn loop: bodies up one stream each, answered once the last byte has come.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use engine::error::{Context, Result};
use engine::transport::address::Address;
use engine::transport::socket::bind_datagrams;
use engine::transport::tls::{Identity, Trust};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Connection, Endpoint, EndpointConfig, ServerConfig, TokioRuntime, TransportConfig};

use crate::floors::{Says, argument, end_with_stdin};

const ALPN: &str = "bare";
/// The windows that our own transport has, so that only the loops differ.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// How much is written at a time.
const WRITE: usize = 256 << 10;

fn settings() -> Arc<TransportConfig> {
    let mut settings = TransportConfig::default();
    settings
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(CONNECTION_WINDOW.into())
        .send_window(CONNECTION_WINDOW.into())
        .datagram_receive_buffer_size(None);
    Arc::new(settings)
}

/// An end on a socket with the buffers of our own ends.
fn endpoint(server: Option<ServerConfig>) -> std::io::Result<Endpoint> {
    let socket = bind_datagrams(&Address::Tcp(([127, 0, 0, 1], 0).into()))?;
    Endpoint::new(EndpointConfig::default(), server, socket, Arc::new(TokioRuntime))
}

fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().doing("a runtime")?.block_on(future)
}

/// The floor `quic-server`: no arguments; its certificate follows its address.
pub(crate) fn serve(_: &[String]) -> Result<()> {
    block_on(async {
        let serving = "serving the bare loop";
        let local: SocketAddr = ([127, 0, 0, 1], 0).into();
        let identity = Identity::fresh(false, &[ALPN], &Address::Tcp(local)).doing(serving)?;
        let tls = QuicServerConfig::try_from(identity.config()).doing(serving)?;
        let mut config = ServerConfig::with_crypto(Arc::new(tls));
        config.transport_config(settings());
        let endpoint = endpoint(Some(config)).doing(serving)?;
        Says::Ready(format!("{} {}", endpoint.local_addr().doing(serving)?, identity.ca())).say()?;
        end_with_stdin();
        while let Some(incoming) = endpoint.accept().await {
            let connection = incoming.await.doing(serving)?;
            tokio::spawn(async move { while answer(&connection).await.is_ok() {} });
        }
        Ok(())
    })
}

async fn answer(connection: &Connection) -> Result<()> {
    let (mut send, mut recv) = connection.accept_bi().await.doing("a stream")?;
    let mut have = 0;
    while let Some(chunk) = recv.read_chunk(usize::MAX, true).await.doing("a body")? {
        have += chunk.bytes.len();
    }
    send.write_all(&have.to_be_bytes()).await.doing("an answer")?;
    send.finish().doing("an answer")
}

/// The floor `quic`: address and certificate, bytes of a body, calls.
pub(crate) fn call(arguments: &[String]) -> Result<()> {
    let server: String = argument(arguments, 0)?;
    let (bytes, calls): (usize, usize) = (argument(arguments, 1)?, argument(arguments, 2)?);
    block_on(async {
        let dialling = "dialling";
        let (address, ca) = server.split_once(' ').unwrap_or_default();
        let address: SocketAddr = address.parse().doing(dialling)?;
        let trust = Trust::with_ca(false, Some(ALPN), Some(ca), &Address::Tcp(address)).doing(dialling)?;
        let mut config = ClientConfig::new(Arc::new(QuicClientConfig::try_from(trust.config()).doing(dialling)?));
        config.transport_config(settings());
        let endpoint = endpoint(None).doing(dialling)?;
        let name = address.ip().to_string();
        let connection = endpoint.connect_with(config, address, &name).doing(dialling)?.await.doing(dialling)?;
        let body = vec![0; WRITE];
        upload(&connection, &body, bytes).await?;
        let begun = Instant::now();
        for _ in 0..calls {
            upload(&connection, &body, bytes).await?;
        }
        let elapsed_s = begun.elapsed().as_secs_f64();
        connection.close(0u32.into(), b"");
        endpoint.wait_idle().await;
        Says::Measured([("elapsed_s".to_owned(), elapsed_s)].into()).say()
    })
}

async fn upload(connection: &Connection, body: &[u8], bytes: usize) -> Result<()> {
    let (mut send, mut recv) = connection.open_bi().await.doing("a stream")?;
    let mut left = bytes;
    while left > 0 {
        left -= send.write(&body[..left.min(body.len())]).await.doing("a body")?;
    }
    send.finish().doing("a body")?;
    recv.read_to_end(64).await.doing("an answer").map(drop)
}
