//! The frames of `tcp` over QUIC (RFC 9000): a bidirectional stream for each call.
//!
//! The quinn library owns the IO. A stream carries what a connection of `tcp` carries for one call: the frames of the
//! request and then its end, the frames of the reply and then its end. A chunk is a frame, written by itself.

mod client;
pub(crate) mod connection;
pub(crate) mod endpoint;
mod exchange;
pub(crate) mod guard;
mod server;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::error::Result;
use crate::registry::Entry;
use crate::transport::congestion::terms_of_quic;
use crate::transport::contract::{
    AsyncClient, AsyncProtocol, ClientContext, Executors, Facts, Family, IoModel, LocalBoxFuture, ServerContext,
    Transport,
};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{CONGESTION, RESUMPTION, STREAMS, handshake, shared};
use crate::transport::peers::Peers;
use crate::transport::quic::client::FrameCalls;
use crate::transport::quic::connection::Client;
use crate::transport::quic::endpoint::{Dialler, accept, listen};
use crate::transport::quic::server::serve;
use crate::transport::terms::{Compressed, Encrypted, Terms};

/// The transport `quic`.
pub struct Quic;

/// The options of every transport over QUIC.
pub(crate) const OPTIONS: &[OptionSpec] = &[STREAMS, RESUMPTION, CONGESTION];
/// Its name in the handshake.
const ALPN: &str = "engine-frames";
/// How many streams that go one way each end may open.
const NO_STREAMS: u32 = 0;

/// On what terms every transport over QUIC serves calls.
pub(crate) fn quic_terms(options: &Options) -> Terms {
    Terms {
        encrypted: Some(Encrypted::Quic(handshake(options))),
        connection: Some(shared(options)),
        nodelay: Some(true),
        congestion: Some(terms_of_quic(options)),
        ..Terms::default()
    }
}

/// What else is true of every transport over QUIC, with how calls are written and by whom they are framed.
pub(crate) fn quic_facts(serialisation: &str, framing: &str) -> Facts {
    [
        ("serialisation", serialisation),
        ("framing", framing),
        ("sockets", "one of UDP at each end, for all connections"),
        ("windows", "4 MiB a stream, 16 MiB a connection"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Entry for Quic {
    fn name(&self) -> &'static str {
        "quic"
    }
    fn about(&self) -> &'static str {
        "the frames of tcp over QUIC, with a stream for each call"
    }
}

impl Transport for Quic {
    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn family(&self) -> Family {
        Family::Udp
    }

    fn io_model(&self) -> IoModel {
        IoModel::Async(&Quic)
    }

    fn terms(&self, options: &Options) -> Terms {
        Terms { compressed: Some(Compressed::No), ..quic_terms(options) }
    }

    fn facts(&self, _: &Options) -> Facts {
        quic_facts("none", "by the quinn library, a stream for each call")
    }
}

impl AsyncProtocol for Quic {
    fn alpn(&self) -> &'static str {
        ALPN
    }

    fn client(
        &self,
        context: &ClientContext,
        address: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Box<dyn AsyncClient>> {
        let dialler = Dialler::new(address, tls, context, NO_STREAMS)?;
        Ok(Box::new(Client::<FrameCalls>::new(dialler, context.clone())))
    }

    fn serve(
        &self,
        context: &ServerContext,
        socket: UdpSocket,
        peers: Peers,
        tls: Arc<rustls::ServerConfig>,
        executors: Executors,
    ) -> Result<LocalBoxFuture<'static, ()>> {
        let (endpoint, context) = (listen(socket, tls, &context.options, NO_STREAMS)?, context.clone());
        Ok(Box::pin(accept(endpoint, peers, executors, move |connection, executor| {
            Box::pin(serve(connection, context.clone(), executor))
        })))
    }
}
