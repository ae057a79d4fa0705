//! Which process is launched for each end of a cell.

use crate::call::{Driver, Stack};
use crate::error::{Error, Result};
use crate::place::disturbance::{Disturbance, Stall};
use crate::place::messages::Launch;
use crate::place::observer;
use crate::place::pinning::Pinning;
use crate::place::site::{End, Site};
use crate::plan::Cell;
use crate::report::figures::counted;
use crate::run::interrupt::interrupted;
use crate::stack::contract::Wanted;
use crate::stack::environment::Environment;
use crate::stack::{driver_command, system};

/// Knows how to launch both ends, and installs what is not ours when it is first needed.
#[derive(Debug)]
pub struct Launcher {
    offline: bool,
    site: Site,
    pinning: Pinning,
    disturbance: Disturbance,
    observe: Vec<String>,
    environment: Option<Result<Environment>>,
}

impl Launcher {
    /// Launches at `site`. With `offline` nothing is downloaded; with `syscalls` also what slows the ends is observed.
    pub fn new(site: Site, pinning: Pinning, disturbance: Disturbance, offline: bool, syscalls: bool) -> Self {
        Launcher { offline, site, pinning, disturbance, observe: observer::names(syscalls), environment: None }
    }

    /// Where both ends run.
    pub fn site(&self) -> &Site {
        &self.site
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

    /// Starts the process that serves the cell and answers to `nonce`.
    pub fn server(&self, cell: &Cell, nonce: &str) -> Result<End> {
        let launch = self.launch_of_server(cell, nonce)?;
        self.launch("the server", Launch { cores: self.pinning.of_server(), ..launch })
    }

    fn launch_of_server(&self, cell: &Cell, nonce: &str) -> Result<Launch> {
        let (pairing, load) = (&cell.target.pairing, &cell.load);
        let (transport, model) = (pairing.transport().name(), pairing.model().name());
        if pairing.stack() == Stack::Python {
            let system = system(transport, model)
                .ok_or_else(|| Error::stopped(format!("no Python system serves {transport} as {model}")))?;
            let wanted = Wanted {
                nonce,
                fill: Some((load.fill, load.seed)),
                timeout: load.timeout,
                options: &cell.target.options,
                cores: self.pinning.server.len(),
            };
            return Ok(Launch::of(&system.command(self.environment()?, &wanted)));
        }
        let mut args = vec!["serve".to_owned()];
        let mut add = |name: &str, value: &str| args.extend([format!("--{name}"), value.to_owned()]);
        add("transport", transport);
        add("server", model);
        add("fill", &load.fill.to_string());
        add("seed", &load.seed.to_string());
        add("nonce", nonce);
        if let Some(fault) = self.disturbance.fault {
            add("fault", fault);
        }
        for (name, value) in &cell.target.options.0 {
            add("option", &format!("{name}={value}"));
        }
        Ok(Launch::engine(args))
    }

    /// Starts the process that makes the cell's calls; it chooses its cores itself, as it is told.
    pub fn drive(&self, cell: &Cell) -> Result<End> {
        let launch = match cell.target.pairing.driver() {
            Driver::Native => Launch::engine(["drive"]),
            Driver::Python => Launch::of(&driver_command(self.environment()?)),
        };
        self.launch("the client process", launch)
    }

    fn launch(&self, what: &str, launch: Launch) -> Result<End> {
        self.site.launch(Launch { what: what.to_owned(), observe: self.observe.clone(), ..launch })
    }
}

fn needs_python(cell: &Cell) -> bool {
    cell.target.pairing.stack() == Stack::Python || cell.target.pairing.driver() == Driver::Python
}
