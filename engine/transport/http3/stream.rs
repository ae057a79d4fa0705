//! The stream of one request, at either end of HTTP/3.

use h3::error::{Code, StreamError};

use crate::transport::quic::guard::Cancel;
use crate::transport::web::body::{Piece, Sending};

/// What can be done with a stream of the library, which has a type for each end.
pub(crate) trait Stream: Cancel {
    /// Sends a piece of a body.
    async fn send(&mut self, piece: Piece) -> Result<(), StreamError>;
    /// Says that this was all.
    async fn finish(&mut self) -> Result<(), StreamError>;
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
}

impl Stream for h3::server::RequestStream<h3_quinn::BidiStream<Piece>, Piece> {
    async fn send(&mut self, piece: Piece) -> Result<(), StreamError> {
        self.send_data(piece).await
    }
    async fn finish(&mut self) -> Result<(), StreamError> {
        self.finish().await
    }
}

// What is being received is given up by dropping the stream; asked to stop that while it waits, h3-quinn 0.0.10 panics.
impl Cancel for h3::client::RequestStream<h3_quinn::BidiStream<Piece>, Piece> {
    fn cancel(&mut self) {
        self.stop_stream(CANCELLED);
    }
}

impl Cancel for h3::server::RequestStream<h3_quinn::BidiStream<Piece>, Piece> {
    fn cancel(&mut self) {
        self.stop_stream(CANCELLED);
    }
}

/// Sends a body, if there is one, and the end.
pub(crate) async fn send(stream: &mut impl Stream, body: Option<Sending>) -> Result<(), StreamError> {
    if let Some(mut body) = body {
        while !body.ended() {
            stream.send(body.next()).await?;
        }
    }
    stream.finish().await
}
