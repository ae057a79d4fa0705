//! Bodies handed to the h2 library as far as it takes them.

use h2::SendStream;

use crate::transport::web::body::{PIECE, Piece, Sending};

/// Hands on as much as the peer's windows allow; true where that was anything. The body has `ended` once that was all.
///
/// A piece may exceed the window: the library keeps the rest of it, which costs nothing since it is a reference.
pub(crate) fn pump(sending: &mut Sending, stream: &mut SendStream<Piece>) -> Result<bool, h2::Error> {
    let mut moved = false;
    while !sending.ended() {
        stream.reserve_capacity(PIECE as usize);
        if stream.capacity() == 0 {
            return Ok(moved);
        }
        moved = true;
        let piece = sending.next();
        stream.send_data(piece, sending.ended() && !sending.has_trailers())?;
    }
    if let Some(trailers) = sending.take_trailers() {
        stream.send_trailers(trailers)?;
    }
    Ok(true)
}
