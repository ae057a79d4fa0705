//! The connections of all clients, and the network that they are on.

use crate::call::CallError;
use crate::drive::dials::Dials;
use crate::drive::event_loop::connection::{Connection, Stage};
use crate::drive::job::Job;
use crate::drive::network::{Network, Wait};
use crate::drive::setup_error::{SetupError, SetupErrorClass};
use crate::transport::contract::Reply;
use crate::transport::socket::ReadBuffer;

/// Connections, how they are dialled and closed, and what they have carried.
pub(super) struct Connections<N: Network> {
    pub(super) network: N,
    pub(super) buffer: ReadBuffer,
    /// Those of the job, then those that go away while calls are still on them.
    pub(super) all: Vec<Connection<N::Socket>>,
    /// By the number of a connection: the one that new calls begin on.
    pub(super) current: Vec<usize>,
    /// Connections beyond those of the job that nobody has.
    pub(super) spare: Vec<usize>,
    /// Connections that failed while a call was begun; kept for the loop, so that a dead server cannot make it recurse.
    pub(super) broken: Vec<(usize, CallError)>,
    /// Replies that came at once, before each is dealt with.
    pub(super) replies: Vec<Reply>,
    carried: Carried,
}

/// What connections have carried that are closed, and all dials.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) messages: u64,
    pub(super) wire: (u64, u64),
    pub(super) dials: Dials,
}

impl<N: Network> Connections<N> {
    /// Those of `job`, none of which is dialled.
    pub(super) fn new(job: &Job, network: N) -> Result<Self, SetupError> {
        Ok(Connections {
            network,
            buffer: ReadBuffer::default(),
            all: (0..job.connections).map(|number| Connection::new(job, number)).collect::<Result<_, _>>()?,
            current: (0..job.connections).collect(),
            spare: Vec::new(),
            broken: Vec::with_capacity(job.connections),
            replies: Vec::with_capacity(job.streams),
            carried: Carried::default(),
        })
    }

    /// Opens every connection without making a call.
    pub(super) fn open_all(&mut self, job: &Job) -> Result<(), SetupError> {
        for which in 0..self.all.len() {
            let begun = self.network.now_ns();
            let deadline = begun.saturating_add(job.timeout.as_nanos() as u64);
            self.dial(job, which, begun)?;
            // Waited for one by one: arming is not timed, and a burst would only measure the backlog.
            while self.all[which].stage != Stage::Open {
                let now = self.network.now_ns();
                if now >= deadline {
                    return Err(SetupError::new(
                        SetupErrorClass::Timeout,
                        "a client could not connect within the time-out",
                    ));
                }
                let told = self.network.wait(Wait::Until { now, deadline, due: None });
                let told = told.map_err(|error| SetupError::system("cannot wait for events", &error))?;
                if (0..told).any(|number| self.told(self.network.event(number).token) == Some(which)) {
                    self.open(which)?;
                }
            }
        }
        Ok(())
    }

    /// Moves the opening of a connection on as far as its socket allows.
    fn open(&mut self, which: usize) -> Result<(), SetupError> {
        let connection = &mut self.all[which];
        if connection.stage == Stage::Dialling {
            connection.check_dial()?;
            connection.open();
        }
        connection.write()?;
        while connection.stage == Stage::Opening && connection.greeted(&mut self.buffer)? {
            connection.open();
            connection.write()?;
        }
        Ok(())
    }

    /// Begins to dial a connection.
    pub(super) fn dial(&mut self, job: &Job, which: usize, now: u64) -> Result<(), CallError> {
        let dialling = self.all[which].dial(job, &mut self.network, which, now);
        if dialling.is_err() {
            self.carried.dials.over(self.network.now_ns() - now);
        }
        dialling
    }

    /// A dial that began at `dialling` is over, and all handshakes with it.
    pub(super) fn dialled(&mut self, now: u64, dialling: u64) {
        self.carried.dials.over(now - dialling);
    }

    /// The connection that a token is of; none where that was closed meanwhile.
    pub(super) fn told(&self, token: u64) -> Option<usize> {
        let which = (token & u64::from(u32::MAX)) as usize;
        let known = self.all.get(which)?;
        (u64::from(known.generation) == token >> 32).then_some(which)
    }

    /// The fault will be told to the calls on a connection, where that cannot be done at once.
    pub(super) fn fail_later(&mut self, which: usize, fault: CallError) {
        if !self.all[which].broken {
            self.all[which].broken = true;
            self.broken.push((which, fault));
        }
    }

    /// Closes a connection; what it counted is kept.
    pub(super) fn close(&mut self, which: usize) {
        let connection = &mut self.all[which];
        if connection.socket.take().is_some() {
            self.carried.messages += connection.codec.messages();
            let (up, down) = std::mem::take(&mut connection.wire);
            self.carried.wire = (self.carried.wire.0 + up, self.carried.wire.1 + down);
            if connection.stage != Stage::Open {
                self.carried.dials.over(self.network.now_ns() - connection.dialling);
            }
        }
    }

    /// Forgets what was carried so far; how many messages the open connections had sent by now.
    pub(super) fn begin_count(&mut self) -> u64 {
        self.carried = Carried::default();
        let open = self.all.iter_mut().filter(|connection| connection.socket.is_some());
        open.map(|connection| {
            connection.wire = (0, 0);
            connection.codec.messages()
        })
        .sum()
    }

    /// What was carried since.
    pub(super) fn carried(&self) -> Carried {
        let open = self.all.iter().filter(|connection| connection.socket.is_some());
        open.fold(self.carried, |carried, connection| Carried {
            messages: carried.messages + connection.codec.messages(),
            wire: (carried.wire.0 + connection.wire.0, carried.wire.1 + connection.wire.1),
            ..carried
        })
    }

    /// Says goodbye on every connection, and closes it.
    pub(super) fn close_all(&mut self) {
        for connection in &mut self.all {
            connection.say_goodbye();
            connection.socket = None;
        }
    }
}
