//! Many clients, or calls that are due by the clock: one thread and one epoll instance for all of them.

mod begin;
mod calls;
mod end;
mod pass;
mod ready;

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};

use crate::call::{Ask, Fault};
use crate::drive::arrivals;
use crate::drive::clock::now_ns;
use crate::drive::connection::prove;
use crate::drive::event_loop::calls::{At, Caller, Due, Line, Under};
use crate::drive::event_loop::pass::{Pass, Source};
use crate::drive::job::{Failed, Job};
use crate::drive::live::Live;
use crate::drive::load::{LoadModel, facts};
use crate::drive::order::Order;
use crate::drive::recorder::{Dials, Recorder};
use crate::drive::schedule::{EARLY, Limit, Schedule};
use crate::drive::shared::{Shared, Stage};
use crate::mutant;
use crate::results::Measured;
use crate::transport::contract::Reply;
use crate::transport::socket::ReadBuffer;

/// How many ready connections one wait returns.
const BATCH: usize = 256;

/// The event that says that the alarm has gone off.
const ALARM: u64 = u64::MAX;

/// The load model of many clients.
pub struct EventLoop {
    job: Job,
    epoll: Epoll,
    alarm: TimerFd,
    buffer: ReadBuffer,
    /// Those of all places, then those that go away while calls are still on them.
    connections: Vec<Shared>,
    /// The connection on which each place begins its calls.
    places: Vec<usize>,
    /// Connections beyond those of the places that nobody has.
    spare: Vec<usize>,
    /// Lines for calls: those of the first place, then those of the second, and so on.
    lines: Vec<Line>,
    /// Lines with a call under way, the one that began first in front.
    oldest: Order,
    callers: Vec<Caller>,
    /// Calls of a closed loop that are due and wait for a line.
    queue: VecDeque<Due>,
    /// Lines without a call, the one that has been so longest in front.
    idle: VecDeque<usize>,
    /// Callers of an open loop without a call, likewise.
    resting: VecDeque<usize>,
    /// When the last wait ended: what came back was there by then.
    woken: u64,
    /// Connections that failed while a call was begun; kept for the loop, so that a dead server cannot make it recurse.
    broken: Vec<(usize, Fault)>,
    /// Replies that came at once, before each is dealt with.
    replies: Vec<Reply>,
    messages: u64,
    wire: (u64, u64),
    dials: Dials,
    recorder: Option<Recorder>,
}

