//! Connections that wait for bytes, watched by one thread and lent out for one call each.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::error::{Context, Error, Result};
use crate::server::acceptor::{FULL_MS, Refused, has_end, refused, stdin_ended};
use crate::server::connection::Connection;
use crate::server::contract::Host;
use crate::transport::socket::{Listener, ReadBuffer};

const LISTENER: u64 = u64::MAX;
const STDIN: u64 = u64::MAX - 1;
/// A connection wakes whoever watches once, until it is put back.
const ONCE: EpollFlags = EpollFlags::EPOLLIN.union(EpollFlags::EPOLLONESHOT);

/// Where connections wait until bytes come.
#[derive(Debug)]
pub struct IdleSet {
    epoll: Epoll,
    listener: Listener,
    /// Stdin has ended already: it is one that cannot be watched.
    ended: bool,
    /// By descriptor, which is unique for as long as its connection lives.
    parked: Mutex<HashMap<u64, Connection>>,
}

impl IdleSet {
    /// A place for the connections that `listener` accepts. After a fork each process opens its own.
    pub fn open(listener: Listener) -> Result<Self> {
        let doing = "cannot watch for clients";
        listener.set_nonblocking(true).doing(doing)?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).doing(doing)?;
        watch(&epoll, &listener)?;
        let stdin = io::stdin();
        let ended = match epoll.add(stdin.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN, STDIN)) {
            Ok(()) => false,
            Err(Errno::EPERM) => has_end(stdin.as_fd()),
            Err(error) => return Err(Error::failed(format!("cannot watch stdin: {error}"))),
        };
        Ok(IdleSet { epoll, listener, ended, parked: Mutex::default() })
    }

    /// Accepts clients and lends out each connection that has bytes, until stdin closes.
    pub fn run(&self, host: &Host, dispatch: &mut dyn FnMut(Connection)) -> Result<()> {
        let mut events = [EpollEvent::empty(); 64];
        if self.ended {
            return Ok(());
        }
        let mut full = false;
        loop {
            // Where there was no room for a client, who still waits, another look is taken after a while.
            let time_out = if full { FULL_MS.into() } else { EpollTimeout::NONE };
            let count = match self.epoll.wait(&mut events, time_out) {
                Ok(count) => count,
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(Error::failed(format!("cannot wait for clients: {error}"))),
            };
            if std::mem::take(&mut full) {
                watch(&self.epoll, &self.listener)?;
            }
            for event in &events[..count] {
                match event.data() {
                    STDIN if stdin_ended(io::stdin().as_fd()) => return Ok(()),
                    STDIN => {}
                    LISTENER => {
                        full = self.accept(host)? == Some(Refused::Full);
                        if full {
                            self.epoll.delete(&self.listener).doing("cannot wait for room")?;
                        }
                    }
                    descriptor => {
                        let lent = self.parked().remove(&descriptor);
                        lent.into_iter().for_each(&mut *dispatch);
                    }
                }
            }
        }
    }

    /// Serves one call, or what has come of one, on the calling thread; the connection comes back unless it is over.
    pub fn serve(&self, mut connection: Connection, host: &Host, buffer: &mut ReadBuffer) {
        // A connection that fails is over; its client sees how.
        if let Ok(true) = connection.serve_one(host, buffer) {
            let descriptor = connection.socket().as_raw_fd() as u64;
            let mut parked = self.parked();
            let waiting = parked.entry(descriptor).insert_entry(connection);
            let socket = waiting.get().socket();
            if self.epoll.modify(socket, &mut EpollEvent::new(ONCE, descriptor)).is_err() {
                waiting.remove();
            }
        }
    }

    /// Lets one client in, or says why nobody came.
    fn accept(&self, host: &Host) -> Result<Option<Refused>> {
        let socket = match self.listener.accept() {
            Ok(socket) => socket,
            Err(error) => return refused(&error).map(Some),
        };
        if socket.set_nonblocking(true).is_ok() {
            let descriptor = socket.as_raw_fd() as u64;
            let mut parked = self.parked();
            let waiting = parked.entry(descriptor).insert_entry(Connection::new(socket, host));
            // A connection that cannot be watched is refused: it closes.
            if self.epoll.add(waiting.get().socket(), EpollEvent::new(ONCE, descriptor)).is_err() {
                waiting.remove();
            }
        }
        Ok(None)
    }

    fn parked(&self) -> MutexGuard<'_, HashMap<u64, Connection>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes whoever waits when a client comes; one of them, where processes share the listener.
fn watch(epoll: &Epoll, listener: &Listener) -> Result<()> {
    let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLEXCLUSIVE;
    epoll.add(listener, EpollEvent::new(flags, LISTENER)).doing("cannot watch for clients")
}
