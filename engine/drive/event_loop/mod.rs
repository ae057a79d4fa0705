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
use crate::drive::event_loop::run::{Run, Source};
use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::load::{Callers, LoadModel, facts};
use crate::drive::network::{Kernel, Network};
use crate::drive::recorder::Recorder;
use crate::drive::schedule::{Limit, Schedule};
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
        let (calls, recorder) = (Calls::new(&job), Recorder::new(job.clients, job.calls.names().len()));
        Ok(EventLoop { job, connections, calls, recorder })
    }

    /// Opens all connections, where they are `reusable`, and warms up; what that brings is forgotten.
    pub fn warm_up(&mut self, reusable: bool) -> Result<(), SetupError> {
        if reusable && !self.job.connect {
            self.connections.open_all(&self.job)?;
        }
        self.run(Source::Closed(self.job.warmup), &AtomicU64::new(0));
        self.recorder.forget();
        Ok(())
    }

    /// Makes the calls of the job; `ended` counts those that are over.
    pub fn measure(&mut self, ended: &AtomicU64) {
        let before = self.connections.begin_count();
        let source = match (&self.job.profile, self.job.limit) {
            (None, limit) => Source::Closed(limit),
            (Some(profile), Limit::Calls(each)) => {
                Source::Open(Schedule::new(profile, Limit::Calls(each.saturating_mul(self.job.clients as u64))))
            }
            (Some(profile), limit) => Source::Open(Schedule::new(profile, limit)),
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
        Run::new(job, connections, calls, recorder, source, ended).complete_all()
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
