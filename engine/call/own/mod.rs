//! Calls of the user's own: what is sent by each protocol, and what a reply has to be.

pub mod bound;
mod cookie;
mod encoded;
mod form;
pub mod grpc;
mod http;
mod rendered;
mod rpyc;
pub mod search;
mod send;
mod session;
mod table;
mod take;
mod text;

use serde::{Deserialize, Serialize};

pub use crate::call::own::form::Form;
pub use crate::call::own::grpc::GrpcCall;
pub use crate::call::own::http::{HttpBody, HttpCall};
pub use crate::call::own::rpyc::{Argument, RpycCall};
pub use crate::call::own::send::{Length, Message, ReplyEnd, SendCall};
pub use crate::call::own::session::Sessions;
pub use crate::call::own::table::{Column, Each, RowOrder, Table};
pub use crate::call::own::take::{Material, Origin, Take};
pub use crate::call::own::text::{Text, TextError, Varying};
use crate::words::words;

words! {
    /// By what protocol a call of one's own is asked; its word is the key of such a call.
    Protocol {
        /// A request of any version of HTTP.
        Http = "http",
        /// A method of a service of gRPC.
        Grpc = "grpc",
        /// A method of an RPyC service's root.
        Rpyc = "rpyc",
        /// Bytes on a stream.
        Send = "send",
    }
}

/// A call of the user's own, as a client process is told it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnCall {
    /// Its name.
    pub name: String,
    /// How it is asked over HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpCall>,
    /// How it is asked over gRPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcCall>,
    /// How it is asked over RPyC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpyc: Option<RpycCall>,
    /// How it is asked in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send: Option<SendCall>,
    /// What the body of each reply has to hold; looked for in each client's first one, or in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
    /// How many bytes the body of each reply has to have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// What is taken from each reply for later calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub take: Vec<Take>,
}

impl OwnCall {
    /// Whether it can be asked by that protocol.
    pub fn speaks(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Http => self.http.is_some(),
            Protocol::Grpc => self.grpc.is_some(),
            Protocol::Rpyc => self.rpyc.is_some(),
            Protocol::Send => self.send.is_some(),
        }
    }

    /// Shows each text of it, with how a value is written there.
    pub fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        if let Some(http) = &mut self.http {
            http.texts(see);
        }
        if let Some(grpc) = &mut self.grpc {
            grpc.texts(see);
        }
        if let Some(rpyc) = &mut self.rpyc {
            rpyc.texts(see);
        }
        if let Some(send) = &mut self.send {
            send.texts(see);
        }
    }

    /// The words of its texts beside those of a call itself.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        // Looked at in a copy: whoever binds texts changes them.
        self.clone().texts(&mut |text, _| words.extend(text.unbound().map(str::to_owned)));
        words
    }

    /// The protocols by which it can be asked.
    pub fn protocols(&self) -> impl Iterator<Item = Protocol> {
        use crate::words::Word;
        Protocol::ALL.iter().copied().filter(|protocol| self.speaks(*protocol))
    }
}
