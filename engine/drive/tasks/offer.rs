//! The calls of an open loop, for whichever task is free.

use std::cell::{Cell, RefCell};

use tokio::sync::Mutex;

use crate::drive::schedule::{EARLY, Schedule};
use crate::drive::tasks::pause::Pause;

/// The calls of an open loop, for whoever is free.
pub(super) struct Offer {
    pub(super) schedule: RefCell<Schedule>,
    /// Held by the client that will make the next call; it is handed on in the order in which they asked.
    pub(super) turn: Mutex<()>,
    pause: Pause,
    /// Whether calls were left over although a client was free.
    pub(super) sendable: Cell<bool>,
}

impl Offer {
    /// The calls of `schedule`; inside a runtime.
    pub(super) fn new(schedule: Schedule) -> Self {
        let (turn, pause) = (Mutex::new(()), Pause::new());
        Offer { schedule: RefCell::new(schedule), turn, pause, sendable: Cell::new(false) }
    }

    /// Waits until nothing of `left`, in nanoseconds, is left.
    pub(super) async fn wait(&self, left: impl Fn() -> u64) {
        if left() > EARLY {
            self.schedule.borrow_mut().prepare();
        }
        self.pause.wait(left).await;
    }
}
