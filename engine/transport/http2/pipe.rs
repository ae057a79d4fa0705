//! The stream that the h2 library reads and writes: memory, between a codec and its caller.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::transport::outbox::Outbox;

/// How much waits to be written before the library is told to hold back, in bytes.
const AHEAD: usize = 256 * 1024;
/// From this length on bytes go into the outbox without another copy.
const LARGE: usize = 32 * 1024;

/// One end that the library owns, and one that the codec keeps: both are the same.
///
/// Nobody is ever woken: the codec polls again whenever it has brought bytes or taken some away.
#[derive(Clone, Default)]
pub(crate) struct Pipe(Arc<Mutex<Bytes>>);

#[derive(Default)]
struct Bytes {
    input: Vec<u8>,
    taken: usize,
    output: Vec<u8>,
}

impl Pipe {
    fn bytes(&self) -> MutexGuard<'_, Bytes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings all of `input` for the library to read.
    pub(crate) fn bring(&self, input: &mut &[u8]) {
        self.bytes().input.extend_from_slice(std::mem::take(input));
    }

    /// True where the library has read all.
    pub(crate) fn is_read(&self) -> bool {
        let bytes = self.bytes();
        bytes.taken == bytes.input.len()
    }

    /// Moves what the library has written to the outbox; true where it was held back and may have more.
    pub(crate) fn pour(&self, out: &mut Outbox) -> bool {
        let mut bytes = self.bytes();
        let full = bytes.output.len() >= AHEAD;
        if bytes.output.len() < LARGE {
            out.put(&bytes.output);
            bytes.output.clear();
        } else {
            out.put_owned(std::mem::take(&mut bytes.output));
        }
        full
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut bytes = self.bytes();
        let part = &bytes.input[bytes.taken..];
        if part.is_empty() {
            return Poll::Pending;
        }
        let n = part.len().min(buffer.remaining());
        buffer.put_slice(&part[..n]);
        bytes.taken += n;
        if bytes.taken == bytes.input.len() {
            bytes.input.clear();
            bytes.taken = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, written: &[u8]) -> Poll<io::Result<usize>> {
        let mut bytes = self.bytes();
        let n = written.len().min(AHEAD.saturating_sub(bytes.output.len()));
        if n == 0 && !written.is_empty() {
            return Poll::Pending;
        }
        bytes.output.extend_from_slice(&written[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
