//! Many clients, or calls that are due by the clock: one thread and one epoll instance for all of them.

use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
use crate::drive::job::{Failed, Job, Limit};
use crate::drive::live::Live;
use crate::drive::load::{LoadModel, facts};
use crate::drive::order::Order;
use crate::drive::recorder::{Recorder, Stamps};
use crate::drive::schedule::{EARLY, Schedule};
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
    connections: Vec<Shared>,
    /// Places for calls: those of the first connection, then those of the second, and so on.
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
    recorder: Option<Recorder>,
}

/// A call's place on a connection, and the call that is there.
struct Line {
    stage: At,
    call: Under,
    /// When an open loop that is never late would have had it free again.
    free: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// There is no call.
    Idle,
    /// The call waits until the connection is open.
    Waiting,
    /// The call's reply is awaited.
    Calling,
}

/// A call that is due.
#[derive(Debug, Clone, Copy)]
struct Due {
    caller: usize,
    intended: u64,
}

/// A call that has a line.
#[derive(Debug, Clone, Copy)]
struct Under {
    due: Due,
    ask: Ask,
    begun: u64,
    sent: u64,
    dialled: u64,
    secured: Option<u64>,
    attempt: u64,
    /// How much later it began than it could have.
    late: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Caller {
    number: u64,
    checked: bool,
    /// As of a line.
    free: u64,
}

impl Under {
    fn of(due: Due, ask: Ask, begun: u64) -> Self {
        Under { due, ask, begun, sent: begun, dialled: 0, secured: None, attempt: 0, late: 0 }
    }
}

/// Where calls come from.
enum Source {
    /// A caller's next one is due when its last one is over.
    Closed(Limit),
    /// They are due by the clock, and whoever is free makes them.
    Open(Schedule),
}

/// What one pass over the callers works with.
struct Pass<'a> {
    source: Source,
    begun: u64,
    last: u64,
    recorder: Option<&'a mut Recorder>,
    ended: &'a AtomicU64,
    over: u64,
    under_way: usize,
    /// When the last call of an open loop was due.
    last_due: u64,
}

impl Pass<'_> {
    /// When draining ends.
    fn drain_end(&mut self, drain: u64) -> u64 {
        let window_end = match &mut self.source {
            Source::Closed(Limit::Time(ns)) => self.begun.saturating_add(*ns),
            Source::Closed(Limit::Calls(_)) => u64::MAX,
            Source::Open(schedule) => match schedule.window_ns() {
                Some(ns) => self.begun.saturating_add(ns),
                None if schedule.peek().is_some() => u64::MAX,
                None => self.last_due,
            },
        };
        window_end.saturating_add(if mutant::is("no-drain") { 0 } else { drain })
    }

    /// True while calls of an open loop are still to be made.
    fn more(&mut self) -> bool {
        match &mut self.source {
            Source::Open(schedule) => schedule.peek().is_some(),
            Source::Closed(_) => false,
        }
    }
}

