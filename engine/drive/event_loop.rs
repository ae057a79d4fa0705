//! Closed loop with many clients: one thread and one epoll instance for all of them.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::call::{Ask, Fault};
use crate::drive::connection::{READ, prove, take_rest};
use crate::drive::job::{Failed, Job, Limit};
use crate::drive::load::{LoadModel, facts};
use crate::drive::recorder::{Recorder, Stamps};
use crate::results::Measured;
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::socket::{Socket, flush};

/// How many ready connections one wait returns.
const BATCH: usize = 256;

/// The load model of many clients.
pub struct EventLoop {
    job: Job,
    epoch: Instant,
    epoll: Epoll,
    buffer: Vec<u8>,
    lines: Vec<Line>,
    /// Lines with a call under way, the one that began first in front.
    oldest: Order,
    callers: Vec<Caller>,
    /// Calls that are due and wait for a line.
    queue: VecDeque<Due>,
    idle: Vec<usize>,
    /// Calls that failed while they were begun; kept for the loop, so that a dead server cannot make it recurse.
    broken: Vec<(usize, Fault)>,
    messages: u64,
    recorder: Option<Recorder>,
}

/// One place for a connection, and the call that is on it.
struct Line {
    socket: Option<Socket>,
    codec: Box<dyn ClientCodec>,
    out: Outbox,
    wire: (u64, u64),
    stage: Stage,
    call: Under,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No call; connected or not.
    Idle,
    /// The kernel is connecting.
    Dialling,
    /// The protocol's own opening is under way.
    Opening,
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
}

#[derive(Debug, Clone, Copy, Default)]
struct Caller {
    number: u64,
    checked: bool,
}

impl Under {
    fn of(due: Due, ask: Ask, begun: u64) -> Self {
        Under { due, ask, begun, sent: due.intended, dialled: 0, secured: None, attempt: 0 }
    }
}

/// What one pass over the callers works with.
struct Pass<'a> {
    limit: Limit,
    begun: u64,
    last: u64,
    recorder: Option<&'a mut Recorder>,
    ended: &'a AtomicU64,
    over: u64,
    under_way: usize,
}

