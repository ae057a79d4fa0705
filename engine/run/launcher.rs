//! Which process is launched for each end of a cell.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::figures::counted;
use crate::place::disturbance::{Disturbance, Stall};
use crate::place::messages::Launch;
use crate::place::observer;
use crate::place::pinning::Pinning;
use crate::place::site::{End, Site};
use crate::plan::Cell;
use crate::run::interrupt::interrupted;
use crate::stack::contract::{Kit, Wanted};
use crate::stack::environment::Environment;

/// Knows how to launch both ends, and installs what is not ours when it is first needed.
#[derive(Debug)]
pub struct Launcher {
    offline: bool,
    site: Site,
    pinning: Pinning,
    disturbance: Disturbance,
    observe: Vec<String>,
    kits: BTreeMap<&'static str, Result<Environment>>,
}

impl Launcher {
    /// Launches at `site`. With `offline` nothing is downloaded; with `syscalls` also what slows the ends is observed.
    pub fn new(site: Site, pinning: Pinning, disturbance: Disturbance, offline: bool, syscalls: bool) -> Self {
        Launcher { offline, site, pinning, disturbance, observe: observer::names(syscalls), kits: BTreeMap::new() }
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
        for kit in cells.iter().flat_map(kits) {
            if self.kits.contains_key(kit.name()) {
                continue;
            }
            let environment = kit.ready(self.offline, say, &interrupted);
            if let Some(error) = environment.as_ref().err().filter(|_| !interrupted()) {
                let needing = cells.iter().filter(|cell| kits(cell).any(|it| it.name() == kit.name())).count();
                let all = counted(cells.len(), "cell", "cells");
                say(&format!("warning: {needing} of {all} will fail: {error}"));
            }
            self.kits.insert(kit.name(), environment);
        }
    }

    /// What the cell needs and cannot have.
    pub fn lacks(&self, cell: &Cell) -> Option<&Error> {
        kits(cell).find_map(|kit| self.kits.get(kit.name())?.as_ref().err())
    }

    /// What was installed of a kit, where one is needed.
    fn installed(&self, kit: Option<&dyn Kit>) -> Result<Option<&Environment>> {
        match kit.and_then(|kit| self.kits.get(kit.name())) {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(environment)) => Ok(Some(environment)),
            None => Ok(None),
        }
    }

    /// Starts the process that serves the cell and answers to `nonce`.
    pub fn server(&self, cell: &Cell, nonce: &str) -> Result<End> {
        let (pairing, load) = (&cell.target.pairing, &cell.load);
        let wanted = Wanted {
            nonce,
            fill: Some((load.fill, load.seed)),
            timeout: load.timeout,
            options: &cell.target.options,
            cores: self.pinning.server.len(),
        };
        let stack = pairing.stack();
        let kit = self.installed(stack.kit())?;
        let mut command = stack.command(kit, pairing.transport(), pairing.model(), &wanted)?;
        // A selftest has targets of ours only.
        if let Some(fault) = self.disturbance.fault {
            command.args(["--fault", fault]);
        }
        self.launch("the server", Launch { cores: self.pinning.of_server(), ..Launch::of(&command) })
    }

    /// Starts the process that makes the cell's calls; it chooses its cores itself, as it is told.
    pub fn drive(&self, cell: &Cell) -> Result<End> {
        let driver = cell.target.pairing.driver();
        let command = driver.command(self.installed(driver.kit())?)?;
        self.launch("the client process", Launch::of(&command))
    }

    fn launch(&self, what: &str, launch: Launch) -> Result<End> {
        self.site.launch(Launch { what: what.to_owned(), observe: self.observe.clone(), ..launch })
    }
}

/// What has to be installed for a cell.
fn kits(cell: &Cell) -> impl Iterator<Item = &'static dyn Kit> {
    let pairing = &cell.target.pairing;
    [pairing.stack().kit(), pairing.driver().kit()].into_iter().flatten()
}
