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

use crate::registry::Entry;
use crate::transport::contract::{
    AsyncClient, AsyncProtocol, ClientContext, Executors, Facts, Family, Later, OptionSpec, Options, Seam,
    ServerContext, Transport,
};
use crate::transport::options::{CONGESTION, RESUMPTION, STREAMS, shared};
use crate::transport::quic::client::FrameCalls;
use crate::transport::quic::connection::Client;
use crate::transport::quic::endpoint::{Dialler, accept, listen};
use crate::transport::quic::server::serve;

/// The transport `quic`.
pub struct Quic;

/// The options of every transport over QUIC.
pub(crate) const OPTIONS: &[OptionSpec] = &[STREAMS, RESUMPTION, CONGESTION];
/// Its name in the handshake.
const ALPN: &str = "engine-frames";
/// How many streams that go one way each end may open.
const NO_STREAMS: u32 = 0;

/// What is true of every transport over QUIC.
pub(crate) fn quic_facts(options: &Options) -> Facts {
    let resumed = if options.flag(RESUMPTION.name, false) { "sessions resumed" } else { "a full handshake" };
    [
        ("encrypted", format!("TLS 1.3 in QUIC, {resumed} for each connection, as part of the dial")),
        ("connection", shared(options)),
        ("sockets", "one of UDP at each end, for all connections".to_owned()),
        ("windows", "4 MiB a stream, 16 MiB a connection".to_owned()),
        (CONGESTION.name, options.word(CONGESTION.name).unwrap_or("cubic").to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
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

    fn seam(&self) -> Seam {
        Seam::Async(&Quic)
    }

    fn facts(&self, options: &Options) -> Facts {
        let own = [
            ("compressed", "no"),
            ("serialisation", "none"),
            ("framing", "by the quinn library, a stream for each call"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        quic_facts(options).into_iter().chain(own).collect()
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
    ) -> Result<Box<dyn AsyncClient>, String> {
        let dialler = Dialler::new(address, tls, &context.options, NO_STREAMS)?;
        Ok(Box::new(Client::<FrameCalls>::new(dialler, context.clone())))
    }

    fn serve(
        &self,
        context: &ServerContext,
        socket: UdpSocket,
        tls: Arc<rustls::ServerConfig>,
        executors: Executors,
    ) -> Result<Later<'static, ()>, String> {
        let (endpoint, context) = (listen(socket, tls, &context.options, NO_STREAMS)?, context.clone());
        Ok(Box::pin(accept(endpoint, executors, move |connection, executor| {
            Box::pin(serve(connection, context.clone(), executor))
        })))
    }
}
