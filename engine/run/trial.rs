//! One trial of one cell, from launch to teardown: what is launched is armed, then timed, then settled.

use std::time::{Duration, Instant};

use crate::drive::load::NEGOTIATED;
use crate::drive::messages::{FromDrive, Progress, ToDrive};
use crate::drive::setup_error::SetupError;
use crate::error::{Context, Error, Result};
use crate::key::load::{Extent, Load};
use crate::place::child::Heard;
use crate::place::disturbance::{Side, Stall};
use crate::place::link::judgement;
use crate::place::link::laid::Laid;
use crate::place::messages::Window;
use crate::place::site::End;
use crate::plan::Cell;
use crate::results::link::Carried;
use crate::results::machine::Interference;
use crate::results::{Cost, Hiccups, Measured, Spent, Stalled, State};
use crate::run::interrupt::interrupted;
use crate::run::launcher::Launcher;
use crate::run::serving::Serving;
use crate::transport::contract::Facts;

/// How long a client process may say nothing, or nothing new, beyond what its calls may take.
const SILENCE: Duration = Duration::from_secs(30);

/// What one trial brought.
#[derive(Debug)]
pub struct Trial {
    /// What the client process measured.
    pub measured: Measured,
    /// What each end spent between the barrier and the last reply.
    pub cost: Cost,
    /// What the server told about itself.
    pub facts: Facts,
    /// How one of its ends was stopped on purpose.
    pub stalled: Option<Stalled>,
    /// The share of the machine's time that its hypervisor gave to others, where it is known.
    pub stolen: Option<f64>,
    /// What others used of the cores of both ends, where it is known.
    pub interference: Option<Interference>,
    /// What the network between both ends carried, where one was laid.
    pub link: Option<Carried>,
    /// What speaks against that network, where something does.
    pub late: Option<(State, String)>,
}

/// Launches a fresh server and a client process, measures, and leaves nothing running.
pub fn measure(cell: &Cell, launcher: &Launcher, progress: &mut dyn FnMut(Progress)) -> Result<Trial> {
    let server = Serving::of(cell, launcher)?;
    let trial = ask(&server, &cell.load, launcher, progress)?;
    server.stop()?;
    Ok(trial)
}

