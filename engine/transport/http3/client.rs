//! The client's end of an HTTP/3 connection.

use std::cell::{Cell, RefCell};

use bytes::Buf;
use h3::client::{SendRequest, builder};
use h3::error::{Code, ConnectionError, StreamError};
use h3_quinn::OpenStreams;
use quinn::{Connection, VarInt};
use tokio::task::spawn_local;

use crate::call::{CallError, CallSpec};
use crate::transport::contract::{ClientContext, Reply};
use crate::transport::http3::stream::send;
use crate::transport::quic::connection::{Calls, Lost};
use crate::transport::quic::endpoint::lost as closed;
use crate::transport::quic::guard::Guarded;
use crate::transport::web::body::Piece;
use crate::transport::web::calls::{ChunkForm, WebCalls};
use crate::transport::web::exchange::{ClientExchange, IncomingReply};
use crate::transport::web::kept::KeptHead;
use crate::transport::web::own::OwnRequests;

/// The code of a connection that ends well (RFC 9114, 8.1: H3_NO_ERROR).
const NO_ERROR: VarInt = VarInt::from_u32(0x100);

/// Requests on streams.
pub(crate) struct WebStreams<A> {
    requests: SendRequest<OpenStreams, Piece>,
    calls: A,
    known: RefCell<KeptHead>,
}

/// What an HTTP/3 connection asks.
pub(crate) trait Requests: ClientExchange + 'static {
    /// The requests to the server that the context names.
    fn of(context: &ClientContext) -> Self;
}

impl Requests for WebCalls {
    fn of(context: &ClientContext) -> Self {
        WebCalls::new(context, "https", ChunkForm::Plain)
    }
}

impl Requests for OwnRequests {
    fn of(context: &ClientContext) -> Self {
        OwnRequests::new(context, "https")
    }
}

impl<A: Requests> Calls for WebStreams<A> {
    const NO_ERROR: VarInt = NO_ERROR;
    type Common = ClientContext;

    async fn open(context: &ClientContext, quic: &Connection) -> Result<Self, CallError> {
        let built = builder().send_grease(false).build(h3_quinn::Connection::new(quic.clone())).await;
        let (mut driver, requests) = built.map_err(lost)?;
        // It reads what the server says of the connection itself, and ends with it.
        spawn_local(async move { driver.wait_idle().await });
        Ok(WebStreams { requests, calls: A::of(context), known: RefCell::default() })
    }

    async fn exchange(
        &self,
        quic: &Connection,
        messages: &Cell<u64>,
        ask: CallSpec,
        content: bool,
    ) -> Result<Reply, Lost> {
        messages.set(messages.get() + self.calls.messages(ask));
        if let Some(reason) = quic.close_reason() {
            return Err(Lost::Connection(closed(reason).untaken()));
        }
        let head = self.known.borrow_mut().of(&self.calls, ask);
        let mut exchange = Guarded::new(self.requests.clone().send_request(head).await?);
        match send(&mut exchange.stream, self.calls.body(ask)).await {
            // A server that answers early does not want the rest; its reply says why.
            Ok(()) | Err(StreamError::RemoteTerminate { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut incoming = self.calls.incoming();
        incoming.restart(ask, content);
        let head = exchange.stream.recv_response().await?;
        incoming.head(head.status(), head.headers()).map_err(Lost::Stream)?;
        while let Some(mut data) = exchange.stream.recv_data().await? {
            while data.has_remaining() {
                let piece = data.chunk();
                incoming.data(piece).map_err(Lost::Stream)?;
                let n = piece.len();
                data.advance(n);
            }
        }
        exchange.end();
        let (verdict, nonce) = match incoming.verdict(None) {
            Ok(nonce) => (Ok(()), nonce),
            Err(fault) => (Err(fault), None),
        };
        Ok(Reply { verdict, nonce, carried: incoming.carried(), material: incoming.material(), ..Reply::ok() })
    }
}

impl From<StreamError> for Lost {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::ConnectionError { 0: error, .. } => Lost::Connection(lost(error)),
            // No stream was opened after a GOAWAY.
            StreamError::RemoteClosing { .. } => Lost::Refused(CallError::connect("the server goes away").untaken()),
            StreamError::RemoteTerminate { code, .. } => {
                let fault = CallError::connect(format!("the server gave up the stream: {error}"));
                // Rejected without having been processed (RFC 9114, 4.1.1).
                let rejected = code == Code::H3_REQUEST_REJECTED;
                if rejected { Lost::Refused(fault.untaken()) } else { Lost::Stream(fault) }
            }
            error => Lost::Stream(CallError::protocol(error.to_string())),
        }
    }
}

/// The failure of a whole connection, as its calls see it.
fn lost(error: ConnectionError) -> CallError {
    match error {
        ConnectionError::Local { .. } => CallError::protocol(error.to_string()),
        _ => CallError::connect(error.to_string()),
    }
}
