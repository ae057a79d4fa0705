//! How calls begin: they come due, find a slot, and are sent.

use std::cmp::Reverse;

use crate::call::CallError;
use crate::drive::event_loop::calls::{Calls, InFlight, Scheduled, State};
use crate::drive::event_loop::connection::Stage;
use crate::drive::event_loop::run::Run;
use crate::drive::network::Network;
use crate::mutant;

impl<N: Network> Run<'_, N> {
    /// Puts a caller's next call into the queue.
    pub(super) fn schedule(&mut self, due: Scheduled) {
        self.recorder.scheduled();
        self.calls.queue.push_back(due);
    }

    /// The calls of those who have paused long enough are due.
    fn resume(&mut self, now: u64) {
        while let Some(Reverse((due, caller))) = self.calls.pausing.peek().copied()
            && due <= now
        {
            self.calls.pausing.pop();
            self.schedule(Scheduled { caller, intended: due });
        }
    }

    /// Gives waiting calls to free slots; when that was looked at last.
    pub(super) fn assign(&mut self, mut now: u64) -> u64 {
        self.resume(now);
        while let Some(first) = self.calls.free.front() {
            let slot_of = |calls: &Calls, caller: usize| if calls.paired { caller } else { first };
            let (due, late) = match (self.source.is_open(), self.calls.queue.pop_front()) {
                (false, Some(due)) => (due, 0),
                (false, None) => break,
                (true, Some(due)) => {
                    now = self.now();
                    let free = self.calls.slots[slot_of(self.calls, due.caller)].free;
                    let late = now.saturating_sub(due.intended.max(free));
                    self.recorder.late(late);
                    (due, late)
                }
                (true, None) => {
                    now = self.now();
                    let Some(mut due) = self.due_by_now(now) else { break };
                    if mutant::is("stamp-at-send") {
                        due.intended = now;
                    }
                    let slot = &self.calls.slots[slot_of(self.calls, due.caller)];
                    let free = slot.free.max(self.calls.callers[due.caller].free);
                    let late = now.saturating_sub(due.intended.max(free));
                    self.recorder.scheduled();
                    self.recorder.sent(now, late);
                    (due, late)
                }
            };
            let index = slot_of(self.calls, due.caller);
            self.calls.free.remove(index);
            let planned = self.sequence.call(due.caller, self.calls.callers[due.caller].number);
            self.in_flight += 1;
            self.calls.slots[index].call = InFlight::of(due, planned, now, late);
            self.begin(index, now);
        }
        now
    }

    /// Begins the call on a slot; its time-out counts from now.
    pub(super) fn begin(&mut self, index: usize, now: u64) {
        self.calls.slots[index].call.begun = now;
        self.calls.oldest.push_back(index);
        self.put(index, now);
    }

    /// Puts the call of a slot on its connection, which is dialled where there is none.
    pub(super) fn put(&mut self, index: usize, now: u64) {
        let which = self.connections.current[index / self.job.streams];
        let slot = &mut self.calls.slots[index];
        slot.on = which;
        let connection = &self.connections.all[which];
        let (open, broken) = (connection.socket.is_some() && connection.stage == Stage::Open, connection.broken);
        slot.state = if open { State::Calling } else { State::Connecting };
        let fault = match connection.socket {
            _ if broken => {
                // It is not even written.
                slot.call.asked.at(u64::MAX);
                Ok(())
            }
            None => self.connections.dial(self.job, which, now),
            Some(_) if open => self.send(index, now),
            Some(_) => Ok(()),
        };
        if let Err(fault) = fault {
            self.connections.fail_later(which, fault);
        }
    }

    /// Sends the call on a slot whose connection is open.
    fn send(&mut self, index: usize, now: u64) -> Result<(), CallError> {
        let slot = &mut self.calls.slots[index];
        let (connection, call) = (&mut self.connections.all[slot.on], &mut slot.call);
        let content = self.job.verify_all || !self.calls.callers[call.due.caller].checked;
        if !self.job.connect && call.asked.is_first() {
            call.sent = now;
        }
        call.asked.at(connection.out.end());
        if self.job.dials_only {
            return Ok(());
        }
        connection.codec.call(index % self.job.streams, &call.planned.ask, content, &mut connection.out);
        if connection.held { Ok(()) } else { connection.write() }
    }

    /// Begins the next stage of a connection's opening; once there is none, the calls that waited for it are sent.
    pub(super) fn open(&mut self, which: usize) -> Result<(), CallError> {
        let connection = &mut self.connections.all[which];
        connection.open();
        if connection.stage == Stage::Opening {
            return connection.write();
        }
        let (dialled, secured, dialling) = (connection.dialled, connection.secured, connection.dialling);
        let (now, mut sent) = (self.now(), Ok(()));
        self.connections.dialled(now, dialling);
        for index in self.slots_of(which) {
            let slot = &mut self.calls.slots[index];
            if slot.on == which && slot.state == State::Connecting {
                slot.state = State::Calling;
                (slot.call.dialled, slot.call.secured) = (dialled, secured);
                sent = sent.and_then(|()| self.send(index, now));
            }
        }
        sent
    }
}
