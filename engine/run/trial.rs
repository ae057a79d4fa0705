//! One trial of one cell, from launch to teardown.

use std::time::{Duration, Instant};

use crate::call::Call;
use crate::drive::lines::{Assignment, FromDrive, Progress, ToDrive};
use crate::error::{Context, Error, Result};
use crate::place::child::{Child, Heard};
use crate::place::cost::{Counters, Peak, without_watching};
use crate::place::disturbance::End;
use crate::place::neighbours::Neighbours;
use crate::place::steal::Ticks;
use crate::place::syscalls::{SystemCalls, charge};
use crate::plan::{Cell, Load};
use crate::results::machine::Interference;
use crate::results::{Cost, Measured};
use crate::run::interrupt::interrupted;
use crate::run::launcher::Launcher;
use crate::server::ready::{Ready, ReadyLine};
use crate::server::service::fresh_nonce;
use crate::transport::contract::Facts;

/// How long a server may take until it listens.
const LAUNCH: Duration = Duration::from_secs(30);
/// How long a client process may be silent beyond what its calls may take.
const SILENCE: Duration = Duration::from_secs(30);

/// What one trial brought.
#[derive(Debug)]
pub struct Trial {
    /// What the client process measured.
    pub measured: Measured,
    /// What each end spent between the barrier and the last reply.
    pub cost: Cost,
    /// What the server told about itself, and how long it was stalled on purpose.
    pub facts: Facts,
    /// The share of the machine's time that its hypervisor gave to others, where it is known.
    pub stolen: Option<f64>,
    /// What others used of the cores of both ends, where it is known.
    pub interference: Option<Interference>,
}

/// Launches a fresh server and a client process, measures, and leaves nothing running.
pub fn measure(
    cell: &Cell,
    launcher: &Launcher,
    neighbours: &mut Neighbours,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trial> {
    let mut server = Launched::fresh(cell, launcher)?;
    let trial = ask(&mut server, &cell.load, launcher, neighbours, progress)?;
    server.stop()?;
    Ok(trial)
}

/// The server of a trial, which listens; dropping it ends it.
#[derive(Debug)]
pub struct Launched<'a> {
    cell: &'a Cell,
    nonce: String,
    process: Child,
    calls: SystemCalls,
    ready: Ready,
}

impl<'a> Launched<'a> {
    /// Launches the server of a cell and waits until it listens.
    pub fn fresh(cell: &'a Cell, launcher: &Launcher) -> Result<Self> {
        let nonce = fresh_nonce();
        let mut process = Child::start("the server", launcher.server(cell, &nonce)?)?;
        let calls = launcher.syscalls(process.pid());
        let ready = await_ready(&mut process)?;
        Ok(Launched { cell, nonce, process, calls, ready })
    }

    /// Stops it; an error where it does not end as it should.
    pub fn stop(self) -> Result<()> {
        self.process.stop()
    }
}

