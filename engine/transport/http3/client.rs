//! The client's end of an HTTP/3 connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use bytes::Buf;
use h3::client::{SendRequest, builder};
use h3::error::{Code, ConnectionError, StreamError};
use h3_quinn::OpenStreams;
use http::Request;
use quinn::{Connection, VarInt};
use tokio::task::spawn_local;

use crate::call::{Ask, Fault};
use crate::transport::contract::{AsyncClient, AsyncConnection, ClientContext, Later, Reply};
use crate::transport::http3::stream::Exchange;
use crate::transport::quic::endpoint::{Dialler, lost as closed};
use crate::transport::web::body::Piece;
use crate::transport::web::calls::{ChunkForm, WebCalls};
use crate::transport::web::exchange::{Asking, IncomingReply};

/// The code of a connection that ends well (RFC 9114, 8.1: H3_NO_ERROR).
const NO_ERROR: VarInt = VarInt::from_u32(0x100);

/// Dials connections whose calls are requests.
pub(crate) struct WebStreams {
    dialler: Dialler,
    context: ClientContext,
}

impl WebStreams {
    pub(crate) fn new(dialler: Dialler, context: &ClientContext) -> Self {
        WebStreams { dialler, context: context.clone() }
    }
}

impl AsyncClient for WebStreams {
    fn dial(&self) -> Later<'_, Result<Rc<dyn AsyncConnection>, Fault>> {
        Box::pin(async {
            let quic = self.dialler.dial().await?;
            let built = builder().send_grease(false).build(h3_quinn::Connection::new(quic.clone())).await;
            let (mut driver, requests) = built.map_err(lost)?;
            // It reads what the server says of the connection itself, and ends with it.
            spawn_local(async move { driver.wait_idle().await });
            let (calls, known) = (WebCalls::new(&self.context, "https", ChunkForm::Plain), RefCell::default());
            Ok(Rc::new(WebConnection { quic, requests, calls, known, messages: Cell::new(0) })
                as Rc<dyn AsyncConnection>)
        })
    }

    fn rest(&self) -> Later<'_, ()> {
        Box::pin(self.dialler.rest())
    }
}

struct WebConnection {
    quic: Connection,
    requests: SendRequest<OpenStreams, Piece>,
    calls: WebCalls,
    /// The head of the last request, which is likely to be asked for again.
    known: RefCell<Option<(Ask, Request<()>)>>,
    messages: Cell<u64>,
}

impl WebConnection {
    fn head(&self, ask: Ask) -> Request<()> {
        let mut known = self.known.borrow_mut();
        match &*known {
            Some((asked, head)) if *asked == ask => head.clone(),
            _ => known.insert((ask, self.calls.head(ask))).1.clone(),
        }
    }

    /// The reply to a call, or what its stream died of.
    async fn exchange(&self, ask: Ask, content: bool) -> Result<Reply, Broken> {
        self.messages.set(self.messages.get() + self.calls.messages(ask));
        if let Some(reason) = self.quic.close_reason() {
            return Err(Broken::Connection(closed(reason).untaken()));
        }
        let mut exchange = Exchange::new(self.requests.clone().send_request(self.head(ask)).await?);
        match exchange.say(self.calls.body(ask)).await {
            // A server that answers early does not want the rest; its reply says why.
            Ok(()) | Err(StreamError::RemoteTerminate { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let mut incoming = self.calls.incoming();
        incoming.restart(ask, content);
        let head = exchange.stream.recv_response().await?;
        incoming.head(head.status(), head.headers()).map_err(Broken::Stream)?;
        while let Some(mut data) = exchange.stream.recv_data().await? {
            while data.has_remaining() {
                let piece = data.chunk();
                incoming.data(piece).map_err(Broken::Stream)?;
                let n = piece.len();
                data.advance(n);
            }
        }
        exchange.end();
        let nonce = incoming.verdict(None).map_err(Broken::Stream)?;
        Ok(Reply { nonce, ..Reply::ok() })
    }
}

impl AsyncConnection for WebConnection {
    fn call(&self, ask: Ask, content: bool) -> Later<'_, Result<Reply, Fault>> {
        Box::pin(async move {
            match self.exchange(ask, content).await {
                Ok(reply) => Ok(reply),
                Err(Broken::Stream(fault)) => Ok(Reply { verdict: Err(fault), ..Reply::ok() }),
                Err(Broken::Away(fault)) => Ok(Reply { verdict: Err(fault), reusable: false, ..Reply::ok() }),
                Err(Broken::Connection(fault)) => Err(fault),
            }
        })
    }

    fn accepts(&self) -> bool {
        // That the server goes away is told by the library to whoever opens a stream, and to nobody else.
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
        self.quic.close(NO_ERROR, b"");
    }
}

/// How much is lost with a call that has failed.
enum Broken {
    /// Its stream alone.
    Stream(Fault),
    /// Its stream, on a connection that takes no more of them.
    Away(Fault),
    /// The whole connection.
    Connection(Fault),
}

impl From<StreamError> for Broken {
    fn from(error: StreamError) -> Self {
        match error {
            StreamError::ConnectionError { 0: error, .. } => Broken::Connection(lost(error)),
            // No stream was opened after a GOAWAY.
            StreamError::RemoteClosing { .. } => Broken::Away(Fault::connect("the server goes away").untaken()),
            StreamError::RemoteTerminate { code, .. } => {
                let fault = Fault::connect(format!("the server gave up the stream: {error}"));
                // Rejected without having been processed (RFC 9114, 4.1.1).
                let rejected = code == Code::H3_REQUEST_REJECTED;
                if rejected { Broken::Away(fault.untaken()) } else { Broken::Stream(fault) }
            }
            error => Broken::Stream(Fault::protocol(error.to_string())),
        }
    }
}

/// The failure of a whole connection, as its calls see it.
fn lost(error: ConnectionError) -> Fault {
    match error {
        ConnectionError::Local { .. } => Fault::protocol(error.to_string()),
        _ => Fault::connect(error.to_string()),
    }
}
