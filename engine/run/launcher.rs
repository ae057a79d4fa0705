//! Which process is launched for each end of a cell.

use std::cell::{Cell as Counter, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

use crate::call::SplitMix;
use crate::call::own::{Column, Each, RowOrder, Table};
use crate::error::{Context, Error, Result};
use crate::figures::counted;
use crate::key::link::properties::Link;
use crate::place::disturbance::{Disturbance, Side, Stall};
use crate::place::kept::{Keep, ToKeeper};
use crate::place::link::laid::Laid;
use crate::place::messages::{Found, Launch};
use crate::place::observer;
use crate::place::pinning::Pinning;
use crate::place::site::{End, Site};
use crate::plan::Cell;
use crate::run::hosts::{Hosts, Standing};
use crate::run::interrupt::interrupted;
use crate::run::windows::Moments;
use crate::stack::contract::{Kit, Wanted};
use crate::stack::environment::Environment;
use crate::stack::native::ENGINE;
use crate::stack::own::{FROM_ENV, Own, Unset, options};
use crate::transport::congestion::permitted;
use crate::transport::contract::{Family, IoModel};
use crate::transport::options::{CONGESTION, encrypts};
use crate::transport::tls::Verification;

/// Knows how to launch both ends, and installs what is not ours when it is first needed.
#[derive(Debug)]
pub struct Launcher {
    folder: PathBuf,
    offline: bool,
    hosts: Hosts,
    pinning: Pinning,
    disturbance: Disturbance,
    observe: Vec<String>,
    /// By the name of the kit, and the host on which it is installed.
    kits: BTreeMap<(&'static str, String), Result<Environment>>,
    /// What was launched once for all trials of a target, by its name, and where it listens.
    running: RefCell<BTreeMap<String, (Rc<End>, String)>>,
    /// Whether links can be laid here, where some cell needs one.
    links: Result<()>,
    /// How many links were laid, in all parts of a run that was resumed.
    laid: Counter<u64>,
}

impl Launcher {
    /// Launches on `hosts`, the user's own in `folder`. With `offline` nothing is downloaded; with `syscalls` also what slows the ends is observed.
    pub fn new(
        hosts: Hosts,
        folder: PathBuf,
        pinning: Pinning,
        disturbance: Disturbance,
        offline: bool,
        syscalls: bool,
    ) -> Self {
        Launcher {
            folder,
            offline,
            hosts,
            pinning,
            disturbance,
            observe: observer::names(syscalls),
            kits: BTreeMap::new(),
            running: RefCell::default(),
            links: Ok(()),
            laid: Counter::new(0),
        }
    }

    /// The machine that the run was started on.
    pub fn site(&self) -> &Site {
        &self.hosts.here().site
    }

    /// Where ends run.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Which cores each end of a cell runs on.
    pub fn pinning(&self, cell: &Cell) -> Result<Pinning> {
        self.hosts.pinning(cell, &self.pinning)
    }

    /// A moment on each host of a cell, from which it is looked at what others use there.
    pub fn begun(&self, cell: &Cell, first: bool) -> Result<Moments> {
        Moments::now(self.hosts.of_cell(cell)?.into_iter().map(|standing| &standing.site), first)
    }

    /// Who is stopped for a while, on purpose.
    pub fn stall(&self) -> Option<Stall> {
        self.disturbance.stall
    }

    /// Installs what the cells need; `say` is told what takes long, and once what cannot be had: each cell that needs
    /// it fails then.
    pub fn prepare(&mut self, cells: &[Cell], say: &mut dyn FnMut(&str)) {
        for (kit, standing) in cells.iter().flat_map(|cell| self.needed(cell)).collect::<Vec<_>>() {
            let key = key(kit, &standing);
            if self.kits.contains_key(&key) {
                continue;
            }
            let environment = if standing.is_here() {
                kit.ready(self.offline, say, &interrupted)
            } else {
                say(&format!(
                    "looking for the Python systems on {}, and installing them where they are not",
                    standing.host
                ));
                standing.site.install(kit.name(), self.offline).map_err(|error| error.context(&standing.host))
            };
            if let Some(error) = environment.as_ref().err().filter(|_| !interrupted()) {
                let needs =
                    |cell: &&Cell| self.needed(cell).iter().any(|(kit, standing)| self::key(*kit, standing) == key);
                let (needing, all) = (cells.iter().filter(needs).count(), counted(cells.len(), "cell", "cells"));
                say(&format!("warning: {needing} of {all} will fail: {error}"));
            }
            self.kits.insert(key, environment);
        }
        let over_links = cells.iter().filter(|cell| cell.link.is_some()).count();
        if over_links > 0 {
            self.links = Laid::lay(self.site(), &Link::named("tried"), 1, Vec::new()).map(drop);
            if let Some(error) = self.links.as_ref().err().filter(|_| !interrupted()) {
                let all = counted(cells.len(), "cell", "cells");
                say(&format!("warning: {over_links} of {all} will fail: {error}"));
            }
        }
    }

    /// Goes on behind `trials` that were taken before: no link of these is laid again, with the same packets lost.
    pub fn go_on(&mut self, trials: usize) {
        // Far more than are laid for one trial.
        self.laid.set((trials as u64) << 16);
    }

    /// What the cell needs and cannot have.
    pub fn lacks(&self, cell: &Cell) -> Option<Error> {
        let of_place =
            self.hosts.of_cell(cell).and_then(|_| self.pinning(cell)).and_then(|_| self.hosts.address(cell)).err();
        if let Some(error) = of_place.or_else(|| self.hosts.too_small(cell)) {
            return Some(error);
        }
        let needed = self.needed(cell);
        let of_kit = needed.iter().find_map(|(kit, standing)| self.kits.get(&key(*kit, standing))?.as_ref().err());
        let of_link = cell.link.as_ref().and_then(|_| self.links.as_ref().err());
        of_kit.or(of_link).cloned().or_else(|| {
            // What the kernel of another host permits is found when it is asked for.
            let here = cell.target.place.is_none() && cell.from.is_none();
            let over_tcp = here && cell.target.pairing.transport().family() == Family::Tcp;
            let congestion = cell.target.options.word(CONGESTION.name).filter(|_| over_tcp)?;
            permitted(congestion).err()
        })
    }

    /// The network between both ends of a cell, where it has one. Each is another draw of the same chance.
    pub fn lay(&self, cell: &Cell) -> Result<Option<Laid>> {
        let Some(link) = &cell.link else { return Ok(None) };
        let count = self.laid.replace(self.laid.get() + 1);
        let seed = SplitMix::new(cell.load.seed ^ count.rotate_right(16)).next();
        Laid::lay(self.site(), link, seed, self.pinning.of_relay()).map(Some)
    }

    /// What has to be installed for a cell, and where.
    fn needed(&self, cell: &Cell) -> Vec<(&'static dyn Kit, Rc<Standing>)> {
        let pairing = &cell.target.pairing;
        let of_stack =
            pairing.serving().model().and_then(|(_, stack)| stack.kit()).zip(self.hosts.server(cell).ok().cloned());
        let clients = self.hosts.clients(cell).unwrap_or_default();
        let of_driver = pairing.driver().kit().map(|kit| clients.iter().map(move |standing| (kit, standing.clone())));
        of_stack.into_iter().chain(of_driver.into_iter().flatten()).collect()
    }

    /// What was installed of a kit on a host, where one is needed.
    fn installed(&self, kit: Option<&dyn Kit>, standing: &Standing) -> Result<Option<&Environment>> {
        match kit.and_then(|kit| self.kits.get(&key(kit, standing))) {
            Some(Err(error)) => Err(error.clone()),
            Some(Ok(environment)) => Ok(Some(environment)),
            None => Ok(None),
        }
    }

    /// Starts the process that serves the cell and answers to `nonce`, on its side of the link where there is one.
    pub fn server(&self, cell: &Cell, nonce: &str, link: Option<&Laid>) -> Result<End> {
        let (pairing, load) = (&cell.target.pairing, &cell.load);
        let (standing, pinning) = (self.hosts.server(cell)?, self.pinning(cell)?);
        let callers = self.hosts.callers(cell)?;
        let wanted = Wanted {
            nonce,
            fill: Some((load.fill, load.seed)),
            timeout: load.timeout,
            options: &cell.target.options,
            host: self.listens(cell, link)?,
            only: &callers,
            cores: pinning.server.len(),
        };
        let (model, stack) =
            pairing.serving().model().ok_or_else(|| Error::stopped("a server of the user's own has no stack"))?;
        let kit = self.installed(stack.kit(), standing)?;
        let mut command = stack.command(kit, pairing.transport(), model, &wanted)?;
        // A selftest has targets of ours only.
        if let Some(fault) = self.disturbance.fault {
            command.args(["--fault", fault]);
        }
        let inside = link.map(|link| link.inside(Side::Server));
        let launch = Launch { cores: pinning.of_server(), inside, ..Launch::of(&command) };
        self.launch(standing, "the server", launch)
    }

    /// The address on which the server of a cell listens: its side of the link, where there is one, else where its clients
    /// reach its host.
    fn listens(&self, cell: &Cell, link: Option<&Laid>) -> Result<IpAddr> {
        link.map_or_else(|| self.hosts.address(cell), |link| Ok(link.address(Side::Server)))
    }

    /// Starts what launches the command of a target, keeps it and says when it listens.
    pub fn keep(&self, cell: &Cell, own: &Own, link: Option<&Laid>) -> Result<End> {
        let (standing, pinning) = (self.hosts.server(cell)?, self.pinning(cell)?);
        let keep = Keep {
            words: own.words(&variable).map_err(|unset| self.unset(cell, unset))?,
            env: own.environment(&variable).map_err(|unset| self.unset(cell, unset))?,
            // Elsewhere it is the folder of whoever logs in there.
            folder: if standing.is_here() { self.folder.clone() } else { ".".into() },
            host: self.listens(cell, link)?.to_string(),
            family: cell.target.pairing.transport().family(),
            within_ns: own.within.as_nanos() as u64,
        };
        let (cores, with) = (pinning.of_server(), own.with.clone());
        let launch = Launch {
            program: ENGINE.into(),
            args: vec!["keep".to_owned()],
            keeper: true,
            inside: link.map(|link| link.inside(Side::Server)),
            cores,
            with,
            ..Launch::default()
        };
        let end = self.launch(standing, "your command", launch)?;
        end.tell(serde_json::to_string(&ToKeeper::Keep(keep)).doing("cannot write to what keeps your command")?)?;
        Ok(end)
    }

    fn unset(&self, cell: &Cell, unset: Unset) -> Error {
        missing(&format!("target `{}`", cell.target.name), unset)
    }

    /// The variables of our environment that the calls of a cell name, as a table of one row.
    pub fn variables(&self, cell: &Cell) -> Result<Option<Table>> {
        let mut columns: Vec<Column> = Vec::new();
        for call in &cell.calls {
            for word in call.words() {
                let Some(name) = word.strip_prefix(FROM_ENV) else { continue };
                let asking = format!("call `{}`", call.name);
                let value = variable(name).ok_or_else(|| missing(&asking, Unset(name.to_owned())))?;
                // What is a line of its own in a header would be another header.
                if value.contains(['\r', '\n']) {
                    return Err(Error::failed(format!(
                        "the value of `{name}` has several lines, and {asking} sends it"
                    )));
                }
                if !columns.iter().any(|column| column.name == word) {
                    columns.push(Column { name: word.clone(), values: [value].into() });
                }
            }
        }
        Ok((!columns.is_empty()).then_some(Table { each: Each::Client, rows: RowOrder::File, columns }))
    }

    /// Finds the server of a target that runs already; the words of its command line, or why it cannot be observed.
    pub fn find(&self, cell: &Cell, own: &Own, address: &str) -> Result<(End, Result<Vec<String>>)> {
        self.site().find(Found {
            address: address.to_owned(),
            udp: cell.target.pairing.transport().family() == Family::Udp,
            observe: self.observe.clone(),
            with: own.with.clone(),
            ..Found::default()
        })
    }

    /// What was launched once for all trials of the target of that name, and where it listens; none where nothing was, or
    /// it has ended.
    pub fn running(&self, target: &str) -> Result<Option<(Rc<End>, String)>> {
        let mut running = self.running.borrow_mut();
        let Some((end, address)) = running.get(target).cloned() else { return Ok(None) };
        if end.alive()? {
            return Ok(Some((end, address)));
        }
        running.remove(target);
        Ok(None)
    }

    /// From now on it is there for all trials of its target.
    pub fn runs_on(&self, target: &str, end: Rc<End>, address: &str) {
        self.running.borrow_mut().insert(target.to_owned(), (end, address.to_owned()));
    }

    /// Ends what was launched once for all trials; the first that does not end as it should is told.
    pub fn finish(&self) -> Result<()> {
        let running = std::mem::take(&mut *self.running.borrow_mut());
        running.into_values().filter_map(|(end, _)| Rc::into_inner(end)).map(End::stop).fold(Ok(()), Result::and)
    }

    /// How clients know the own server of a cell in TLS, with the files that its options name.
    pub fn verification(&self, cell: &Cell) -> Result<Option<Verification>> {
        let options = &cell.target.options;
        let encrypted = encrypts(options) || matches!(cell.target.pairing.transport().io_model(), IoModel::Async(_));
        if !encrypted {
            return Ok(None);
        }
        let read = |name: &str| {
            let text = |file: &str| {
                std::fs::read_to_string(self.folder.join(file)).doing(format_args!("`{name}`: {file} cannot be read"))
            };
            options.word(name).map(text).transpose()
        };
        Ok(Some(Verification {
            roots: read(options::CA.name)?,
            certificate: read(options::CERT.name)?,
            key: read(options::KEY.name)?,
            name: options.word(options::SERVER_NAME.name).map(str::to_owned),
            insecure: options.flag(options::INSECURE.name, false),
        }))
    }

    /// Starts a process that makes calls of the cell on a host, `what` in messages; it chooses its cores itself, as it is told.
    pub fn drive(&self, cell: &Cell, standing: &Standing, link: Option<&Laid>, what: &str) -> Result<End> {
        let driver = cell.target.pairing.driver();
        let command = driver.command(self.installed(driver.kit(), standing)?)?;
        let inside = link.map(|link| link.inside(Side::Client));
        self.launch(standing, what, Launch { inside, ..Launch::of(&command) })
    }

    fn launch(&self, standing: &Standing, what: &str, launch: Launch) -> Result<End> {
        standing.site.launch(Launch { what: what.to_owned(), observe: self.observe.clone(), ..launch })
    }
}

/// By what it is known what was installed on a host.
fn key(kit: &dyn Kit, standing: &Standing) -> (&'static str, String) {
    (kit.name(), standing.host.to_string())
}

/// What to say where a variable is missing from which something takes a value.
fn missing(asking: &str, unset: Unset) -> Error {
    let help = format!("set it for this command: `{}=… engine run …`", unset.0);
    Error::failed(format!("{unset}, from which {asking} takes a value")).help(help).because(unset)
}

/// A variable of our environment.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
