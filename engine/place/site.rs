//! A place whose agent is reached, the ends that run there, and the window in which they are measured.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::place::agent::{Agent, Direct};
use crate::place::child::Heard;
use crate::place::clock::Clock;
use crate::place::contract::{Host, Place, Reach};
use crate::place::messages::{Answer, EndId, Found, Hello, Launch, Pace, Request, Window};
use crate::place::piped::Piped;
use crate::place::reached::agent;
use crate::place::trip::Trips;
use crate::results::machine::Interference;
use crate::stack::environment::Environment;

/// How often a few bytes go from one host to another and back.
const TRIPS: u32 = 20;

/// A place whose agent is reached; its clones are the same. When the last of them is dropped the agent ends.
#[derive(Clone)]
pub struct Site {
    agent: Rc<RefCell<dyn Agent>>,
    hello: Rc<Hello>,
    next: Rc<Cell<EndId>>,
    /// What else was printed there before the agent spoke.
    noise: Rc<str>,
    /// Its clock; of this very process none is needed.
    clock: Option<Rc<Cell<Clock>>>,
}

impl Site {
    /// Reaches the agent of a place that has one host; an error says why it cannot be reached, or does not speak as we do.
    pub fn reach(place: &dyn Place) -> Result<Self> {
        Self::reach_host(place, &Host::here(), &mut |_| {})
    }

    /// Reaches the agent of a host; `say` is told what takes long.
    pub fn reach_host(place: &dyn Place, host: &Host, say: &mut dyn FnMut(&str)) -> Result<Self> {
        let (agent, hello) = match place.reach(host)? {
            Reach::Directly => {
                let (agent, hello) = Direct::new()?;
                let (agent, hello) = (Rc::new(RefCell::new(agent)), Rc::new(hello));
                return Ok(Site { agent, hello, next: Rc::default(), noise: "".into(), clock: None });
            }
            Reach::By(command) => Piped::start(place.name(), command)?,
            Reach::Through(prefix) => agent(place, host, &prefix, say)?,
        };
        let noise = agent.noise().into();
        let (agent, hello) = (Rc::new(RefCell::new(agent)), Rc::new(hello));
        let site = Site { agent, hello, next: Rc::default(), noise, clock: Some(Rc::default()) };
        site.compare_clocks()?;
        Ok(site)
    }

    /// What else was printed there before the agent spoke.
    pub fn noise(&self) -> &str {
        &self.noise
    }

    /// Its clock, as it was compared with ours last.
    pub fn clock(&self) -> Clock {
        self.clock.as_ref().map(|clock| clock.get()).unwrap_or_default()
    }

    /// Compares its clock with ours, which takes forty round trips; by how much it has drifted since the last time, in
    /// nanoseconds.
    pub fn compare_clocks(&self) -> Result<u64> {
        let Some(known) = &self.clock else { return Ok(0) };
        let clock = Clock::compare(|| match self.ask(Request::Clock {})? {
            Answer::Clock { now_ns } => Ok(now_ns),
            other => Err(unexpected(&other)),
        })?;
        Ok(clock.drift_ns(&known.replace(clock)))
    }

    /// What was installed there of a kit, which may take minutes the first time.
    pub fn install(&self, kit: &str, offline: bool) -> Result<Environment> {
        match self.ask(Request::Install { kit: kit.to_owned(), offline })? {
            Answer::Installed(environment) => Ok(environment),
            other => Err(unexpected(&other)),
        }
    }

    /// How long a few bytes take from here to another host, which reaches itself at that address, and back.
    pub fn trips_to(&self, other: &Site, address: IpAddr) -> Result<Trips> {
        let port = match other.ask(Request::Echo { host: address })? {
            Answer::Echo { port } => port,
            other => return Err(unexpected(&other)),
        };
        match self.ask(Request::Go { address: SocketAddr::new(address, port), count: TRIPS })? {
            Answer::Went(trips) => Ok(trips),
            other => Err(unexpected(&other)),
        }
    }

    /// True where both are one place.
    pub fn is(&self, other: &Site) -> bool {
        Rc::ptr_eq(&self.hello, &other.hello)
    }

    /// Who is there.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Starts a process there, whatever number it was given.
    pub fn launch(&self, launch: Launch) -> Result<End> {
        let id = self.next.get();
        self.next.set(id + 1);
        let what = launch.what.clone();
        self.done(Request::Launch(Launch { end: id, ..launch }))?;
        Ok(End { site: self.clone(), id, what, over: false })
    }

    /// Finds a server there that runs already; the words of its command line, or why it is not found.
    pub fn find(&self, found: Found) -> Result<(End, Result<Vec<String>>)> {
        let id = self.next.get();
        self.next.set(id + 1);
        let what = format!("the server at {}", found.address);
        match self.ask(Request::Find(Found { end: id, ..found }))? {
            Answer::Owner { command, why } => Ok((
                End { site: self.clone(), id, what, over: false },
                why.map_or(Ok(command), |why| Err(Error::failed(why))),
            )),
            other => Err(unexpected(&other)),
        }
    }

    /// Begins a window: what each end there spends is counted from now on.
    pub fn begin(&self) -> Result<Counting> {
        self.done(Request::Begin {})?;
        Ok(Counting(self.clone()))
    }

