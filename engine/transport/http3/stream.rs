//! The stream of one request, at either end of HTTP/3.

use h3::error::{Code, StreamError};

use crate::transport::web::body::{Piece, Sending};

/// What can be done with a stream of the library, which has a type for each end.
pub(crate) trait Stream {
    /// Sends a piece of a body.
    async fn send(&mut self, piece: Piece) -> Result<(), StreamError>;
    /// Says that this was all.
    async fn finish(&mut self) -> Result<(), StreamError>;
    /// Gives up what is being sent. What is being received is given up by dropping the stream; asked to stop that
    /// while it waits, h3-quinn 0.0.10 panics.
    fn cancel(&mut self);
}

/// The code of a stream that is given up (RFC 9114, 8.1).
const CANCELLED: Code = Code::H3_REQUEST_CANCELLED;

impl Stream for h3::client::RequestStream<h3_quinn::BidiStream<Piece>, Piece> {
    async fn send(&mut self, piece: Piece) -> Result<(), StreamError> {
        self.send_data(piece).await
    }
    async fn finish(&mut self) -> Result<(), StreamError> {
        self.finish().await
    }
    fn cancel(&mut self) {
        self.stop_stream(CANCELLED);
    }
}

impl Stream for h3::server::RequestStream<h3_quinn::BidiStream<Piece>, Piece> {
    async fn send(&mut self, piece: Piece) -> Result<(), StreamError> {
        self.send_data(piece).await
    }
    async fn finish(&mut self) -> Result<(), StreamError> {
        self.finish().await
    }
    fn cancel(&mut self) {
        self.stop_stream(CANCELLED);
    }
}

/// A stream that is given up when it is dropped before it is over.
pub(crate) struct Exchange<S: Stream> {
    /// The stream of the library.
    pub(crate) stream: S,
    over: bool,
}

impl<S: Stream> Exchange<S> {
    /// The exchange on a fresh stream.
    pub(crate) fn new(stream: S) -> Self {
        Exchange { stream, over: false }
    }

    /// Sends a body, if there is one, and the end.
    pub(crate) async fn say(&mut self, body: Option<Sending>) -> Result<(), StreamError> {
        if let Some(mut body) = body {
            while !body.ended() {
                self.stream.send(body.next()).await?;
            }
        }
        self.stream.finish().await
    }

    /// All has been said and heard.
    pub(crate) fn end(mut self) {
        self.over = true;
    }
}

impl<S: Stream> Drop for Exchange<S> {
    fn drop(&mut self) {
        if !self.over {
            self.stream.cancel();
        }
    }
}
