//! Ends a blocking call that lasts too long, from a thread of its own.

use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::socket::{Shutdown, shutdown};

use crate::drive::clock::now_ns;

/// No call is under way.
const NONE: u64 = 0;
/// The call that is under way has been ended.
const EXPIRED: u64 = u64::MAX;
/// What the watching thread needs of a stack.
const STACK: usize = 64 * 1024;

/// Watches the calls of one connection at a time: one that lasts longer than the time-out has its socket shut down.
///
/// A time-out that the kernel keeps (SO_RCVTIMEO) sets and clears a timer with every read that waits: 100 ns of each
/// turn of a call, where this costs one store and one exchange.
pub struct Watchdog {
    timeout: Duration,
    watched: Arc<Watched>,
    watcher: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Watched {
    /// When the call that is under way has lasted too long, by [`now_ns`].
    due: AtomicU64,
    socket: Mutex<Option<RawFd>>,
    over: AtomicBool,
}

impl Watchdog {
    /// A watch over calls that may last for `timeout`; an error where no thread can be had.
    pub fn new(timeout: Duration) -> io::Result<Self> {
        let watched = Arc::new(Watched::default());
        let theirs = watched.clone();
        let watcher = thread::Builder::new().stack_size(STACK).spawn(move || theirs.watch(timeout))?;
        Ok(Watchdog { timeout, watched, watcher: Some(watcher) })
    }

    /// How long a call may last.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Calls are made over this socket from now on; it is shut down at once where time ran out while it was dialled.
    pub fn watch(&self, socket: &impl AsRawFd) {
        *self.watched.socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(socket.as_raw_fd());
        if self.watched.due.load(Ordering::Acquire) == EXPIRED {
            self.watched.shut_down();
        }
    }

    /// That socket is about to be closed; once this returns it is not touched any more.
    pub fn forget(&self, socket: &impl AsRawFd) {
        let mut watched = self.watched.socket.lock().unwrap_or_else(PoisonError::into_inner);
        watched.take_if(|watched| *watched == socket.as_raw_fd());
    }

    /// A call, or the dial for one, begins, whose time counts from `begun` by [`now_ns`]. It may begin anew with the same
    /// time; between that no `end` may come, since the watch looks no sooner than it must.
    pub fn begin(&self, begun: u64) {
        let due = begun.saturating_add(self.timeout.as_nanos() as u64);
        self.watched.due.store(due.clamp(NONE + 1, EXPIRED - 1), Ordering::Release);
    }

    /// The call is over; true where it was ended because it lasted too long, and its connection with it.
    pub fn end(&self) -> bool {
        self.watched.due.swap(NONE, Ordering::AcqRel) == EXPIRED
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watched.over.store(true, Ordering::Release);
        if let Some(watcher) = self.watcher.take() {
            watcher.thread().unpark();
            // It only sleeps and compares, so it does not panic.
            let _ = watcher.join();
        }
    }
}

impl Watched {
    fn watch(&self, timeout: Duration) {
        while !self.over.load(Ordering::Acquire) {
            let (now, due) = (now_ns(), self.due.load(Ordering::Acquire));
            let sleep = match due {
                // A call that begins from now on is not due before that.
                NONE | EXPIRED => timeout,
                due if due > now => Duration::from_nanos(due - now),
                due => {
                    if self.due.compare_exchange(due, EXPIRED, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                        self.shut_down();
                    }
                    continue;
                }
            };
            thread::park_timeout(sleep);
        }
    }

    fn shut_down(&self) {
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(socket) = *socket {
            // A connection that is gone already has woken its caller.
            let _ = shutdown(socket, Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::Watchdog;
    use crate::drive::clock::now_ns;

    #[test]
    fn a_call_that_lasts_too_long_is_ended_and_no_other() {
        let deadline = Watchdog::new(Duration::from_millis(50)).expect("a thread");
        let (mut socket, _peer) = UnixStream::pair().expect("a pair");
        deadline.watch(&socket);
        for _ in 0..1_000 {
            deadline.begin(now_ns());
            assert!(!deadline.end());
        }
        let begun = now_ns();
        deadline.begin(begun);
        assert_eq!(socket.read(&mut [0]).expect("it is shut down"), 0);
        assert!(now_ns() - begun >= 50_000_000);
        assert!(deadline.end());
        assert!(!deadline.end());
    }

    #[test]
    fn a_socket_that_is_forgotten_is_left_alone() {
        let deadline = Watchdog::new(Duration::from_millis(1)).expect("a thread");
        let (socket, peer) = UnixStream::pair().expect("a pair");
        deadline.watch(&socket);
        deadline.forget(&socket);
        deadline.begin(1);
        while !deadline.end() {
            deadline.begin(1);
            std::thread::yield_now();
        }
        peer.set_nonblocking(true).expect("a socket");
        assert!((&peer).read(&mut [0]).is_err(), "the other end is still open");
    }
}