/// Measures a server under `load`, by a client process of its own that is gone afterwards.
pub fn ask(
    launched: &mut Launched<'_>,
    load: &Load,
    launcher: &Launcher,
    neighbours: &mut Neighbours,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trial> {
    let Launched { cell, nonce, process: server, calls: server_calls, ready } = launched;
    let alone = Counters::of(server.pid());
    let mut drive = Child::start("the client process", launcher.drive(cell)?)?;
    let client_calls = launcher.syscalls(drive.pid());
    let transport = cell.target.pairing.transport().name();
    let mut assignment =
        Assignment::of(load, transport, &cell.target.options, &ready.address, Some(nonce), ready.ca.as_deref());
    if launcher.pinning().pinned {
        assignment.pin.clone_from(&launcher.pinning().client);
    }
    drive.say(&ToDrive::Assignment(Box::new(assignment)))?;

    let arming = load.timeout * (load.warmup as u32).saturating_add(2) + SILENCE;
    let FromDrive::Armed { .. } = await_line(&mut drive, server, arming, &mut |_| {}, &mut || {})? else {
        return Err(Error::failed("the client process said something else where `armed` was due"));
    };
    let begun = neighbours.look();
    let before = (Counters::of(server.pid()), Counters::of(drive.pid()));
    let mut peak = Peak::of(server.pid());
    peak.look();
    let ticks = Ticks::now();
    let calls = (server_calls.so_far(), client_calls.so_far());
    drive.say(&ToDrive::Go {})?;
    let stalling = launcher.stall().map(|stall| {
        stall.begin(match stall.end {
            End::Server => server.pid(),
            End::Client => drive.pid(),
        })
    });
    let silence = load.timeout + load.drain + SILENCE;
    let FromDrive::Done { began_ns } = await_line(&mut drive, server, silence, progress, &mut || peak.look())? else {
        return Err(Error::failed("the client process said something else where `done` was due"));
    };
    let calls_after = (server_calls.so_far(), client_calls.so_far());
    let after = (Counters::of(server.pid()), Counters::of(drive.pid()));
    let stolen = ticks.and_then(|before| Ticks::now()?.stolen_since(&before));
    let queued_ns = after.0.queued_since(&before.0).zip(after.1.queued_since(&before.1));
    let run_queue_ns = queued_ns.map(|(server, client)| server + client);
    let interference = neighbours.since(begun).map(|interference| Interference { run_queue_ns, ..interference });
    let mut facts = ready.facts.clone();
    if let Some(stalling) = stalling {
        stalling.lasted(began_ns).tell(&mut facts);
    }
    let survived = server.alive();
    drive.say(&ToDrive::Report {})?;
    let FromDrive::Measured(measured) = await_line(&mut drive, server, SILENCE, &mut |_| {}, &mut || {})? else {
        return Err(Error::failed("the client process said something else where `measured` was due"));
    };
    if !survived {
        return Err(server.ended());
    }
    drive.stop()?;
    let mut cost = Cost { server: after.0.since(&before.0), client: after.1.since(&before.1) };
    charge(&mut cost.server, calls.0, calls_after.0);
    charge(&mut cost.client, calls.1, calls_after.1);
    without_watching(&mut cost.client, measured.generator.hiccups.as_ref());
    peak.add_to(&mut cost.server);
    cost.server.memory_per_client =
        before.0.memory_per_client(&alone, load.clients).filter(|_| load.call != Call::Connect);
    if cost.server.memory_per_client.is_none() {
        let anew = load.call == Call::Connect;
        let why = if anew { "each call connects anew" } else { "this kernel does not tell it" };
        cost.server.missing.insert("memory_per_client".to_owned(), why.to_owned());
    }
    Ok(Trial { measured: *measured, cost, facts, stolen, interference })
}

/// What the server says once it listens; an error where it ends before, or takes too long.
pub(crate) fn await_ready(server: &mut Child) -> Result<Ready> {
    let deadline = Instant::now() + LAUNCH;
    loop {
        match server.hear()? {
            Heard::Line(line) => {
                let line: ReadyLine = serde_json::from_str(&line)
                    .doing(format_args!("the server said `{line}` where its ready line was due"))?;
                return Ok(line.ready);
            }
            Heard::End => return Err(server.ended()),
            Heard::Nothing if interrupted() => return Err(Error::failed("interrupted")),
            Heard::Nothing if Instant::now() > deadline => {
                return Err(Error::failed(format!("the server did not listen within {} s", LAUNCH.as_secs())));
            }
            Heard::Nothing => {}
        }
    }
}

/// The next line of the client process that is not progress, which comes about once a second; an error where it fails, falls silent, or the server dies.
fn await_line(
    drive: &mut Child,
    server: &mut Child,
    silence: Duration,
    progress: &mut dyn FnMut(Progress),
    second: &mut dyn FnMut(),
) -> Result<FromDrive> {
    let mut deadline = Instant::now() + silence;
    loop {
        match drive.hear()? {
            Heard::Line(line) => match line.parse()? {
                FromDrive::Progress(so_far) => {
                    progress(so_far);
                    second();
                    deadline = Instant::now() + silence;
                }
                FromDrive::Failed { .. } if !server.alive() => return Err(server.ended()),
                FromDrive::Failed { class, reason, lacks } => {
                    let error = Error::failed(format!("{class}: {reason}"));
                    return Err(match lacks {
                        Some(lack) => error.for_want_of(lack),
                        None => error,
                    });
                }
                line => return Ok(line),
            },
            Heard::End => return Err(drive.ended()),
            Heard::Nothing if interrupted() => return Err(Error::failed("interrupted")),
            Heard::Nothing if !server.alive() => return Err(server.ended()),
            Heard::Nothing if Instant::now() > deadline => {
                return Err(Error::failed(format!("the client process was silent for {} s", silence.as_secs())));
            }
            Heard::Nothing => {}
        }
    }
}