    /// From now on it looks at who else uses the cores of the two ends; `run` has the other agents of the run that it sees.
    pub fn look_at_neighbours(&self, ends: [Vec<usize>; 2], run: Vec<i32>) -> Result<()> {
        self.done(Request::Neighbours { ends, run })
    }

    /// Looks at the machine, and says when that was; `first` forgets what was seen long before.
    pub fn moment(&self, first: bool) -> Result<u64> {
        match self.ask(Request::Moment { first })? {
            Answer::Moment { moment_ns } => Ok(moment_ns),
            other => Err(unexpected(&other)),
        }
    }

    /// What others have used of the cores of both ends since a moment, where it is known.
    pub fn since(&self, moment_ns: u64) -> Result<Option<Interference>> {
        match self.ask(Request::Since { moment_ns })? {
            Answer::Interference(interference) => Ok(interference),
            other => Err(unexpected(&other)),
        }
    }

    /// What is worth a line before a run begins.
    pub fn warning(&self) -> Result<Option<String>> {
        match self.ask(Request::Warning {})? {
            Answer::Warning(warning) => Ok(warning),
            other => Err(unexpected(&other)),
        }
    }

    /// How quick the machine itself is between two of its cores, where it can be measured.
    pub fn yardstick(&self, server: usize, client: usize) -> Result<Option<Pace>> {
        match self.ask(Request::Yardstick { server, client })? {
            Answer::Yardstick(pace) => Ok(pace),
            other => Err(unexpected(&other)),
        }
    }

    fn ask(&self, request: Request) -> Result<Answer> {
        match self.agent.borrow_mut().ask(request)? {
            Answer::Failed(trouble) => Err(trouble.into()),
            answer => Ok(answer),
        }
    }

    fn done(&self, request: Request) -> Result<()> {
        match self.ask(request)? {
            Answer::Done {} => Ok(()),
            other => Err(unexpected(&other)),
        }
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Site({:?})", self.hello)
    }
}

fn unexpected(answer: &Answer) -> Error {
    Error::stopped(format!("the agent answered something else than was asked: {answer:?}"))
}

/// A window that is under way.
#[derive(Debug)]
pub struct Counting(Site);

impl Counting {
    /// The window has ended: what was seen in it.
    pub fn end(self) -> Result<Window> {
        match self.0.ask(Request::End {})? {
            Answer::Window(window) => Ok(*window),
            other => Err(unexpected(&other)),
        }
    }
}

/// A process that runs at a place; dropping it kills it and all that it started.
#[derive(Debug)]
pub struct End {
    site: Site,
    id: EndId,
    what: String,
    over: bool,
}

impl End {
    /// The number by which its agent knows it.
    pub fn id(&self) -> EndId {
        self.id
    }

    /// Where it runs.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Says one line to it.
    pub fn tell(&self, line: impl Into<String>) -> Result<()> {
        self.site.done(Request::Tell { end: self.id, line: line.into() })
    }

    /// Waits for its next line, for one tick at most.
    pub fn hear(&self) -> Result<Heard> {
        self.site.agent.borrow_mut().hear(self.id)
    }

    /// True while it runs.
    pub fn alive(&self) -> Result<bool> {
        match self.site.ask(Request::Alive { end: self.id })? {
            Answer::Alive { alive } => Ok(alive),
            other => Err(unexpected(&other)),
        }
    }

    /// The error that says how it ended, with the end of what it wrote to stderr.
    pub fn ended(&self) -> Error {
        match self.site.ask(Request::How { end: self.id }) {
            Ok(Answer::Ended { how, wrote: None }) => Error::failed(how),
            Ok(Answer::Ended { how, wrote: Some(wrote) }) => Error::failed(how).wrote(wrote),
            Ok(other) => unexpected(&other),
            Err(error) => error.context(format_args!("nobody can tell how {} ended", self.what)),
        }
    }

    /// It is up, and nobody has called it yet: from here on is counted what its clients add.
    pub fn idle(&self) -> Result<()> {
        self.site.done(Request::Idle { end: self.id })
    }

    /// About a second of the window has passed: its observers look.
    pub fn look(&self) -> Result<()> {
        self.site.done(Request::Look { end: self.id })
    }

    /// Its processes are stopped on purpose, after so long and for that length.
    pub fn stall(&self, after: Duration, length: Duration) -> Result<()> {
        let [after_ns, length_ns] = [after, length].map(|time| time.as_nanos() as u64);
        self.site.done(Request::Stall { end: self.id, after_ns, length_ns })
    }

    /// Its living processes, and how many sockets each holds.
    pub fn sockets(&self) -> Result<BTreeMap<i32, usize>> {
        match self.site.ask(Request::Sockets { end: self.id })? {
            Answer::Sockets(sockets) => Ok(sockets),
            other => Err(unexpected(&other)),
        }
    }

    /// Tells it to stop by closing its stdin, and waits until it is gone; an error where it does not end as it should.
    pub fn stop(mut self) -> Result<()> {
        self.over = true;
        self.site.done(Request::Stop { end: self.id })
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if !self.over {
            // An agent that is gone has taken it along.
            let _ = self.site.ask(Request::Kill { end: self.id });
        }
    }
}
