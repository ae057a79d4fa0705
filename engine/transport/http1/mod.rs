//! HTTP/1.1 with the endpoints of the reference suite.
//!
//! The message format is RFC 9112's. A whole body travels as it is; a body in chunks travels as hex strings in
//! JSON, which is what the reference suite does, and an echo in chunks by chunked transfer coding.

mod body;
mod client;
mod head;
mod reply;
mod request;
mod server;
mod written;

use crate::call::own::Protocol;
use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, IoModel, ServerCodec, ServerContext, StreamProtocol, Transport,
};
use crate::transport::http1::client::HttpClient;
use crate::transport::http1::server::HttpServer;
use crate::transport::option::{OptionKind, OptionSpec, Options};
use crate::transport::options::{CONGESTION, COOKIES, NODELAY, RESUMPTION, TLS, terms};
use crate::transport::terms::{Compressed, Connection, Terms};
use crate::transport::web::calls::{ChunkForm, WebCalls, scheme};
use crate::transport::web::own::OwnRequests;
use crate::units::MOST_CLIENTS;

/// The transport `http1`.
pub struct Http1;

impl Entry for Http1 {
    fn name(&self) -> &'static str {
        "http1"
    }
    fn about(&self) -> &'static str {
        "HTTP/1.1 with the endpoints of the reference suite"
    }
}

/// How the chunks of a body travel.
pub const ENCODING: OptionSpec = OptionSpec {
    name: "encoding",
    about: "how chunks travel: as hex in JSON, as the reference suite sends them, or in chunked transfer coding",
    kind: OptionKind::Word(&["json-hex", "chunked"]),
    default: "json-hex",
};

/// How many connections there are.
pub const POOL: OptionSpec = OptionSpec {
    name: "pool",
    about: "how many connections all clients share, as one requests.Session does",
    kind: OptionKind::Count(1, MOST_CLIENTS),
    default: "one for each client",
};

const OPTIONS: &[OptionSpec] = &[
    OptionSpec {
        name: "keep-alive",
        about: "whether a connection carries more than one call",
        kind: OptionKind::Flag,
        default: "true",
    },
    POOL,
    OptionSpec {
        name: "retries",
        about: "how often a failed call is sent again; counted and reported",
        kind: OptionKind::Count(0, 100),
        default: "0",
    },
    ENCODING,
    TLS,
    RESUMPTION,
    NODELAY,
    CONGESTION,
    COOKIES,
];

impl Transport for Http1 {
    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Messages)
    }

    fn terms(&self, options: &Options) -> Terms {
        Terms {
            compressed: Some(Compressed::No),
            keep_alive: Some(keeps_alive(options)),
            connection: options.count(POOL.name).map(Connection::Pool),
            ..terms(options)
        }
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Http)
    }

    fn facts(&self, options: &Options) -> Facts {
        let serialisation = match is_coded(options) {
            true => "JSON for small replies, none for bodies",
            false => "JSON for small replies, hex in JSON for chunks, none for whole bodies",
        };
        Facts::from([("serialisation".to_owned(), serialisation.to_owned())])
    }
}

/// True where a connection carries more calls than one.
pub fn keeps_alive(options: &Options) -> bool {
    options.flag("keep-alive", true)
}

fn is_coded(options: &Options) -> bool {
    options.word(ENCODING.name) == Some("chunked")
}

/// Requests and responses, on any ordered stream.
struct Messages;

impl StreamProtocol for Messages {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        let options = &context.options;
        if !context.own.is_empty() {
            return Box::new(HttpClient::new(OwnRequests::new(context, scheme(options)), keeps_alive(options)));
        }
        let chunks = if is_coded(options) { ChunkForm::Plain } else { ChunkForm::Hex };
        Box::new(HttpClient::new(WebCalls::new(context, scheme(options), chunks), keeps_alive(options)))
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(HttpServer::new(context.body_limit, context.hold.share(), keeps_alive(&context.options)))
    }

    fn alpn(&self) -> Option<&'static str> {
        Some("http/1.1")
    }

    fn alpn_served(&self) -> Vec<&'static str> {
        vec!["http/1.1", "http/1.0"]
    }
}