impl EventLoop {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)
            .map_err(|error| Failed::new("assignment", format!("cannot make an epoll instance: {error}")))?;
        let nothing = Under::of(Due { caller: 0, intended: 0 }, Ask::Ping, 0);
        let line = |_| {
            let codec = job.codec()?;
            Ok(Line { socket: None, codec, out: Outbox::new(), wire: (0, 0), stage: Stage::Idle, call: nothing })
        };
        Ok(EventLoop {
            epoch: Instant::now(),
            epoll,
            buffer: vec![0; READ],
            lines: (0..job.connections).map(line).collect::<Result<_, Fault>>()?,
            oldest: Order::new(job.connections),
            callers: vec![Caller::default(); job.clients],
            queue: VecDeque::with_capacity(job.clients),
            idle: (0..job.connections).rev().collect(),
            broken: Vec::with_capacity(job.connections),
            messages: 0,
            recorder: None,
            job,
        })
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// Connects every line without making a call.
    fn connect_all(&mut self) -> Result<(), Failed> {
        for index in 0..self.lines.len() {
            let begun = Instant::now();
            self.dial(index).map_err(Failed::from)?;
            // Waited for one by one: arming is not timed, and a burst would only measure the backlog.
            let mut opening = false;
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
                let line = &mut self.lines[index];
                if events[0].data() != index as u64 {
                    continue;
                }
                if line.stage == Stage::Dialling {
                    line.dialled()?;
                    opening = line.codec.open(&mut line.out);
                    line.stage = Stage::Opening;
                }
                line.write()?;
                if !opening {
                    break;
                }
                if let Some(reply) = line.read(&mut self.buffer)? {
                    reply.verdict?;
                    opening = line.codec.open(&mut line.out);
                    line.write()?;
                    if !opening {
                        break;
                    }
                }
            }
            self.lines[index].stage = Stage::Idle;
        }
        Ok(())
    }

    /// Begins to dial; the line is then `Dialling`.
    fn dial(&mut self, index: usize) -> Result<(), Fault> {
        let codec = self.job.codec()?;
        let dial = |error: std::io::Error| Fault::connect(format!("cannot dial {}: {error}", self.job.address));
        let socket = Socket::begin_dial(&self.job.address, &self.job.sockets).map_err(dial)?;
        let flags = EpollFlags::EPOLLIN | EpollFlags::EPOLLOUT | EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLET;
        self.epoll.add(socket.as_fd(), EpollEvent::new(flags, index as u64)).map_err(|e| dial(e.into()))?;
        let line = &mut self.lines[index];
        line.codec = codec;
        line.out.clear();
        line.socket = Some(socket);
        line.stage = Stage::Dialling;
        Ok(())
    }

    /// Every caller calls until the limit; how long that took, in nanoseconds.
    fn pass(&mut self, limit: Limit, recorder: Option<&mut Recorder>, ended: &AtomicU64) -> u64 {
        let begun = self.now();
        let mut pass = Pass { limit, begun, last: begun, recorder, ended, over: 0, under_way: 0 };
        if limit == Limit::Calls(0) {
            return 0;
        }
        for caller in 0..self.callers.len() {
            self.callers[caller].number = 0;
            self.due(Due { caller, intended: begun }, &mut pass);
        }
        self.assign(&mut pass, begun);
        let window_end = match limit {
            Limit::Time(ns) => begun.saturating_add(ns),
            Limit::Calls(_) => u64::MAX,
        };
        let drain_end = window_end.saturating_add(self.job.drain.as_nanos() as u64);
        let timeout = self.job.timeout.as_nanos() as u64;
        let mut events = [EpollEvent::empty(); BATCH];
        while pass.under_way > 0 || !self.queue.is_empty() {
            while let Some((index, fault)) = self.broken.pop() {
                self.fault(index, &fault, &mut pass);
            }
            let now = self.now();
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
            if pass.under_way == 0 && self.queue.is_empty() {
                break;
            }
            let next =
                self.oldest.front().map_or(drain_end, |index| self.lines[index].call.begun + timeout).min(drain_end);
            // Rounded up to a whole millisecond, so that a wait never ends just before its deadline.
            let wait = match self.broken.is_empty() {
                true => next.saturating_sub(now).div_ceil(1_000_000).min(60_000) as u16,
                false => 0,
            };
            // Interrupted by a signal, a wait returns nothing; the loop looks again.
            let ready = self.epoll.wait(&mut events, EpollTimeout::from(wait)).unwrap_or(0);
            for event in &events[..ready] {
                let hung_up = event.events().intersects(EpollFlags::EPOLLRDHUP | EpollFlags::EPOLLHUP);
                self.ready(event.data() as usize, hung_up, &mut pass);
            }
        }
        pass.last - begun
    }

    /// Puts the caller's next call into the queue.
    fn due(&mut self, due: Due, pass: &mut Pass<'_>) {
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.scheduled();
        }
        self.queue.push_back(due);
    }

    /// Gives waiting calls to idle lines.
    fn assign(&mut self, pass: &mut Pass<'_>, now: u64) {
        while !self.queue.is_empty()
            && let Some(index) = self.idle.pop()
        {
            let Some(due) = self.queue.pop_front() else { break };
            let ask = self.job.asks.get(self.callers[due.caller].number);
            pass.under_way += 1;
            self.lines[index].call = Under::of(due, ask, now);
            self.begin(index, now);
        }
    }

    /// Begins the call on a line: on its connection, or by dialling one.
    fn begin(&mut self, index: usize, now: u64) {
        self.lines[index].call.begun = now;
        self.oldest.push_back(index);
        let fault = if self.lines[index].socket.is_some() { self.send(index, now) } else { self.dial(index) };
        if let Err(fault) = fault {
            self.broken.push((index, fault));
        }
    }

    /// Sends the call on a line whose connection is open.
    fn send(&mut self, index: usize, now: u64) -> Result<(), Fault> {
        let line = &mut self.lines[index];
        let content = self.job.verify_all || !self.callers[line.call.due.caller].checked;
        line.stage = Stage::Calling;
        line.call.sent = if self.job.asks.connect { line.call.due.intended } else { now };
        line.codec.call(&line.call.ask, content, &mut line.out);
        line.write()
    }

    /// The kernel has something to say about a line.
    fn ready(&mut self, index: usize, hung_up: bool, pass: &mut Pass<'_>) {
        match self.advance(index) {
            Ok(None) => {}
            Ok(Some(reply)) => {
                // A server that closed right after its reply told so once; the edge will not come again.
                self.reply(index, Reply { reusable: reply.reusable && !hung_up, ..reply }, pass);
            }
            // The server closed a connection that nobody was using: the next call dials.
            Err(_) if self.lines[index].stage == Stage::Idle => self.leave(index, pass.recorder.as_deref_mut()),
            Err(fault) => self.fault(index, &fault, pass),
        }
    }

    /// Moves a line on as far as its socket allows; its reply, if that is complete.
    fn advance(&mut self, index: usize) -> Result<Option<Reply>, Fault> {
        let line = &mut self.lines[index];
        if line.socket.is_none() {
            return Ok(None);
        }
        if line.stage == Stage::Dialling {
            line.dialled()?;
            (line.call.dialled, line.call.secured) = (self.epoch.elapsed().as_nanos() as u64, None);
            self.open(index)?;
        }
        let line = &mut self.lines[index];
        line.write()?;
        let reply = line.read(&mut self.buffer)?;
        match (line.stage, reply) {
            (Stage::Opening, Some(reply)) => {
                reply.verdict?;
                if line.call.secured.is_none() && line.codec.secured() {
                    line.call.secured = Some(self.epoch.elapsed().as_nanos() as u64);
                }
                self.open(index)?;
                Ok(None)
            }
            (Stage::Idle, Some(_)) => Err(Fault::protocol("a reply came that nobody asked for")),
            (_, reply) => Ok(reply),
        }
    }

    /// Begins the next stage of a line's opening, or its call once there is none.
    fn open(&mut self, index: usize) -> Result<(), Fault> {
        let line = &mut self.lines[index];
        if line.codec.open(&mut line.out) {
            line.stage = Stage::Opening;
            return line.write();
        }
        self.oldest.move_back(index);
        let now = self.now();
        self.lines[index].call.begun = now;
        self.send(index, now)
    }

    /// A reply is complete: record it, and let the caller and the line go on.
    fn reply(&mut self, index: usize, reply: Reply, pass: &mut Pass<'_>) {
        let mut now = self.now();
        let line = &self.lines[index];
        let (call, connect) = (line.call, self.job.asks.connect);
        let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
        let caller = call.due.caller;
        match (&reply.verdict, pass.recorder.as_deref_mut()) {
            (Ok(()), Some(recorder)) => {
                recorder.ok(caller, at, call.ask);
                if connect {
                    recorder.connected(call.due.intended, call.dialled, call.secured, now);
                }
            }
            (Err(fault), Some(recorder)) => recorder.fault(caller, fault),
            _ => {}
        }
        self.callers[caller].checked |= reply.verdict.is_ok();
        if connect {
            let line = &mut self.lines[index];
            line.codec.close(&mut line.out);
            // Nobody waits for a goodbye.
            let _ = line.write();
        }
        if connect || !reply.reusable {
            self.leave(index, pass.recorder.as_deref_mut());
            if connect {
                now = self.now();
            }
        }
        self.settled(index, at.ended, now, pass);
    }

    /// A call is over: its line is free and its caller goes on.
    fn settled(&mut self, index: usize, ended: u64, now: u64, pass: &mut Pass<'_>) {
        let caller = self.lines[index].call.due.caller;
        self.lines[index].stage = Stage::Idle;
        self.oldest.remove(index);
        self.idle.push(index);
        pass.under_way -= 1;
        pass.over += 1;
        pass.last = ended;
        pass.ended.store(pass.over, Ordering::Relaxed);
        self.callers[caller].number += 1;
        let more = match pass.limit {
            Limit::Calls(count) => self.callers[caller].number < count,
            Limit::Time(ns) => now - pass.begun < ns,
        };
        if more {
            self.due(Due { caller, intended: now }, pass);
        }
        self.assign(pass, now);
    }

    /// The call on a line failed, and its connection with it.
    fn fault(&mut self, index: usize, fault: &Fault, pass: &mut Pass<'_>) {
        self.leave(index, pass.recorder.as_deref_mut());
        let now = self.now();
        if self.lines[index].call.attempt < self.job.retries {
            self.lines[index].call.attempt += 1;
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.retries += 1;
                recorder.reconnects += 1;
            }
            self.oldest.remove(index);
            return self.begin(index, now);
        }
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.fault(self.lines[index].call.due.caller, fault);
            recorder.reconnects += u64::from(!self.job.asks.connect);
        }
        self.settled(index, now, now, pass);
    }

    /// The call on a line has lasted too long: give it and its connection up, so that no late reply is ever matched.
    fn time_out(&mut self, index: usize, now: u64, pass: &mut Pass<'_>) {
        self.leave(index, pass.recorder.as_deref_mut());
        let call = self.lines[index].call;
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
            recorder.timeout(call.due.caller, at);
            recorder.reconnects += u64::from(!self.job.asks.connect);
        }
        self.settled(index, now, now, pass);
    }

    /// Draining is over: what is still queued or unanswered is censored.
    fn censor(&mut self, pass: &mut Pass<'_>, now: u64) {
        while let Some(index) = self.oldest.front() {
            self.leave(index, pass.recorder.as_deref_mut());
            let call = self.lines[index].call;
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.censored(call.due.caller, Stamps { intended: call.due.intended, sent: call.sent, ended: now });
            }
            self.oldest.remove(index);
            self.lines[index].stage = Stage::Idle;
            self.idle.push(index);
        }
        for due in self.queue.drain(..) {
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.censored(due.caller, Stamps { intended: due.intended, sent: now, ended: now });
            }
        }
        pass.last = now;
    }

    /// Closes a line's connection; what it counted is kept.
    fn leave(&mut self, index: usize, recorder: Option<&mut Recorder>) {
        let line = &mut self.lines[index];
        if line.socket.take().is_some() {
            self.messages += line.codec.messages();
            let (up, down) = std::mem::take(&mut line.wire);
            if let Some(recorder) = recorder {
                recorder.wire(up, down);
            }
        }
    }
}

