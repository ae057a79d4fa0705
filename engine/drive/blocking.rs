//! Closed loop with one client: a thread that calls, waits and calls again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::drive::clock::now_ns;
use crate::drive::connection::{Connection, NoReply, verify_identity};
use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::load::{Callers, LoadModel, facts};
use crate::drive::recorder::{Recorder, Stamps, Who};
use crate::drive::resend::Attempts;
use crate::drive::schedule::Limit;
use crate::drive::sequence::Planned;
use crate::drive::setup_error::SetupError;
use crate::drive::watchdog::Watchdog;
use crate::registry::Entry;
use crate::results::Measured;
use crate::transport::contract::{IoModel, Reply};
use crate::transport::socket::ReadBuffer;

/// Who waits for a reply cannot see that another call is due, or has come for another client.
fn can_wait(job: &Job) -> bool {
    matches!(job.io_model, IoModel::Stream(_)) && job.clients == 1 && job.profile.is_none() && !job.flows()
}

/// The load model of one client that sleeps until its reply comes.
pub struct Sleeping;

impl Entry for Sleeping {
    fn name(&self) -> &'static str {
        "blocking"
    }
    fn about(&self) -> &'static str {
        "one client that sleeps until its reply comes"
    }
}

impl LoadModel for Sleeping {
    fn can_drive(&self, job: &Job) -> bool {
        can_wait(job) && !job.spin
    }
    fn callers(&self, job: Job) -> Result<Box<dyn Callers>, SetupError> {
        Ok(Box::new(Blocking::new(job, &Sleeping)?))
    }
}

/// The load model of one client that looks for its reply without sleeping.
pub struct Spinning;

impl Entry for Spinning {
    fn name(&self) -> &'static str {
        "spin loop"
    }
    fn about(&self) -> &'static str {
        "one client that looks for its reply without sleeping"
    }
}

impl LoadModel for Spinning {
    fn can_drive(&self, job: &Job) -> bool {
        can_wait(job) && job.spin
    }
    fn callers(&self, job: Job) -> Result<Box<dyn Callers>, SetupError> {
        Ok(Box::new(Blocking::new(job, &Spinning)?))
    }
}

/// One client.
pub struct Blocking {
    job: Job,
    model: &'static dyn LoadModel,
    connection: Option<Connection>,
    deadline: Arc<Watchdog>,
    buffer: ReadBuffer,
    checked: bool,
    /// How many calls it has made, in warm-up too.
    made: u64,
    messages: u64,
    wire: (u64, u64),
    recorder: Recorder,
}

impl Blocking {
    /// One client for `job`.
    pub fn new(job: Job, model: &'static dyn LoadModel) -> Result<Self, SetupError> {
        Ok(Blocking {
            deadline: Arc::new(job.deadline()?),
            recorder: Recorder::new(1, job.calls.names().len()),
            made: 0,
            job,
            model,
            connection: None,
            buffer: ReadBuffer::default(),
            checked: false,
            messages: 0,
            wire: (0, 0),
        })
    }

    /// Dials and opens, for a call whose time-out counts from `begun`; when connected, and when secured where there was
    /// a handshake, by [`now_ns`].
    fn connect(&mut self, begun: u64) -> Result<(u64, Option<u64>), NoReply> {
        let dialling = now_ns();
        let connected = self.dial(begun);
        self.recorder.dials.over(now_ns() - dialling);
        connected
    }

    fn dial(&mut self, begun: u64) -> Result<(u64, Option<u64>), NoReply> {
        let connection = self.connection.insert(Connection::dial(&self.job, &self.deadline, begun)?);
        let dialled = now_ns();
        Ok((dialled, connection.open(&mut self.buffer, begun)?))
    }

    /// Gives up the connection; what it counted is kept.
    fn drop_connection(&mut self, goodbye: bool) {
        if let Some(mut connection) = self.connection.take() {
            if goodbye {
                connection.say_goodbye();
            }
            self.count(&connection);
        }
    }

    /// Gives up the connection of a connect, whose time is over: its whole life is counted, to the server's last byte.
    fn part(&mut self) {
        if let Some(mut connection) = self.connection.take() {
            connection.say_goodbye();
            connection.await_close(&mut self.buffer);
            self.count(&connection);
        }
    }

    fn count(&mut self, connection: &Connection) {
        self.messages += connection.codec.messages();
        self.wire = (self.wire.0 + connection.wire.0, self.wire.1 + connection.wire.1);
    }

