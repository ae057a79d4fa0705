//! Who calls, and which calls are in flight.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use crate::drive::job::Job;
use crate::drive::order::Order;
use crate::drive::per_pass::Progress;
use crate::drive::recorder::Who;
use crate::drive::resend::Attempts;
use crate::drive::sequence::Planned;

/// Callers, the calls that wait for one of them, and those in flight.
pub(super) struct Calls {
    /// A slot for each stream of each connection: those of the first connection, then those of the second, and so on.
    pub(super) slots: Vec<Slot>,
    /// Slots with a call, the one that began first in front.
    pub(super) oldest: Order,
    /// Slots without a call, the one that has been so longest in front.
    pub(super) free: Order,
    /// Whether each caller has a slot of its own, of the same number.
    pub(super) paired: bool,
    pub(super) callers: Vec<Caller>,
    /// Callers of an open loop without a call, the one that has been so longest in front.
    pub(super) resting: VecDeque<usize>,
    /// Calls that are due and wait for a slot: of a closed loop all, of an open one the later steps of passes.
    pub(super) queue: VecDeque<Scheduled>,
    /// Callers that pause before their next call, by when that is due.
    pub(super) pausing: BinaryHeap<Reverse<(u64, usize)>>,
    /// The first call that did not succeed.
    pub(super) failed: Option<Who>,
}

/// A stream of a connection, and the call that is on it.
pub(super) struct Slot {
    pub(super) state: State,
    pub(super) call: InFlight,
    /// The connection that its call is on.
    pub(super) on: usize,
    /// When an open loop that is never late would have had it free again.
    pub(super) free: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// There is no call.
    Free,
    /// The call waits until the connection is open.
    Connecting,
    /// The call's reply is awaited.
    Calling,
    /// The call is over and recorded; the server is to close its connection before the caller goes on.
    Closing,
}

/// A call that is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scheduled {
    pub(super) caller: usize,
    pub(super) intended: u64,
}

/// A call that has a slot.
#[derive(Debug, Clone, Copy)]
pub(super) struct InFlight {
    pub(super) due: Scheduled,
    pub(super) planned: Planned,
    /// When it was first sent or dialled for: its time-out counts from then.
    pub(super) begun: u64,
    pub(super) sent: u64,
    pub(super) asked: Attempts,
    pub(super) dialled: u64,
    pub(super) secured: Option<u64>,
    pub(super) attempt: u64,
    /// How much later it began than it could have.
    pub(super) late: u64,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Caller {
    /// How many calls it has made, in warm-up too.
    pub(super) number: u64,
    /// How many of them it had made before this run.
    pub(super) before: u64,
    pub(super) checked: bool,
    /// As of a slot.
    pub(super) free: u64,
    /// How far it is in its pass.
    pub(super) progress: Progress,
}

impl InFlight {
    pub(super) fn of(due: Scheduled, planned: Planned, begun: u64, late: u64) -> Self {
        InFlight {
            due,
            planned,
            begun,
            sent: begun,
            asked: Attempts::default(),
            dialled: 0,
            secured: None,
            attempt: 0,
            late,
        }
    }
}

impl InFlight {
    /// Whose it is, and which.
    pub(super) fn who(&self) -> Who {
        Who { client: self.due.caller, name: self.planned.name }
    }
}

impl Calls {
    /// All clients of `job`, at rest.
    pub(super) fn new(job: &Job) -> Self {
        let slots = job.connections * job.streams;
        let mut free = Order::new(slots);
        (0..slots).for_each(|slot| free.push_back(slot));
        let nothing = InFlight::of(Scheduled { caller: 0, intended: 0 }, job.calls.call(0, 0), 0, 0);
        Calls {
            slots: (0..slots).map(|_| Slot { state: State::Free, call: nothing, on: 0, free: 0 }).collect(),
            oldest: Order::new(slots),
            free,
            paired: slots == job.clients,
            callers: vec![Caller::default(); job.clients],
            resting: (0..job.clients).collect(),
            queue: VecDeque::with_capacity(job.clients),
            pausing: BinaryHeap::with_capacity(job.clients),
            failed: None,
        }
    }
}