impl EventLoop {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        let cannot = |error: Errno| Failed::new("assignment", format!("cannot wait for events: {error}"));
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
            connections: (0..job.connections).map(|_| Shared::new(&job)).collect::<Result<_, _>>()?,
            lines: (0..lines).map(|_| Line { stage: At::Idle, call: nothing, free: 0 }).collect(),
            oldest: Order::new(lines),
            callers: vec![Caller::default(); job.clients],
            queue: VecDeque::with_capacity(job.clients),
            idle: (0..lines).collect(),
            resting: (0..job.clients).collect(),
            woken: 0,
            broken: Vec::with_capacity(job.connections),
            replies: Vec::with_capacity(job.streams),
            messages: 0,
            recorder: None,
            job,
        })
    }

    /// Opens every connection without making a call.
    fn connect_all(&mut self) -> Result<(), Failed> {
        for which in 0..self.connections.len() {
            let begun = Instant::now();
            self.dial(which).map_err(Failed::from)?;
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
                    Err(error) => return Err(Failed::new("connect", error.to_string())),
                }
                let connection = &mut self.connections[which];
                if events[0].data() != which as u64 {
                    continue;
                }
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
    fn dial(&mut self, which: usize) -> Result<(), Fault> {
        let socket = self.connections[which].dial(&self.job)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        self.epoll
            .add(socket.as_fd(), EpollEvent::new(flags, which as u64))
            .map_err(|error| Fault::connect(format!("cannot wait for {}: {error}", self.job.address)))
    }

    /// The lines of a connection.
    fn lines_of(&self, which: usize) -> Range<usize> {
        which * self.job.streams..(which + 1) * self.job.streams
    }

    /// True where a connection has calls under way.
    fn busy(&self, which: usize) -> bool {
        self.lines[self.lines_of(which)].iter().any(|line| line.stage != At::Idle)
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
            for event in events[..ready].iter().filter(|event| event.data() != ALARM) {
                let hung_up = event.events().intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP);
                self.ready(event.data() as usize, hung_up, &mut pass);
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

    /// Puts the next call of a closed loop's caller into the queue.
    fn due(&mut self, due: Due, pass: &mut Pass<'_>) {
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.scheduled();
        }
        self.queue.push_back(due);
    }

    /// Gives waiting calls to idle lines; when that was looked at last.
    fn assign(&mut self, pass: &mut Pass<'_>, mut now: u64) -> u64 {
        while let Some(index) = self.idle.front().copied() {
            let (due, late) = match pass.source {
                Source::Closed(_) => match self.queue.pop_front() {
                    Some(due) => (due, 0),
                    None => break,
                },
                Source::Open(_) => {
                    now = now_ns();
                    let Some(mut due) = self.due_by_now(pass, now) else { break };
                    if mutant::is("stamp-at-send") {
                        due.intended = now;
                    }
                    let free = self.lines[index].free.max(self.callers[due.caller].free);
                    let late = now.saturating_sub(due.intended.max(free));
                    if let Some(recorder) = pass.recorder.as_deref_mut() {
                        recorder.scheduled();
                        recorder.sent(now, late);
                    }
                    (due, late)
                }
            };
            self.idle.pop_front();
            let ask = self.job.asks.get(self.callers[due.caller].number);
            pass.under_way += 1;
            self.lines[index].call = Under { late, ..Under::of(due, ask, now) };
            self.begin(index, now);
        }
        now
    }

    /// The next call of an open loop that is due, for the caller that has rested longest.
    fn due_by_now(&mut self, pass: &mut Pass<'_>, now: u64) -> Option<Due> {
        let Source::Open(schedule) = &mut pass.source else { return None };
        let intended = pass.begun + schedule.peek()?;
        if intended > now {
            return None;
        }
        let caller = self.resting.pop_front()?;
        schedule.pop();
        pass.last_due = intended;
        Some(Due { caller, intended })
    }

    /// Begins the call on a line: on its connection, or by dialling one.
    fn begin(&mut self, index: usize, now: u64) {
        let which = index / self.job.streams;
        self.lines[index].call.begun = now;
        self.oldest.push_back(index);
        let connection = &self.connections[which];
        let (open, broken) = (connection.socket.is_some() && connection.stage == Stage::Open, connection.broken);
        self.lines[index].stage = if open { At::Calling } else { At::Waiting };
        let fault = match connection.socket {
            _ if broken => Ok(()),
            None => self.dial(which),
            Some(_) if open => self.send(index, now),
            Some(_) => Ok(()),
        };
        if let Err(fault) = fault {
            self.break_off(which, fault);
        }
    }

    /// A connection has failed where its calls cannot be told at once.
    fn break_off(&mut self, which: usize, fault: Fault) {
        if !self.connections[which].broken {
            self.connections[which].broken = true;
            self.broken.push((which, fault));
        }
    }

    /// Sends the call on a line whose connection is open.
    fn send(&mut self, index: usize, now: u64) -> Result<(), Fault> {
        let (which, place) = (index / self.job.streams, index % self.job.streams);
        let (connection, call) = (&mut self.connections[which], &mut self.lines[index].call);
        let content = self.job.verify_all || !self.callers[call.due.caller].checked;
        if !self.job.asks.connect {
            call.sent = now;
        }
        connection.codec.call(place, &call.ask, content, &mut connection.out);
        if connection.held { Ok(()) } else { connection.write() }
    }

    /// The kernel has something to say about a connection.
    fn ready(&mut self, which: usize, hung_up: bool, pass: &mut Pass<'_>) {
        let mut replies = std::mem::take(&mut self.replies);
        let single = self.job.streams == 1;
        match self.advance(which, hung_up, &mut replies) {
            Ok(()) => {
                // What the replies make due goes out in one write.
                self.connections[which].held = !single;
                for reply in replies.drain(..) {
                    // A server that closed right after its reply told so once; the edge will not come again.
                    // Where several lines are read to the end, the end is met there.
                    let reusable = reply.reusable && !(single && hung_up);
                    self.reply(which, Reply { reusable, ..reply }, pass);
                }
                self.connections[which].held = false;
                if !single && let Err(fault) = self.connections[which].write() {
                    self.break_off(which, fault);
                }
            }
            // The server closed a connection that nobody was using: the next call dials.
            Err(_) if !self.busy(which) => self.leave(which, pass.recorder.as_deref_mut()),
            Err(fault) => {
                let stage = self.awaiting(which);
                self.leave(which, pass.recorder.as_deref_mut());
                // What came before the failure still counts, but for the one reply that it spoils.
                for reply in replies.drain(..).filter(|_| !single) {
                    self.reply(which, Reply { reusable: true, ..reply }, pass);
                }
                self.fail(which, stage, &fault, pass);
            }
        }
        replies.clear();
        self.replies = replies;
    }

    /// Where the calls are that a failure of this connection would hit.
    fn awaiting(&self, which: usize) -> At {
        if self.connections[which].stage == Stage::Open { At::Calling } else { At::Waiting }
    }

    /// Moves a connection on as far as its socket allows; adds the replies that are complete.
    fn advance(&mut self, which: usize, hung_up: bool, replies: &mut Vec<Reply>) -> Result<(), Fault> {
        let connection = &mut self.connections[which];
        if connection.socket.is_none() {
            return Ok(());
        }
        if connection.stage == Stage::Dialling {
            connection.check_dial()?;
            (connection.dialled, connection.secured) = (now_ns(), None);
            self.open(which)?;
        }
        let busy = self.busy(which);
        let connection = &mut self.connections[which];
        connection.write()?;
        connection.read(busy, hung_up, &mut self.buffer, replies)?;
        if connection.stage == Stage::Opening
            && let Some(reply) = replies.pop()
        {
            reply.verdict?;
            if connection.secured.is_none() && connection.codec.secured() {
                connection.secured = Some(now_ns());
            }
            return self.open(which);
        }
        let first = which * self.job.streams;
        match replies.iter().all(|reply| self.lines[first + reply.line].stage == At::Calling) {
            true => Ok(()),
            false => Err(Fault::protocol("a reply came that nobody asked for")),
        }
    }

    /// Begins the next stage of a connection's opening; once there is none, the calls that waited for it are sent.
    fn open(&mut self, which: usize) -> Result<(), Fault> {
        let connection = &mut self.connections[which];
        connection.open();
        if connection.stage == Stage::Opening {
            return connection.write();
        }
        let (dialled, secured) = (connection.dialled, connection.secured);
        let (now, mut sent) = (now_ns(), Ok(()));
        for index in self.lines_of(which) {
            if self.lines[index].stage == At::Waiting {
                self.lines[index].stage = At::Calling;
                (self.lines[index].call.dialled, self.lines[index].call.secured) = (dialled, secured);
                self.lines[index].call.begun = now;
                self.oldest.move_back(index);
                sent = sent.and_then(|()| self.send(index, now));
            }
        }
        sent
    }

    /// A reply is complete: record it, and let the caller and the line go on.
    fn reply(&mut self, which: usize, reply: Reply, pass: &mut Pass<'_>) {
        let index = which * self.job.streams + reply.line;
        if self.lines[index].stage != At::Calling {
            return;
        }
        let mut now = now_ns();
        let (call, connect) = (self.lines[index].call, self.job.asks.connect);
        let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
        let caller = call.due.caller;
        match (&reply.verdict, pass.recorder.as_deref_mut()) {
            (Ok(()), Some(recorder)) => {
                recorder.ok(caller, at, call.ask);
                if connect {
                    recorder.connected(call.sent, call.dialled, call.secured, now);
                }
            }
            (Err(fault), Some(recorder)) => recorder.fault(caller, at.intended, fault),
            _ => {}
        }
        self.callers[caller].checked |= reply.verdict.is_ok();
        if connect {
            self.connections[which].say_goodbye();
        }
        if connect || !reply.reusable {
            self.leave(which, pass.recorder.as_deref_mut());
            if connect {
                now = now_ns();
            }
            self.lines[index].stage = At::Idle;
            self.fail(which, At::Calling, &Fault::connect("the connection ended with the reply to another call"), pass);
        }
        self.settled(index, at.ended, now, pass);
    }

    /// A call is over: its line is free and its caller goes on.
    fn settled(&mut self, index: usize, ended: u64, now: u64, pass: &mut Pass<'_>) {
        let Under { due: Due { caller, .. }, late, .. } = self.lines[index].call;
        self.lines[index].stage = At::Idle;
        self.oldest.remove(index);
        self.idle.push_back(index);
        pass.under_way -= 1;
        pass.over += 1;
        pass.last = ended;
        pass.ended.store(pass.over, Ordering::Relaxed);
        self.callers[caller].number += 1;
        let more = match pass.source {
            Source::Closed(Limit::Calls(count)) => self.callers[caller].number < count,
            Source::Closed(Limit::Time(ns)) => now - pass.begun < ns,
            Source::Open(_) => {
                // Had the call been sent in time, its reply would have come so much earlier.
                let free = self.woken.saturating_sub(late);
                (self.lines[index].free, self.callers[caller].free) = (free, free);
                self.resting.push_back(caller);
                false
            }
        };
        if more {
            self.due(Due { caller, intended: now }, pass);
        }
        self.assign(pass, now);
    }

    /// A connection that broke off is left, and the calls on it fail.
    fn give_up(&mut self, which: usize, fault: &Fault, pass: &mut Pass<'_>) {
        let stage = self.awaiting(which);
        self.connections[which].broken = false;
        self.leave(which, pass.recorder.as_deref_mut());
        self.fail(which, stage, fault, pass);
    }

    /// The calls at that stage on a connection that was left fail, each counted once, or are sent again.
    fn fail(&mut self, which: usize, stage: At, fault: &Fault, pass: &mut Pass<'_>) {
        let now = now_ns();
        // Chosen before the first is settled, since that may begin another call on the same line.
        let hit: Vec<usize> = self.lines_of(which).filter(|index| self.lines[*index].stage == stage).collect();
        let mut reconnects = !hit.is_empty() && !self.job.asks.connect;
        for index in hit {
            let call = &mut self.lines[index].call;
            if call.attempt < self.job.retries {
                call.attempt += 1;
                reconnects = true;
                if let Some(recorder) = pass.recorder.as_deref_mut() {
                    recorder.retries += 1;
                }
                self.oldest.remove(index);
                self.begin(index, now);
                continue;
            }
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.fault(call.due.caller, call.due.intended, fault);
            }
            self.settled(index, now, now, pass);
        }
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.reconnects += u64::from(reconnects);
        }
    }

    /// The call on a line has lasted too long: it is given up, so that no late reply is ever matched.
    ///
    /// Where its protocol cannot cancel one call, the connection goes with it, and the other calls on that fail.
    fn time_out(&mut self, index: usize, now: u64, pass: &mut Pass<'_>) {
        let (which, place) = (index / self.job.streams, index % self.job.streams);
        let (connection, call) = (&mut self.connections[which], self.lines[index].call);
        let stage = self.lines[index].stage;
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.timeout(call.due.caller, Stamps { intended: call.due.intended, sent: call.sent, ended: now });
        }
        self.lines[index].stage = At::Idle;
        if stage == At::Calling && connection.codec.cancel(place, &mut connection.out) {
            if let Err(fault) = connection.write() {
                self.break_off(which, fault);
            }
        } else {
            let alone = !self.busy(which);
            self.leave(which, pass.recorder.as_deref_mut());
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.reconnects += u64::from(alone && !self.job.asks.connect);
            }
            let fault = Fault::connect("the connection was closed because another call on it timed out");
            self.fail(which, stage, &fault, pass);
        }
        self.settled(index, now, now, pass);
    }

    /// Draining is over: what is still queued or unanswered is censored.
    fn censor(&mut self, pass: &mut Pass<'_>, now: u64) {
        let sendable = !self.idle.is_empty() && !self.resting.is_empty();
        while let Some(index) = self.oldest.front() {
            self.leave(index / self.job.streams, pass.recorder.as_deref_mut());
            let call = self.lines[index].call;
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.censored(call.due.caller, Stamps { intended: call.due.intended, sent: call.sent, ended: now });
            }
            self.oldest.remove(index);
            self.lines[index].stage = At::Idle;
            self.idle.push_back(index);
        }
        for due in self.queue.drain(..) {
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.never_sent(Some(due.caller), due.intended, now, false);
            }
        }
        if let Source::Open(schedule) = &mut pass.source {
            while let Some(due) = schedule.pop() {
                if let Some(recorder) = pass.recorder.as_deref_mut() {
                    recorder.scheduled();
                    recorder.never_sent(None, pass.begun + due, now, sendable);
                }
            }
        }
        pass.last = now;
    }

    /// Closes a connection; what it counted is kept.
    fn leave(&mut self, which: usize, recorder: Option<&mut Recorder>) {
        let connection = &mut self.connections[which];
        if connection.socket.take().is_some() {
            self.messages += connection.codec.messages();
            let (up, down) = std::mem::take(&mut connection.wire);
            if let Some(recorder) = recorder {
                recorder.wire(up, down);
            }
        }
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
        self.messages = 0;
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
        recorder.messages = self.messages - before;
        self.recorder = Some(recorder);
    }

    fn measured(&mut self) -> Measured {
        let recorder = self.recorder.take().unwrap_or_else(|| Recorder::new(self.job.clients));
        recorder.measured(self.job.asks.connect, facts("event loop", &self.job))
    }

    fn close(&mut self) {
        for connection in &mut self.connections {
            connection.say_goodbye();
            connection.socket = None;
        }
    }
}
