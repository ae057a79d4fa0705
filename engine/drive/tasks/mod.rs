//! Where a library owns the IO: a task for each client, all on one thread, in a closed loop or an open one.

mod offer;
mod pause;
mod pool;
mod window;

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{interval, sleep, timeout_at};

use crate::call::{CallError, CallSpec};
use crate::drive::arrival_test;
use crate::drive::connection::{NoReply, check_identity, identity_call};
use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::load::{Callers, LoadModel, facts};
use crate::drive::per_pass::{Outcome, PerPass, Progress};
use crate::drive::recorder::{Recorder, Stamps, Who};
use crate::drive::resend::Attempts;
use crate::drive::schedule::{Limit, RateProfile, Schedule};
use crate::drive::sequence::{Pauses, Planned, Sequence};
use crate::drive::setup_error::{SetupError, SetupErrorClass};
use crate::drive::tasks::offer::Offer;
use crate::drive::tasks::pause::Pause;
use crate::drive::tasks::pool::{Connection, Pool, Slot};
use crate::drive::tasks::window::Window;
use crate::registry::Entry;
use crate::results::Measured;
use crate::transport::contract::{IoModel, Reply};

/// How often the calls that are over are counted for whoever shows progress.
const TICK: Duration = Duration::from_millis(250);

/// For how long the library may read what had come before the calls that are timed.
const LOOK: Duration = Duration::from_millis(1);

/// The load model of clients that are tasks.
pub struct AsTasks;

impl Entry for AsTasks {
    fn name(&self) -> &'static str {
        "tasks on one thread"
    }
    fn about(&self) -> &'static str {
        "a task for each client, where a library owns the IO"
    }
}

impl LoadModel for AsTasks {
    fn can_drive(&self, job: &Job) -> bool {
        matches!(job.io_model, IoModel::Async(_))
    }
    fn callers(&self, job: Job) -> Result<Box<dyn Callers>, SetupError> {
        Ok(Box::new(Tasks::new(job)?))
    }
}

/// Clients that are tasks.
pub struct Tasks {
    runtime: Runtime,
    local: LocalSet,
    clients: Rc<Clients>,
}

/// What all clients share.
struct Clients {
    job: Job,
    pool: Pool,
    /// Which clients have had a reply whose content was compared.
    checked: Vec<Cell<bool>>,
    /// How many calls each client has made, in warm-up too.
    made: Vec<Cell<u64>>,
    /// How far each client is in its pass.
    progress: Vec<Cell<Progress>>,
    /// The first call that did not succeed.
    failed: Cell<Option<Who>>,
    /// Whether clients make the calls that each makes once before.
    before: Cell<bool>,
    /// Calls of this run that are over, and when the last of them was.
    over: Cell<u64>,
    last: Cell<u64>,
    recorder: RefCell<Recorder>,
}

/// How far a call came: on which connection, when that was dialled where it had to be, when the call was first sent, and
/// when it will have lasted too long.
struct Steps {
    connection: Option<Rc<Connection>>,
    dialled: Option<u64>,
    sent: Option<u64>,
    end: u64,
}

