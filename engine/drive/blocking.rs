//! Closed loop with one client: a thread that calls, waits and calls again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::drive::clock::now_ns;
use crate::drive::connection::{Connection, Trouble, prove};
use crate::drive::deadline::Deadline;
use crate::drive::job::{Failed, Job, Limit};
use crate::drive::live::Live;
use crate::drive::load::{LoadModel, facts};
use crate::drive::recorder::{Recorder, Stamps};
use crate::results::Measured;
use crate::transport::socket::ReadBuffer;

/// The load model of one client.
pub struct Blocking {
    job: Job,
    connection: Option<Connection>,
    deadline: Arc<Deadline>,
    buffer: ReadBuffer,
    checked: bool,
    messages: u64,
    recorder: Option<Recorder>,
}

impl Blocking {
    /// One client for `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        Ok(Blocking {
            deadline: Arc::new(job.deadline()?),
            job,
            connection: None,
            buffer: ReadBuffer::default(),
            checked: false,
            messages: 0,
            recorder: None,
        })
    }

    /// Dials and opens; when connected, and when secured where there was a handshake, by [`now_ns`].
    fn connect(&mut self) -> Result<(u64, Option<u64>), Trouble> {
        let connection = self.connection.insert(Connection::dial(&self.job, &self.deadline)?);
        let dialled = now_ns();
        Ok((dialled, connection.open(&mut self.buffer)?))
    }

    /// Gives up the connection; what it counted is kept.
    fn leave(&mut self, recorder: Option<&mut Recorder>, goodbye: bool) {
        if let Some(connection) = self.connection.take() {
            self.messages += connection.codec.messages();
            if let Some(recorder) = recorder {
                recorder.wire(connection.wire.0, connection.wire.1);
            }
            if goodbye {
                connection.close();
            }
        }
    }

    /// Calls until the limit; every call is recorded where there is a recorder.
    fn calls(&mut self, limit: Limit, mut recorder: Option<&mut Recorder>, ended: &AtomicU64) -> u64 {
        let begun = now_ns();
        let (mut number, mut now) = (0, begun);
        loop {
            let over = match limit {
                Limit::Calls(count) => number >= count,
                Limit::Time(ns) => now - begun >= ns,
            };
            if over {
                return now - begun;
            }
            now = self.one_call(number, now, recorder.as_deref_mut());
            number += 1;
            ended.store(number, Ordering::Relaxed);
        }
    }

    /// One call that was due at `intended`, with the retries its target allows; when it ended.
    fn one_call(&mut self, number: u64, intended: u64, mut recorder: Option<&mut Recorder>) -> u64 {
        let ask = self.job.asks.get(number);
        let content = self.job.verify_all || !self.checked;
        if let Some(recorder) = recorder.as_deref_mut() {
            recorder.scheduled();
        }
        let mut attempt = 0;
        loop {
            let (mut sent, mut dialled) = (intended, None);
            let mut outcome = Ok(());
            if self.connection.is_none() || attempt > 0 {
                match self.connect() {
                    Ok(at) => dialled = Some(at),
                    Err(trouble) => outcome = Err(trouble),
                }
                sent = if self.job.asks.connect { intended } else { now_ns() };
            }
            let outcome = outcome.and_then(|()| match &mut self.connection {
                Some(connection) => connection.call(&ask, content, &mut self.buffer, sent),
                None => Err(Trouble::Timeout),
            });
            let at = Stamps { intended, sent, ended: now_ns() };
            match outcome {
                Ok(reply) => {
                    match (&reply.verdict, recorder.as_deref_mut()) {
                        (Ok(()), Some(recorder)) => {
                            self.checked = true;
                            recorder.ok(0, at, ask);
                            if let Some((dialled, secured)) = dialled.filter(|_| self.job.asks.connect) {
                                recorder.connected(intended, dialled, secured, at.ended);
                            }
                        }
                        (Err(fault), Some(recorder)) => recorder.fault(0, intended, fault),
                        (verdict, None) => self.checked |= verdict.is_ok(),
                    }
                    if !reply.reusable || self.job.asks.connect {
                        self.leave(recorder, self.job.asks.connect);
                    }
                    // The untimed close of a connect must not be charged to the next one.
                    return if self.job.asks.connect { now_ns() } else { at.ended };
                }
                Err(Trouble::Fault(_)) if attempt < self.job.retries => {
                    self.leave(recorder.as_deref_mut(), false);
                    attempt += 1;
                    if let Some(recorder) = recorder.as_deref_mut() {
                        recorder.retries += 1;
                        recorder.reconnects += 1;
                    }
                }
                Err(trouble) => {
                    self.leave(recorder.as_deref_mut(), false);
                    if let Some(recorder) = recorder {
                        match &trouble {
                            Trouble::Fault(fault) => recorder.fault(0, intended, fault),
                            Trouble::Timeout => recorder.timeout(0, at),
                        }
                        recorder.reconnects += u64::from(!self.job.asks.connect);
                    }
                    return at.ended;
                }
            }
        }
    }
}

impl LoadModel for Blocking {
    fn arm(&mut self) -> Result<(), Failed> {
        let reusable = prove(&self.job)?;
        if reusable && !self.job.asks.connect {
            self.connect()?;
        }
        self.calls(Limit::Calls(self.job.warmup), None, &AtomicU64::new(0));
        self.recorder = Some(Recorder::new(1));
        Ok(())
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.recorder.as_ref().map(Recorder::live)
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let Some(mut recorder) = self.recorder.take() else { return };
        self.messages = 0;
        let mut before = 0;
        if let Some(connection) = &mut self.connection {
            connection.wire = (0, 0);
            before = connection.codec.messages();
        }
        recorder.begin(now_ns());
        recorder.elapsed_ns = self.calls(self.job.limit, Some(&mut recorder), ended);
        if let Some(connection) = &self.connection {
            self.messages += connection.codec.messages();
            recorder.wire(connection.wire.0, connection.wire.1);
        }
        recorder.messages = self.messages - before;
        self.recorder = Some(recorder);
    }

    fn measured(&mut self) -> Measured {
        let recorder = self.recorder.take().unwrap_or_else(|| Recorder::new(1));
        let driver = if self.job.spin { "spin loop" } else { "blocking" };
        recorder.measured(self.job.asks.connect, facts(driver, &self.job))
    }

    fn close(&mut self) {
        self.leave(None, true);
    }
}
