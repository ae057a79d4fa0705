//! The client's end of a QUIC connection: each call is an exchange of frames on a stream of its own.

use std::cell::{Cell, RefCell};

use quinn::{Connection, ReadError, VarInt, WriteError};

use crate::call::{CallError, CallSpec};
use crate::transport::contract::{ClientCodec, ClientContext, Reply, StreamProtocol};
use crate::transport::outbox::Outbox;
use crate::transport::quic::connection::{Calls, Lost};
use crate::transport::quic::endpoint::{NO_ERROR, lost};
use crate::transport::quic::exchange::Exchange;
use crate::transport::tcp::Frames;

/// Frames on streams.
pub(crate) struct FrameCalls {
    context: ClientContext,
    /// The codecs of calls that are over, for the next ones.
    codecs: RefCell<Vec<Box<dyn ClientCodec>>>,
}

impl Calls for FrameCalls {
    const NO_ERROR: VarInt = NO_ERROR;
    type Common = ClientContext;

    async fn open(context: &ClientContext, _: &Connection) -> Result<Self, CallError> {
        Ok(FrameCalls { context: context.clone(), codecs: RefCell::default() })
    }

    async fn exchange(
        &self,
        quic: &Connection,
        messages: &Cell<u64>,
        ask: CallSpec,
        content: bool,
    ) -> Result<Reply, Lost> {
        // On a connection that has ended no stream is opened.
        let unopened = |error| Lost::Connection(lost(error).untaken());
        let mut exchange = Exchange::from(quic.open_bi().await.map_err(unopened)?);
        let codec = self.codecs.borrow_mut().pop();
        let mut codec = codec.unwrap_or_else(|| Frames.client(&self.context));
        let (mut out, before) = (Outbox::new(), codec.messages());
        codec.call(0, &ask, content, &mut out);
        messages.set(messages.get() + codec.messages() - before);
        exchange.stream.say(&mut out, &mut *codec).await?;
        let mut reply = None;
        while let Some(chunk) = exchange.stream.hear().await? {
            let mut input = &chunk.bytes[..];
            while !input.is_empty() {
                let more = codec.receive(&mut input, &mut out).map_err(Lost::Stream)?;
                if more.is_some() && reply.is_some() || reply.is_some() && !input.is_empty() {
                    return Err(Lost::Stream(CallError::protocol("more came than the reply to the call")));
                }
                reply = reply.or(more);
            }
        }
        exchange.end();
        let reply = match reply {
            Some(reply) => reply,
            None => codec.hung_up().map_err(Lost::Stream)?,
        };
        self.codecs.borrow_mut().push(codec);
        Ok(reply)
    }
}

impl From<ReadError> for Lost {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Lost::Connection(lost(error)),
            error => Lost::Stream(CallError::connect(format!("the server gave up the stream: {error}"))),
        }
    }
}

impl From<WriteError> for Lost {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Lost::Connection(lost(error)),
            error => Lost::Stream(CallError::connect(format!("the server gave up the stream: {error}"))),
        }
    }
}
