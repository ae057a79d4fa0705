//! A link that is laid for a trial, as the run sees it.

use std::net::IpAddr;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::error::{Context, Error, Result};
use crate::key::link::properties::Link;
use crate::place::child::Heard;
use crate::place::disturbance::Side;
use crate::place::link::lines::{FromLink, Network, Networks, ToLink};
use crate::place::link::namespaces::Inside;
use crate::place::link::probe::{Probe, Shown};
use crate::place::messages::Launch;
use crate::place::site::{End, Site};
use crate::results::link::Carried;
use crate::stack::native::ENGINE;

/// What messages call its process.
const WHAT: &str = "the link";
/// How long it may take to be laid, and to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a probe may take.
const PROBING: Duration = Duration::from_secs(300);

/// A link that is laid; dropping it takes it away.
#[derive(Debug)]
pub struct Laid {
    end: End,
    networks: Networks,
}

impl Laid {
    /// Lays it at a place; its relay stays on these cores, or roams where none are named. An error says why it cannot
    /// be, and what would mend it.
    pub fn lay(site: &Site, link: &Link, seed: u64, cores: Vec<usize>) -> Result<Self> {
        let launch = Launch { what: WHAT.to_owned(), cores, ..Launch::of(&command(link, seed)) };
        let end = site.launch(launch)?;
        match heard(&end, PATIENCE)? {
            FromLink::Laid(networks) => Ok(Laid { end, networks }),
            other => Err(strange(&other)),
        }
    }

    /// The address of an end.
    pub fn address(&self, side: Side) -> IpAddr {
        self.network(side).address.into()
    }

    /// Where an end is started.
    pub fn inside(&self, side: Side) -> Inside {
        self.network(side).inside.clone()
    }

    fn network(&self, side: Side) -> &Network {
        match side {
            Side::Server => &self.networks.server,
            Side::Client => &self.networks.client,
        }
    }

    /// Begins to count what it carries.
    pub fn begin(&self) -> Result<()> {
        match self.ask(ToLink::Begin {})? {
            FromLink::Begun {} => Ok(()),
            other => Err(strange(&other)),
        }
    }

    /// What it has carried since.
    pub fn end(&self) -> Result<Carried> {
        match self.ask(ToLink::End {})? {
            FromLink::Carried(carried) => Ok(carried),
            other => Err(strange(&other)),
        }
    }

    fn ask(&self, line: ToLink) -> Result<FromLink> {
        self.end.tell(serde_json::to_string(&line).doing("cannot write to the link")?)?;
        heard(&self.end, PATIENCE)
    }
}

/// Lays a link, tries it, and takes it away again.
pub fn probe(site: &Site, link: &Link, seed: u64, probe: Probe, cores: Vec<usize>) -> Result<Shown> {
    let mut command = command(link, seed);
    command.args(["--probe", &serde_json::to_string(&probe).doing("cannot write a probe")?]);
    let end = site.launch(Launch { what: WHAT.to_owned(), cores, ..Launch::of(&command) })?;
    let shown = match heard(&end, PROBING)? {
        FromLink::Shown(shown) => shown,
        other => return Err(strange(&other)),
    };
    end.stop()?;
    Ok(shown)
}

/// The process that lays it.
fn command(link: &Link, seed: u64) -> Command {
    let mut command = Command::new(ENGINE);
    command.arg("link").args(["--seed", &seed.to_string()]);
    command.args(["--delay", &format!("{}ns", link.delay.as_nanos())]);
    command.args(["--jitter", &format!("{}ns", link.jitter.as_nanos())]);
    command.args(["--loss", &link.loss.to_string()]);
    command.args(link.rate.iter().flat_map(|rate| ["--rate".to_owned(), rate.to_string()]));
    command.args(link.queue.iter().flat_map(|queue| ["--queue".to_owned(), format!("{}B", queue.bytes())]));
    command
}

/// Its next line; an error where it ends before, or what it says is that it cannot be laid.
fn heard(end: &End, patience: Duration) -> Result<FromLink> {
    let deadline = Instant::now() + patience;
    loop {
        match end.hear()? {
            Heard::Line(line) => {
                let line = serde_json::from_str(&line).doing(format_args!("the link said `{line}`"))?;
                if let FromLink::Refused(trouble) = line {
                    return Err(trouble.into());
                }
                return Ok(line);
            }
            Heard::End => return Err(end.ended()),
            Heard::Nothing if Instant::now() > deadline => {
                return Err(Error::failed(format!("the link was silent for {} s", patience.as_secs())));
            }
            Heard::Nothing => {}
        }
    }
}

fn strange(line: &FromLink) -> Error {
    Error::stopped(format!("the link said {line:?} where something else was due"))
}
