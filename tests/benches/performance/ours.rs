//! Our own ends, launched as a run launches them: `engine serve` and `engine drive`.

use std::process::Command;

use engine::drive::messages::{Assignment, FromDrive, ToDrive};
use engine::error::{Context, Error, Result};
use engine::place::child::Child;
use engine::results::Measured;
use engine::server::ready::{Ready, ReadyLine};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::processes::{cpu_s, farewell, line, peak_memory, start};

/// A command of the engine's own program.
pub(crate) fn engine(command: &str) -> Command {
    let mut engine = Command::new(env!("CARGO_BIN_EXE_engine"));
    engine.arg(command);
    engine
}

/// A server that has said that it is ready; it stops when dropped.
pub(crate) struct Server {
    process: Child,
    pub(crate) transport: &'static str,
    pub(crate) ready: Ready,
}

impl Server {
    /// `engine serve` on that core, with options as `name=value`.
    pub(crate) fn launch(transport: &'static str, model: &str, options: &[&str], core: usize) -> Result<Server> {
        let mut command = engine("serve");
        command.args(["--transport", transport, "--server", model]);
        options.iter().for_each(|option| {
            command.args(["--option", option]);
        });
        Server::start(transport, command, core)
    }

    /// Any command that prints the ready line of a server.
    pub(crate) fn start(transport: &'static str, command: Command, core: usize) -> Result<Server> {
        let mut process = start("a server", command, core)?;
        let ReadyLine { ready } = serde_json::from_str(&line(&mut process)?).doing("a server's ready line")?;
        Ok(Server { process, transport, ready })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> Pid {
        self.process.pid()
    }

    /// An assignment to it, with `more` keys.
    pub(crate) fn asked(&self, more: Value) -> Result<Assignment> {
        let known = json!({"nonce": self.ready.nonce, "ca": self.ready.ca});
        asked(self.transport, &self.ready.address, merged(known, more))
    }
}

/// An assignment with `more` keys; the content of every reply is verified unless they say otherwise.
pub(crate) fn asked(transport: &str, address: &str, more: Value) -> Result<Assignment> {
    let assignment = json!({
        "version": engine::drive::messages::VERSION, "address": address, "transport": transport,
        "call": "ping", "clients": 1, "verify": "content", "seed": 1,
        "timeout_ns": 30_000_000_000u64, "drain_ns": 30_000_000_000u64,
    });
    serde_json::from_value(merged(assignment, more)).doing("an assignment of the suite")
}

fn merged(mut into: Value, more: Value) -> Value {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
    into
}

/// What a client process measured, and what it cost.
pub(crate) struct Driven {
    pub(crate) measured: Measured,
    /// CPU time of the whole process, from launch to exit, in seconds.
    pub(crate) cpu_s: f64,
    /// CPU time from `go` to `done`, in seconds.
    pub(crate) window_cpu_s: f64,
    /// The most memory that it had resident, in bytes.
    pub(crate) peak_memory: f64,
}

/// Runs a client process on that core; an error where not every call was answered as asked.
pub(crate) fn drive(assignment: Assignment, core: usize) -> Result<Driven> {
    drive_by(engine("drive"), assignment, core)
}

/// The same with any program that speaks the lines of `engine drive`.
pub(crate) fn drive_by(command: Command, assignment: Assignment, core: usize) -> Result<Driven> {
    let mut client = start("a client", command, core)?;
    tell(&mut client, &ToDrive::Assignment(Box::new(assignment)))?;
    heard(&mut client, |said| matches!(said, FromDrive::Armed { .. }))?;
    let before = cpu_s(client.pid())?;
    tell(&mut client, &ToDrive::Go { at_ns: None })?;
    heard(&mut client, |said| matches!(said, FromDrive::Done { .. }))?;
    let window_cpu_s = cpu_s(client.pid())? - before;
    let peak_memory = peak_memory(client.pid())?;
    tell(&mut client, &ToDrive::Report {})?;
    let FromDrive::Measured(measured) = heard(&mut client, |said| matches!(said, FromDrive::Measured(_)))? else {
        return Err(Error::failed("the client said something else than what it measured"));
    };
    let cpu_s = farewell(client)?;
    if measured.counts.ok == 0 || measured.counts.ok != measured.counts.scheduled {
        let (ok, scheduled) = (measured.counts.ok, measured.counts.scheduled);
        return Err(Error::failed(format!("{ok} of {scheduled} calls were answered: {:?}", measured.failures)));
    }
    Ok(Driven { measured: *measured, cpu_s, window_cpu_s, peak_memory })
}

fn tell(client: &mut Child, line: &ToDrive) -> Result<()> {
    client.tell(&serde_json::to_string(line).doing("cannot write to a client")?)
}

/// The next line but for progress, which must be the one that is due.
fn heard(client: &mut Child, due: impl Fn(&FromDrive) -> bool) -> Result<FromDrive> {
    loop {
        match line(client)?.parse()? {
            FromDrive::Progress { .. } => {}
            FromDrive::Failed { class, reason, .. } => return Err(Error::failed(format!("{class}: {reason}"))),
            said if due(&said) => return Ok(said),
            said => return Err(Error::failed(format!("the client said {said:?} out of turn"))),
        }
    }
}

impl Driven {
    /// Answered calls, as a number to reckon with.
    pub(crate) fn calls(&self) -> f64 {
        self.measured.counts.ok as f64
    }

    /// Bytes of payload that clients sent, for each second.
    pub(crate) fn upload_rate(&self) -> f64 {
        self.measured.bytes.payload_up as f64 * 1e9 / self.measured.elapsed_ns as f64
    }
}
