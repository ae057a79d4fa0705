//! The stream of one call, at either end.

use std::io::IoSlice;

use quinn::{ReadError, RecvStream, SendStream, VarInt, WriteError};

use crate::transport::outbox::{GATHER, Outbox};
use crate::transport::quic::guard::{Cancel, Guarded};
use crate::transport::socket::Produce;

/// The code with which a stream is given up.
const GIVEN_UP: VarInt = VarInt::from_u32(1);

/// Both directions of a stream.
pub(crate) struct Pair {
    send: SendStream,
    recv: RecvStream,
}

/// The stream of one call.
pub(crate) type Exchange = Guarded<Pair>;

impl From<(SendStream, RecvStream)> for Exchange {
    fn from((send, recv): (SendStream, RecvStream)) -> Self {
        Guarded::new(Pair { send, recv })
    }
}

impl Cancel for Pair {
    fn cancel(&mut self) {
        // What has ended already cannot be given up.
        let _ = self.send.reset(GIVEN_UP);
        let _ = self.recv.stop(GIVEN_UP);
    }
}

impl Pair {
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
}