/// Measures a server under `load`, by a client process of its own that is gone afterwards.
pub fn ask(
    server: &Serving<'_>,
    load: &Load,
    launcher: &Launcher,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trial> {
    server.arm(load, launcher)?.time(launcher.stall(), progress)?.settle()
}

impl<'a> Serving<'a> {
    /// Launches a client process and waits until all its clients are connected and warm.
    fn arm<'l>(&'l self, load: &'l Load, launcher: &Launcher) -> Result<Armed<'l>> {
        self.end.idle()?;
        let client = launcher.drive(self.cell, self.link.as_ref())?;
        let mut assignment = self.assignment(load);
        assignment.end.pin = launcher.pinning().of_client();
        tell(&client, &ToDrive::Assignment(Box::new(assignment)))?;
        let warming = load.warmup_time.unwrap_or_default();
        let arming = warming + self.within() + self.arming(load) + SILENCE;
        match self.await_line(&client, arming, &mut |_| Ok(()))? {
            FromDrive::Armed { .. } => Ok(Armed { server: self, load, client }),
            _ => Err(strange("armed")),
        }
    }

    /// How long it may take until every client has made the calls that it makes before anything is timed.
    fn arming(&self, load: &Load) -> Duration {
        let calls = load.warmup.saturating_mul(load.pass()).saturating_add(load.before.len() as u64 + 2);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let pauses = load.think.map_or(Duration::ZERO, |think| think.most);
        load.timeout.saturating_add(pauses).checked_mul(calls).unwrap_or(Duration::from_secs(1 << 30))
    }

    /// The next line of the client process that is not progress, which comes about once a second; an error where it
    /// fails, says for so long nothing but that no call has ended, or the server dies.
    fn await_line(
        &self,
        client: &End,
        silence: Duration,
        progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<FromDrive> {
        let (mut deadline, mut ended) = (Instant::now() + silence, 0);
        loop {
            match client.hear()? {
                Heard::Line(line) => match line.parse()? {
                    FromDrive::Progress(so_far) => {
                        progress(so_far)?;
                        if so_far.ended > ended {
                            (deadline, ended) = (Instant::now() + silence, so_far.ended);
                        }
                    }
                    FromDrive::Failed { .. } if !self.end.alive()? => return Err(self.end.ended()),
                    FromDrive::Failed { class, reason, lacks } => {
                        return Err(failed(SetupError { class, reason, lacks }));
                    }
                    line => return Ok(line),
                },
                Heard::End => return Err(client.ended()),
                Heard::Nothing if interrupted() => return Err(Error::failed("interrupted")),
                Heard::Nothing if !self.end.alive()? => return Err(self.end.ended()),
                Heard::Nothing if Instant::now() > deadline => {
                    return Err(Error::failed(format!(
                        "no call of the client process ended for {} s",
                        silence.as_secs()
                    )));
                }
                Heard::Nothing => {}
            }
        }
    }
}

/// Both ends are there, and every client is connected and warm.
struct Armed<'l> {
    server: &'l Serving<'l>,
    load: &'l Load,
    client: End,
}

impl<'l> Armed<'l> {
    /// Lets the load begin and waits until its last call is settled. What each end spends is counted in between.
    fn time(self, stall: Option<Stall>, progress: &mut dyn FnMut(Progress)) -> Result<Timed<'l>> {
        let Armed { server, load, client } = self;
        server.link.as_ref().map(Laid::begin).transpose()?;
        let counting = server.end.site().begin()?;
        tell(&client, &ToDrive::Go {})?;
        if let Some(stall) = stall {
            match stall.end {
                Side::Server => server.end.stall(stall.after, stall.length)?,
                Side::Client => client.stall(stall.after, stall.length)?,
            }
        }
        let silence = pause(load).saturating_add(load.timeout + load.drain + SILENCE);
        let mut second = |so_far| {
            progress(so_far);
            server.end.look()
        };
        match server.await_line(&client, silence, &mut second)? {
            FromDrive::Done { began_ns } => {
                let window = counting.end()?;
                let link = server.link.as_ref().map(Laid::end).transpose()?;
                Ok(Timed { server, load, client, window, link, began_ns })
            }
            _ => Err(strange("done")),
        }
    }
}

/// The last call is settled, and what each end spent is known.
struct Timed<'l> {
    server: &'l Serving<'l>,
    load: &'l Load,
    client: End,
    window: Window,
    link: Option<Carried>,
    began_ns: Option<u64>,
}

impl Timed<'_> {
    /// Has the client process say what it measured, and ends it.
    fn settle(self) -> Result<Trial> {
        let Timed { server, load, client, mut window, link, began_ns } = self;
        let survived = server.end.alive()?;
        tell(&client, &ToDrive::Report {})?;
        let FromDrive::Measured(measured) = server.await_line(&client, SILENCE, &mut |_| Ok(()))? else {
            return Err(strange("measured"));
        };
        if !survived {
            return Err(server.end.ended());
        }
        let [of_server, of_client] =
            [&server.end, &client].map(|end| window.ends.remove(&end.id()).unwrap_or_default());
        client.stop()?;
        let queued = of_server.queued_ns.zip(of_client.queued_ns);
        let run_queue_ns = queued.map(|(server, client)| server + client);
        let mut cost = Cost { server: of_server.spent, client: of_client.spent };
        // A client process of ours is one, and its threads do not come and go.
        (cost.client.most_processes, cost.client.most_threads) = (None, None);
        without_watching(&mut cost.client, measured.generator.hiccups.as_ref());
        let grown = of_server.grown_memory.filter(|_| !load.dials());
        cost.server.memory_per_client = grown.and_then(|grown| grown.checked_div(u64::from(load.clients)));
        if cost.server.memory_per_client.is_none() {
            let anew = load.dials();
            let why = if anew { "each call connects anew" } else { "this kernel does not tell it" };
            cost.server.missing.insert("memory_per_client".to_owned(), why.to_owned());
        }
        let mut facts = server.facts.clone();
        facts.extend(measured.facts.get(NEGOTIATED).map(|told| (NEGOTIATED.to_owned(), told.clone())));
        let stalled = window.stalled.map(|(from, until)| Stalled {
            from_ns: began_ns.map(|began| from.saturating_sub(began)),
            length_ns: until - from,
        });
        let interference = window.interference.map(|interference| Interference { run_queue_ns, ..interference });
        let laid = server.cell.link.as_ref().zip(link.as_ref());
        let late = laid.and_then(|(asked, carried)| judgement::judge(asked, carried));
        Ok(Trial { measured: *measured, cost, facts, stalled, stolen: window.stolen, interference, link, late })
    }
}

