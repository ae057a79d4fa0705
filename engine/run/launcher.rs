//! Which process is launched for each end of a cell.

use std::process::Command;

use nix::unistd::Pid;

use crate::call::{Driver, Stack};
use crate::error::{Error, Result};
use crate::place::disturbance::{Disturbance, Stall};
use crate::place::pinning::Pinning;
use crate::place::syscalls::SystemCalls;
use crate::plan::Cell;
use crate::report::figures::counted;
use crate::run::interrupt::interrupted;
use crate::stack::contract::Launch;
use crate::stack::environment::Environment;
use crate::stack::{driver_command, system};

/// Knows how to launch both ends, and installs what is not ours when it is first needed.
#[derive(Debug)]
pub struct Launcher {
    offline: bool,
    pinning: Pinning,
    disturbance: Disturbance,
    counting: bool,
    environment: Option<Result<Environment>>,
}

impl Launcher {
    /// With `offline` nothing is downloaded.
    pub fn new(offline: bool, pinning: Pinning, disturbance: Disturbance) -> Self {
        Launcher { offline, pinning, disturbance, counting: false, environment: None }
    }

    /// With `counting` the system calls of both ends are counted.
    pub fn counting(self, counting: bool) -> Self {
        Launcher { counting, ..self }
    }

    /// The counter of the system calls of a process that was launched just now.
    pub fn syscalls(&self, process: Pid) -> SystemCalls {
        match self.counting {
            true => SystemCalls::of(process),
            false => SystemCalls::missing("not counted, since `--syscalls` was not given"),
        }
    }

    /// Which cores each end runs on.
    pub fn pinning(&self) -> &Pinning {
        &self.pinning
    }

    /// Who is stopped for a while, on purpose.
    pub fn stall(&self) -> Option<Stall> {
        self.disturbance.stall
    }

    /// Installs what the cells need; `say` is told what takes long, and once what cannot be had: each cell that needs
    /// it fails then.
    pub fn prepare(&mut self, cells: &[Cell], say: &mut dyn FnMut(&str)) {
        let needing = cells.iter().filter(|cell| needs_python(cell)).count();
        if needing == 0 {
            return;
        }
        let environment = Environment::ready(self.offline, say, &interrupted);
        if let Some(error) = environment.as_ref().err().filter(|_| !interrupted()) {
            let all = counted(cells.len(), "cell", "cells");
            say(&format!("warning: {needing} of {all} will fail: {error}"));
        }
        self.environment = Some(environment);
    }

    /// What the cell needs and cannot have.
    pub fn lacks(&self, cell: &Cell) -> Option<&Error> {
        self.environment.as_ref().filter(|_| needs_python(cell))?.as_ref().err()
    }

    fn environment(&self) -> Result<&Environment> {
        match &self.environment {
            Some(Ok(environment)) => Ok(environment),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::stopped("the Python systems were not prepared")),
        }
    }

    /// The process that serves the cell and answers to `nonce`.
    pub fn server(&self, cell: &Cell, nonce: &str) -> Result<Command> {
        let mut command = self.unpinned_server(cell, nonce)?;
        self.pinning.hold_server(&mut command)?;
        Ok(command)
    }

    fn unpinned_server(&self, cell: &Cell, nonce: &str) -> Result<Command> {
        let (pairing, load) = (&cell.target.pairing, &cell.load);
        let (transport, model) = (pairing.transport().name(), pairing.model().name());
        if pairing.stack() == Stack::Python {
            let system = system(transport, model)
                .ok_or_else(|| Error::stopped(format!("no Python system serves {transport} as {model}")))?;
            let launch = Launch {
                nonce,
                fill: Some((load.fill, load.seed)),
                timeout: load.timeout,
                options: &cell.target.options,
                cores: self.pinning.server.len(),
            };
            return Ok(system.command(self.environment()?, &launch));
        }
        let mut command = engine("serve");
        command.args(["--transport", transport, "--server", model]);
        command.args(["--fill", &load.fill.to_string(), "--seed", &load.seed.to_string(), "--nonce", nonce]);
        if let Some(fault) = self.disturbance.fault {
            command.args(["--fault", fault]);
        }
        for (name, value) in &cell.target.options.0 {
            command.args(["--option", &format!("{name}={value}")]);
        }
        Ok(command)
    }

    /// The process that makes the cell's calls.
    pub fn drive(&self, cell: &Cell) -> Result<Command> {
        match cell.target.pairing.driver() {
            Driver::Native => Ok(engine("drive")),
            Driver::Python => Ok(driver_command(self.environment()?)),
        }
    }
}

fn needs_python(cell: &Cell) -> bool {
    cell.target.pairing.stack() == Stack::Python || cell.target.pairing.driver() == Driver::Python
}

/// This very program, even where its file has been replaced since.
fn engine(command: &str) -> Command {
    let mut engine = Command::new("/proc/self/exe");
    engine.arg(command);
    engine
}
