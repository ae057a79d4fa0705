//! How calls end: answered, failed, timed out or cut off.

use std::cmp::Reverse;
use std::sync::atomic::Ordering;

use crate::call::CallError;
use crate::drive::event_loop::calls::{InFlight, Scheduled, Slot, State};
use crate::drive::event_loop::connection::Connection;
use crate::drive::event_loop::run::{Run, Source};
use crate::drive::network::Network;
use crate::drive::per_pass::Outcome;
use crate::drive::recorder::Stamps;
use crate::drive::resend::Attempts;
use crate::drive::schedule::Limit;
use crate::transport::contract::Reply;

impl<N: Network> Run<'_, N> {
    /// A reply is complete: record it, and let the caller and the slot go on.
    pub(super) fn reply(&mut self, which: usize, mut reply: Reply) {
        let index = self.connections.all[which].number * self.job.streams + reply.slot;
        let slot = &mut self.calls.slots[index];
        if slot.state != State::Calling || slot.on != which {
            return;
        }
        let mut now = self.connections.network.now_ns();
        // Whenever it is looked at: a reply is a reply for as long as the time-out, and then none.
        if now.saturating_sub(slot.call.begun) > self.job.timeout.as_nanos() as u64 {
            return self.time_out(index, now);
        }
        if let Err(fault) = &reply.verdict
            && slot.call.asked.again(fault, self.recorder)
        {
            slot.state = State::Free;
            // A stream may be refused for being one too many at the moment; that costs no connection.
            if !reply.reusable {
                self.retire(which, false);
            }
            self.put(index, now);
            return;
        }
        let (call, connect) = (slot.call, self.job.connect);
        let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
        let caller = call.due.caller;
        let looked = self.job.verify_all || !self.calls.callers[caller].checked;
        let codec = &mut self.connections.all[which].codec;
        if reply.verdict.is_ok() {
            reply.verdict = codec.inspect(reply.slot);
        }
        reply.material = reply.material.take().or_else(|| codec.material(reply.slot));
        let kept = self.job.keep(&call.planned.ask, &mut reply);
        match &reply.verdict {
            Ok(()) => {
                self.recorder.ok(call.who(), at, reply.payload(&call.planned.ask));
                if connect {
                    self.recorder.connected(call.sent, call.dialled, call.secured, now);
                }
                // Of a pass each step is looked at.
                let who = &mut self.calls.callers[caller];
                who.checked |= (who.number + 1).is_multiple_of(self.sequence.steps());
            }
            Err(fault) => self.recorder.fault(call.who(), at.intended, fault),
        }
        if connect {
            let connection = &mut self.connections.all[which];
            connection.say_goodbye();
            if connection.codec.awaits_close() && !connection.closes(&mut self.connections.buffer) {
                let slot = &mut self.calls.slots[index];
                slot.state = State::Closing;
                slot.call.begun = self.connections.network.now_ns();
                self.calls.oldest.remove(index);
                self.calls.oldest.push_back(index);
                return;
            }
        }
        if connect || !reply.reusable {
            self.calls.slots[index].state = State::Free;
            // It has said its goodbye.
            self.retire(which, false);
            if connect {
                now = self.now();
            }
        }
        if (looked || kept) && !connect {
            // A look at a reply must not be charged to the next call.
            now = self.now();
        }
        let outcome = if reply.verdict.is_ok() { Outcome::Right } else { Outcome::Wrong };
        self.complete(index, outcome, at.ended, now);
    }

    /// The server of a connect that is over has something to say, or (`late`) has been silent for too long; once it has
    /// closed, the caller goes on.
    pub(super) fn closing(&mut self, index: usize, late: bool) {
        let which = self.calls.slots[index].on;
        if self.connections.all[which].closes(&mut self.connections.buffer) || late {
            self.connections.close(which);
            let now = self.now();
            self.complete(index, Outcome::Right, now, now);
        }
    }

    /// A call is over: its slot is free and its caller goes on, with the next step of its pass or another.
    fn complete(&mut self, index: usize, outcome: Outcome, ended: u64, now: u64) {
        let call = self.calls.slots[index].call;
        let InFlight { due: Scheduled { caller, intended }, late, .. } = call;
        if outcome != Outcome::Right {
            self.calls.failed.get_or_insert(call.who());
        }
        self.calls.slots[index].state = State::Free;
        self.calls.oldest.remove(index);
        self.calls.free.push_back(index);
        self.in_flight -= 1;
        self.over += 1;
        self.last = ended;
        self.ended.store(self.over, Ordering::Relaxed);
        let steps = self.sequence.steps();
        let who = &mut self.calls.callers[caller];
        let made = who.number;
        let ended = (outcome, ended.saturating_sub(intended));
        who.number = who.progress.over(made, steps, ended, self.recorder.passes.as_mut());
        let (next, before) = (who.number, who.before);
        let due = now.saturating_add(self.pauses.after(caller, made));
        let more = match self.source {
            Source::Closed(Limit::Calls(count)) => next - before < count,
            Source::Closed(Limit::Time(ns)) => due - self.begun < ns,
            Source::Open(_) => {
                // Had the call been sent in time, its reply would have come so much earlier.
                let free = self.woken.saturating_sub(late);
                (self.calls.slots[index].free, self.calls.callers[caller].free) = (free, free);
                let goes_on = next % steps != 0;
                if !goes_on {
                    self.calls.resting.push_back(caller);
                }
                goes_on
            }
        };
        match more {
            true if due > now => self.calls.pausing.push(Reverse((due, caller))),
            true => self.schedule(Scheduled { caller, intended: now }),
            false => {}
        }
        self.assign(now);
    }

    /// A connection that has failed is closed, and the calls on it fail.
    pub(super) fn fail_connection(&mut self, which: usize, fault: &CallError) {
        let (state, taken) = (self.awaiting(which), self.connections.all[which].taken());
        self.connections.all[which].broken = false;
        self.connections.close(which);
        self.fail(which, state, fault, taken);
        self.release(which);
    }

    /// The calls in that state on a connection that was closed, of whose bytes the server may have taken so many, fail,
    /// each counted once, or are sent again.
    pub(super) fn fail(&mut self, which: usize, state: State, fault: &CallError, taken: u64) {
        let now = self.now();
        let awaited = |slot: &Slot| slot.state == state && slot.on == which;
        // Chosen before the first is complete, since that may begin another call on the same slot.
        let hit: Vec<usize> = self.slots_of(which).filter(|index| awaited(&self.calls.slots[*index])).collect();
        let mut reconnects = false;
        let untaken = fault.clone().untaken();
        for index in hit {
            let call = &mut self.calls.slots[index].call;
            if state == State::Calling && call.asked.was_untaken(taken) && call.asked.again(&untaken, self.recorder) {
                self.put(index, now);
                continue;
            }
            reconnects |= !self.job.connect;
            if call.attempt < self.job.retries {
                call.attempt += 1;
                call.asked = Attempts::default();
                reconnects = true;
                self.recorder.retries += 1;
                self.calls.oldest.remove(index);
                self.begin(index, now);
                continue;
            }
            self.recorder.fault(call.who(), call.due.intended, fault);
            self.complete(index, Outcome::Wrong, now, now);
        }
        self.recorder.reconnects += u64::from(reconnects);
    }

    /// The call on a slot has lasted too long: it is cancelled, so that no late reply is ever matched.
    ///
    /// Where its protocol cannot cancel one call, the connection goes with it, and the other calls on that fail.
    pub(super) fn time_out(&mut self, index: usize, now: u64) {
        let (which, call, state) = {
            let slot = &self.calls.slots[index];
            (slot.on, slot.call, slot.state)
        };
        if state == State::Closing {
            return self.closing(index, true);
        }
        let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
        self.recorder.timeout(call.who(), at);
        self.calls.slots[index].state = State::Free;
        let connection = &mut self.connections.all[which];
        if state == State::Calling && connection.codec.cancel(index % self.job.streams, &mut connection.out) {
            if let Err(fault) = connection.write() {
                self.connections.fail_later(which, fault);
            }
        } else {
            let (alone, taken) = (!self.busy(which), self.connections.all[which].taken());
            self.connections.close(which);
            self.recorder.reconnects += u64::from(alone && !self.job.connect);
            let fault = CallError::connect("the connection was closed because another call on it timed out");
            self.fail(which, state, &fault, taken);
        }
        self.release(which);
        self.complete(index, Outcome::GivenUp, now, now);
    }

    /// Draining is over: what is still queued or unanswered is censored.
    pub(super) fn censor(&mut self, now: u64) {
        let sendable = self.calls.free.front().is_some() && !self.calls.resting.is_empty();
        while let Some(index) = self.calls.oldest.front() {
            let slot = &mut self.calls.slots[index];
            let (call, state) = (slot.call, std::mem::replace(&mut slot.state, State::Free));
            self.connections.close(slot.on);
            if state != State::Closing {
                let at = Stamps { intended: call.due.intended, sent: call.sent, ended: now };
                self.recorder.censored(call.who(), at);
                let spent = (Outcome::GivenUp, now.saturating_sub(at.intended));
                let caller = &mut self.calls.callers[call.due.caller];
                let (number, steps) = (caller.number, self.sequence.steps());
                caller.progress.over(number, steps, spent, self.recorder.passes.as_mut());
            }
            self.calls.oldest.remove(index);
            self.calls.free.push_back(index);
        }
        for due in self.calls.queue.drain(..) {
            let name = self.sequence.call(due.caller, self.calls.callers[due.caller].number).name;
            self.recorder.never_sent(Some(due.caller), name, due.intended, now, false);
        }
        if let Source::Open(schedule) = &mut self.source {
            // Of nobody's calls nobody drew which they are; so they are drawn for one more client.
            // Of passes it is their first steps.
            let mut unsent = (0..).step_by(self.sequence.steps() as usize);
            while let Some(due) = schedule.pop() {
                let name = self.sequence.call(self.job.clients, unsent.next().unwrap_or_default()).name;
                self.recorder.scheduled();
                self.recorder.never_sent(None, name, self.begun + due, now, sendable);
            }
        }
        // Who pauses has no call that is due.
        self.calls.pausing.clear();
        self.last = now;
    }

    /// Gives a connection no more calls. It is closed at once where it has none, with a `goodbye` if it shall have one;
    /// else another takes its number, and it is closed once the calls that it has are over.
    pub(super) fn retire(&mut self, which: usize, goodbye: bool) {
        if self.connections.all[which].retired {
            return;
        }
        if !self.busy(which) {
            if goodbye {
                self.connections.all[which].say_goodbye();
            }
            self.connections.close(which);
            return;
        }
        let number = self.connections.all[which].number;
        let fresh = match self.connections.spare.pop() {
            Some(spare) => spare,
            None => match Connection::new(self.job, number) {
                Ok(fresh) => {
                    self.connections.all.push(fresh);
                    self.connections.all.len() - 1
                }
                Err(fault) => return self.connections.fail_later(which, fault),
            },
        };
        self.connections.all[which].retired = true;
        (self.connections.all[fresh].number, self.connections.current[number]) = (number, fresh);
    }

    /// Closes a connection that was given no more calls and has none any more.
    pub(super) fn release(&mut self, which: usize) {
        let connection = &self.connections.all[which];
        if connection.retired && !connection.broken && !self.busy(which) {
            self.connections.all[which].say_goodbye();
            self.connections.close(which);
            self.connections.all[which].retired = false;
            self.connections.spare.push(which);
        }
    }
}
