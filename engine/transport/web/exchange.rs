//! Requests and replies with a stream for each, at both ends, whatever carries the streams.

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};

use crate::call::own::Material;
use crate::call::{CallError, CallRequest, CallResponse, CallSpec};
use crate::transport::web::body::Sending;

/// What a client's calls look like as requests.
pub(crate) trait ClientExchange: Send {
    /// What is known of a reply while it comes in.
    type Incoming: IncomingReply;

    /// A place for the replies of one line.
    fn incoming(&self) -> Self::Incoming;

    /// The head of the request for a call.
    fn head(&self, ask: CallSpec) -> Request<()>;

    /// Its body, if it has one.
    fn body(&self, ask: CallSpec) -> Option<Sending>;

    /// How many protocol messages it is.
    fn messages(&self, ask: CallSpec) -> u64;

    /// How many heads are worth keeping, at least 1.
    fn kinds(&self) -> usize {
        1
    }

    /// Of which of them a call is, below [`ClientExchange::kinds`].
    fn kind(&self, ask: CallSpec) -> usize {
        let _ = ask;
        0
    }

    /// Whether the head of the one call serves the other, which is of the same kind.
    fn alike(&self, kept: CallSpec, ask: CallSpec) -> bool {
        kept == ask
    }
}

/// A reply while it comes in. A fault ends it; the connection is not touched by it.
pub(crate) trait IncomingReply: Send {
    /// Begins again, for the reply to this call.
    fn restart(&mut self, ask: CallSpec, content: bool);

    /// Whether the fields of a head with that status are looked at; else HTTP/1.1 hands none on, since reading them costs
    /// more than all the rest of a reply.
    fn wants_fields(&self, status: StatusCode) -> bool {
        let _ = status;
        false
    }

    /// Its head has come.
    fn head(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), CallError>;

    /// More of its body has come.
    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError>;

    /// It has ended, with these trailers where there are any: the nonce where that was asked for.
    fn verdict(&mut self, trailers: Option<&HeaderMap>) -> Result<Option<String>, CallError>;

    /// What is wrong with it that only work beyond its own tells; asked once its time was taken, before it begins again.
    fn inspect(&mut self) -> Result<(), CallError> {
        Ok(())
    }

    /// Bytes of the bodies up and down, of a call of the user's own; of other calls they are known.
    fn carried(&self) -> (u64, u64) {
        (0, 0)
    }

    /// What it gives its client, where it gives anything; once.
    fn material(&mut self) -> Option<Box<Material>> {
        None
    }
}

/// What a server's calls look like as requests.
pub(crate) trait ServerExchange: Send {
    /// A request while it comes in, and until it is answered.
    type Request: IncomingRequest;

    /// A request whose head has come.
    fn begin(&mut self, head: &Request<()>) -> Self::Request;

    /// The head of a reply that begins before its request is complete.
    fn opening(&self) -> Response<()> {
        Response::new(())
    }

    /// What is sent for an answer, or nothing where none ever is. Where the reply has begun, its head is not sent
    /// again; that of a reply without a body goes behind what was sent.
    fn answer(&mut self, request: &Self::Request, answer: CallResponse) -> Option<Outgoing>;
}

/// A request while it comes in.
pub(crate) trait IncomingRequest: Send {
    /// More of its body has come.
    fn data(&mut self, bytes: &[u8]);

    /// What is sent back now, though more of the request may come; nothing for most.
    fn turn(&mut self) -> Option<Bytes> {
        None
    }

    /// True where what has come decides the answer already, whatever comes behind it.
    fn decided(&self) -> bool {
        false
    }

    /// How many bytes of it are kept in memory.
    fn kept(&self) -> u64;

    /// What it asks, now that all of it has come or enough, or what is sent instead of an answer.
    fn asked(&mut self) -> Result<CallRequest, CallResponse>;
}

/// The head of a reply, and its body where it has one.
pub(crate) struct Outgoing {
    /// The head.
    pub(crate) head: Response<()>,
    /// The body.
    pub(crate) body: Option<Sending>,
}
