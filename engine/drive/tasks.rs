//! Where a library owns the IO: a task for each client, all on one thread, in a closed loop or an open one.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, interval, sleep, timeout_at};

use crate::call::{Ask, Fault};
use crate::drive::arrivals;
use crate::drive::connection::{Trouble, proof, proven};
use crate::drive::job::{Failed, Job};
use crate::drive::live::Live;
use crate::drive::load::{LoadModel, facts};
use crate::drive::recorder::{Recorder, Stamps};
use crate::drive::resend::Asked;
use crate::drive::schedule::{EARLY, Limit, Pace, Schedule};
use crate::results::Measured;
use crate::transport::contract::{AsyncClient, AsyncConnection, Reply};

/// How often the calls that are over are counted for whoever shows progress.
const TICK: Duration = Duration::from_millis(250);

/// For how long the library may read what had come before the calls that are timed.
const LOOK: Duration = Duration::from_millis(1);

/// The load model of clients that are tasks.
pub struct Tasks {
    runtime: Runtime,
    local: LocalSet,
    clients: Rc<Clients>,
}

/// What all clients share.
struct Clients {
    job: Job,
    dialler: Box<dyn AsyncClient>,
    epoch: Instant,
    places: Vec<Place>,
    /// Which clients have had a reply whose content was compared.
    checked: Vec<Cell<bool>>,
    messages: Cell<u64>,
    /// Calls of this pass that are over, and when the last of them was.
    over: Cell<u64>,
    last: Cell<u64>,
    /// There is one while calls are timed.
    recorder: RefCell<Option<Recorder>>,
}

/// A place for a connection.
#[derive(Default)]
struct Place {
    held: RefCell<Option<Rc<Held>>>,
    /// Held by the client that dials; the others wait for it.
    dialling: Mutex<()>,
}

/// A connection, and what it had counted before the calls that are timed.
struct Held {
    connection: Rc<dyn AsyncConnection>,
    wire: Cell<(u64, u64)>,
    messages: Cell<u64>,
}

/// When calls are begun, and when they are given up, in nanoseconds.
#[derive(Clone, Copy)]
struct Window {
    limit: Limit,
    begun: u64,
    drain_end: u64,
}

impl Window {
    /// True where a client that has made so many calls makes one that is due at `due`.
    fn has(&self, made: u64, due: u64) -> bool {
        match self.limit {
            Limit::Calls(count) => made < count,
            Limit::Time(ns) => due - self.begun < ns,
        }
    }
}

/// How far a call came: on which connection, when that was dialled where it had to be, when the call was first sent, and
/// when it will have lasted too long.
struct Steps {
    held: Option<Rc<Held>>,
    dialled: Option<u64>,
    sent: Option<u64>,
    end: u64,
}

/// A dial under way; counted when it is dropped, whatever became of it.
struct Dialling<'a> {
    clients: &'a Clients,
    begun: u64,
}

impl Drop for Dialling<'_> {
    fn drop(&mut self) {
        let took = self.clients.now() - self.begun;
        self.clients.record(|recorder| recorder.dials.over(took));
    }
}

/// The calls of an open loop, for whoever is free.
struct Offer {
    schedule: RefCell<Schedule>,
    /// Held by the client that will make the next call; it is handed on in the order in which they asked.
    turn: Mutex<()>,
    /// Absent where this process may have no more descriptors; then waiting only spins.
    alarm: Option<AsyncFd<Alarm>>,
    /// Whether calls were left over although a client was free.
    sendable: Cell<bool>,
}

/// A timer of the kernel, exact to nanoseconds.
struct Alarm(TimerFd);

impl AsRawFd for Alarm {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Offer {
    /// The calls of `schedule`; inside a runtime.
    fn new(schedule: Schedule) -> Self {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).ok();
        // SAFETY: the alarm owns its timer, so its descriptor is the same and open until it is dropped.
        let alarm =
            timer.and_then(|timer| unsafe { AsyncFd::register_with_interest(Alarm(timer), Interest::READABLE) }.ok());
        Offer { schedule: RefCell::new(schedule), turn: Mutex::new(()), alarm, sendable: Cell::new(false) }
    }