impl Tasks {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, SetupError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SetupError::system("cannot start a runtime", &error))?;
        let dialler = {
            let _inside = runtime.enter();
            job.dialler()?
        };
        let mut recorder = Recorder::new(job.clients, job.calls.names().len());
        recorder.passes = job.calls.has_passes().then(PerPass::default);
        let clients = Rc::new(Clients {
            pool: Pool::new(dialler, job.connections),
            checked: vec![Cell::new(false); job.clients],
            made: vec![Cell::new(0); job.clients],
            progress: vec![Cell::default(); job.clients],
            failed: Cell::new(None),
            before: Cell::new(false),
            over: Cell::new(0),
            last: Cell::new(0),
            recorder: RefCell::new(recorder),
            job,
        });
        Ok(Tasks { runtime, local: LocalSet::new(), clients })
    }

    /// Every client calls until the limit, at the profile if there is one; how long that took, in nanoseconds.
    fn run(&self, limit: Limit, profile: Option<&RateProfile>, ended: &AtomicU64) -> u64 {
        self.local.block_on(&self.runtime, async {
            let offer = profile.map(|profile| Rc::new(Offer::new(Schedule::new(profile, limit))));
            let clients = &self.clients;
            let begun = clients.now();
            let drain_end = match limit {
                Limit::Time(ns) => begun.saturating_add(ns).saturating_add(clients.job.drain.as_nanos() as u64),
                Limit::Calls(_) => u64::MAX,
            };
            let iteration = clients.sequence().calls_per_iteration().max(1);
            clients.progress.iter().for_each(|progress| progress.set(Progress::default()));
            clients.made.iter().for_each(|made| made.set(made.get().next_multiple_of(iteration)));
            clients.over.set(0);
            clients.last.set(begun);
            clients.record(|recorder| recorder.begin(begun));
            let mut tasks = JoinSet::new();
            for client in 0..clients.job.clients {
                let window = Window { limit, begun, drain_end };
                match &offer {
                    None => tasks.spawn_local(clients.clone().calls(client, window)),
                    Some(offer) => tasks.spawn_local(clients.clone().offered(client, window, offer.clone())),
                };
            }
            if !clients.job.gives_way.is_zero() {
                // Every client has its turn, and makes its first call.
                tokio::task::yield_now().await;
                std::thread::sleep(clients.job.gives_way);
            }
            let mut tick = interval(TICK);
            loop {
                tokio::select! {
                    joined = tasks.join_next() => match joined {
                        None => break,
                        Some(Ok(())) => {}
                        // A client that is gone must not look like calls that nobody wanted.
                        Some(Err(error)) => match error.try_into_panic() {
                            Ok(panic) => resume_unwind(panic),
                            Err(_) => break,
                        },
                    },
                    _ = tick.tick() => ended.store(clients.over.get(), Ordering::Relaxed),
                }
            }
            ended.store(clients.over.get(), Ordering::Relaxed);
            let window = offer.map_or(0, |offer| clients.close_offer(&offer, begun));
            (clients.last.get() - begun).max(window)
        })
    }
}

impl Tasks {
    /// Has each client make the calls that it makes once; an error says of whom and why one of them did not succeed.
    fn before(&self) -> Result<(), SetupError> {
        let clients = &self.clients;
        let Some(sequence) = &clients.job.before else { return Ok(()) };
        // They are no calls of those names, and no passes.
        let timed = clients.recorder.replace(Recorder::new(clients.job.clients, 0));
        clients.before.set(true);
        self.run(Limit::Calls(sequence.steps()), None, &AtomicU64::new(0));
        clients.before.set(false);
        // What was looked at was no call that is timed.
        clients.checked.iter().for_each(|checked| checked.set(false));
        let mut only_once = clients.recorder.replace(timed);
        if let Some(who) = clients.failed.take() {
            return Err(SetupError::before(who.client, &sequence.names()[who.name], &only_once.failures));
        }
        only_once.forget_before();
        clients.record(|recorder| recorder.untimed.before += only_once.untimed.before);
        Ok(())
    }
}

impl Clients {
    fn now(&self) -> u64 {
        self.pool.now()
    }

    fn record(&self, what: impl FnOnce(&mut Recorder)) {
        what(&mut self.recorder.borrow_mut());
    }

    /// What clients ask.
    fn sequence(&self) -> &dyn Sequence {
        match &self.job.before {
            Some(before) if self.before.get() => before.as_ref(),
            _ => &*self.job.calls,
        }
    }

    /// How long clients pause.
    fn pauses(&self) -> Pauses {
        if self.before.get() { Pauses::of(None, 0) } else { self.job.pauses }
    }

