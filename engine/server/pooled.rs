//! One thread that polls, and worker threads that each serve one call at a time.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use crate::error::{Context, Result};
use crate::registry::Entry;
use crate::server::acceptor::Acceptor;
use crate::server::ballast::BALLAST;
use crate::server::call_job::{CallJob, ChannelExecutor};
use crate::server::contract::{Executes, Host, Model};
use crate::server::idle_set::IdleSet;
use crate::server::threaded::STACK;
use crate::server::workers::{WORKERS, cores, workers};
use crate::transport::contract::Facts;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::socket::ReadBuffer;

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

    fn workers(&self, options: &Options, cores: u64) -> Option<u64> {
        Some(workers(options, cores))
    }

    fn executes(&self) -> Executes {
        Ok(|service, options| {
            let (queue, to_start) =
                (Arc::new(Queue::<CallJob>::default()), Rc::new(Cell::new(workers(options, cores()))));
            Box::new(move || {
                let (queue, to_start, service) = (queue.clone(), to_start.clone(), service.clone());
                Some(Rc::new(ChannelExecutor(move |job| {
                    queue.put(job);
                    while to_start.get() > 0 {
                        let (queue, service) = (queue.clone(), service.clone());
                        let work = move || {
                            loop {
                                queue.take().run(&service);
                            }
                        };
                        // A worker that cannot be started now is tried again with the next call.
                        if thread::Builder::new().stack_size(STACK).spawn(work).is_err() {
                            break;
                        }
                        to_start.set(to_start.get() - 1);
                    }
                })))
            })
        })
    }

    fn facts(&self, _: &Options) -> Facts {
        [
            ("serves", "a worker thread for each call"),
            ("waits", "one thread polls, workers block for one call"),
            ("isolation", "none: one process"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.announce()?;
        let idle_set = Arc::new(IdleSet::open(acceptor.into_listener())?);
        let queue = Arc::new(Queue::default());
        // Workers start with the first call: until a server has clients it is one thread under every model.
        let mut to_start = workers(&host.context.options, cores());
        let mut failed = Ok(());
        idle_set.clone().run(&host.clone(), &mut |connection| {
            queue.put(connection);
            while to_start > 0 && failed.is_ok() {
                let (idle_set, queue, host) = (idle_set.clone(), queue.clone(), host.clone());
                let start = |mut buffer: ReadBuffer| {
                    let work = move || {
                        loop {
                            idle_set.serve(queue.take(), &host, &mut buffer);
                        }
                    };
                    thread::Builder::new().stack_size(STACK).spawn(work)
                };
                failed = ReadBuffer::new().and_then(start).map(drop).doing("cannot start a worker");
                to_start -= 1;
            }
        })?;
        failed
    }
}

/// Connections or calls that wait for a free worker, first come first served.
struct Queue<T> {
    waiting: Mutex<VecDeque<T>>,
    some: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { waiting: Mutex::default(), some: Condvar::new() }
    }
}

impl<T> Queue<T> {
    fn put(&self, one: T) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(one);
        self.some.notify_one();
    }

    fn take(&self) -> T {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match waiting.pop_front() {
                Some(one) => return one,
                None => waiting = self.some.wait(waiting).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}