    /// Waits until nothing of `left`, in nanoseconds, is left: asleep at first, since the runtime's own clock has only
    /// milliseconds, then looking again and again while others go on.
    async fn wait(&self, left: impl Fn() -> u64) {
        if left() > EARLY {
            self.schedule.borrow_mut().prepare();
        }
        let nap = Duration::from_nanos(left().saturating_sub(EARLY));
        if let Some(alarm) = &self.alarm
            && !nap.is_zero()
            && alarm
                .get_ref()
                .0
                .set(Expiration::OneShot(TimeSpec::from_duration(nap)), TimerSetTimeFlags::empty())
                .is_ok()
            && let Ok(mut gone_off) = alarm.readable().await
        {
            gone_off.clear_ready();
        }
        while left() > 0 {
            tokio::task::yield_now().await;
        }
    }
}

impl Tasks {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failed::system("cannot start a runtime", &error))?;
        let dialler = {
            let _inside = runtime.enter();
            job.dialler()?
        };
        let clients = Rc::new(Clients {
            dialler,
            epoch: Instant::now(),
            places: (0..job.connections).map(|_| Place::default()).collect(),
            checked: vec![Cell::new(false); job.clients],
            messages: Cell::new(0),
            over: Cell::new(0),
            last: Cell::new(0),
            recorder: RefCell::new(None),
            job,
        });
        Ok(Tasks { runtime, local: LocalSet::new(), clients })
    }

    /// Every client calls until the limit, at the pace if there is one; how long that took, in nanoseconds.
    fn pass(&self, limit: Limit, pace: Option<&Pace>, ended: &AtomicU64) -> u64 {
        self.local.block_on(&self.runtime, async {
            let offer = pace.map(|pace| Rc::new(Offer::new(Schedule::new(pace, limit))));
            let clients = &self.clients;
            let begun = clients.now();
            let drain_end = match limit {
                Limit::Time(ns) => begun.saturating_add(ns).saturating_add(clients.job.drain.as_nanos() as u64),
                Limit::Calls(_) => u64::MAX,
            };
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

impl Clients {
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    fn record(&self, what: impl FnOnce(&mut Recorder)) {
        if let Some(recorder) = self.recorder.borrow_mut().as_mut() {
            what(recorder);
        }
    }

    /// The life of one client: in a closed loop its next call is due when the one before is over.
    async fn calls(self: Rc<Self>, client: usize, window: Window) {
        let (mut made, mut due) = (0, window.begun);
        while window.has(made, due) {
            due = self.one_call(client, made, due, &window).await;
            made += 1;
            self.over.set(self.over.get() + 1);
        }
    }

    /// The life of one client of an open loop: of those who are free, the one that has been so longest takes the next
    /// call, once it is due.
    async fn offered(self: Rc<Self>, client: usize, window: Window, offer: Rc<Offer>) {
        let (mut made, mut free, mut ended) = (0, 0, 0);
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
            ended = self.one_call(client, made, intended, &window).await;
            // Had the call been sent in time, its reply would have come so much earlier.
            free = ended.saturating_sub(late);
            made += 1;
            self.over.set(self.over.get() + 1);
        }
    }

    /// Draining is over: what was never sent is censored. How long calls were due, where a time ended them.
    fn close_offer(&self, offer: &Offer, begun: u64) -> u64 {
        let mut schedule = offer.schedule.borrow_mut();
        self.record(|recorder| {
            let now = self.now();
            while let Some(due) = schedule.pop() {
                recorder.scheduled();
                recorder.never_sent(None, begun + due, now, offer.sendable.get());
            }
            let sends: Vec<u64> = recorder.sends().iter().map(|at| at - begun).collect();
            recorder.arrivals = arrivals::test(&sends, &schedule);
        });
        schedule.window_ns().unwrap_or(0)
    }

    /// The client's call of that number, which was due at `intended`; when the client is free again.
    async fn one_call(&self, client: usize, number: u64, intended: u64, window: &Window) -> u64 {
        let (ask, place) = (self.job.asks.get(number), &self.places[client / self.job.streams]);
        let connect = self.job.asks.connect;
        self.record(Recorder::scheduled);
        let begun = self.now();
        // From when it is sent, or dialled for: nothing is awaited before that.
        let mut steps = Steps { held: None, dialled: None, sent: None, end: self.time_out(begun, window) };
        let content = self.job.verify_all || !self.checked[client].get();
        let mut asked = Asked::default();
        let outcome = loop {
            let outcome = self.attempt(place, ask, content, &mut steps).await;
            let (Ok(Reply { verdict: Err(fault), .. }) | Err(Trouble::Fault(fault))) = &outcome else { break outcome };
            if !asked.again(fault, self.recorder.borrow_mut().as_mut()) {
                break outcome;
            }
            let held = steps.held.take();
            match &outcome {
                Ok(Reply { reusable: true, .. }) => self.let_go(held),
                _ => self.retire(place, held),
            }
        };
        let ended = self.now();
        self.last.set(ended);
        // A connect is timed from its beginning, a call from when it could be sent.
        let sent = if connect { begun } else { steps.sent.unwrap_or(begun) };
        let at = Stamps { intended, sent, ended };
        match outcome {
            Ok(Reply { verdict, reusable, .. }) => {
                self.checked[client].set(self.checked[client].get() || verdict.is_ok());
                self.record(|recorder| match &verdict {
                    Ok(()) => {
                        recorder.ok(client, at, ask);
                        if let Some(dialled) = steps.dialled.filter(|_| connect) {
                            recorder.connected(begun, dialled, None, ended);
                        }
                    }
                    Err(fault) => recorder.fault(client, intended, fault),
                });
                match reusable {
                    _ if connect => self.leave(place, steps.held),
                    true => self.let_go(steps.held),
                    false => self.retire(place, steps.held),
                }
                // The untimed close of a connect must not be charged to the next one.
                return if connect { self.now() } else { ended };
            }
            Err(Trouble::Fault(fault)) => {
                self.leave(place, steps.held);
                self.record(|recorder| {
                    recorder.fault(client, intended, &fault);
                    recorder.reconnects += u64::from(!connect);
                });
            }
            Err(Trouble::Timeout) => {
                // The call was cancelled when it was given up. Others on its connection go on; a connection of its
                // own is left, so that no late reply is ever matched.
                let alone = self.job.streams == 1;
                if alone {
                    self.leave(place, steps.held);
                } else {
                    self.let_go(steps.held);
                }
                let censored = ended >= window.drain_end;
                self.record(|recorder| match censored {
                    true => recorder.censored(client, at),
                    false => {
                        recorder.timeout(client, at);
                        recorder.reconnects += u64::from(alone && !connect);
                    }
                });
            }
        }
        ended
    }

    /// Makes a call on the connection of a place, which is dialled where there is none.
    async fn attempt(&self, place: &Place, ask: Ask, content: bool, steps: &mut Steps) -> Result<Reply, Trouble> {
        let mut open = place.held.borrow().clone();
        if open.as_ref().is_some_and(|held| !held.connection.accepts()) {
            self.retire(place, open.take());
        }
        let held = match open {
            Some(held) => held,
            None => {
                let held = self.in_time(steps.end, self.open(place)).await?;
                steps.dialled = Some(self.now());
                held
            }
        };
        let held = steps.held.insert(held);
        steps.sent.get_or_insert_with(|| self.now());
        self.in_time(steps.end, held.connection.call(ask, content)).await
    }

    /// When what begins now has lasted too long, or draining ends.
    fn time_out(&self, begun: u64, window: &Window) -> u64 {
        begun.saturating_add(self.job.timeout.as_nanos() as u64).min(window.drain_end)
    }

    /// What comes before `end`.
    async fn in_time<T>(&self, end: u64, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Trouble> {
        match timeout_at(self.epoch + Duration::from_nanos(end), what).await {
            Ok(outcome) => outcome.map_err(Trouble::Fault),
            Err(_) => Err(Trouble::Timeout),
        }
    }

    /// The connection of a place; of those who want it at once, one dials.
    async fn open(&self, place: &Place) -> Result<Rc<Held>, Fault> {
        let _turn = place.dialling.lock().await;
        if let Some(held) = &*place.held.borrow() {
            return Ok(held.clone());
        }
        let dialling = Dialling { clients: self, begun: self.now() };
        let connection = self.dialler.dial().await?;
        drop(dialling);
        let held = Rc::new(Held { connection, wire: Cell::default(), messages: Cell::default() });
        *place.held.borrow_mut() = Some(held.clone());
        Ok(held)
    }

    /// Closes a connection unless it was left before; what it counted is kept.
    fn leave(&self, place: &Place, held: Option<Rc<Held>>) {
        let left = |held: &Rc<Held>| place.held.borrow_mut().take_if(|current| Rc::ptr_eq(current, held));
        if let Some(held) = held.as_ref().and_then(left) {
            self.count(&held);
            held.connection.close();
        }
    }

    /// Gives a connection no more calls; it is closed once those that it has are over.
    fn retire(&self, place: &Place, held: Option<Rc<Held>>) {
        if let Some(held) = &held {
            place.held.borrow_mut().take_if(|current| Rc::ptr_eq(current, held));
        }
        self.let_go(held);
    }

    /// A call is over on that connection, which is closed where nobody has it any more.
    fn let_go(&self, held: Option<Rc<Held>>) {
        if let Some(held) = held.filter(|held| Rc::strong_count(held) == 1) {
            self.count(&held);
            held.connection.close();
        }
    }

    /// Counts what a connection has carried since it was last counted.
    fn count(&self, held: &Held) {
        let (wire, messages) = (held.connection.wire(), held.connection.messages());
        let (before, said) = (held.wire.replace(wire), held.messages.replace(messages));
        self.messages.set(self.messages.get() + messages - said);
        self.record(|recorder| recorder.wire(wire.0 - before.0, wire.1 - before.1));
    }

    fn count_all(&self) {
        for place in &self.places {
            if let Some(held) = &*place.held.borrow() {
                self.count(held);
            }
        }
    }

    /// Proves the server on a connection of its own, then opens those of all clients where they will be used.
    async fn connect_all(&self) -> Result<(), Failed> {
        let window = Window { limit: Limit::Calls(0), begun: 0, drain_end: u64::MAX };
        let end = || self.time_out(self.now(), &window);
        let dialled = self.in_time(end(), self.dialler.dial()).await.map_err(|trouble| match trouble {
            Trouble::Timeout => {
                Failed::new("timeout", format!("nobody on {} answered a dial in time", self.job.address))
            }
            Trouble::Fault(fault) => fault.into(),
        })?;
        let reusable = proven(&self.job, self.in_time(end(), dialled.call(proof(&self.job), true)).await)?;
        dialled.close();
        if reusable && !self.job.asks.connect {
            for place in &self.places {
                self.in_time(end(), self.open(place)).await?;
            }
        }
        Ok(())
    }
}

impl LoadModel for Tasks {
    fn arm(&mut self) -> Result<(), Failed> {
        self.local.block_on(&self.runtime, self.clients.connect_all())?;
        self.pass(Limit::Calls(self.clients.job.warmup), None, &AtomicU64::new(0));
        *self.clients.recorder.borrow_mut() = Some(Recorder::new(self.clients.job.clients));
        Ok(())
    }

    fn live(&self) -> Option<Arc<Live>> {
        self.clients.recorder.borrow().as_ref().map(Recorder::live)
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let recorder = self.clients.recorder.take();
        // What came while nobody looked is read first: nobody calls on a connection that was closed meanwhile.
        self.local.block_on(&self.runtime, async { sleep(LOOK).await });
        self.clients.count_all();
        self.clients.messages.set(0);
        self.clients.recorder.replace(recorder);
        let job = &self.clients.job;
        let limit = match job.limit {
            Limit::Calls(each) if job.pace.is_some() => Limit::Calls(each.saturating_mul(job.clients as u64)),
            limit => limit,
        };
        let elapsed_ns = self.pass(limit, job.pace.as_ref(), ended);
        self.clients.count_all();
        self.clients.record(|recorder| {
            (recorder.elapsed_ns, recorder.messages) = (elapsed_ns, self.clients.messages.get());
        });
    }

    fn measured(&mut self) -> Measured {
        let clients = &self.clients;
        let recorder = clients.recorder.take().unwrap_or_else(|| Recorder::new(clients.job.clients));
        let facts = facts("tasks on one thread", &clients.job, &recorder);
        recorder.measured(clients.job.asks.connect, facts)
    }

    fn close(&mut self) {
        let clients = self.clients.clone();
        self.local.block_on(&self.runtime, async {
            for held in clients.places.iter().filter_map(|place| place.held.take()) {
                held.connection.close();
            }
            clients.dialler.rest().await;
        });
    }
}
