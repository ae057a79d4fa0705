//! Where clients come in: the listening socket, the ready line, and the word to stop.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use tokio::io::unix::AsyncFd;

use crate::error::{Context, Error, Result};
use crate::server::ready::Ready;
use crate::transport::contract::Facts;
use crate::transport::socket::{Listener, Socket};

/// The listening socket of a server, and the stdin whose end says stop.
#[derive(Debug)]
pub struct Acceptor {
    listener: Listener,
    ready: Ready,
    children: Option<SignalFd>,
}

/// What an acceptor waits for.
#[derive(Debug)]
pub enum Event {
    /// A client has connected.
    Connection(Socket),
    /// A child process has ended and waits to be reaped.
    ChildExited,
    /// Stdin is closed: stop.
    Shutdown,
}

impl Acceptor {
    /// Clients come in by `listener`; the rest goes into the ready line.
    pub fn open(listener: Listener, nonce: String, facts: Facts, ca: Option<String>) -> Result<Self> {
        let address = listener.address().doing("cannot ask where the socket listens")?.to_string();
        Ok(Acceptor { listener, ready: Ready::of(address, nonce, facts, ca), children: None })
    }

    /// Also an event when a child process ends. To be called before the first fork.
    pub fn watch_children(&mut self) -> Result<()> {
        let mut mask = SigSet::empty();
        mask.add(Signal::SIGCHLD);
        sigprocmask(SigmaskHow::SIG_BLOCK, Some(&mask), None).doing("cannot block SIGCHLD")?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        self.children = Some(SignalFd::with_flags(&mask, flags).doing("cannot watch for children")?);
        Ok(())
    }

    /// Prints the ready line: the server is listening.
    pub fn announce(&self) -> Result<()> {
        self.ready.announce()
    }

    /// Waits for the next event.
    pub fn wait(&mut self) -> Result<Event> {
        self.next_event(PollFlags::POLLIN)
    }

    /// Waits for the next event that is not a connection: those are for the children.
    pub fn wait_for_others(&mut self) -> Result<Event> {
        self.next_event(PollFlags::empty())
    }

    fn next_event(&mut self, of_clients: PollFlags) -> Result<Event> {
        let mut full = false;
        loop {
            let stdin = io::stdin();
            // Where there was no room for a client, who still waits, another look is taken after a while.
            let (clients, patience) =
                if full { (PollFlags::empty(), FULL_MS.into()) } else { (of_clients, PollTimeout::NONE) };
            let mut waiting =
                vec![PollFd::new(self.listener.as_fd(), clients), PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
            waiting.extend(self.children.as_ref().map(|fd| PollFd::new(fd.as_fd(), PollFlags::POLLIN)));
            match poll(&mut waiting, patience) {
                Ok(_) => {}
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(Error::failed(format!("cannot wait for clients: {error}"))),
            }
            let [client, stop, child] = [0, 1, 2].map(|i| waiting.get(i).and_then(PollFd::any).unwrap_or(false));
            drop(waiting);
            if stop && stdin_ended(stdin.as_fd()) {
                return Ok(Event::Shutdown);
            }
            if child {
                if let Some(children) = &self.children {
                    while let Ok(Some(_)) = children.read_signal() {}
                }
                return Ok(Event::ChildExited);
            }
            full = false;
            if client {
                match self.listener.accept() {
                    Ok(socket) => return Ok(Event::Connection(socket)),
                    Err(error) => full = refused(&error)? == Refused::Full,
                }
            }
        }
    }

    /// The listening socket, for a model that waits in its own way.
    pub fn into_listener(self) -> Listener {
        self.listener
    }
}

/// Reads away what stdin has; true where it has ended.
pub fn stdin_ended(stdin: BorrowedFd<'_>) -> bool {
    let mut scrap = [0; 256];
    !matches!(nix::unistd::read(stdin, &mut scrap), Ok(1..) | Err(Errno::EINTR | Errno::EAGAIN))
}

/// True where a stdin that nobody can wait for has ended: a file, which ends whatever it holds, or `/dev/null`.
pub fn has_end(stdin: BorrowedFd<'_>) -> bool {
    std::fs::metadata("/proc/self/fd/0").is_ok_and(|stdin| stdin.is_file()) || stdin_ended(stdin)
}

/// Lets tasks wait for a descriptor of ours: a socket, a listener or stdin.
pub fn watch<T: AsRawFd>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: sockets, listeners and stdin keep one descriptor for as long as they live, and AsyncFd owns them.
    unsafe { AsyncFd::register(owner) }.map_err(io::Error::from)
}

/// Waits, on the thread of a runtime, until stdin has ended.
pub async fn stopped() {
    let Ok(stdin) = watch(io::stdin()) else {
        if !has_end(io::stdin().as_fd()) {
            std::future::pending::<()>().await;
        }
        return;
    };
    while let Ok(mut ready) = stdin.readable().await {
        if stdin_ended(stdin.get_ref().as_fd()) {
            return;
        }
        ready.clear_ready();
    }
}

/// For how many milliseconds a server that has no room for a client waits before it looks again.
pub const FULL_MS: u8 = 10;

/// Why `accept` has brought nobody, and the listener is as good as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Nobody waits any more: another process was faster, or the client has gone.
    Gone,
    /// There is no room: no descriptor, or no memory. The client still waits, and so does a server.
    Full,
}

/// What a failure of `accept` means; an error where the listener is of no use any more.
pub fn refused(error: &io::Error) -> Result<Refused> {
    use Errno::{
        EAGAIN, ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINTR, EMFILE, ENETDOWN, ENETUNREACH, ENFILE, ENOBUFS, ENOMEM,
        ENONET, ENOPROTOOPT, EOPNOTSUPP, EPERM, EPROTO,
    };
    match error.raw_os_error().map(Errno::from_raw) {
        Some(EMFILE | ENFILE | ENOBUFS | ENOMEM) => Ok(Refused::Full),
        // Linux gives what has befallen a connection in the meantime as a failure of accept (accept(2)).
        Some(
            EAGAIN | EINTR | ECONNABORTED | EPERM | EPROTO | ENETDOWN | ENOPROTOOPT | EHOSTDOWN | ENONET | EHOSTUNREACH
            | EOPNOTSUPP | ENETUNREACH,
        ) => Ok(Refused::Gone),
        _ => Err(Error::failed(format!("cannot accept a client: {error}"))),
    }
}