impl EventLoop {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        let cannot = |errno: Errno| Failed::system("cannot wait for events", &errno.into());
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).map_err(cannot)?;
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let alarm = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).map_err(cannot)?;
        epoll.add(alarm.as_fd(), EpollEvent::new(EpollFlags::EPOLLIN | EpollFlags::EPOLLET, ALARM)).map_err(cannot)?;
        let nothing = Under::of(Due { caller: 0, intended: 0 }, Ask::Ping, 0);
        let lines = job.connections * job.streams;
        Ok(EventLoop {
            epoll,
            alarm,
            buffer: ReadBuffer::default(),
            connections: (0..job.connections).map(|place| Shared::new(&job, place)).collect::<Result<_, _>>()?,
            places: (0..job.connections).collect(),
            spare: Vec::new(),
            lines: (0..lines).map(|_| Line { stage: At::Idle, call: nothing, on: 0, free: 0 }).collect(),
            oldest: Order::new(lines),
            callers: vec![Caller::default(); job.clients],
            queue: VecDeque::with_capacity(job.clients),
            idle: (0..lines).collect(),
            resting: (0..job.clients).collect(),
            woken: 0,
            broken: Vec::with_capacity(job.connections),
            replies: Vec::with_capacity(job.streams),
            messages: 0,
            wire: (0, 0),
            dials: Dials::default(),
            recorder: None,
            job,
        })
    }

    /// Opens every connection without making a call.
    fn connect_all(&mut self) -> Result<(), Failed> {
        for which in 0..self.connections.len() {
            let begun = Instant::now();
            self.dial(which, now_ns()).map_err(Failed::from)?;
            // Waited for one by one: arming is not timed, and a burst would only measure the backlog.
            loop {
                let left = self.job.timeout.checked_sub(begun.elapsed());
                let Some(left) = left else {
                    return Err(Failed::new("timeout", "a client could not connect within the time-out"));
                };
                let mut events = [EpollEvent::empty(); 1];
                let wait = EpollTimeout::try_from(left).unwrap_or(EpollTimeout::MAX);
                match self.epoll.wait(&mut events, wait) {
                    Ok(0) | Err(Errno::EINTR) => continue,
                    Ok(_) => {}
                    Err(errno) => return Err(Failed::system("cannot wait for events", &errno.into())),
                }
                if self.told(&events[0]) != Some(which) {
                    continue;
                }
                let connection = &mut self.connections[which];
                if connection.stage == Stage::Dialling {
                    connection.check_dial()?;
                    connection.open();
                }
                connection.write()?;
                while connection.stage == Stage::Opening && connection.greeted(&mut self.buffer)? {
                    connection.open();
                    connection.write()?;
                }
                if connection.stage == Stage::Open {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Begins to dial a connection.
    fn dial(&mut self, which: usize, now: u64) -> Result<(), Fault> {
        let connection = &mut self.connections[which];
        if let Err(fault) = connection.dial(&self.job, now) {
            self.dials.over(now_ns() - now);
            return Err(fault);
        }
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        let event = EpollEvent::new(flags, u64::from(connection.generation) << 32 | which as u64);
        let added = connection.socket.as_ref().map_or(Ok(()), |socket| self.epoll.add(socket.as_fd(), event));
        added.map_err(|errno| Fault::system(format_args!("cannot wait for {}", self.job.address), &errno.into()))
    }

    /// The connection of which the kernel tells; none where it is the alarm, or a connection that was left meanwhile.
    fn told(&self, event: &EpollEvent) -> Option<usize> {
        let which = (event.data() & u64::from(u32::MAX)) as usize;
        let known = self.connections.get(which)?;
        (u64::from(known.generation) == event.data() >> 32).then_some(which)
    }

    /// The lines of a connection's place.
    fn lines_of(&self, which: usize) -> Range<usize> {
        let first = self.connections[which].place * self.job.streams;
        first..first + self.job.streams
    }

    /// True where a connection has calls under way.
    fn busy(&self, which: usize) -> bool {
        self.lines[self.lines_of(which)].iter().any(|line| line.stage != At::Idle && line.on == which)
    }

    /// Calls until the source has no more; how long that took, in nanoseconds.
    fn pass(&mut self, source: Source, recorder: Option<&mut Recorder>, ended: &AtomicU64) -> u64 {
        let begun = now_ns();
        let mut pass = Pass { source, begun, last: begun, recorder, ended, over: 0, under_way: 0, last_due: begun };
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.begin(begun);
        }
        match pass.source {
            Source::Closed(Limit::Calls(0)) => return 0,
            Source::Closed(_) => {
                for caller in 0..self.callers.len() {
                    self.callers[caller].number = 0;
                    self.due(Due { caller, intended: begun }, &mut pass);
                }
            }
            Source::Open(_) => {
                self.callers.iter_mut().for_each(|caller| caller.number = 0);
            }
        }
        let (drain, timeout) = (self.job.drain.as_nanos() as u64, self.job.timeout.as_nanos() as u64);
        let mut events = [EpollEvent::empty(); BATCH];
        let mut busy = 0;
        self.woken = begun;
        loop {
            while let Some((which, fault)) = self.broken.pop() {
                self.give_up(which, &fault, &mut pass);
            }
            let mut now = now_ns();
            let drain_end = pass.drain_end(drain);
            if now >= drain_end {
                self.censor(&mut pass, now);
                break;
            }
            while let Some(index) = self.oldest.front() {
                if now.saturating_sub(self.lines[index].call.begun) < timeout {
                    break;
                }
                self.time_out(index, now, &mut pass);
            }
            now = self.assign(&mut pass, now);
            if mutant::is("drop-when-full")
                && let Source::Open(schedule) = &mut pass.source
            {
                while schedule.peek().is_some_and(|due| begun + due <= now) {
                    schedule.pop();
                }
            }
            if pass.under_way == 0 && self.queue.is_empty() && !pass.more() {
                break;
            }
            let deadline =
                self.oldest.front().map_or(drain_end, |index| self.lines[index].call.begun + timeout).min(drain_end);
            let wait = self.patience(&mut pass, deadline, now);
            busy += now - self.woken;
            // Interrupted by a signal, a wait returns nothing; the loop looks again.
            let ready = self.epoll.wait(&mut events, EpollTimeout::from(wait)).unwrap_or(0);
            self.woken = now_ns();
            for event in &events[..ready] {
                let hung_up = event.events().intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP);
                if let Some(which) = self.told(event) {
                    self.ready(which, hung_up, &mut pass);
                }
            }
        }
        let window = match &pass.source {
            Source::Open(schedule) => schedule.window_ns().unwrap_or(0),
            Source::Closed(_) => 0,
        };
        if let Some(recorder) = pass.recorder {
            recorder.busy_ns = Some(busy);
            if let Source::Open(schedule) = &pass.source {
                let sends: Vec<u64> = recorder.sends().iter().map(|at| at - begun).collect();
                recorder.arrivals = arrivals::test(&sends, schedule);
            }
        }
        (pass.last - begun).max(window)
    }

    /// For how many milliseconds to wait, with the alarm set to the moment shortly before a call is due.
    fn patience(&mut self, pass: &mut Pass<'_>, deadline: u64, now: u64) -> u16 {
        if self.job.spin || !self.broken.is_empty() {
            return 0;
        }
        if let Source::Open(schedule) = &mut pass.source
            && !self.idle.is_empty()
            && !self.resting.is_empty()
        {
            schedule.prepare();
            if let Some(due) = schedule.peek() {
                let left = (pass.begun + due).saturating_sub(now_ns());
                if left <= EARLY {
                    return 0;
                }
                let alarm = TimeSpec::from_duration(Duration::from_nanos(left - EARLY));
                // Without an alarm there is still the millisecond clock below; it only spins for longer.
                if self.alarm.set(Expiration::OneShot(alarm), TimerSetTimeFlags::empty()).is_err() {
                    return (left / 1_000_000).min(60_000) as u16;
                }
            }
        }
        // Rounded up to a whole millisecond, so that a wait never ends just before its deadline.
        deadline.saturating_sub(now).div_ceil(1_000_000).min(60_000) as u16
    }
}

impl LoadModel for EventLoop {
    fn arm(&mut self) -> Result<(), Failed> {
        let reusable = prove(&self.job)?;
        if reusable && !self.job.asks.connect {
            self.connect_all()?;
        }
        self.pass(Source::Closed(Limit::Calls(self.job.warmup)), None, &AtomicU64::new(0));
        self.recorder = Some(Recorder::new(self.job.clients));
        Ok(())
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.recorder.as_ref().map(Recorder::live)
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let Some(mut recorder) = self.recorder.take() else { return };
        (self.messages, self.wire, self.dials) = (0, (0, 0), Dials::default());
        let mut before = 0;
        for connection in self.connections.iter_mut().filter(|connection| connection.socket.is_some()) {
            connection.wire = (0, 0);
            before += connection.codec.messages();
        }
        let source = match (&self.job.pace, self.job.limit) {
            (None, limit) => Source::Closed(limit),
            (Some(pace), Limit::Calls(each)) => {
                Source::Open(Schedule::new(pace, Limit::Calls(each.saturating_mul(self.job.clients as u64))))
            }
            (Some(pace), limit) => Source::Open(Schedule::new(pace, limit)),
        };
        recorder.elapsed_ns = self.pass(source, Some(&mut recorder), ended);
        for connection in self.connections.iter().filter(|connection| connection.socket.is_some()) {
            self.messages += connection.codec.messages();
            recorder.wire(connection.wire.0, connection.wire.1);
        }
        recorder.wire(self.wire.0, self.wire.1);
        recorder.dials = self.dials;
        recorder.messages = self.messages - before;
        self.recorder = Some(recorder);
    }

    fn measured(&mut self) -> Measured {
        let recorder = self.recorder.take().unwrap_or_else(|| Recorder::new(self.job.clients));
        let facts = facts("event loop", &self.job, &recorder);
        recorder.measured(self.job.asks.connect, facts)
    }

    fn close(&mut self) {
        for connection in &mut self.connections {
            connection.say_goodbye();
            connection.socket = None;
        }
    }
}
