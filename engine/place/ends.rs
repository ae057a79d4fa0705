//! The ends that an agent has started, and what it does for each request.

use std::collections::BTreeMap;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::place::child::{Child, Heard};
use crate::place::disturbance::{Stalling, stall};
use crate::place::manifest::machine;
use crate::place::messages::{Answer, EndId, Hello, Launch, Request, VERSION, Window};
use crate::place::neighbours::Neighbours;
use crate::place::observer::OBSERVERS;
use crate::place::observer::watched::Watched;
use crate::place::pinning::{cores, hold};
use crate::place::processes::sockets;
use crate::place::steal::Ticks;
use crate::place::yardstick::measure;

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
    child: Child,
    watched: Watched,
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

impl Ends {
    /// Who this agent is.
    pub fn hello() -> Result<Hello> {
        let engine = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Hello { version: VERSION, engine, cores: cores()?, machine: machine() })
    }

    /// Does what is asked; what cannot be done is an answer too.
    pub fn answer(&mut self, request: Request) -> Answer {
        self.handle(request).unwrap_or_else(|error| Answer::Failed((&error).into()))
    }

    /// Waits for the next line of an end, for so long at most.
    pub fn hear(&mut self, end: EndId, time: Duration) -> Result<Heard> {
        self.end(end)?.child.hear_within(time)
    }

    /// The stdout of each end.
    pub fn stdouts(&self) -> Vec<(EndId, BorrowedFd<'_>)> {
        self.ends.iter().map(|(id, end)| (*id, end.child.stdout())).collect()
    }

    fn end(&mut self, id: EndId) -> Result<&mut End> {
        self.ends.get_mut(&id).ok_or_else(|| Error::stopped(format!("no end has the number {id} here")))
    }

    fn handle(&mut self, request: Request) -> Result<Answer> {
        match request {
            Request::Launch(launch) => self.launch(&launch)?,
            Request::Tell { end, line } => self.end(end)?.child.tell(&line)?,
            Request::Alive { end } => return Ok(Answer::Alive { alive: self.end(end)?.child.alive() }),
            Request::How { end } => {
                return Ok(Answer::Ended { how: self.end(end)?.child.ended().message().to_owned() });
            }
            Request::Sockets { end } => return Ok(Answer::Sockets(sockets(self.end(end)?.child.pid()))),
            Request::Idle { end } => self.end(end)?.watched.idle(),
            Request::Begin {} => self.begin(),
            Request::Stall { end, after_ns, length_ns } => {
                let group = self.end(end)?.child.pid();
                let [after, length] = [after_ns, length_ns].map(Duration::from_nanos);
                self.stalling = Some(stall(group, after, length));
            }
            Request::Look { end } => self.end(end)?.watched.look(),
            Request::End {} => return Ok(Answer::Window(Box::new(self.finish()?))),
            Request::Stop { end } => {
                self.end(end)?;
                if let Some(end) = self.ends.remove(&end) {
                    end.child.stop()?;
                }
            }
            Request::Kill { end } => drop(self.ends.remove(&end)),
            Request::Neighbours { ends } => self.neighbours = Neighbours::of(ends),
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
        }
        Ok(Answer::Done {})
    }

    fn launch(&mut self, launch: &Launch) -> Result<()> {
        if self.ends.contains_key(&launch.end) {
            return Err(Error::stopped(format!("there is an end with the number {} already", launch.end)));
        }
        let mut command = launch.command();
        hold(&mut command, &launch.cores)?;
        let child = Child::start(&launch.what, command)?;
        let watched = Watched::attach(child.pid(), OBSERVERS, &launch.observe);
        self.ends.insert(launch.end, End { child, watched });
        Ok(())
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