    /// The life of one client: in a closed loop its next call is due when the one before is over, and it has paused.
    async fn calls(self: Rc<Self>, client: usize, window: Window) {
        let pause = (!self.pauses().are_none()).then(Pause::new);
        let before = self.made[client].get();
        let mut due = window.begun;
        while window.has(self.made[client].get() - before, due) {
            if let Some(pause) = &pause {
                pause.wait(|| due.saturating_sub(self.now())).await;
            }
            let number = self.made[client].get();
            due = self.one_call(client, due, &window).await.saturating_add(self.pauses().after(client, number));
            self.over.set(self.over.get() + 1);
        }
    }

    /// A call is over, so long after it was due: its client goes on with its pass or another.
    fn settled(&self, who: Who, outcome: Outcome, response: u64) {
        if outcome != Outcome::Right && self.failed.get().is_none() {
            self.failed.set(Some(who));
        }
        let (made, progress) = (&self.made[who.client], &self.progress[who.client]);
        let mut far = progress.get();
        let passes = &mut self.recorder.borrow_mut().passes;
        made.set(far.over(made.get(), self.sequence().steps(), (outcome, response), passes.as_mut()));
        progress.set(far);
    }

    /// The life of one client of an open loop: of those who are free, the one that has been so longest takes the next
    /// call, once it is due.
    async fn offered(self: Rc<Self>, client: usize, window: Window, offer: Rc<Offer>) {
        let pause = (!self.pauses().are_none()).then(Pause::new);
        let (mut free, mut ended) = (0, 0);
        loop {
            let turn = offer.turn.lock().await;
            let Some(due) = offer.schedule.borrow_mut().peek() else { return };
            let intended = window.begun + due;
            offer.wait(|| intended.saturating_sub(self.now())).await;
            let now = self.now();
            if now >= window.drain_end {
                // A client whose own call was not given up just now had been free to send this one.
                offer.sendable.set(offer.sendable.get() || ended < window.drain_end);
                return;
            }
            offer.schedule.borrow_mut().pop();
            drop(turn);
            let late = now.saturating_sub(intended.max(free));
            self.record(|recorder| recorder.sent(now, late));
            let mut number = self.made[client].get();
            ended = self.one_call(client, intended, &window).await;
            self.over.set(self.over.get() + 1);
            // The later steps of its pass.
            while !self.made[client].get().is_multiple_of(self.sequence().steps()) {
                let due = ended.saturating_add(self.pauses().after(client, number));
                if let Some(pause) = &pause {
                    pause.wait(|| due.min(window.drain_end).saturating_sub(self.now())).await;
                }
                if due >= window.drain_end {
                    return;
                }
                self.record(|recorder| recorder.late(self.now().saturating_sub(due)));
                number = self.made[client].get();
                ended = self.one_call(client, due, &window).await;
                self.over.set(self.over.get() + 1);
            }
            // Had the call been sent in time, its reply would have come so much earlier.
            free = ended.saturating_sub(late);
        }
    }

    /// Draining is over: what was never sent is censored. How long calls were due, where a time ended them.
    fn close_offer(&self, offer: &Offer, begun: u64) -> u64 {
        let mut schedule = offer.schedule.borrow_mut();
        self.record(|recorder| {
            let now = self.now();
            // Of nobody's calls nobody drew which they are; so they are drawn for one more client.
            // Of passes it is their first steps.
            let mut unsent = (0..).step_by(self.job.calls.steps() as usize);
            while let Some(due) = schedule.pop() {
                let name = self.job.calls.call(self.job.clients, unsent.next().unwrap_or_default()).name;
                recorder.scheduled();
                recorder.never_sent(None, name, begun + due, now, offer.sendable.get());
            }
            let sends: Vec<u64> = recorder.sends().iter().map(|at| at - begun).collect();
            recorder.arrivals = arrival_test::test(&sends, &schedule);
        });
        schedule.window_ns().unwrap_or(0)
    }

