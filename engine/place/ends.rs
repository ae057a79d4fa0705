//! The ends that an agent has started, and what it does for each request.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{Pid, gethostname, getpid};

use crate::drive::clock::now_ns;
use crate::error::{Error, Result};
use crate::place::child::{Child, Heard, Kind};
use crate::place::disturbance::{Stalling, stall};
use crate::place::link::namespaces::enter;
use crate::place::listener::{holders, is_here, listening};
use crate::place::manifest::machine;
use crate::place::messages::{Answer, EndId, Found, Hello, Launch, Request, VERSION, Window};
use crate::place::neighbours::{Neighbours, tree};
use crate::place::observer::OBSERVERS;
use crate::place::observer::contract::Members;
use crate::place::observer::watched::Watched;
use crate::place::pinning::{cores, hold};
use crate::place::processes::{Stat, command, sockets};
use crate::place::steal::Ticks;
use crate::place::trip::{echo, go};
use crate::place::yardstick::measure;
use crate::server::ballast::available;
use crate::stack::STACKS;
use crate::stack::driver::DRIVERS;
use crate::stack::environment::Environment;
use crate::transport::address::Address;
use crate::transport::contract::Family;
use crate::transport::descriptors;
use crate::transport::ports::Ports;

/// All that runs at one place; dropping it ends all of it.
#[derive(Debug)]
pub struct Ends {
    ends: BTreeMap<EndId, End>,
    neighbours: Neighbours,
    begun: Instant,
    window: Option<Open>,
    stalling: Option<Stalling>,
}

#[derive(Debug)]
struct End {
    process: Process,
    watched: Watched,
}

/// How an end came to be here.
#[derive(Debug)]
enum Process {
    /// It was started.
    Started(Child),
    /// It ran already; it is only watched, as far as it was found.
    Found {
        /// What it is called in messages.
        what: String,
        /// Whether its processes are known.
        known: bool,
    },
}

/// A window that is under way.
#[derive(Debug)]
struct Open {
    moment: Instant,
    ticks: Option<Ticks>,
}

impl Default for Ends {
    fn default() -> Self {
        Ends {
            ends: BTreeMap::new(),
            neighbours: Neighbours::unseen(),
            begun: Instant::now(),
            window: None,
            stalling: None,
        }
    }
}

impl End {
    /// True while it runs, as far as that is known.
    fn alive(&mut self) -> bool {
        match &mut self.process {
            Process::Started(child) => child.alive(),
            Process::Found { known, .. } => !*known || self.watched.members().living().next().is_some(),
        }
    }

    /// The error that says how it ended.
    fn ended(&mut self) -> Error {
        match &mut self.process {
            Process::Started(child) => child.ended(),
            Process::Found { what, .. } => Error::failed(format!("{what} has ended while it was measured")),
        }
    }
}

impl Found {
    /// The processes that hold the socket on which it is dialled, those that started the others only; or why none is
    /// found.
    fn owners(&self) -> Result<Vec<Pid>> {
        let address: Address = self.address.parse()?;
        let family = match address.ip() {
            Some(_) if self.udp => Family::Udp,
            Some(_) => Family::Tcp,
            None => Family::Unix,
        };
        let there: BTreeSet<u64> = listening(getpid(), family)
            .iter()
            .filter(|socket| socket.takes(&address))
            .map(|socket| socket.inode)
            .collect();
        let here = address.ip().is_none_or(|address| is_here(address.ip()));
        if !here {
            return Err(Error::failed(format!("the server at {} runs on another machine", self.address)));
        }
        let holders = holders(&there);
        if holders.is_empty() {
            return Err(Error::failed(format!("no process that this user may look at listens on {}", self.address)));
        }
        let started = |pid: &Pid| Stat::of(*pid).is_some_and(|stat| holders.contains(&Pid::from_raw(stat.parent)));
        Ok(holders.iter().copied().filter(|pid| !started(pid)).collect())
    }
}