impl Line {
    /// The dial is over; a fault where it failed.
    fn dialled(&mut self) -> Result<(), Fault> {
        let error = match &self.socket {
            Some(socket) => socket.take_error(),
            None => Ok(None),
        };
        match error {
            Ok(None) => Ok(()),
            Ok(Some(error)) | Err(error) => Err(Fault::connect(format!("cannot dial: {error}"))),
        }
    }

    /// Writes as much as the socket takes.
    fn write(&mut self) -> Result<(), Fault> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        match flush(socket, &mut self.out, &mut *self.codec, &mut self.wire.0) {
            Ok(_) => Ok(()),
            // The server may have answered before it closed; the answer says more than the broken pipe.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => {
                self.out.clear();
                Ok(())
            }
            Err(error) => Err(Fault::connect(error.to_string())),
        }
    }

    /// Reads what the socket has; the reply, if it is complete.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<Reply>, Fault> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        loop {
            let n = match socket.read(buffer) {
                Ok(0) if self.stage == Stage::Idle => return Err(Fault::connect("the server closed the connection")),
                Ok(0) => return self.codec.hung_up().map(Some),
                Ok(n) => n,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(Fault::connect(error.to_string())),
            };
            self.wire.1 += n as u64;
            let mut input = &buffer[..n];
            let reply = self.codec.receive(&mut input, &mut self.out)?;
            if self.codec.quick_ack() {
                socket.quick_ack();
            }
            if let Some(reply) = reply {
                take_rest(&mut *self.codec, input, &mut self.out)?;
                return Ok(Some(reply));
            }
            if !self.out.is_empty() {
                flush(socket, &mut self.out, &mut *self.codec, &mut self.wire.0)
                    .map_err(|error| Fault::connect(error.to_string()))?;
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
        self.pass(Limit::Calls(self.job.warmup), None, &AtomicU64::new(0));
        self.recorder = Some(Recorder::new(self.job.clients));
        Ok(())
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let Some(mut recorder) = self.recorder.take() else { return };
        self.messages = 0;
        let mut before = 0;
        for line in self.lines.iter_mut().filter(|line| line.socket.is_some()) {
            line.wire = (0, 0);
            before += line.codec.messages();
        }
        recorder.elapsed_ns = self.pass(self.job.limit, Some(&mut recorder), ended);
        for line in self.lines.iter().filter(|line| line.socket.is_some()) {
            self.messages += line.codec.messages();
            recorder.wire(line.wire.0, line.wire.1);
        }
        recorder.messages = self.messages - before;
        self.recorder = Some(recorder);
    }

    fn measured(&mut self) -> Measured {
        let recorder = self.recorder.take().unwrap_or_else(|| Recorder::new(self.job.clients));
        recorder.measured(self.job.asks.connect, facts("event loop", &self.job))
    }

    fn close(&mut self) {
        for line in &mut self.lines {
            line.codec.close(&mut line.out);
            // Nobody waits for a goodbye.
            let _ = line.write();
            line.socket = None;
        }
    }
}

