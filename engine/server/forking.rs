//! A process for each connection.

use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

use crate::error::{Error, Result};
use crate::registry::Entry;
use crate::server::acceptor::{Acceptor, Event};
use crate::server::connection::serve_connection;
use crate::server::contract::{Executes, Host, Model};
use crate::server::fork::{Child, Forked, OneThread};
use crate::transport::contract::Facts;
use crate::transport::held::Hold;
use crate::transport::option::Options;
use crate::transport::socket::Socket;

/// Why no model with several processes hosts a transport over datagrams.
pub(crate) const DATAGRAMS: &str = "its connections share one socket of datagrams, and of processes that share that \
    socket whichever reads first would get another's packets";

/// The server model `forking`.
pub struct Forking;

impl Entry for Forking {
    fn name(&self) -> &'static str {
        "forking"
    }
    fn about(&self) -> &'static str {
        "a process for each connection"
    }
}

impl Model for Forking {
    fn executes(&self) -> Executes {
        Err(DATAGRAMS)
    }

    fn facts(&self, _: &Options) -> Facts {
        [
            ("serves", "a process for each connection"),
            ("waits", "blocking"),
            ("isolation", "each connection has its own process"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, mut acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.watch_children()?;
        acceptor.announce()?;
        let (lone, mut ended) = (OneThread::seen()?, Ended::of(&host));
        loop {
            match acceptor.wait()? {
                Event::Connection(socket) => {
                    match lone.fork() {
                        Ok(Forked::Child(child)) => serve_in_child(acceptor, socket, &host, child),
                        // A fork that fails refuses its client: the connection closes.
                        Ok(Forked::Parent) | Err(_) => drop(socket),
                    }
                }
                Event::ChildExited => {
                    ended.reap();
                }
                Event::Shutdown => return ended.told(),
            }
        }
    }
}

/// The life of a child: one connection.
fn serve_in_child(acceptor: Acceptor, socket: Socket, host: &Host, child: Child) -> ! {
    if child.die_with_parent().is_ok() {
        drop(acceptor);
        // The connection is over either way; the client sees how.
        let _ = serve_connection(socket, host);
    }
    child.end(0)
}

/// The children of a server that have ended.
#[derive(Debug)]
pub(crate) struct Ended {
    hold: Hold,
    /// How many were killed by a signal, and by which the last one was.
    killed: Option<(u64, Signal)>,
}

impl Ended {
    /// Those of a server that holds bodies together with them.
    pub(crate) fn of(host: &Host) -> Self {
        Ended { hold: host.context.hold.clone(), killed: None }
    }

    /// Waits for every child that has ended, so that its CPU time is charged to this process; how many those are.
    pub(crate) fn reap(&mut self) -> u64 {
        let mut ended = 0;
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(_) => return ended,
                Ok(WaitStatus::Signaled(process, signal, _)) => {
                    self.hold.forget(process.as_raw() as u32);
                    self.killed = Some((self.killed.map_or(0, |(count, _)| count) + 1, signal));
                }
                Ok(_) => {}
            }
            ended += 1;
        }
    }

    /// Whether all that have ended did so by themselves: what was measured of a server counts for nothing where one of
    /// its processes was killed.
    pub(crate) fn told(mut self) -> Result<()> {
        self.reap();
        match self.killed {
            None => Ok(()),
            Some((1, signal)) => Err(Error::failed(format!("a process of this server was killed by {signal}"))),
            Some((count, signal)) => {
                Err(Error::failed(format!("{count} processes of this server were killed, the last by {signal}")))
            }
        }
    }
}
