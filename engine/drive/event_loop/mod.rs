//! Many clients, or calls that are due by the clock: one thread and one wait for all of their connections.

mod begin;
mod calls;
mod connection;
mod connections;
mod end;
mod ready;
mod run;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use crate::drive::connection::verify_identity;
use crate::drive::event_loop::calls::Calls;
use crate::drive::event_loop::connections::Connections;
use crate::drive::event_loop::run::{Run, Source, Task};
use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::load::{Callers, LoadModel, facts};
use crate::drive::network::{Kernel, Network};
use crate::drive::per_pass::PerPass;
use crate::drive::recorder::Recorder;
use crate::drive::schedule::{Limit, Schedule};
use crate::drive::sequence::Pauses;
use crate::drive::setup_error::SetupError;
use crate::registry::Entry;
use crate::results::Measured;
use crate::transport::contract::IoModel;

/// The load model of many clients, and of calls that are due by the clock.
pub struct ManyClients;

impl Entry for ManyClients {
    fn name(&self) -> &'static str {
        "event loop"
    }
    fn about(&self) -> &'static str {
        "one thread that waits for all connections, and for calls that are due"
    }
}

impl LoadModel for ManyClients {
    fn can_drive(&self, job: &Job) -> bool {
        matches!(job.io_model, IoModel::Stream(_))
    }
    fn callers(&self, job: Job) -> Result<Box<dyn Callers>, SetupError> {
        Ok(Box::new(EventLoop::new(job)?))
    }
}

/// The clients of an event loop: connections, and the calls of a job that are made on them.
pub struct EventLoop<N: Network> {
    job: Job,
    connections: Connections<N>,
    calls: Calls,
    recorder: Recorder,
}

impl EventLoop<Kernel> {
    /// All clients of `job`, by the kernel's clock and sockets.
    pub fn new(job: Job) -> Result<Self, SetupError> {
        let kernel = Kernel::new().map_err(|error| SetupError::system("cannot wait for events", &error))?;
        Self::on(kernel, job)
    }
}

impl<N: Network> EventLoop<N> {
    /// All clients of `job` on that network.
    pub fn on(network: N, job: Job) -> Result<Self, SetupError> {
        let connections = Connections::new(&job, network)?;
        let (calls, mut recorder) = (Calls::new(&job), Recorder::new(job.clients, job.calls.names().len()));
        recorder.passes = job.calls.has_passes().then(PerPass::default);
        Ok(EventLoop { job, connections, calls, recorder })
    }

    /// Opens all connections, where they are `reusable`, makes the calls that each client makes once before, and warms up;
    /// what that brings is forgotten.
    pub fn warm_up(&mut self, reusable: bool) -> Result<(), SetupError> {
        if reusable && !self.job.connect {
            self.connections.open_all(&self.job)?;
        }
        self.before()?;
        self.run(Source::Closed(self.job.warmup), &AtomicU64::new(0));
        self.recorder.forget();
        Ok(())
    }

    /// Makes the calls of the job; `ended` counts those that are over.
    pub fn measure(&mut self, ended: &AtomicU64) {
        let before = self.connections.begin_count();
        let source = match &self.job.profile {
            None => Source::Closed(self.job.limit),
            Some(profile) => Source::Open(Schedule::new(profile, self.job.open_limit())),
        };
        self.recorder.elapsed_ns = self.run(source, ended);
        let carried = self.connections.carried();
        self.recorder.wire(carried.wire.0, carried.wire.1);
        self.recorder.dials = carried.dials;
        self.recorder.messages = carried.messages - before;
    }

    /// The figures of those calls.
    pub fn measured(&mut self) -> Measured {
        let facts = facts(&ManyClients, &self.job, &self.recorder);
        self.recorder.measured(self.job.connect, self.job.calls.names(), facts)
    }

    fn run(&mut self, source: Source, ended: &AtomicU64) -> u64 {
        let EventLoop { job, connections, calls, recorder } = self;
        let task = Task { job, sequence: &*job.calls, pauses: job.pauses, source };
        Run::new(task, connections, calls, recorder, ended).complete_all()
    }

    /// Has each client make the calls that it makes once; an error says of whom and why one of them did not succeed.
    fn before(&mut self) -> Result<(), SetupError> {
        let EventLoop { job, connections, calls, recorder } = self;
        let Some(sequence) = job.before.as_deref() else { return Ok(()) };
        // They are no calls of those names, and no passes.
        let mut only_once = Recorder::new(job.clients, 0);
        let (pauses, source) = (Pauses::of(None, 0), Source::Closed(Limit::Calls(sequence.steps())));
        let task = Task { job, sequence, pauses, source };
        Run::new(task, connections, calls, &mut only_once, &AtomicU64::new(0)).complete_all();
        if let Some(who) = calls.failed.take() {
            return Err(SetupError::before(who.client, &sequence.names()[who.name], &only_once.failures));
        }
        // What was looked at was no call that is timed.
        calls.callers.iter_mut().for_each(|caller| caller.checked = false);
        only_once.forget_before();
        recorder.untimed.before += only_once.untimed.before;
        Ok(())
    }
}

impl Callers for EventLoop<Kernel> {
    fn arm(&mut self) -> Result<(), SetupError> {
        let reusable = verify_identity(&self.job)?;
        self.warm_up(reusable)
    }

    fn live(&self) -> Arc<LiveHistogram> {
        self.recorder.live()
    }

    fn measure(&mut self, ended: &AtomicU64) {
        EventLoop::measure(self, ended);
    }

    fn measured(&mut self) -> Measured {
        EventLoop::measured(self)
    }

    fn close(&mut self) {
        self.connections.close_all();
    }
}