/// Lines in the order in which their calls began; every change takes constant time.
struct Order {
    links: Vec<Link>,
    first: Option<usize>,
    last: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Link {
    before: Option<usize>,
    after: Option<usize>,
    inside: bool,
}

impl Order {
    fn new(lines: usize) -> Self {
        Order { links: vec![Link::default(); lines], first: None, last: None }
    }

    fn front(&self) -> Option<usize> {
        self.first
    }

    fn push_back(&mut self, index: usize) {
        self.links[index] = Link { before: self.last, after: None, inside: true };
        match self.last {
            Some(last) => self.links[last].after = Some(index),
            None => self.first = Some(index),
        }
        self.last = Some(index);
    }

    fn remove(&mut self, index: usize) {
        let link = std::mem::take(&mut self.links[index]);
        if !link.inside {
            return;
        }
        match link.before {
            Some(before) => self.links[before].after = link.after,
            None => self.first = link.after,
        }
        match link.after {
            Some(after) => self.links[after].before = link.before,
            None => self.last = link.before,
        }
    }

    fn move_back(&mut self, index: usize) {
        self.remove(index);
        self.push_back(index);
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn the_line_that_began_first_stands_in_front() {
        let mut order = Order::new(4);
        for index in [2, 0, 3] {
            order.push_back(index);
        }
        order.move_back(2);
        assert_eq!(order.front(), Some(0));
        order.remove(0);
        order.remove(0);
        assert_eq!(order.front(), Some(3));
        order.remove(2);
        order.remove(3);
        assert_eq!(order.front(), None);
        order.push_back(1);
        assert_eq!(order.front(), Some(1));
    }
}
