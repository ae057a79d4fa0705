//! HTTP/3 (RFC 9114) with the endpoints of `http1`, over QUIC.
//!
//! The h3 library does the framing and quinn the IO; both are young here, and nothing outside this folder knows h3.

mod client;
mod server;
mod stream;

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use crate::call::own::Protocol;
use crate::error::Result;
use crate::registry::Entry;
use crate::transport::contract::{
    AsyncClient, AsyncProtocol, ClientContext, Executors, Facts, Family, IoModel, LocalBoxFuture, ServerContext,
    Transport,
};
use crate::transport::http3::client::WebStreams;
use crate::transport::http3::server::serve;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{CONGESTION, COOKIES, RESUMPTION, STREAMS};
use crate::transport::peers::Peers;
use crate::transport::quic::connection::Client;
use crate::transport::quic::endpoint::{Dialler, accept, listen};
use crate::transport::quic::{quic_facts, quic_terms};
use crate::transport::terms::{Compressed, Terms};
use crate::transport::web::calls::WebCalls;
use crate::transport::web::own::OwnRequests;

/// How many streams that go one way each end may open: three are a connection's own (RFC 9114, 6.2), others a
/// peer's attempts at what this one does not know.
const ONE_WAY: u32 = 8;

/// The transport `http3`.
pub struct Http3;

const OPTIONS: &[OptionSpec] = &[STREAMS, RESUMPTION, CONGESTION, COOKIES];

impl Entry for Http3 {
    fn name(&self) -> &'static str {
        "http3"
    }
    fn about(&self) -> &'static str {
        "HTTP/3 with the endpoints of http1, over QUIC, and many calls on a connection"
    }
}

impl Transport for Http3 {
    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn family(&self) -> Family {
        Family::Udp
    }

    fn io_model(&self) -> IoModel {
        IoModel::Async(&Http3)
    }

    fn terms(&self, options: &Options) -> Terms {
        Terms { compressed: Some(Compressed::Headers), ..quic_terms(options) }
    }

    fn facts(&self, _: &Options) -> Facts {
        quic_facts("JSON for small replies, none for bodies", "by the h3 library over quinn")
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Http)
    }
}

impl AsyncProtocol for Http3 {
    fn alpn(&self) -> &'static str {
        "h3"
    }

    fn client(
        &self,
        context: &ClientContext,
        address: SocketAddr,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Box<dyn AsyncClient>> {
        let dialler = Dialler::new(address, tls, context, ONE_WAY)?;
        if !context.own.is_empty() {
            return Ok(Box::new(Client::<WebStreams<OwnRequests>>::new(dialler, context.clone())));
        }
        Ok(Box::new(Client::<WebStreams<WebCalls>>::new(dialler, context.clone())))
    }

    fn serve(
        &self,
        context: &ServerContext,
        socket: UdpSocket,
        peers: Peers,
        tls: Arc<rustls::ServerConfig>,
        executors: Executors,
    ) -> Result<LocalBoxFuture<'static, ()>> {
        let endpoint = listen(socket, tls, &context.options, ONE_WAY)?;
        let (limit, hold) = (context.body_limit, context.hold.clone());
        Ok(Box::pin(accept(endpoint, peers, executors, move |connection, executor| {
            Box::pin(serve(connection, limit, hold.clone(), executor))
        })))
    }
}
