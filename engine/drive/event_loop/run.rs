//! One run over the callers, from the first call that is due to the last that is over.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::atomic::AtomicU64;

use crate::drive::arrival_test;
use crate::drive::event_loop::calls::{Calls, Scheduled, Slot, State};
use crate::drive::event_loop::connections::Connections;
use crate::drive::job::Job;
use crate::drive::network::{Network, Wait};
use crate::drive::per_pass::Progress;
use crate::drive::recorder::Recorder;
use crate::drive::schedule::{Limit, Schedule};
use crate::drive::sequence::{Pauses, Sequence};
use crate::mutant;

/// Where calls come from.
pub(super) enum Source {
    /// A caller's next one is due when its last one is over.
    Closed(Limit),
    /// They are due by the clock, and whoever is free makes them.
    Open(Schedule),
}

impl Source {
    /// True where calls are due by the clock.
    pub(super) fn is_open(&self) -> bool {
        matches!(self, Source::Open(_))
    }
}

/// What one run over the callers is to do.
pub(super) struct Task<'a> {
    pub(super) job: &'a Job,
    /// What callers ask: what the job says, or what it says is asked before.
    pub(super) sequence: &'a dyn Sequence,
    pub(super) pauses: Pauses,
    pub(super) source: Source,
}

/// One run over the callers.
pub(super) struct Run<'a, N: Network> {
    pub(super) job: &'a Job,
    pub(super) sequence: &'a dyn Sequence,
    pub(super) pauses: Pauses,
    pub(super) connections: &'a mut Connections<N>,
    pub(super) calls: &'a mut Calls,
    pub(super) recorder: &'a mut Recorder,
    pub(super) source: Source,
    pub(super) begun: u64,
    /// When the last call was over.
    pub(super) last: u64,
    /// When the last wait ended: what came back was there by then.
    pub(super) woken: u64,
    pub(super) in_flight: usize,
    pub(super) over: u64,
    /// Calls that are over, for whoever shows progress.
    pub(super) ended: &'a AtomicU64,
    /// When the last call of an open loop was due.
    last_due: u64,
}

impl<'a, N: Network> Run<'a, N> {
    /// A run that begins now.
    pub(super) fn new(
        Task { job, sequence, pauses, source }: Task<'a>,
        connections: &'a mut Connections<N>,
        calls: &'a mut Calls,
        recorder: &'a mut Recorder,
        ended: &'a AtomicU64,
    ) -> Self {
        let begun = connections.network.now_ns();
        let (last, woken, last_due, in_flight, over) = (begun, begun, begun, 0, 0);
        Run {
            job,
            sequence,
            pauses,
            connections,
            calls,
            recorder,
            source,
            begun,
            last,
            woken,
            in_flight,
            over,
            ended,
            last_due,
        }
    }

    /// Calls until the source has no more; how long that took, in nanoseconds.
    pub(super) fn complete_all(mut self) -> u64 {
        self.recorder.begin(self.begun);
        let iteration = self.sequence.calls_per_iteration().max(1);
        for caller in &mut self.calls.callers {
            caller.progress = Progress::default();
            caller.number = caller.number.next_multiple_of(iteration);
            caller.before = caller.number;
        }
        match self.source {
            Source::Closed(Limit::Calls(0)) => return 0,
            Source::Closed(_) => {
                let intended = self.begun;
                (0..self.calls.callers.len()).for_each(|caller| self.schedule(Scheduled { caller, intended }));
            }
            Source::Open(_) => {}
        }
        let (drain, timeout) = (self.job.drain.as_nanos() as u64, self.job.timeout.as_nanos() as u64);
        let (mut busy, mut gives_way) = (0, self.job.gives_way);
        loop {
            while let Some((which, fault)) = self.connections.broken.pop() {
                self.fail_connection(which, &fault);
            }
            let mut now = self.now();
            let drain_end = self.drain_end(drain);
            if now >= drain_end {
                self.censor(now);
                break;
            }
            while let Some(index) = self.calls.oldest.front() {
                if now.saturating_sub(self.calls.slots[index].call.begun) < timeout {
                    break;
                }
                self.time_out(index, now);
            }
            now = self.assign(now);
            if !gives_way.is_zero() {
                self.connections.network.sleep(std::mem::take(&mut gives_way));
                now = self.now();
            }
            if mutant::is("drop-when-full")
                && let Source::Open(schedule) = &mut self.source
            {
                while schedule.peek().is_some_and(|due| self.begun + due <= now) {
                    schedule.pop();
                }
            }
            let waiting = !self.calls.queue.is_empty() || !self.calls.pausing.is_empty();
            if self.in_flight == 0 && !waiting && !self.more() {
                break;
            }
            let times_out = self.calls.oldest.front().map(|index| self.calls.slots[index].call.begun + timeout);
            let deadline = times_out.map_or(drain_end, |at| at.min(drain_end));
            let wait = self.until(deadline, now);
            busy += now - self.woken;
            // The kernel fails no wait on a descriptor that is open; the loop would look again.
            let told = self.connections.network.wait(wait).unwrap_or(0);
            self.woken = self.now();
            for number in 0..told {
                let event = self.connections.network.event(number);
                if let Some(which) = self.connections.told(event.token) {
                    self.ready(which, event.hung_up);
                }
            }
        }
        self.recorder.busy_ns = Some(busy);
        let mut window = 0;
        if let Source::Open(schedule) = &self.source {
            window = schedule.window_ns().unwrap_or(0);
            let sends: Vec<u64> = self.recorder.sends().iter().map(|at| at - self.begun).collect();
            self.recorder.arrivals = arrival_test::test(&sends, schedule);
        }
        (self.last - self.begun).max(window)
    }

    pub(super) fn now(&self) -> u64 {
        self.connections.network.now_ns()
    }

    /// The next call of an open loop that is due, for the caller that has rested longest.
    pub(super) fn due_by_now(&mut self, now: u64) -> Option<Scheduled> {
        let Source::Open(schedule) = &mut self.source else { return None };
        let intended = self.begun + schedule.peek()?;
        if intended > now {
            return None;
        }
        let caller = self.calls.resting.pop_front()?;
        schedule.pop();
        self.last_due = intended;
        Some(Scheduled { caller, intended })
    }

    /// The slots of a connection.
    pub(super) fn slots_of(&self, which: usize) -> Range<usize> {
        let first = self.connections.all[which].number * self.job.streams;
        first..first + self.job.streams
    }

    /// True where a connection has calls in flight.
    pub(super) fn busy(&self, which: usize) -> bool {
        let has = |slot: &Slot| slot.state != State::Free && slot.on == which;
        self.calls.slots[self.slots_of(which)].iter().any(has)
    }

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

    /// How long to wait for events: until `deadline`, or until a call is due that somebody is free to make.
    fn until(&mut self, deadline: u64, now: u64) -> Wait {
        if self.job.spin || !self.connections.broken.is_empty() {
            return Wait::Poll;
        }
        // Who pauses without a slot of its own waits for a free one by the events of the others.
        let free = self.calls.free.front().is_some();
        let mut due = self.calls.pausing.peek().filter(|_| free).map(|Reverse((due, _))| *due);
        if let Source::Open(schedule) = &mut self.source
            && free
            && !self.calls.resting.is_empty()
        {
            schedule.prepare();
            let next = schedule.peek().map(|due| self.begun + due);
            due = due.into_iter().chain(next).min();
        }
        Wait::Until { now, deadline, due }
    }
}
