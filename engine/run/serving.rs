//! The server of a trial, however it comes to be there: launched for it, launched once for all, or found where it runs.

use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::call::own::Table;
use crate::drive::messages::{self, Assignment};
use crate::error::{Context, Error, Result};
use crate::key::load::Load;
use crate::place::child::Heard;
use crate::place::link::laid::Laid;
use crate::place::pinning::Pinning;
use crate::place::site::End;
use crate::plan::Cell;
use crate::run::interrupt::interrupted;
use crate::run::launcher::Launcher;
use crate::server::ready::{Ready, ReadyLine};
use crate::server::service::fresh_nonce;
use crate::stack::own::{Fresh, Own, Who};
use crate::transport::contract::Facts;
use crate::transport::tls::Verification;

/// How long a server of ours may take until it listens.
const LAUNCH: Duration = Duration::from_secs(30);
/// How much longer a keeper may take than its command, each time it tries.
const KEEPING: Duration = Duration::from_secs(15);
/// How often it tries at most.
const TRIES: u32 = 3;

/// The server of a trial, which listens; dropping it ends what was launched for it alone.
#[derive(Debug)]
pub struct Serving<'a> {
    /// Whom it serves.
    pub cell: &'a Cell,
    /// Its processes, as far as they are known.
    pub end: Rc<End>,
    /// What a reader has to know of it, with what it said itself.
    pub facts: Facts,
    address: String,
    nonce: Option<String>,
    ca: Option<String>,
    verification: Option<Verification>,
    /// The variables of our environment that its calls name.
    variables: Option<Table>,
    /// Which cores it and its clients have.
    pub pinning: Pinning,
    /// True where others of the run's trials have it too.
    shared: bool,
    /// The network between it and its clients, where one is laid; it ends after both.
    pub link: Option<Laid>,
}

impl<'a> Serving<'a> {
    /// The server of a cell, which listens.
    pub fn of(cell: &'a Cell, launcher: &Launcher) -> Result<Self> {
        let link = launcher.lay(cell)?;
        let Some(own) = cell.target.pairing.serving().own() else {
            let nonce = fresh_nonce();
            let end = launcher.server(cell, &nonce, link.as_ref())?;
            let ready = await_ready(&end, LAUNCH)?;
            let serving = Self::by(cell, Rc::new(end), &ready.address, launcher)?;
            // What its stack says of it, and what it says itself, which knows better.
            let facts = serving.facts.into_iter().chain(ready.facts).collect();
            return Ok(Serving { nonce: Some(nonce), ca: ready.ca, facts, link, ..serving });
        };
        let serving = match &own.who {
            Who::Launch(_) => Self::launched(cell, own, launcher, link)?,
            Who::At(address) => {
                let (end, owner) = launcher.find(cell, own, address)?;
                let mut serving = Self::by(cell, Rc::new(end), address, launcher)?;
                let found = owner
                    .map_or_else(|error| format!("not observed: {error}"), |_| "observed, as it was found".to_owned());
                serving.facts.insert("its processes".to_owned(), found);
                serving
            }
        };
        let verification = launcher.verification(cell)?;
        Ok(Serving { verification, variables: launcher.variables(cell)?, ..serving })
    }

    fn by(cell: &'a Cell, end: Rc<End>, address: &str, launcher: &Launcher) -> Result<Self> {
        let pinning = launcher.pinning(cell)?;
        let cores = pinning.server.len() as u64;
        Ok(Serving {
            cell,
            end,
            facts: cell.target.pairing.facts(&cell.target.options, cores),
            address: address.to_owned(),
            nonce: None,
            ca: None,
            verification: None,
            variables: None,
            pinning,
            shared: false,
            link: None,
        })
    }

    /// The command of a target, launched now, or for a trial before.
    fn launched(cell: &'a Cell, own: &Own, launcher: &Launcher, link: Option<Laid>) -> Result<Self> {
        if let Some((end, address)) = launcher.running(&cell.target.name)? {
            return Ok(Serving { shared: true, ..Self::by(cell, end, &address, launcher)? });
        }
        let end = Rc::new(launcher.keep(cell, own, link.as_ref())?);
        let ready = await_ready(&end, (own.within + KEEPING) * TRIES)?;
        let serving = Serving { link, ..Self::by(cell, end, &ready.address, launcher)? };
        if own.fresh == Fresh::Run {
            launcher.runs_on(&cell.target.name, serving.end.clone(), &ready.address);
            return Ok(Serving { shared: true, ..serving });
        }
        Ok(serving)
    }

    /// What a client process is told that is to ask it for `load`.
    pub fn assignment(&self, load: &Load) -> Assignment {
        let target = &self.cell.target;
        let transport = target.pairing.transport().name();
        let mut assignment = Assignment::of(
            load,
            transport,
            &target.options,
            &self.address,
            self.nonce.as_deref(),
            self.ca.as_deref(),
            &self.cell.calls,
        );
        let ready = target.pairing.serving().own().and_then(|own| Some((own.ready.clone()?, own.within)));
        assignment.end.ready = ready.map(|(call, within)| messages::Ready { call, within });
        assignment.end.proto = target.pairing.serving().own().and_then(|own| own.proto.clone());
        assignment.end.data = self.cell.data.iter().chain(&self.variables).cloned().collect();
        assignment.end.own = target.pairing.serving().own().is_some();
        assignment.end.verification = self.verification.clone();
        assignment
    }

    /// How long it may take until it is ready.
    pub fn within(&self) -> Duration {
        self.cell.target.pairing.serving().own().map_or(Duration::ZERO, |own| own.within)
    }

    /// Stops what was launched for this trial alone; an error where it does not end as it should.
    pub fn stop(self) -> Result<()> {
        match Rc::try_unwrap(self.end) {
            Ok(end) if !self.shared => end.stop(),
            _ => Ok(()),
        }
    }
}

/// What a server says once it listens; an error where it ends before, or takes too long.
pub(crate) fn await_ready(server: &End, within: Duration) -> Result<Ready> {
    let deadline = Instant::now() + within;
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
                return Err(Error::failed(format!("the server did not listen within {} s", within.as_secs())));
            }
            Heard::Nothing => {}
        }
    }
}