/// Installs the kit of that name, until nobody waits for it any more.
fn install(name: &str, offline: bool) -> Result<Environment> {
    let of_stacks = STACKS.iter().filter_map(|stack| stack.kit());
    let mut kits = of_stacks.chain(DRIVERS.iter().filter_map(|driver| driver.kit()));
    let kit = kits.find(|kit| kit.name() == name).ok_or_else(|| Error::failed(format!("there is no kit `{name}`")))?;
    let stdin = std::io::stdin();
    let left = || {
        let mut waiting = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        poll(&mut waiting, PollTimeout::ZERO).is_ok()
            && waiting[0].revents().is_some_and(|seen| seen.intersects(PollFlags::POLLHUP | PollFlags::POLLERR))
    };
    kit.ready(offline, &mut |_| {}, &left)
}

impl Ends {
    /// Who this agent is.
    pub fn hello() -> Result<Hello> {
        let engine = env!("CARGO_PKG_VERSION").to_owned();
        // Of the words that sshd leaves there the third is the address that was dialled (ssh(1)).
        let dialled = std::env::var("SSH_CONNECTION").unwrap_or_default();
        Ok(Hello {
            version: VERSION,
            engine,
            cores: cores()?,
            machine: machine(),
            host: gethostname().unwrap_or_default().to_string_lossy().into_owned(),
            addresses: dialled.split_ascii_whitespace().nth(2).map(str::to_owned).into_iter().collect(),
            descriptors: descriptors::most(),
            memory: available(),
            ports: Ports::of_this_machine(),
            now_ns: now_ns(),
            tree: tree(),
            ..Hello::default()
        })
    }

    /// Does what is asked; what cannot be done is an answer too.
    pub fn answer(&mut self, request: Request) -> Answer {
        self.handle(request).unwrap_or_else(|error| Answer::Failed((&error).into()))
    }

    /// Waits for the next line of an end, for so long at most.
    pub fn hear(&mut self, end: EndId, time: Duration) -> Result<Heard> {
        match &mut self.end(end)?.process {
            Process::Started(child) => child.hear_within(time),
            Process::Found { .. } => Ok(Heard::Nothing),
        }
    }

    /// The stdout of each end.
    pub fn stdouts(&self) -> Vec<(EndId, BorrowedFd<'_>)> {
        let started = self.ends.iter().filter_map(|(id, end)| match &end.process {
            Process::Started(child) => Some((*id, child.stdout())),
            Process::Found { .. } => None,
        });
        started.collect()
    }

    /// The process of an end that was started here.
    fn child(&mut self, id: EndId) -> Result<&mut Child> {
        match &mut self.end(id)?.process {
            Process::Started(child) => Ok(child),
            Process::Found { what, .. } => Err(Error::stopped(format!("{what} ran already, and is not ours to tell"))),
        }
    }

    fn end(&mut self, id: EndId) -> Result<&mut End> {
        self.ends.get_mut(&id).ok_or_else(|| Error::stopped(format!("no end has the number {id} here")))
    }

