//! The clock and the sockets that an event loop runs on: the kernel's, or simulated ones.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::drive::clock::now_ns;
use crate::drive::schedule::EARLY;
use crate::transport::address::Address;
use crate::transport::socket::{Socket, SocketOptions, Stream};

/// A clock, sockets that are dialled without waiting, and one wait for all of them.
pub trait Network {
    /// A socket of this network; it closes when it is dropped.
    type Socket: Stream;

    /// Nanoseconds of a clock that never goes back.
    fn now_ns(&self) -> u64;

    /// Begins to dial. What is told of the socket from now on comes with `token`.
    fn dial(&mut self, address: &Address, options: &SocketOptions, token: u64) -> io::Result<Self::Socket>;

    /// Waits until something is to be told, or for as long as `wait` says; how much there is to be told.
    ///
    /// Of each socket everything new is told once (edge-triggered, epoll(7)). A wait may end early with nothing told.
    fn wait(&mut self, wait: Wait) -> io::Result<usize>;

    /// What the last wait brought under that number.
    fn event(&self, number: usize) -> Event;

    /// Sleeps for so long, whatever there is to be told.
    fn sleep(&mut self, time: Duration);
}

/// How long to wait, in nanoseconds of the network's clock.
#[derive(Debug, Clone, Copy)]
pub enum Wait {
    /// Not at all.
    Poll,
    /// Until it is too late for something.
    Until {
        /// What the clock has just shown.
        now: u64,
        /// When a call times out, or draining ends: it may be noticed up to a millisecond late.
        deadline: u64,
        /// When the next call is due, exactly.
        due: Option<u64>,
    },
}

/// What is new of a socket: it was connected, has bytes, takes bytes again, or was closed.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// What it was dialled with.
    pub token: u64,
    /// The peer has closed its side.
    pub hung_up: bool,
}

/// How many ready connections one wait returns.
const BATCH: usize = 256;

/// The token that no socket has: the alarm has gone off.
const ALARM: u64 = u64::MAX;

/// The network of the kernel: one epoll instance, and a timer that is exact to nanoseconds.
pub struct Kernel {
    epoll: Epoll,
    alarm: TimerFd,
    events: Box<[EpollEvent]>,
}

impl Kernel {
    /// An instance without sockets; an error where this process may have no more descriptors.
    pub fn new() -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        let alarm = TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC)?;
        epoll.add(alarm.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, ALARM))?;
        Ok(Kernel { epoll, alarm, events: vec![EpollEvent::empty(); BATCH].into() })
    }

    /// For how many milliseconds to wait; sets the alarm to the moment shortly before a call is due.
    fn timeout(&self, wait: Wait) -> u16 {
        let Wait::Until { now, deadline, due } = wait else { return 0 };
        if let Some(due) = due {
            let left = due.saturating_sub(self.now_ns());
            if left <= EARLY {
                return 0;
            }
            let alarm = TimeSpec::from_duration(Duration::from_nanos(left - EARLY));
            // Without an alarm there is still the millisecond clock below; the loop only polls for longer.
            if self.alarm.set(Expiration::OneShot(alarm), TimerSetTimeFlags::empty()).is_err() {
                return (left / 1_000_000).min(60_000) as u16;
            }
        }
        // Rounded up to a whole millisecond, so that a wait never ends just before its deadline.
        deadline.saturating_sub(now).div_ceil(1_000_000).min(60_000) as u16
    }
}

impl Network for Kernel {
    type Socket = Socket;

    fn now_ns(&self) -> u64 {
        now_ns()
    }

    fn dial(&mut self, address: &Address, options: &SocketOptions, token: u64) -> io::Result<Socket> {
        let socket = Socket::begin_dial(address, options)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        self.epoll.add(socket.as_fd(), EpollEvent::new(flags, token))?;
        Ok(socket)
    }

    fn wait(&mut self, wait: Wait) -> io::Result<usize> {
        let timeout = self.timeout(wait);
        match self.epoll.wait(&mut self.events, EpollTimeout::from(timeout)) {
            Ok(count) => Ok(count),
            Err(Errno::EINTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }

    fn event(&self, number: usize) -> Event {
        let event = &self.events[number];
        let hung_up = event.events().intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP);
        Event { token: event.data(), hung_up }
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
