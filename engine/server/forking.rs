//! A process for each connection.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use crate::error::{Context, Error, Result};
use crate::registry::Entry;
use crate::server::contract::{Executes, Host, Model};
use crate::server::conversation::converse;
use crate::server::door::{Door, Knock};
use crate::transport::contract::{Facts, Options};
use crate::transport::held::Hold;
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

    fn serve(&self, mut door: Door, host: Host) -> Result<()> {
        door.watch_children()?;
        door.announce()?;
        let (parent, mut ended) = (getpid(), Ended::of(&host));
        loop {
            match door.wait()? {
                Knock::Client(socket) => {
                    // SAFETY: this process has one thread, so the child's heap and locks are in order.
                    match unsafe { fork() } {
                        Ok(ForkResult::Child) => serve_in_child(door, socket, &host, parent),
                        // A fork that fails refuses its client: the connection closes.
                        Ok(ForkResult::Parent { .. }) | Err(_) => drop(socket),
                    }
                }
                Knock::Child => {
                    ended.reap();
                }
                Knock::Stop => return ended.told(),
            }
        }
    }
}

/// The life of a child: one connection.
fn serve_in_child(door: Door, socket: Socket, host: &Host, parent: Pid) -> ! {
    if die_with(parent).is_ok() {
        drop(door);
        // The connection is over either way; the client sees how.
        let _ = converse(socket, host);
    }
    std::process::exit(0)
}

/// Ties the life of a freshly forked child to its parent's; an error where that one is gone already.
pub(crate) fn die_with(parent: Pid) -> Result<()> {
    let doing = "cannot end with the parent";
    // The parent-death signal is not inherited, and the parent may be gone before it is set.
    set_pdeathsig(Signal::SIGKILL).doing(doing)?;
    SigSet::all().thread_unblock().doing(doing)?;
    if getppid() == parent { Ok(()) } else { Err(Error::failed("the parent is gone")) }
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
