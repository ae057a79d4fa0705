//! RPyC's own wire protocol, in both roles: real rpyc clients and servers talk to ours.
//!
//! What is offered and what is answered with a clean exception is listed in `docs/rpyc.md`.

mod arguments;
mod boxed;
pub mod brine;
mod client;
mod exception;
mod frame;
mod handler;
mod inspect;
mod link;
mod list;
mod message;
mod objects;
mod operations;
mod own;
mod repeats;
mod requests;
mod server;
mod service;
mod session;
mod upload;

use crate::call::own::Protocol;
use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, IoModel, ServerCodec, ServerContext, StreamProtocol, Transport,
};
use crate::transport::option::{OptionKind, OptionSpec, Options};
use crate::transport::options::{CONGESTION, NODELAY, RESUMPTION, TLS, terms};
use crate::transport::rpyc::client::RpycClient;
use crate::transport::rpyc::frame::COMPRESS_OVER;
use crate::transport::rpyc::server::RpycServer;
use crate::transport::terms::{Compressed, Connection, Terms};

/// The transport `rpyc`.
pub struct Rpyc;

impl Entry for Rpyc {
    fn name(&self) -> &'static str {
        "rpyc"
    }
    fn about(&self) -> &'static str {
        "the wire protocol of RPyC 6: method calls on remote objects, over TCP"
    }
}

const OPTIONS: [OptionSpec; 6] = [
    OptionSpec {
        name: "method",
        about: "whether each call looks its method up anew, as `root.ping()` does, or uses one that was bound once",
        kind: OptionKind::Word(&["attribute", "bound"]),
        default: "attribute",
    },
    OptionSpec {
        name: "compress",
        about: "whether frames over 3000 bytes are sent as zlib",
        kind: OptionKind::Flag,
        default: "true",
    },
    TLS,
    RESUMPTION,
    NODELAY,
    CONGESTION,
];

impl Transport for Rpyc {
    fn options(&self) -> &'static [OptionSpec] {
        &OPTIONS
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Rpyc)
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Rpyc)
    }

    fn terms(&self, options: &Options) -> Terms {
        let compresses = options.flag("compress", true);
        Terms {
            compressed: Some(if compresses { Compressed::Frames(COMPRESS_OVER) } else { Compressed::No }),
            connection: Some(Connection::Kept),
            ..terms(options)
        }
    }

    fn facts(&self, options: &Options) -> Facts {
        let bound = options.word("method") == Some("bound");
        [
            ("serialisation", "brine"),
            ("messages for a call", if bound { "1: call" } else { "3: get the method, call it, drop it" }),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }
}

impl StreamProtocol for Rpyc {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        Box::new(RpycClient::new(context))
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(RpycServer::new(context))
    }
}
