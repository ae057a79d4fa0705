//! gRPC over HTTP/2: the service of `engine.proto`.
//!
//! The mapping is gRPC's own "gRPC over HTTP2". Whole payloads are one message, payloads in chunks are streams with a
//! message for each chunk. Calls of the user's own are asked of any service, by the descriptors of its messages.

mod calls;
mod frames;
mod head;
mod message;
mod own;
pub mod reflection;
mod service;

use crate::call::own::Protocol;
use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, IoModel, ServerCodec, ServerContext, StreamProtocol, Transport,
};
use crate::transport::grpc::calls::GrpcCalls;
use crate::transport::grpc::own::OwnCalls;
use crate::transport::grpc::service::GrpcService;
use crate::transport::http2::client::StreamClient;
use crate::transport::http2::server::StreamServer;
use crate::transport::http2::settings::{ALPN, OPTIONS, slots, stream_facts, stream_terms};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::terms::Terms;

/// The transport `grpc`.
pub struct Grpc;

impl Entry for Grpc {
    fn name(&self) -> &'static str {
        "grpc"
    }
    fn about(&self) -> &'static str {
        "gRPC: unary calls, and streams of messages for chunks"
    }
}

impl Transport for Grpc {
    fn options(&self) -> &'static [OptionSpec] {
        OPTIONS
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Messages)
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Grpc)
    }

    fn terms(&self, options: &Options) -> Terms {
        stream_terms(options)
    }

    fn facts(&self, _: &Options) -> Facts {
        stream_facts("Protocol Buffers")
    }
}

/// Messages on streams.
struct Messages;

impl StreamProtocol for Messages {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        let slots = slots(&context.options);
        if !context.own.is_empty() {
            return Box::new(StreamClient::new(OwnCalls::new(context), slots));
        }
        Box::new(StreamClient::new(GrpcCalls::new(context), slots))
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(StreamServer::new(GrpcService, context.body_limit, context.hold.share()))
    }

    fn alpn(&self) -> Option<&'static str> {
        Some(ALPN)
    }
}
