//! One thread that polls, and a new thread for each call.

use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::acceptor::Acceptor;
use crate::server::call_job::{CallJob, ChannelExecutor};
use crate::server::contract::{Executes, Host, Model};
use crate::server::idle_set::IdleSet;
use crate::server::threaded::STACK;
use crate::transport::contract::Facts;
use crate::transport::option::Options;
use crate::transport::socket::ReadBuffer;

/// The server model `per-request`.
pub struct PerRequest;

impl Entry for PerRequest {
    fn name(&self) -> &'static str {
        "per-request"
    }
    fn about(&self) -> &'static str {
        "one thread polls and lends a connection with bytes to a new thread for one call"
    }
}

impl Model for PerRequest {
    fn executes(&self) -> Executes {
        Ok(|service, _| {
            Box::new(move || {
                let service = service.clone();
                Some(Rc::new(ChannelExecutor(move |job: CallJob| {
                    let service = service.clone();
                    // A thread that cannot be made answers nothing, which fails the call.
                    let _ = thread::Builder::new().stack_size(STACK).spawn(move || job.run(&service));
                })))
            })
        })
    }

    fn facts(&self, _: &Options) -> Facts {
        [
            ("serves", "a new thread for each call"),
            ("waits", "one thread polls, the others block for one call"),
            ("isolation", "none: one process"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.announce()?;
        let idle_set = Arc::new(IdleSet::open(acceptor.into_listener())?);
        idle_set.clone().run(&host.clone(), &mut |connection| {
            let (idle_set, host) = (idle_set.clone(), host.clone());
            let serve = move || {
                if let Ok(mut buffer) = ReadBuffer::new() {
                    idle_set.serve(connection, &host, &mut buffer);
                }
            };
            // A thread that cannot be made, or has nothing to read into, refuses its client: the connection closes.
            let _ = thread::Builder::new().stack_size(STACK).spawn(serve);
        })
    }
}