    /// Calls until the limit, and records every call.
    fn calls(&mut self, limit: Limit, ended: &AtomicU64) -> u64 {
        self.made = self.made.next_multiple_of(self.job.calls.calls_per_iteration().max(1));
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
            if number == 1 && !self.job.gives_way.is_zero() {
                std::thread::sleep(self.job.gives_way);
                now = now_ns();
            }
            now = self.one_call(self.made, now);
            self.made += 1;
            number += 1;
            ended.store(number, Ordering::Relaxed);
        }
    }

    /// One call that was due at `intended`, with the retries its target allows; when it ended.
    fn one_call(&mut self, number: u64, intended: u64) -> u64 {
        let Planned { ask, name } = self.job.calls.call(0, number);
        let who = Who { client: 0, name };
        let content = self.job.verify_all || !self.checked;
        self.recorder.scheduled();
        let (mut attempt, mut asked) = (0, Attempts::default());
        // When it was first sent; the time-out counts from then, or from when it was first dialled for.
        let (mut sent, mut begun) = (intended, intended);
        loop {
            let mut dialled = None;
            let mut outcome = Ok(());
            if self.connection.as_mut().is_some_and(|connection| !connection.codec.accepts()) {
                self.drop_connection(true);
            }
            if self.connection.is_none() {
                match self.connect(begun) {
                    Ok(at) => dialled = Some(at),
                    Err(trouble) => outcome = Err(trouble),
                }
                if !self.job.connect && asked.is_first() {
                    sent = now_ns();
                }
            }
            let outcome = outcome.and_then(|()| match &mut self.connection {
                Some(_) if self.job.dials_only => Ok(Reply::ok()),
                Some(connection) => connection.call(&ask, content, &mut self.buffer, begun, &mut asked),
                None => Err(NoReply::Timeout),
            });
            let at = Stamps { intended, sent, ended: now_ns() };
            // The watchdog may not have looked yet: a reply is a reply for as long as the time-out, and then none.
            let late = at.ended.saturating_sub(begun) > self.deadline.timeout().as_nanos() as u64;
            match outcome.and_then(|reply| if late { Err(NoReply::Timeout) } else { Ok(reply) }) {
                Ok(Reply { verdict: Err(fault), reusable: true, .. }) if asked.again(&fault, &mut self.recorder) => {}
                Ok(Reply { verdict: Err(fault), .. }) | Err(NoReply::CallError(fault))
                    if asked.again(&fault, &mut self.recorder) =>
                {
                    self.drop_connection(false);
                }
                Ok(mut reply) => {
                    if let (Ok(()), Some(connection)) = (&reply.verdict, &mut self.connection) {
                        reply.verdict = connection.codec.inspect(reply.slot);
                    }
                    match &reply.verdict {
                        Ok(()) => {
                            self.checked = true;
                            self.recorder.ok(who, at, reply.payload(&ask));
                            if let Some((dialled, secured)) = dialled.filter(|_| self.job.connect) {
                                self.recorder.connected(intended, dialled, secured, at.ended);
                            }
                        }
                        Err(fault) => self.recorder.fault(who, intended, fault),
                    }
                    if self.job.connect {
                        self.part();
                    } else if !reply.reusable {
                        self.drop_connection(false);
                    }
                    // Neither the untimed close of a connect nor a look at a reply must be charged to the next one.
                    return if self.job.connect || content { now_ns() } else { at.ended };
                }
                Err(NoReply::CallError(_)) if attempt < self.job.retries => {
                    self.drop_connection(false);
                    attempt += 1;
                    (begun, asked) = (now_ns(), Attempts::default());
                    self.recorder.retries += 1;
                    self.recorder.reconnects += 1;
                }
                Err(trouble) => {
                    self.drop_connection(false);
                    match &trouble {
                        NoReply::CallError(fault) => self.recorder.fault(who, intended, fault),
                        NoReply::Timeout => self.recorder.timeout(who, at),
                    }
                    self.recorder.reconnects += u64::from(!self.job.connect);
                    return at.ended;
                }
            }
        }
    }
}

impl Callers for Blocking {
    fn arm(&mut self) -> Result<(), SetupError> {
        let reusable = verify_identity(&self.job)?;
        if reusable && !self.job.connect {
            self.connect(now_ns())?;
            self.connection.iter().for_each(Connection::rest);
        }
        self.calls(self.job.warmup, &AtomicU64::new(0));
        self.recorder.forget();
        Ok(())
    }

    fn live(&self) -> Arc<LiveHistogram> {
        self.recorder.live()
    }

    fn measure(&mut self, ended: &AtomicU64) {
        (self.messages, self.wire) = (0, (0, 0));
        let mut before = 0;
        if let Some(connection) = &mut self.connection {
            connection.wire = (0, 0);
            before = connection.codec.messages();
        }
        self.recorder.begin(now_ns());
        self.recorder.elapsed_ns = self.calls(self.job.limit, ended);
        if let Some(connection) = self.connection.take() {
            self.count(&connection);
            self.connection = Some(connection);
        }
        self.recorder.wire(self.wire.0, self.wire.1);
        self.recorder.messages = self.messages - before;
    }

    fn measured(&mut self) -> Measured {
        let facts = facts(self.model, &self.job, &self.recorder);
        self.recorder.measured(self.job.connect, self.job.calls.names(), facts)
    }

    fn close(&mut self) {
        self.drop_connection(true);
    }
}
