//! Calls of the event loop: due, or at their place on a connection.

use crate::call::Ask;
use crate::drive::resend::Asked;

/// A call's place on a connection, and the call that is there.
pub(super) struct Line {
    pub(super) stage: At,
    pub(super) call: Under,
    /// The connection that its call is on.
    pub(super) on: usize,
    /// When an open loop that is never late would have had it free again.
    pub(super) free: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum At {
    /// There is no call.
    Idle,
    /// The call waits until the connection is open.
    Waiting,
    /// The call's reply is awaited.
    Calling,
    /// The call is over and recorded; the server is to close its connection before the caller goes on.
    Parting,
}

/// A call that is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) caller: usize,
    pub(super) intended: u64,
}

/// A call that has a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Under {
    pub(super) due: Due,
    pub(super) ask: Ask,
    /// When it was first sent or dialled for: its time-out counts from then.
    pub(super) begun: u64,
    pub(super) sent: u64,
    pub(super) asked: Asked,
    pub(super) dialled: u64,
    pub(super) secured: Option<u64>,
    pub(super) attempt: u64,
    /// How much later it began than it could have.
    pub(super) late: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Caller {
    pub(super) number: u64,
    pub(super) checked: bool,
    /// As of a line.
    pub(super) free: u64,
}

impl Under {
    pub(super) fn of(due: Due, ask: Ask, begun: u64) -> Self {
        Under { due, ask, begun, sent: begun, asked: Asked::default(), dialled: 0, secured: None, attempt: 0, late: 0 }
    }
}
