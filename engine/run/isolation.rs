//! What becomes of the other clients when one client's call aborts the process that executes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::call::CallSpec;
use crate::drive::clock::now_ns;
use crate::drive::connection::Connection;
use crate::drive::job::Job;
use crate::drive::resend::Attempts;
use crate::drive::setup_error::{SetupError, SetupErrorClass};
use crate::error::{Error, Result};
use crate::place::site::End;
use crate::plan::Cell;
use crate::run::launcher::Launcher;
use crate::run::serving::Serving;
use crate::transport::socket::ReadBuffer;

/// How long a process that aborted may take until it is gone.
const GOING: Duration = Duration::from_secs(5);

/// What one abort did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Isolation {
    /// The clients but for the one whose call aborted; each had been answered before.
    pub others: usize,
    /// Those of them whose connections the aborted process held.
    pub together: usize,
    /// Those of them whose next call failed.
    pub failed: usize,
    /// Whether the server answers a client that comes afterwards.
    pub serves_on: bool,
}

/// Launches the server of `cell`, which has to abort on any call but the proof of who it is, and has one of the
/// cell's clients make such a call.
pub fn isolation(cell: &Cell, launcher: &Launcher) -> Result<Isolation> {
    let serving = Serving::of(cell, launcher)?;
    let server = &serving.end;
    let job = Job::of(&serving.assignment(&cell.load)).map_err(broken)?;
    let before = server.sockets()?;
    // All dial before any asks: of processes that share a listener more than one is awake then.
    let dialled: std::result::Result<Vec<Caller>, SetupError> = (0..job.clients).map(|_| Caller::dial(&job)).collect();
    let mut clients = dialled.map_err(broken)?;
    for client in &mut clients {
        client.begin().map_err(broken)?;
    }
    let during = server.sockets()?;
    let mut victim = clients.pop().ok_or_else(|| Error::stopped("no client is there whose call could abort"))?;
    if victim.asks(&CallSpec::Ping) {
        return Err(Error::failed("the call that had to abort was answered"));
    }
    let failed = clients.iter_mut().filter_map(|client| (!client.asks(&CallSpec::Nonce)).then_some(())).count();
    let gone = await_gone(server, &during)?;
    // What a process held before there was a client is its listener and the like.
    let idle = before.get(&gone.0).or(before.values().next()).copied().unwrap_or(0);
    let serves_on = Caller::dial(&job).and_then(|mut late| late.begin()).is_ok();
    Ok(Isolation { others: clients.len(), together: gone.1.saturating_sub(idle + 1), failed, serves_on })
}

/// A client with a connection of its own.
struct Caller {
    connection: Connection,
    buffer: ReadBuffer,
}

impl Caller {
    fn dial(job: &Job) -> std::result::Result<Self, SetupError> {
        let connection = Connection::dial(job, &Arc::new(job.deadline()?), now_ns())?;
        connection.rest();
        Ok(Caller { connection, buffer: ReadBuffer::default() })
    }

    /// Opens the connection and is answered once.
    fn begin(&mut self) -> std::result::Result<(), SetupError> {
        self.connection.open(&mut self.buffer, now_ns())?;
        if self.asks(&CallSpec::Nonce) {
            Ok(())
        } else {
            Err(SetupError::new(SetupErrorClass::Connect, "no answer came"))
        }
    }

    /// Whether it is answered.
    fn asks(&mut self, ask: &CallSpec) -> bool {
        let asked = &mut Attempts::default();
        self.connection.call(ask, true, &mut self.buffer, now_ns(), asked).is_ok_and(|reply| reply.verdict.is_ok())
    }
}

fn broken(failed: SetupError) -> Error {
    Error::failed(failed.to_string()).because(failed)
}

/// The process among `known` that is no longer there, and how many sockets it held.
fn await_gone(server: &End, known: &BTreeMap<i32, usize>) -> Result<(i32, usize)> {
    let begun = Instant::now();
    while begun.elapsed() < GOING {
        let living = server.sockets()?;
        if let Some((pid, held)) = known.iter().find(|(pid, _)| !living.contains_key(pid)) {
            return Ok((*pid, *held));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Err(Error::failed("no process of the server ended, although a call had to abort one"))
}
