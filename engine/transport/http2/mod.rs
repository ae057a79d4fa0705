//! HTTP/2 (RFC 9113) with the endpoints of `http1`: in clear by prior knowledge, in TLS by its name there.
//!
//! The h2 library does the framing, over memory instead of a socket, so that both ends are codecs like all others.
//! A whole body travels as it is; a body in chunks travels as DATA frames of the size of a chunk.

pub(crate) mod client;
pub(crate) mod early;
pub(crate) mod pipe;
pub(crate) mod pump;
pub(crate) mod server;
pub(crate) mod settings;

use crate::call::own::Protocol;
use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, IoModel, ServerCodec, ServerContext, StreamProtocol, Transport,
};
use crate::transport::http2::client::StreamClient;
use crate::transport::http2::server::StreamServer;
use crate::transport::http2::settings::{ALPN, slots, stream_facts, stream_terms};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{CONGESTION, COOKIES, NODELAY, RESUMPTION, STREAMS, TLS};
use crate::transport::terms::Terms;
use crate::transport::web::calls::{ChunkForm, WebCalls, scheme};
use crate::transport::web::own::OwnRequests;
use crate::transport::web::service::WebService;

/// The transport `http2`.
pub struct Http2;

const OPTIONS: &[OptionSpec] = &[STREAMS, TLS, RESUMPTION, NODELAY, CONGESTION, COOKIES];

impl Entry for Http2 {
    fn name(&self) -> &'static str {
        "http2"
    }
    fn about(&self) -> &'static str {
        "HTTP/2 with the endpoints of http1, and many calls on a connection"
    }
}

impl Transport for Http2 {
    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Streams)
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Http)
    }

    fn terms(&self, options: &Options) -> Terms {
        stream_terms(options)
    }

    fn facts(&self, _: &Options) -> Facts {
        stream_facts("JSON for small replies, none for bodies")
    }
}

/// Requests and responses on streams.
struct Streams;

impl StreamProtocol for Streams {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        let (scheme, slots) = (scheme(&context.options), slots(&context.options));
        if !context.own.is_empty() {
            return Box::new(StreamClient::new(OwnRequests::new(context, scheme), slots));
        }
        Box::new(StreamClient::new(WebCalls::new(context, scheme, ChunkForm::Plain), slots))
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(StreamServer::new(WebService::default(), context.body_limit, context.hold.share()))
    }

    fn alpn(&self) -> Option<&'static str> {
        Some(ALPN)
    }
}
