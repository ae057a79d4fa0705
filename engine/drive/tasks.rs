//! Closed loop where a library owns the IO: a task for each client, all on one thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::Mutex;
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{Instant, interval, timeout_at};

use crate::call::{Ask, Fault};
use crate::drive::connection::{Trouble, proof, proven};
use crate::drive::job::{Failed, Job, Limit};
use crate::drive::load::{LoadModel, facts};
use crate::drive::recorder::{Recorder, Stamps};
use crate::results::Measured;
use crate::transport::contract::{AsyncClient, AsyncConnection, Reply};

/// How often the calls that are over are counted for whoever shows progress.
const TICK: Duration = Duration::from_millis(250);

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

/// How far a call came: on which connection, when that was dialled where it had to be, and when the call was sent.
#[derive(Default)]
struct Steps {
    held: Option<Rc<Held>>,
    dialled: Option<u64>,
    sent: Option<u64>,
}

impl Tasks {
    /// All clients of `job`.
    pub fn new(job: Job) -> Result<Self, Failed> {
        if job.pace.is_some() {
            let reason = "this transport's load is a closed loop only; leave out `rate` and `ramp`";
            return Err(Failed::new("assignment", reason));
        }
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failed::new("assignment", format!("cannot start a runtime: {error}")))?;
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

    /// Every client calls until the limit; how long that took, in nanoseconds.
    fn pass(&self, limit: Limit, ended: &AtomicU64) -> u64 {
        self.local.block_on(&self.runtime, async {
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
                tasks.spawn_local(clients.clone().calls(client, Window { limit, begun, drain_end }));
            }
            let mut tick = interval(TICK);
            loop {
                tokio::select! {
                    joined = tasks.join_next() => if joined.is_none() { break },
                    _ = tick.tick() => ended.store(clients.over.get(), Ordering::Relaxed),
                }
            }
            ended.store(clients.over.get(), Ordering::Relaxed);
            clients.last.get() - begun
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

    /// The client's call of that number, which was due at `intended`; when the client is free again.
    async fn one_call(&self, client: usize, number: u64, intended: u64, window: &Window) -> u64 {
        let (ask, place) = (self.job.asks.get(number), &self.places[client / self.job.streams]);
        let connect = self.job.asks.connect;
        self.record(Recorder::scheduled);
        let mut steps = Steps::default();
        let content = self.job.verify_all || !self.checked[client].get();
        let outcome = self.attempt(place, ask, content, window, &mut steps).await;
        let ended = self.now();
        self.last.set(ended);
        // A connect is timed from its beginning, a call from when it could be sent.
        let sent = if connect { intended } else { steps.sent.unwrap_or(intended) };
        let at = Stamps { intended, sent, ended };
        match outcome {
            Ok(Reply { verdict, reusable, .. }) => {
                self.checked[client].set(self.checked[client].get() || verdict.is_ok());
                self.record(|recorder| match &verdict {
                    Ok(()) => {
                        recorder.ok(client, at, ask);
                        if let Some(dialled) = steps.dialled.filter(|_| connect) {
                            recorder.connected(intended, dialled, None, ended);
                        }
                    }
                    Err(fault) => recorder.fault(client, intended, fault),
                });
                if connect || !reusable {
                    self.leave(place, steps.held);
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
    async fn attempt(
        &self,
        place: &Place,
        ask: Ask,
        content: bool,
        window: &Window,
        steps: &mut Steps,
    ) -> Result<Reply, Trouble> {
        let open = place.held.borrow().clone();
        let held = match open {
            Some(held) => held,
            None => {
                let held = self.in_time(window, self.open(place)).await?;
                steps.dialled = Some(self.now());
                held
            }
        };
        let held = steps.held.insert(held);
        steps.sent = Some(self.now());
        self.in_time(window, held.connection.call(ask, content)).await
    }

    /// What comes within the time-out, and before draining ends.
    async fn in_time<T>(&self, window: &Window, what: impl Future<Output = Result<T, Fault>>) -> Result<T, Trouble> {
        let end = self.now().saturating_add(self.job.timeout.as_nanos() as u64).min(window.drain_end);
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
        let connection = self.dialler.dial().await?;
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
        let dialled = self.in_time(&window, self.dialler.dial()).await.map_err(|trouble| match trouble {
            Trouble::Timeout => {
                Failed::new("timeout", format!("nobody on {} answered a dial in time", self.job.address))
            }
            Trouble::Fault(fault) => fault.into(),
        })?;
        let reusable = proven(&self.job, self.in_time(&window, dialled.call(proof(&self.job), true)).await)?;
        dialled.close();
        if reusable && !self.job.asks.connect {
            for place in &self.places {
                self.in_time(&window, self.open(place)).await?;
            }
        }
        Ok(())
    }
}

impl LoadModel for Tasks {
    fn arm(&mut self) -> Result<(), Failed> {
        self.local.block_on(&self.runtime, self.clients.connect_all())?;
        self.pass(Limit::Calls(self.clients.job.warmup), &AtomicU64::new(0));
        *self.clients.recorder.borrow_mut() = Some(Recorder::new(self.clients.job.clients));
        Ok(())
    }

    fn measure(&mut self, ended: &AtomicU64) {
        let recorder = self.clients.recorder.take();
        self.clients.count_all();
        self.clients.messages.set(0);
        self.clients.recorder.replace(recorder);
        let elapsed_ns = self.pass(self.clients.job.limit, ended);
        self.clients.count_all();
        self.clients.record(|recorder| {
            (recorder.elapsed_ns, recorder.messages) = (elapsed_ns, self.clients.messages.get());
        });
    }

    fn measured(&mut self) -> Measured {
        let clients = &self.clients;
        let recorder = clients.recorder.take().unwrap_or_else(|| Recorder::new(clients.job.clients));
        recorder.measured(clients.job.asks.connect, facts("tasks on one thread", &clients.job))
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
