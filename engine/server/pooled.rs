//! One thread that polls, and worker threads that each serve one call at a time.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::error::{Context, Result};
use crate::registry::Entry;
use crate::server::ballast::BALLAST;
use crate::server::contract::{Host, Model};
use crate::server::conversation::{Conversation, READ};
use crate::server::door::Door;
use crate::server::parking::Parking;
use crate::server::threaded::STACK;
use crate::server::workers::{WORKERS, workers};
use crate::transport::contract::{Facts, OptionSpec, Options};

/// The server model `pooled`.
pub struct Pooled;

impl Entry for Pooled {
    fn name(&self) -> &'static str {
        "pooled"
    }
    fn about(&self) -> &'static str {
        "one thread polls and lends a connection with bytes to a free worker thread for one call"
    }
}

impl Model for Pooled {
    fn options(&self) -> &'static [OptionSpec] {
        &[WORKERS, BALLAST]
    }

    fn facts(&self, options: &Options) -> Facts {
        [
            ("serves", "a worker thread for each call".to_owned()),
            ("waits", "one thread polls, workers block for one call".to_owned()),
            ("isolation", "none: one process".to_owned()),
            (WORKERS.name, workers(options).to_string()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    fn serve(&self, door: Door, host: Host) -> Result<()> {
        door.announce()?;
        let parking = Arc::new(Parking::open(door.into_listener())?);
        let queue = Arc::new(Queue::default());
        // Workers start with the first call: until a server has clients it is one thread under every model.
        let mut to_start = workers(&host.context.options);
        let mut failed = Ok(());
        parking.clone().attend(&host.clone(), &mut |conversation| {
            queue.put(conversation);
            while to_start > 0 && failed.is_ok() {
                let (parking, queue, host) = (parking.clone(), queue.clone(), host.clone());
                let work = move || {
                    let mut buffer = vec![0; READ];
                    loop {
                        parking.serve(queue.take(), &host, &mut buffer);
                    }
                };
                failed = thread::Builder::new().stack_size(STACK).spawn(work).map(drop).doing("cannot start a worker");
                to_start -= 1;
            }
        })?;
        failed
    }
}

/// Connections that wait for a free worker, first come first served.
#[derive(Default)]
struct Queue {
    lent: Mutex<VecDeque<Conversation>>,
    some: Condvar,
}

impl Queue {
    fn put(&self, conversation: Conversation) {
        self.lent.lock().unwrap_or_else(PoisonError::into_inner).push_back(conversation);
        self.some.notify_one();
    }

    fn take(&self) -> Conversation {
        let mut lent = self.lent.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match lent.pop_front() {
                Some(conversation) => return conversation,
                None => lent = self.some.wait(lent).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
