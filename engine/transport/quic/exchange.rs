//! The stream of one call, at either end.

use std::io::IoSlice;

use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

use crate::transport::outbox::{GATHER, Outbox};
use crate::transport::socket::Produce;

/// The code with which a stream is given up.
const GIVEN_UP: VarInt = VarInt::from_u32(1);

/// Both directions of a stream; given up when it is dropped before it is over.
pub(crate) struct Exchange {
    send: SendStream,
    recv: RecvStream,
    over: bool,
}

impl Exchange {
    /// The exchange on a fresh stream.
    pub(crate) fn new((send, recv): (SendStream, RecvStream)) -> Self {
        Exchange { send, recv, over: false }
    }

    /// Writes all that the codec has to say, then the end; false where the peer does not want all of it.
    pub(crate) async fn say<C: Produce + ?Sized>(
        &mut self,
        out: &mut Outbox,
        codec: &mut C,
    ) -> Result<bool, WriteError> {
        loop {
            if out.is_empty() {
                codec.refill(out);
                if out.is_empty() {
                    // A stream that was stopped needs no end.
                    return Ok(self.send.finish().is_ok());
                }
            }
            let mut slices = [IoSlice::new(&[]); GATHER];
            let used = out.gather(&mut slices);
            let written = match self.send.write(slices[..used].first().map_or(&[], |slice| slice)).await {
                Ok(written) => written,
                Err(WriteError::Stopped(_)) => return Ok(false),
                Err(error) => return Err(error),
            };
            out.advance(written);
        }
    }

    /// The next bytes, or none at the end.
    pub(crate) async fn hear(&mut self) -> Result<Option<quinn::Chunk>, ReadError> {
        self.recv.read_chunk(usize::MAX, true).await
    }

    /// Waits until the peer does not want an answer any more.
    pub(crate) async fn abandoned(&mut self) {
        // Whatever it is that ends it, it is over.
        let _ = self.send.stopped().await;
    }

    /// All has been said and heard.
    pub(crate) fn end(mut self) {
        self.over = true;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.over {
            // What has ended already cannot be given up.
            let _ = self.send.reset(GIVEN_UP);
            let _ = self.recv.stop(GIVEN_UP);
        }
    }
}
