//! A process for each connection.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use crate::error::Result;
use crate::registry::Entry;
use crate::server::contract::{Host, Model};
use crate::server::conversation::converse;
use crate::server::door::{Door, Knock};
use crate::transport::contract::{Facts, Options};
use crate::transport::socket::Socket;

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
        let parent = getpid();
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
                Knock::Child => reap(),
                Knock::Stop => return Ok(()),
            }
        }
    }
}

/// The life of a child: one connection, and death with the parent.
fn serve_in_child(door: Door, socket: Socket, host: &Host, parent: Pid) -> ! {
    // The parent-death signal is not inherited, and the parent may be gone before it is set.
    let _ = set_pdeathsig(Signal::SIGKILL);
    let _ = SigSet::all().thread_unblock();
    if getppid() == parent {
        drop(door);
        // The connection is over either way; the client sees how.
        let _ = converse(socket, host);
    }
    std::process::exit(0)
}

/// Waits for every child that has ended, so that its CPU time is charged to this process.
fn reap() {
    while !matches!(waitpid(None, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive) | Err(_)) {}
}
