//! How much of replies may go out before their requests are complete.
//!
//! A client that writes a long request may not read meanwhile; a server that then waits for it to read would wait
//! forever. So only a little goes out early until the client answers a PING behind it, which shows that it has read it.

use std::task::{Context, Poll};

use h2::{Ping, PingPong};

/// What goes out without being known to be read, in bytes: less than any socket holds.
const UNREAD: u64 = 32 * 1024;

/// The early bytes of one connection.
#[derive(Default)]
pub(crate) struct Early {
    pings: Option<PingPong>,
    unread: u64,
    /// How much of that lies before the PING that is under way.
    pinged: Option<u64>,
}

impl Early {
    /// None yet; the library's handle on PINGs tells what was read.
    pub(crate) fn new(pings: Option<PingPong>) -> Self {
        Early { pings, unread: 0, pinged: None }
    }

    /// How much of `len` bytes may go out now; it counts as sent.
    pub(crate) fn take(&mut self, len: usize) -> usize {
        let most = UNREAD.saturating_sub(self.unread).min(len as u64);
        self.unread += most;
        most as usize
    }

    /// Finds out what was read, and asks once half of what may be unread is; true where that changed anything.
    pub(crate) fn confirm(&mut self, context: &mut Context<'_>) -> bool {
        let Some(pings) = &mut self.pings else { return false };
        let mut moved = false;
        if let Some(read) = self.pinged
            && let Poll::Ready(Ok(_)) = pings.poll_pong(context)
        {
            (self.unread, self.pinged, moved) = (self.unread.saturating_sub(read), None, true);
        }
        if self.pinged.is_none() && self.unread > UNREAD / 2 && pings.send_ping(Ping::opaque()).is_ok() {
            (self.pinged, moved) = (Some(self.unread), true);
        }
        moved
    }
}
