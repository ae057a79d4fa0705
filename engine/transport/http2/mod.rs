//! HTTP/2 (RFC 9113) with the endpoints of `http1`: in clear by prior knowledge, in TLS by its name there.
//!
//! The h2 library does the framing, over memory instead of a socket, so that both ends are codecs like all others.
//! A whole body travels as it is; a body in chunks travels as DATA frames of the size of a chunk.

pub(crate) mod client;
pub(crate) mod early;
pub(crate) mod pipe;
pub(crate) mod pump;
pub(crate) mod server;

use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, OptionSpec, Options, Seam, ServerCodec, ServerContext, StreamProtocol, Transport,
};
use crate::transport::http2::client::StreamClient;
use crate::transport::http2::server::StreamServer;
use crate::transport::options::{self, CONGESTION, NODELAY, RESUMPTION, TLS, facts, shared};
use crate::transport::web::calls::{ChunkForm, WebCalls, scheme};
use crate::transport::web::service::WebService;

/// How much of one body may be on its way unread, in bytes: more than a network between hosts holds, so that bulk is
/// never stopped by a window.
pub(crate) const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all bodies of a connection together.
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;
/// How many calls a server takes at a time on a connection.
pub(crate) const STREAMS: u32 = 4096;
/// The longest head that a server takes in, in bytes, as on `http1`.
pub(crate) const HEAD_LIMIT: u32 = 32 * 1024;
/// What small DATA frames may cost before their bytes are looked at, which happens at once here.
pub(crate) const FRAMING: usize = 1 << 30;

/// The transport `http2`.
pub struct Http2;

/// The options of every protocol on streams of HTTP/2.
pub(crate) const OPTIONS: &[OptionSpec] = &[options::STREAMS, TLS, RESUMPTION, NODELAY, CONGESTION];
/// Its name in a TLS handshake (RFC 9113, 3.2).
pub(crate) const ALPN: &str = "h2";

/// The number of lines that a connection needs.
pub(crate) fn lines(options: &Options) -> usize {
    options.count(options::STREAMS.name).unwrap_or(1) as usize
}

/// What is true of every protocol on streams of HTTP/2, with how calls are written.
pub(crate) fn stream_facts(options: &Options, serialisation: &str) -> Facts {
    let own = [
        ("compressed", "header fields only".to_owned()),
        ("connection", shared(options)),
        ("serialisation", serialisation.to_owned()),
        ("framing", "by the h2 library, over memory".to_owned()),
        ("windows", "4 MiB a stream, 16 MiB a connection".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    facts(options).into_iter().chain(own).collect()
}

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

    fn seam(&self) -> Seam {
        Seam::Stream(&Streams)
    }

    fn facts(&self, options: &Options) -> Facts {
        stream_facts(options, "JSON for small replies, none for bodies")
    }
}

/// Requests and responses on streams.
struct Streams;

impl StreamProtocol for Streams {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        Box::new(StreamClient::new(
            WebCalls::new(context, scheme(&context.options), ChunkForm::Plain),
            lines(&context.options),
        ))
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(StreamServer::new(WebService::default(), context.body_limit, context.hold.share()))
    }

    fn alpn(&self) -> Option<&'static str> {
        Some(ALPN)
    }
}
