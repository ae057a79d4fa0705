//! The client's end of a QUIC connection: each call is an exchange of frames on a stream of its own.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use quinn::{Connection, ReadError, WriteError};

use crate::call::{Ask, Fault};
use crate::transport::contract::{
    AsyncClient, AsyncConnection, ClientCodec, ClientContext, Later, Reply, StreamProtocol,
};
use crate::transport::outbox::Outbox;
use crate::transport::quic::endpoint::{Dialler, NO_ERROR, lost};
use crate::transport::quic::exchange::Exchange;
use crate::transport::tcp::Frames;

/// Dials connections whose calls are frames on streams.
pub(crate) struct FrameStreams {
    dialler: Dialler,
    context: ClientContext,
}

impl FrameStreams {
    pub(crate) fn new(dialler: Dialler, context: &ClientContext) -> Self {
        FrameStreams { dialler, context: context.clone() }
    }
}

impl AsyncClient for FrameStreams {
    fn dial(&self) -> Later<'_, Result<Rc<dyn AsyncConnection>, Fault>> {
        Box::pin(async {
            let (connection, context) = (self.dialler.dial().await?, self.context.clone());
            let (codecs, messages) = (RefCell::default(), Cell::new(0));
            Ok(Rc::new(FrameConnection { connection, context, codecs, messages }) as Rc<dyn AsyncConnection>)
        })
    }

    fn rest(&self) -> Later<'_, ()> {
        Box::pin(self.dialler.rest())
    }
}

struct FrameConnection {
    connection: Connection,
    context: ClientContext,
    /// The codecs of calls that are over, for the next ones.
    codecs: RefCell<Vec<Box<dyn ClientCodec>>>,
    messages: Cell<u64>,
}

impl FrameConnection {
    /// The reply to a call, or what its stream died of.
    async fn exchange(&self, ask: Ask, content: bool) -> Result<Reply, Broken> {
        // On a connection that has ended no stream is opened.
        let unopened = |error| Broken::Connection(lost(error).untaken());
        let mut exchange = Exchange::new(self.connection.open_bi().await.map_err(unopened)?);
        let codec = self.codecs.borrow_mut().pop();
        let mut codec = codec.unwrap_or_else(|| Frames.client(&self.context));
        let (mut out, before) = (Outbox::new(), codec.messages());
        codec.call(0, &ask, content, &mut out);
        self.messages.set(self.messages.get() + codec.messages() - before);
        exchange.say(&mut out, &mut *codec).await?;
        let mut reply = None;
        while let Some(chunk) = exchange.hear().await? {
            let mut input = &chunk.bytes[..];
            while !input.is_empty() {
                let more = codec.receive(&mut input, &mut out).map_err(Broken::Stream)?;
                if more.is_some() && reply.is_some() || reply.is_some() && !input.is_empty() {
                    return Err(Broken::Stream(Fault::protocol("more came than the reply to the call")));
                }
                reply = reply.or(more);
            }
        }
        exchange.end();
        let reply = match reply {
            Some(reply) => reply,
            None => codec.hung_up().map_err(Broken::Stream)?,
        };
        self.codecs.borrow_mut().push(codec);
        Ok(reply)
    }
}

impl AsyncConnection for FrameConnection {
    fn call(&self, ask: Ask, content: bool) -> Later<'_, Result<Reply, Fault>> {
        Box::pin(async move {
            match self.exchange(ask, content).await {
                Ok(reply) => Ok(reply),
                Err(Broken::Stream(fault)) => Ok(Reply { verdict: Err(fault), ..Reply::ok() }),
                Err(Broken::Connection(fault)) => Err(fault),
            }
        })
    }

    fn accepts(&self) -> bool {
        self.connection.close_reason().is_none()
    }

    fn wire(&self) -> (u64, u64) {
        let stats = self.connection.stats();
        (stats.udp_tx.bytes, stats.udp_rx.bytes)
    }

    fn messages(&self) -> u64 {
        self.messages.get()
    }

    fn close(&self) {
        self.connection.close(NO_ERROR, b"");
    }
}

/// How much is lost with a call that has failed.
enum Broken {
    /// Its stream alone.
    Stream(Fault),
    /// The whole connection.
    Connection(Fault),
}

impl From<ReadError> for Broken {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::ConnectionLost(error) => Broken::Connection(lost(error)),
            error => Broken::Stream(Fault::connect(format!("the server gave up the stream: {error}"))),
        }
    }
}

impl From<WriteError> for Broken {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::ConnectionLost(error) => Broken::Connection(lost(error)),
            error => Broken::Stream(Fault::connect(format!("the server gave up the stream: {error}"))),
        }
    }
}