    fn handle(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Launch(launch) => self.launch(&launch)?,
            Request::Find(found) => return Ok(self.find(&found)),
            Request::Tell { end, line } => self.child(end)?.tell(&line)?,
            Request::Alive { end } => return Ok(Answer::Alive { alive: self.end(end)?.alive() }),
            Request::How { end } => {
                let error = self.end(end)?.ended();
                return Ok(Answer::Ended { how: error.message().to_owned(), wrote: error.output().map(str::to_owned) });
            }
            Request::Sockets { end } => return Ok(Answer::Sockets(sockets(self.child(end)?.pid()))),
            Request::Idle { end } => self.end(end)?.watched.idle(),
            Request::Begin {} => self.begin(),
            Request::Stall { end, after_ns, length_ns } => {
                let group = self.child(end)?.pid();
                let [after, length] = [after_ns, length_ns].map(Duration::from_nanos);
                self.stalling = Some(stall(group, after, length));
            }
            Request::Look { end } => self.end(end)?.watched.look(),
            Request::End {} => return Ok(Answer::Window(Box::new(self.finish()?))),
            Request::Stop { end } => {
                self.end(end)?;
                if let Some(End { process: Process::Started(child), .. }) = self.ends.remove(&end) {
                    child.stop()?;
                }
            }
            Request::Kill { end } => drop(self.ends.remove(&end)),
            Request::Neighbours { ends, run } => {
                self.neighbours = Neighbours::of(ends);
                self.neighbours.spare(&run, &[]);
            }
            Request::Moment { first } => {
                let moment = if first { self.neighbours.begin() } else { self.neighbours.look() };
                return Ok(Answer::Moment { moment_ns: moment.duration_since(self.begun).as_nanos() as u64 });
            }
            Request::Since { moment_ns } => {
                let moment = self.begun + Duration::from_nanos(moment_ns);
                return Ok(Answer::Interference(self.neighbours.since(moment)));
            }
            Request::Warning {} => return Ok(Answer::Warning(self.neighbours.warning())),
            Request::Yardstick { server, client } => return Ok(Answer::Yardstick(measure(server, client))),
            Request::Beat {} => {}
            Request::Install { kit, offline } => return Ok(Answer::Installed(install(&kit, offline)?)),
            Request::Clock {} => return Ok(Answer::Clock { now_ns: now_ns() }),
            Request::Echo { host } => return Ok(Answer::Echo { port: echo(host)? }),
            Request::Go { address, count } => return Ok(Answer::Went(go(address, count)?)),
        }
        Ok(Answer::Done {})
    }

    fn launch(&mut self, launch: &Launch) -> Result<()> {
        if self.ends.contains_key(&launch.end) {
            return Err(Error::stopped(format!("there is an end with the number {} already", launch.end)));
        }
        let mut command = launch.command();
        hold(&mut command, &launch.cores)?;
        if let Some(inside) = &launch.inside {
            enter(&mut command, inside)?;
        }
        let kind = if launch.keeper { Kind::Keeper } else { Kind::Ours };
        let child = Child::start_as(kind, &launch.what, command)?;
        let leader = child.pid();
        let members = if launch.keeper { Members::Kept(leader) } else { Members::Group(leader) };
        let watched = Watched::attach_to(members, leader, OBSERVERS, &launch.observe).with(&launch.with);
        self.neighbours.spare(&[], &launch.with);
        self.ends.insert(launch.end, End { process: Process::Started(child), watched });
        Ok(())
    }

    /// Finds who serves at an address, and watches all processes that hold its socket, with what they start.
    fn find(&mut self, found: &Found) -> Answer {
        let (pids, why) = match found.owners() {
            Ok(pids) => (pids, None),
            Err(error) => (Vec::new(), Some(error.message().to_owned())),
        };
        let watched = match (pids.first(), &why) {
            (Some(first), _) => Watched::attach_to(Members::Trees(pids.clone()), *first, OBSERVERS, &found.observe),
            (None, why) => Watched::nobody(OBSERVERS, why.as_deref().unwrap_or_default()),
        };
        let ours: Vec<i32> = pids.iter().map(|pid| pid.as_raw()).collect();
        self.neighbours.spare(&ours, &found.with);
        let process = Process::Found { what: format!("the server at {}", found.address), known: !pids.is_empty() };
        self.ends.insert(found.end, End { process, watched: watched.with(&found.with) });
        Answer::Owner { command: ours.first().map(|pid| command(*pid)).unwrap_or_default(), why }
    }

    fn begin(&mut self) {
        let moment = self.neighbours.look();
        self.ends.values_mut().for_each(|end| end.watched.begin());
        self.window = Some(Open { moment, ticks: Ticks::now() });
    }

    fn finish(&mut self) -> Result<Window> {
        let open = self.window.take().ok_or_else(|| Error::stopped("no window has begun that could end"))?;
        let ends = self.ends.iter_mut().map(|(id, end)| (*id, end.watched.end())).collect();
        let stolen = open.ticks.and_then(|before| Ticks::now()?.stolen_since(&before));
        let interference = self.neighbours.since(open.moment);
        Ok(Window { ends, stolen, interference, stalled: self.stalling.take().map(Stalling::over) })
    }
}