/// How long no call of a load may be due: all of a load that lasts for a time, else what clients pause, or the longest gap
/// between the calls of a rate.
fn pause(load: &Load) -> Duration {
    // A gap of Poisson arrivals is longer than so many mean ones once in 100,000,000.
    const GAPS: f64 = 20.0;
    let gap = load.rate.and_then(|rate| Duration::try_from_secs_f64(GAPS / rate).ok()).unwrap_or_default();
    let think = load.think.map_or(Duration::ZERO, |think| think.most);
    match load.extent() {
        Extent::Duration(time) => time,
        Extent::Iterations(_) => think.max(gap),
    }
}

/// Says one line to a client process.
fn tell(client: &End, line: &ToDrive) -> Result<()> {
    client.tell(serde_json::to_string(line).doing("cannot write to the client process")?)
}

fn strange(due: &str) -> Error {
    Error::failed(format!("the client process said something else where `{due}` was due"))
}

fn failed(failed: SetupError) -> Error {
    let error = Error::failed(failed.to_string());
    let error = match failed.lacks {
        Some(lack) => error.for_want_of(lack),
        None => error,
    };
    error.because(failed)
}

/// Takes off what a client process spent on watching itself, so that its calls are not charged for it.
fn without_watching(client: &mut Spent, hiccups: Option<&Hiccups>) {
    let watching = hiccups.and_then(|hiccups| hiccups.cpu_ns).unwrap_or(0);
    client.cpu_ns = client.cpu_ns.map(|cpu| cpu.saturating_sub(watching));
    // Each nap is one call of the kernel.
    let naps = hiccups.map_or(0, |hiccups| hiccups.naps);
    client.syscalls = client.syscalls.map(|calls| calls.saturating_sub(naps));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{pause, without_watching};
    use crate::key::load::{Load, Think};
    use crate::results::{Hiccups, Spent};

    #[test]
    fn a_load_may_pause_as_long_as_it_was_asked_to() {
        let calls = Load { iterations: Some(3), ..Load::default() };
        let seconds = Duration::from_secs;
        assert_eq!(pause(&calls), Duration::ZERO);
        assert_eq!(pause(&Load { rate: Some(0.1), ..calls.clone() }), seconds(200));
        let think = Some(Think { least: seconds(1), most: seconds(300) });
        assert_eq!(pause(&Load { think, ..calls }), seconds(300));
        assert_eq!(pause(&Load { duration: Some(seconds(60)), ..Load::default() }), seconds(60));
    }

    #[test]
    fn a_client_is_not_charged_for_watching_itself() {
        let charged = |cpu_ns, watching| {
            let mut spent = Spent { cpu_ns, ..Spent::default() };
            without_watching(&mut spent, Some(&Hiccups { cpu_ns: watching, ..Hiccups::default() }));
            spent.cpu_ns
        };
        assert_eq!(charged(Some(1_000), Some(300)), Some(700));
        assert_eq!([charged(Some(1_000), None), charged(Some(200), Some(300))], [Some(1_000), Some(0)]);
        assert_eq!(charged(None, Some(300)), None);
        let mut spent = Spent { syscalls: Some(1_000), ..Spent::default() };
        without_watching(&mut spent, Some(&Hiccups { naps: 400, ..Hiccups::default() }));
        assert_eq!(spent.syscalls, Some(600));
    }
}