    /// The client's next call, which was due at `intended`; when the client is free again.
    async fn one_call(&self, client: usize, intended: u64, window: &Window) -> u64 {
        let number = self.made[client].get();
        let (Planned { ask, name }, slot) =
            (self.sequence().call(client, number), &self.pool.slots[client / self.job.streams]);
        let (connect, who) = (self.job.connect, Who { client, name });
        self.record(Recorder::scheduled);
        let begun = self.now();
        // From when it is sent, or dialled for: nothing is awaited before that.
        let mut steps = Steps { connection: None, dialled: None, sent: None, end: self.time_out(begun, window) };
        let content = self.job.verify_all || !self.checked[client].get();
        let mut asked = Attempts::default();
        let outcome = loop {
            let outcome = self.attempt(slot, ask, content, &mut steps).await;
            let (Ok(Reply { verdict: Err(fault), .. }) | Err(NoReply::CallError(fault))) = &outcome else {
                break outcome;
            };
            if !asked.again(fault, &mut self.recorder.borrow_mut()) {
                break outcome;
            }
            let connection = steps.connection.take();
            match &outcome {
                Ok(Reply { reusable: true, .. }) => self.pool.release(connection),
                _ => self.pool.retire(slot, connection),
            }
        };
        let ended = self.now();
        // What was there is taken before the clock is looked at: a reply is a reply for as long as the time-out, and then
        // none.
        let late = ended.saturating_sub(begun) > self.job.timeout.as_nanos() as u64;
        let outcome = outcome.and_then(|reply| if late { Err(NoReply::Timeout) } else { Ok(reply) });
        self.last.set(ended);
        // A connect is timed from its beginning, a call from when it could be sent.
        let sent = if connect { begun } else { steps.sent.unwrap_or(begun) };
        let at = Stamps { intended, sent, ended };
        match outcome {
            Ok(mut reply) => {
                let kept = self.job.keep(&ask, &mut reply);
                let (payload, Reply { verdict, reusable, .. }) = (reply.payload(&ask), reply);
                // Of a pass each step is looked at.
                let last = (number + 1).is_multiple_of(self.sequence().steps());
                self.checked[client].set(self.checked[client].get() || verdict.is_ok() && last);
                self.record(|recorder| match &verdict {
                    Ok(()) => {
                        recorder.ok(who, at, payload);
                        if let Some(dialled) = steps.dialled.filter(|_| connect) {
                            recorder.connected(begun, dialled, None, ended);
                        }
                    }
                    Err(fault) => recorder.fault(who, intended, fault),
                });
                match reusable {
                    _ if connect => self.pool.close(slot, steps.connection),
                    true => self.pool.release(steps.connection),
                    false => self.pool.retire(slot, steps.connection),
                }
                let outcome = if verdict.is_ok() { Outcome::Right } else { Outcome::Wrong };
                self.settled(who, outcome, ended - intended);
                // The untimed close of a connect must not be charged to the next one, nor what was looked into.
                return if connect || kept { self.now() } else { ended };
            }
            Err(NoReply::CallError(fault)) => {
                self.pool.close(slot, steps.connection);
                self.record(|recorder| {
                    recorder.fault(who, intended, &fault);
                    recorder.reconnects += u64::from(!connect);
                });
                self.settled(who, Outcome::Wrong, ended - intended);
            }
            Err(NoReply::Timeout) => {
                // The call was cancelled when it was given up. Others on its connection go on; a connection of its
                // own is left, so that no late reply is ever matched.
                let alone = self.job.streams == 1;
                if alone {
                    self.pool.close(slot, steps.connection);
                } else {
                    self.pool.release(steps.connection);
                }
                let censored = ended >= window.drain_end;
                self.record(|recorder| match censored {
                    true => recorder.censored(who, at),
                    false => {
                        recorder.timeout(who, at);
                        recorder.reconnects += u64::from(alone && !connect);
                    }
                });
                self.settled(who, Outcome::GivenUp, ended - intended);
            }
        }
        ended
    }

