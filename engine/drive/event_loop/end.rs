//! How calls end: answered, failed, timed out or cut off.

use std::sync::atomic::Ordering;

use crate::call::Fault;
use crate::drive::clock::now_ns;
use crate::drive::event_loop::EventLoop;
use crate::drive::event_loop::calls::{At, Due, Under};
use crate::drive::event_loop::pass::{Pass, Source};
use crate::drive::job::Limit;
use crate::drive::recorder::{Recorder, Stamps};
use crate::transport::contract::Reply;

impl EventLoop {
    /// A reply is complete: record it, and let the caller and the line go on.
    pub(super) fn reply(&mut self, which: usize, reply: Reply, pass: &mut Pass<'_>) {
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
        let stage = self.awaiting(which);
        self.connections[which].broken = false;
        self.leave(which, pass.recorder.as_deref_mut());
        self.fail(which, stage, fault, pass);
    }

    /// The calls at that stage on a connection that was left fail, each counted once, or are sent again.
    pub(super) fn fail(&mut self, which: usize, stage: At, fault: &Fault, pass: &mut Pass<'_>) {
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
    pub(super) fn time_out(&mut self, index: usize, now: u64, pass: &mut Pass<'_>) {
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
    pub(super) fn censor(&mut self, pass: &mut Pass<'_>, now: u64) {
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
    pub(super) fn leave(&mut self, which: usize, recorder: Option<&mut Recorder>) {
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
