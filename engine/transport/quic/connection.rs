//! The client's end of a QUIC connection, whatever its streams carry.

use std::cell::Cell;
use std::rc::Rc;

use quinn::{Connection, VarInt};

use crate::call::{CallError, CallSpec};
use crate::transport::contract::{AsyncClient, AsyncConnection, LocalBoxFuture, Reply};
use crate::transport::quic::endpoint::Dialler;

/// How much is lost with a call that has failed.
pub(crate) enum Lost {
    /// Its stream alone.
    Stream(CallError),
    /// Its stream, on a connection that takes no more of them.
    Refused(CallError),
    /// The whole connection.
    Connection(CallError),
}

/// What a protocol does on a connection, with a stream for each call.
pub(crate) trait Calls: Sized + 'static {
    /// The code with which a connection ends well.
    const NO_ERROR: VarInt;
    /// What is common to its connections.
    type Common;

    /// Opens the protocol on a new connection.
    async fn open(common: &Self::Common, quic: &Connection) -> Result<Self, CallError>;

    /// The reply to a call, or what is lost with it; adds its protocol messages to `messages`.
    async fn exchange(
        &self,
        quic: &Connection,
        messages: &Cell<u64>,
        ask: CallSpec,
        content: bool,
    ) -> Result<Reply, Lost>;
}

/// Dials connections that speak a protocol.
pub(crate) struct Client<C: Calls> {
    dialler: Dialler,
    common: C::Common,
}

impl<C: Calls> Client<C> {
    /// A client that dials by `dialler`.
    pub(crate) fn new(dialler: Dialler, common: C::Common) -> Self {
        Client { dialler, common }
    }
}

impl<C: Calls> AsyncClient for Client<C> {
    fn dial(&self) -> LocalBoxFuture<'_, Result<Rc<dyn AsyncConnection>, CallError>> {
        Box::pin(async {
            let quic = self.dialler.dial().await?;
            let calls = C::open(&self.common, &quic).await?;
            Ok(Rc::new(Dialled { quic, calls, messages: Cell::new(0) }) as Rc<dyn AsyncConnection>)
        })
    }

    fn rest(&self) -> LocalBoxFuture<'_, ()> {
        Box::pin(self.dialler.rest())
    }
}

struct Dialled<C> {
    quic: Connection,
    calls: C,
    messages: Cell<u64>,
}

impl<C: Calls> AsyncConnection for Dialled<C> {
    fn call(&self, ask: CallSpec, content: bool) -> LocalBoxFuture<'_, Result<Reply, CallError>> {
        Box::pin(async move {
            match self.calls.exchange(&self.quic, &self.messages, ask, content).await {
                Ok(reply) => Ok(reply),
                Err(Lost::Stream(fault)) => Ok(Reply { verdict: Err(fault), ..Reply::ok() }),
                Err(Lost::Refused(fault)) => Ok(Reply { verdict: Err(fault), reusable: false, ..Reply::ok() }),
                Err(Lost::Connection(fault)) => Err(fault),
            }
        })
    }

    fn accepts(&self) -> bool {
        // That an HTTP/3 server goes away is told by the library to whoever opens a stream, and to nobody else.
        self.quic.close_reason().is_none()
    }

    fn wire(&self) -> (u64, u64) {
        let stats = self.quic.stats();
        (stats.udp_tx.bytes, stats.udp_rx.bytes)
    }

    fn messages(&self) -> u64 {
        self.messages.get()
    }

    fn close(&self) {
        self.quic.close(C::NO_ERROR, b"");
    }
}
