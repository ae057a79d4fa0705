//! How calls end: answered, failed, timed out or cut off.

use std::sync::atomic::Ordering;

use crate::call::Fault;
use crate::drive::clock::now_ns;
use crate::drive::event_loop::EventLoop;
use crate::drive::event_loop::calls::{At, Due, Line, Under};
use crate::drive::event_loop::pass::{Pass, Source};
use crate::drive::recorder::Stamps;
use crate::drive::resend::Asked;
use crate::drive::schedule::Limit;
use crate::drive::shared::{Shared, Stage};
use crate::transport::contract::Reply;

impl EventLoop {
    /// A reply is complete: record it, and let the caller and the line go on.
    pub(super) fn reply(&mut self, which: usize, reply: Reply, pass: &mut Pass<'_>) {
        let index = self.connections[which].place * self.job.streams + reply.line;
        let line = &mut self.lines[index];
        if line.stage != At::Calling || line.on != which {
            return;
        }
        let mut now = now_ns();
        if let Err(fault) = &reply.verdict
            && line.call.asked.again(fault, pass.recorder.as_deref_mut())
        {
            line.stage = At::Idle;
            // A stream may be refused for being one too many at the moment; that costs no connection.
            if !reply.reusable {
                self.retire(which, false);
            }
            self.put(index, now);
            return;
        }
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
            if self.connections[which].codec.awaits_close() && !self.connections[which].closes(&mut self.buffer) {
                self.lines[index].stage = At::Parting;
                self.lines[index].call.begun = now_ns();
                self.oldest.remove(index);
                self.oldest.push_back(index);
                return;
            }
        }
        if connect || !reply.reusable {
            self.lines[index].stage = At::Idle;
            // It has said its goodbye.
            self.retire(which, false);
            if connect {
                now = now_ns();
            }
        }
        self.settled(index, at.ended, now, pass);
    }

    /// The server of a connect that is over has something to say, or (`late`) has been silent for too long; once it has
    /// closed, the caller goes on.
    pub(super) fn part(&mut self, index: usize, late: bool, pass: &mut Pass<'_>) {
        let which = self.lines[index].on;
        if self.connections[which].closes(&mut self.buffer) || late {
            self.leave(which);
            let now = now_ns();
            self.settled(index, now, now, pass);
        }
    }

    /// A call is over: its line is free and its caller goes on.
    pub(super) fn settled(&mut self, index: usize, ended: u64, now: u64, pass: &mut Pass<'_>) {
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
    pub(super) fn give_up(&mut self, which: usize, fault: &Fault, pass: &mut Pass<'_>) {
        let (stage, taken) = (self.awaiting(which), self.connections[which].taken());
        self.connections[which].broken = false;
        self.leave(which);
        self.fail(which, stage, fault, taken, pass);
        self.release(which);
    }

    /// The calls at that stage on a connection that was left, of whose bytes the server may have taken so many, fail,
    /// each counted once, or are sent again.
    pub(super) fn fail(&mut self, which: usize, stage: At, fault: &Fault, taken: u64, pass: &mut Pass<'_>) {
        let now = now_ns();
        let awaited = |line: &Line| line.stage == stage && line.on == which;
        // Chosen before the first is settled, since that may begin another call on the same line.
        let hit: Vec<usize> = self.lines_of(which).filter(|index| awaited(&self.lines[*index])).collect();
        let mut reconnects = false;
        let untaken = fault.clone().untaken();
        for index in hit {
            let call = &mut self.lines[index].call;
            if stage == At::Calling
                && call.asked.was_untaken(taken)
                && call.asked.again(&untaken, pass.recorder.as_deref_mut())
            {
                self.put(index, now);
                continue;
            }
            reconnects |= !self.job.asks.connect;
            if call.attempt < self.job.retries {
                call.attempt += 1;
                call.asked = Asked::default();
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
    pub(super) fn time_out(&mut self, index: usize, now: u64, pass: &mut Pass<'_>) {
        let (which, call) = (self.lines[index].on, self.lines[index].call);
        let connection = &mut self.connections[which];
        let stage = self.lines[index].stage;
        if stage == At::Parting {
            return self.part(index, true, pass);
        }
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.timeout(call.due.caller, Stamps { intended: call.due.intended, sent: call.sent, ended: now });
        }
        self.lines[index].stage = At::Idle;
        if stage == At::Calling && connection.codec.cancel(index % self.job.streams, &mut connection.out) {
            if let Err(fault) = connection.write() {
                self.break_off(which, fault);
            }
        } else {
            let (alone, taken) = (!self.busy(which), self.connections[which].taken());
            self.leave(which);
            if let Some(recorder) = pass.recorder.as_deref_mut() {
                recorder.reconnects += u64::from(alone && !self.job.asks.connect);
            }
            let fault = Fault::connect("the connection was closed because another call on it timed out");
            self.fail(which, stage, &fault, taken, pass);
        }
        self.release(which);
        self.settled(index, now, now, pass);
    }

    /// Draining is over: what is still queued or unanswered is censored.
    pub(super) fn censor(&mut self, pass: &mut Pass<'_>, now: u64) {
        let sendable = !self.idle.is_empty() && !self.resting.is_empty();
        while let Some(index) = self.oldest.front() {
            self.leave(self.lines[index].on);
            let call = self.lines[index].call;
            if let Some(recorder) = pass.recorder.as_deref_mut()
                && self.lines[index].stage != At::Parting
            {
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

    /// Gives a connection no more calls. It is left at once where it has none, with a `goodbye` if it shall have one; else
    /// its place gets another, and it is left once the calls that it has are over.
    pub(super) fn retire(&mut self, which: usize, goodbye: bool) {
        if self.connections[which].retired {
            return;
        }
        if !self.busy(which) {
            if goodbye {
                self.connections[which].say_goodbye();
            }
            self.leave(which);
            return;
        }
        let place = self.connections[which].place;
        let fresh = match self.spare.pop() {
            Some(spare) => spare,
            None => match Shared::new(&self.job, place) {
                Ok(fresh) => {
                    self.connections.push(fresh);
                    self.connections.len() - 1
                }
                Err(fault) => return self.break_off(which, fault),
            },
        };
        self.connections[which].retired = true;
        (self.connections[fresh].place, self.places[place]) = (place, fresh);
    }

    /// Leaves a connection that was given no more calls and has none any more.
    pub(super) fn release(&mut self, which: usize) {
        if self.connections[which].retired && !self.connections[which].broken && !self.busy(which) {
            self.connections[which].say_goodbye();
            self.leave(which);
            self.connections[which].retired = false;
            self.spare.push(which);
        }
    }

    /// Closes a connection; what it counted is kept.
    pub(super) fn leave(&mut self, which: usize) {
        let connection = &mut self.connections[which];
        if connection.socket.take().is_some() {
            self.messages += connection.codec.messages();
            let (up, down) = std::mem::take(&mut connection.wire);
            self.wire = (self.wire.0 + up, self.wire.1 + down);
            if connection.stage != Stage::Open {
                self.dials.over(now_ns() - connection.dialling);
            }
        }
    }
}
