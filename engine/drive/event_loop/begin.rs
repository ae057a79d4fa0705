//! How calls begin: they come due, find a line, and are sent.

use crate::call::Fault;
use crate::drive::clock::now_ns;
use crate::drive::event_loop::EventLoop;
use crate::drive::event_loop::calls::{At, Due, Under};
use crate::drive::event_loop::pass::{Pass, Source};
use crate::drive::shared::Stage;
use crate::mutant;

impl EventLoop {
    /// Puts the next call of a closed loop's caller into the queue.
    pub(super) fn due(&mut self, due: Due, pass: &mut Pass<'_>) {
        if let Some(recorder) = pass.recorder.as_deref_mut() {
            recorder.scheduled();
        }
        self.queue.push_back(due);
    }

    /// Gives waiting calls to idle lines; when that was looked at last.
    pub(super) fn assign(&mut self, pass: &mut Pass<'_>, mut now: u64) -> u64 {
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
    pub(super) fn due_by_now(&mut self, pass: &mut Pass<'_>, now: u64) -> Option<Due> {
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

    /// Begins the call on a line; its time-out counts from now.
    pub(super) fn begin(&mut self, index: usize, now: u64) {
        self.lines[index].call.begun = now;
        self.oldest.push_back(index);
        self.put(index, now);
    }

    /// Puts the call of a line on the connection of its place, which is dialled where there is none.
    pub(super) fn put(&mut self, index: usize, now: u64) {
        let which = self.places[index / self.job.streams];
        self.lines[index].on = which;
        let connection = &self.connections[which];
        let (open, broken) = (connection.socket.is_some() && connection.stage == Stage::Open, connection.broken);
        self.lines[index].stage = if open { At::Calling } else { At::Waiting };
        let fault = match connection.socket {
            _ if broken => {
                // It is not even written.
                self.lines[index].call.asked.at(u64::MAX);
                Ok(())
            }
            None => self.dial(which, now),
            Some(_) if open => self.send(index, now),
            Some(_) => Ok(()),
        };
        if let Err(fault) = fault {
            self.break_off(which, fault);
        }
    }

    /// Sends the call on a line whose connection is open.
    pub(super) fn send(&mut self, index: usize, now: u64) -> Result<(), Fault> {
        let line = &mut self.lines[index];
        let (connection, call) = (&mut self.connections[line.on], &mut line.call);
        let content = self.job.verify_all || !self.callers[call.due.caller].checked;
        if !self.job.asks.connect && call.asked.is_first() {
            call.sent = now;
        }
        call.asked.at(connection.out.end());
        connection.codec.call(index % self.job.streams, &call.ask, content, &mut connection.out);
        if connection.held { Ok(()) } else { connection.write() }
    }

    /// Begins the next stage of a connection's opening; once there is none, the calls that waited for it are sent.
    pub(super) fn open(&mut self, which: usize) -> Result<(), Fault> {
        let connection = &mut self.connections[which];
        connection.open();
        if connection.stage == Stage::Opening {
            return connection.write();
        }
        let (dialled, secured, dialling) = (connection.dialled, connection.secured, connection.dialling);
        let (now, mut sent) = (now_ns(), Ok(()));
        self.dials.over(now - dialling);
        for index in self.lines_of(which) {
            let line = &mut self.lines[index];
            if line.on == which && line.stage == At::Waiting {
                line.stage = At::Calling;
                (line.call.dialled, line.call.secured) = (dialled, secured);
                sent = sent.and_then(|()| self.send(index, now));
            }
        }
        sent
    }

    /// A connection has failed where its calls cannot be told at once.
    pub(super) fn break_off(&mut self, which: usize, fault: Fault) {
        if !self.connections[which].broken {
            self.connections[which].broken = true;
            self.broken.push((which, fault));
        }
    }
}