    /// Makes a call on the connection of a slot, which is dialled where there is none.
    async fn attempt(&self, slot: &Slot, ask: CallSpec, content: bool, steps: &mut Steps) -> Result<Reply, NoReply> {
        let mut open = slot.current.borrow().clone();
        if open.as_ref().is_some_and(|connection| !connection.end.accepts()) {
            self.pool.retire(slot, open.take());
        }
        let connection = match open {
            Some(connection) => connection,
            None => {
                let connection = self.in_time(steps.end, self.pool.open(slot)).await?;
                steps.dialled = Some(self.now());
                connection
            }
        };
        let connection = steps.connection.insert(connection);
        steps.sent.get_or_insert_with(|| self.now());
        if self.job.dials_only {
            return Ok(Reply::ok());
        }
        self.in_time(steps.end, connection.end.call(ask, content)).await
    }

    /// When what begins now has lasted too long, or draining ends.
    fn time_out(&self, begun: u64, window: &Window) -> u64 {
        begun.saturating_add(self.job.timeout.as_nanos() as u64).min(window.drain_end)
    }

    /// What comes before `end`.
    async fn in_time<T>(&self, end: u64, what: impl Future<Output = Result<T, CallError>>) -> Result<T, NoReply> {
        match timeout_at(self.pool.epoch + Duration::from_nanos(end), what).await {
            Ok(outcome) => outcome.map_err(NoReply::CallError),
            Err(_) => Err(NoReply::Timeout),
        }
    }

    /// Proves the server on a connection of its own, then opens those of all clients where they will be used.
    async fn connect_all(&self) -> Result<(), SetupError> {
        let window = Window { limit: Limit::Calls(0), begun: 0, drain_end: u64::MAX };
        let end = || self.time_out(self.now(), &window);
        let dialled = self.in_time(end(), self.pool.dialler.dial()).await.map_err(|trouble| match trouble {
            NoReply::Timeout => SetupError::new(
                SetupErrorClass::Timeout,
                format!("nobody on {} answered a dial in time", self.job.address),
            ),
            NoReply::CallError(fault) => fault.into(),
        })?;
        let reusable = match identity_call(&self.job) {
            Some(ask) => check_identity(&self.job, self.in_time(end(), dialled.call(ask, true)).await)?,
            None => self.job.keeps_alive(),
        };
        dialled.close();
        if reusable && !self.job.connect {
            for slot in &self.pool.slots {
                self.in_time(end(), self.pool.open(slot)).await?;
            }
        }
        Ok(())
    }
}

impl Callers for Tasks {
    fn arm(&mut self) -> Result<(), SetupError> {
        self.local.block_on(&self.runtime, self.clients.connect_all())?;
        self.before()?;
        self.run(self.clients.job.warmup, None, &AtomicU64::new(0));
        self.clients.record(Recorder::forget);
        Ok(())
    }

    fn live(&self) -> Arc<LiveHistogram> {
        self.clients.recorder.borrow().live()
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let Clients { job, pool, .. } = &*self.clients;
        // What came while nobody looked is read first: nobody calls on a connection that was closed meanwhile.
        self.local.block_on(&self.runtime, async { sleep(LOOK).await });
        pool.take_carried();
        let limit = if job.profile.is_some() { job.open_limit() } else { job.limit };
        let elapsed_ns = self.run(limit, job.profile.as_ref(), ended);
        let carried = pool.take_carried();
        self.clients.record(|recorder| {
            recorder.wire(carried.wire.0, carried.wire.1);
            (recorder.elapsed_ns, recorder.messages, recorder.dials) = (elapsed_ns, carried.messages, carried.dials);
        });
    }

    fn measured(&mut self) -> Measured {
        let (job, recorder) = (&self.clients.job, self.clients.recorder.borrow());
        let facts = facts(&AsTasks, job, &recorder);
        recorder.measured(job.connect, job.calls.names(), facts)
    }

    fn close(&mut self) {
        self.local.block_on(&self.runtime, self.clients.pool.close_all());
    }
}
