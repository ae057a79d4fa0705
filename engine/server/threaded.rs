//! A thread for each connection.

use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::acceptor::{Acceptor, Event};
use crate::server::call_job::{CallJob, ChannelExecutor};
use crate::server::connection::serve_connection;
use crate::server::contract::{Executes, Host, Model};
use crate::transport::contract::Facts;
use crate::transport::option::Options;

/// How much stack a thread has that serves calls.
pub const STACK: usize = 256 * 1024;

/// The server model `threaded`.
pub struct Threaded;

impl Entry for Threaded {
    fn name(&self) -> &'static str {
        "threaded"
    }
    fn about(&self) -> &'static str {
        "a thread for each connection"
    }
}

impl Model for Threaded {
    fn executes(&self) -> Executes {
        Ok(|service, _| {
            Box::new(move || {
                let (jobs, own) = mpsc::channel::<CallJob>();
                let service = service.clone();
                let serve = move || own.into_iter().for_each(|job| job.run(&service));
                thread::Builder::new().stack_size(STACK).spawn(serve).ok()?;
                Some(Rc::new(ChannelExecutor(move |job| {
                    // A thread that is gone answers nothing, which fails the call.
                    let _ = jobs.send(job);
                })))
            })
        })
    }

    fn facts(&self, _: &Options) -> Facts {
        [("serves", "a thread for each connection"), ("waits", "blocking"), ("isolation", "none: one process")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn serve(&self, mut acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.announce()?;
        loop {
            match acceptor.wait()? {
                Event::Connection(socket) => {
                    let host = host.clone();
                    // A thread that cannot be made refuses its client: the connection closes.
                    let _ = thread::Builder::new().stack_size(STACK).spawn(move || serve_connection(socket, &host));
                }
                Event::ChildExited => {}
                Event::Shutdown => return Ok(()),
            }
        }
    }
}
