//! One trial of one cell, from launch to teardown: what is launched is armed, then timed, then settled.
//!
//! Several client processes may share the load, on several hosts too; all begin at an agreed moment, and one that fails
//! fails the trial.

use std::time::{Duration, Instant};

use crate::drive::clock::now_ns;
use crate::drive::load::NEGOTIATED;
use crate::drive::merged::{Told, merged};
use crate::drive::messages::{FromDrive, Progress, ToDrive};
use crate::drive::setup_error::SetupError;
use crate::error::{Context, Error, Result};
use crate::key::load::{Extent, Load};
use crate::key::part::Part;
use crate::place::child::Heard;
use crate::place::disturbance::{Side, Stall};
use crate::place::link::judgement;
use crate::place::link::laid::Laid;
use crate::place::site::End;
use crate::plan::Cell;
use crate::results::host::Hosts;
use crate::results::link::Carried;
use crate::results::machine::Interference;
use crate::results::{ClientProcess, Cost, Hiccups, Measured, Spent, Stalled, State};
use crate::run::interrupt::interrupted;
use crate::run::launcher::Launcher;
use crate::run::serving::Serving;
use crate::run::windows::{Seen, Windows};
use crate::transport::contract::Facts;

/// How long a client process may say nothing, or nothing new, beyond what its calls may take.
const SILENCE: Duration = Duration::from_secs(30);
/// How long before several client processes begin they are told when.
const NOTICE: Duration = Duration::from_millis(60);
/// What each of several client processes that share a core has to send its first calls. The first to get the core may
/// otherwise keep it for a whole turn of the scheduler, 10 ms and more, since a fast server leaves it nothing to wait for.
const FIRST_CALLS: Duration = Duration::from_millis(1);

/// What one of several client processes brought.
#[derive(Debug)]
pub struct Driven {
    /// What it measured of its part of the load, and how late it began.
    pub told: Told,
    /// What it spent.
    pub spent: Spent,
    /// How many clients it had.
    pub clients: u32,
    /// The host that it ran on, where that is not here.
    pub host: Option<String>,
}

/// What one trial brought.
#[derive(Debug)]
pub struct Trial {
    /// What the client processes measured.
    pub measured: Measured,
    /// What each of them did, where there were several.
    pub processes: Vec<Driven>,
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
    /// Where its ends ran, where that was not all here.
    pub hosts: Option<Hosts>,
    /// What the network between both ends carried, where one was laid.
    pub link: Option<Carried>,
    /// What speaks against that network, where something does.
    pub late: Option<(State, String)>,
}

/// Launches a fresh server and its client processes, measures, and leaves nothing running.
pub fn measure(cell: &Cell, launcher: &Launcher, progress: &mut dyn FnMut(Progress)) -> Result<Trial> {
    let server = Serving::of(cell, launcher)?;
    let trial = ask(&server, &cell.load, launcher, progress)?;
    server.stop()?;
    Ok(trial)
}

/// Measures a server under `load`, by client processes of its own that are gone afterwards.
pub fn ask(
    server: &Serving<'_>,
    load: &Load,
    launcher: &Launcher,
    progress: &mut dyn FnMut(Progress),
) -> Result<Trial> {
    launcher.hosts().before(server.cell)?;
    let trial = server.arm(load, launcher)?.time(launcher.stall(), progress)?.settle()?;
    Ok(Trial { hosts: launcher.hosts().after(server.cell)?, ..trial })
}

impl<'a> Serving<'a> {
    /// Launches the client processes and waits until all their clients are connected and warm.
    fn arm<'l>(&'l self, load: &'l Load, launcher: &Launcher) -> Result<Armed<'l>> {
        self.end.idle()?;
        let hosts = launcher.hosts().clients(self.cell)?;
        let parts = load.on(hosts.len() as u32).parts();
        // In the order of the hosts, to each as many.
        let on_each = parts.len().div_ceil(hosts.len().max(1));
        let mut drivers = Vec::with_capacity(parts.len());
        for (index, (own, part)) in parts.iter().enumerate() {
            let standing =
                hosts.get(index / on_each).ok_or_else(|| Error::stopped("a client process without a host"))?;
            let on = if standing.is_here() { String::new() } else { format!(" on {}", standing.host) };
            let what = match part {
                Some(Part { index, of, .. }) => format!("client process {} of {of}{on}", index + 1),
                None => format!("the client process{on}"),
            };
            let end = launcher.drive(self.cell, standing, self.link.as_ref(), &what)?;
            let mut assignment = self.assignment(own).as_part(*part);
            assignment.end.pin = self.pinning.of_client(index % on_each, on_each);
            assignment.end.gives_way = FIRST_CALLS * (self.pinning.on_a_core(on_each) as u32).saturating_sub(1);
            tell(&end, &ToDrive::Assignment(Box::new(assignment)))?;
            let host = (!standing.is_here()).then(|| standing.host.name.clone());
            let alone = part.is_none() && host.is_none();
            drivers.push(Driving { end, what, host, clients: own.clients, alone });
        }
        let warming = load.warmup_time.unwrap_or_default();
        let arming = warming + self.within() + self.arming(load) + SILENCE;
        let armed = self.await_lines(&drivers, arming, &mut |_| Ok(()))?;
        if armed.iter().all(|line| matches!(line, FromDrive::Armed { .. })) {
            Ok(Armed { server: self, load, drivers })
        } else {
            Err(strange("armed"))
        }
    }

    /// How long it may take until every client has made the calls that it makes before anything is timed.
    fn arming(&self, load: &Load) -> Duration {
        let calls = load.warmup.saturating_mul(load.pass()).saturating_add(load.before.len() as u64 + 2);
        let calls = u32::try_from(calls).unwrap_or(u32::MAX);
        let pauses = load.think.map_or(Duration::ZERO, |think| think.most);
        load.timeout.saturating_add(pauses).checked_mul(calls).unwrap_or(Duration::from_secs(1 << 30))
    }

    /// The next line of each client process that is not progress, which comes about once a second; an error where one
    /// fails, says for so long nothing but that no call has ended, or the server dies.
    fn await_lines(
        &self,
        drivers: &[Driving],
        silence: Duration,
        progress: &mut dyn FnMut(Progress) -> Result<()>,
    ) -> Result<Vec<FromDrive>> {
        let mut lines: Vec<Option<FromDrive>> = vec![None; drivers.len()];
        let mut deadlines = vec![Instant::now() + silence; drivers.len()];
        let mut so_far = vec![Progress::default(); drivers.len()];
        while let Some(first) = lines.iter().position(Option::is_none) {
            for (at, driver) in drivers.iter().enumerate().skip(first) {
                if lines[at].is_some() {
                    continue;
                }
                match driver.end.hear()? {
                    Heard::Line(line) => match line.parse().map_err(|error| driver.named(error))? {
                        FromDrive::Progress(own) => {
                            if own.ended > so_far[at].ended {
                                deadlines[at] = Instant::now() + silence;
                            }
                            so_far[at] = own;
                            // Each tells it about once a second, and one of them gives the beat.
                            if at == first {
                                progress(together(&so_far))?;
                            }
                        }
                        FromDrive::Failed { .. } if !self.end.alive()? => return Err(self.end.ended()),
                        FromDrive::Failed { class, reason, lacks } => {
                            return Err(driver.named(failed(SetupError { class, reason, lacks })));
                        }
                        line => lines[at] = Some(line),
                    },
                    Heard::End => return Err(driver.end.ended()),
                    Heard::Nothing if interrupted() => return Err(Error::failed("interrupted")),
                    Heard::Nothing if !self.end.alive()? => return Err(self.end.ended()),
                    Heard::Nothing if Instant::now() > deadlines[at] => {
                        let silence = silence.as_secs();
                        return Err(Error::failed(format!("no call of {} ended for {silence} s", driver.what)));
                    }
                    Heard::Nothing => {}
                }
            }
        }
        Ok(lines.into_iter().flatten().collect())
    }
}

/// One of the client processes of a trial.
#[derive(Debug)]
struct Driving {
    end: End,
    /// What it is called in messages.
    what: String,
    /// The host that it runs on, where that is not here.
    host: Option<String>,
    /// How many clients it has.
    clients: u32,
    /// True where it makes the whole load.
    alone: bool,
}

impl Driving {
    /// The error with whose it is, where it could be another's.
    fn named(&self, error: Error) -> Error {
        if self.alone { error } else { error.context(&self.what) }
    }
}

/// How far all have come; of times the longest.
fn together(parts: &[Progress]) -> Progress {
    let most = |of: fn(&Progress) -> Option<u64>| parts.iter().filter_map(of).max();
    Progress {
        ended: parts.iter().map(|part| part.ended).sum(),
        p50_ns: most(|part| part.p50_ns),
        p99_ns: most(|part| part.p99_ns),
    }
}

/// Both ends are there, and every client is connected and warm.
struct Armed<'l> {
    server: &'l Serving<'l>,
    load: &'l Load,
    drivers: Vec<Driving>,
}

impl<'l> Armed<'l> {
    /// Lets the load begin and waits until its last call is settled. What each end spends is counted in between.
    fn time(self, stall: Option<Stall>, progress: &mut dyn FnMut(Progress)) -> Result<Timed<'l>> {
        let Armed { server, load, drivers } = self;
        server.link.as_ref().map(Laid::begin).transpose()?;
        let windows = Windows::begin([&*server.end].into_iter().chain(drivers.iter().map(|driver| &driver.end)))?;
        let clock = |driver: &Driving| driver.end.site().clock();
        // None is told later than it is to begin.
        let longest = drivers.iter().map(|driver| clock(driver).longest_ns).max().unwrap_or(0);
        let notice = NOTICE.max(Duration::from_nanos(longest.saturating_mul(5)));
        let agreed_ns = (drivers.len() > 1).then(|| now_ns() + notice.as_nanos() as u64);
        drivers.iter().try_for_each(|driver| {
            let at_ns = agreed_ns.map(|at| clock(driver).there(at));
            tell(&driver.end, &ToDrive::Go { at_ns })
        })?;
        if let Some(stall) = stall {
            match stall.end {
                Side::Server => server.end.stall(stall.after, stall.length)?,
                // Where there are several, one of them.
                Side::Client => drivers[0].end.stall(stall.after, stall.length)?,
            }
        }
        let silence = pause(load).saturating_add(notice + load.timeout + load.drain + SILENCE);
        let mut second = |so_far| {
            progress(so_far);
            server.end.look()
        };
        let done = server.await_lines(&drivers, silence, &mut second)?;
        let seen = windows.end()?;
        let link = server.link.as_ref().map(Laid::end).transpose()?;
        let began_ns = done.into_iter().zip(&drivers).map(|(line, driver)| match line {
            FromDrive::Done { began_ns } => Ok(began_ns.map(|began| clock(driver).here(began))),
            _ => Err(strange("done")),
        });
        let began_ns: Vec<Option<u64>> = began_ns.collect::<Result<_>>()?;
        let begin_ns = agreed_ns.or(began_ns.first().copied().flatten());
        let late = |began_ns: &Option<u64>| began_ns.zip(agreed_ns).map_or(0, |(began, at)| began.saturating_sub(at));
        let late_ns = began_ns.iter().map(late).collect();
        Ok(Timed { server, load, drivers, seen, link, begin_ns, late_ns })
    }
}

/// The last call is settled, and what each end spent is known.
struct Timed<'l> {
    server: &'l Serving<'l>,
    load: &'l Load,
    drivers: Vec<Driving>,
    seen: Seen,
    link: Option<Carried>,
    /// When the load was to begin, by our clock, where that is known.
    begin_ns: Option<u64>,
    /// How much later each client process began.
    late_ns: Vec<u64>,
}

impl Timed<'_> {
    /// Has the client processes say what they measured, and ends them.
    fn settle(self) -> Result<Trial> {
        let Timed { server, load, drivers, mut seen, link, begin_ns, late_ns } = self;
        let survived = server.end.alive()?;
        drivers.iter().try_for_each(|driver| tell(&driver.end, &ToDrive::Report {}))?;
        let reported = server.await_lines(&drivers, SILENCE, &mut |_| Ok(()))?;
        let measured = reported.into_iter().map(|line| match line {
            FromDrive::Measured(measured) => Ok(*measured),
            _ => Err(strange("measured")),
        });
        let measured: Vec<Measured> = measured.collect::<Result<_>>()?;
        if !survived {
            return Err(server.end.ended());
        }
        let of_server = seen.of(&server.end);
        let (mut processes, mut queued_ns) = (Vec::with_capacity(drivers.len()), of_server.queued_ns);
        for ((driver, measured), late_ns) in drivers.into_iter().zip(measured).zip(late_ns) {
            let own = seen.of(&driver.end);
            queued_ns = queued_ns.zip(own.queued_ns).map(|(all, own)| all + own);
            let mut spent = own.spent;
            // A client process of ours is one, and its threads do not come and go.
            (spent.most_processes, spent.most_threads) = (None, None);
            without_watching(&mut spent, measured.generator.hiccups.as_ref());
            driver.end.stop()?;
            let (host, clients) = (driver.host, driver.clients);
            processes.push(Driven { told: Told { measured, late_ns }, spent, clients, host });
        }
        let (measured, client) = shared(&mut processes)?;
        let mut cost = Cost { server: of_server.spent, client };
        let grown = of_server.grown_memory.filter(|_| !load.dials());
        cost.server.memory_per_client = grown.and_then(|grown| grown.checked_div(u64::from(load.clients)));
        if cost.server.memory_per_client.is_none() {
            let anew = load.dials();
            let why = if anew { "each call connects anew" } else { "this kernel does not tell it" };
            cost.server.missing.insert("memory_per_client".to_owned(), why.to_owned());
        }
        let mut facts = server.facts.clone();
        facts.extend(measured.facts.get(NEGOTIATED).map(|told| (NEGOTIATED.to_owned(), told.clone())));
        let stalled = seen.stalled().map(|(from, until)| Stalled {
            from_ns: begin_ns.map(|began| from.saturating_sub(began)),
            length_ns: until - from,
        });
        let interference =
            seen.interference().map(|interference| Interference { run_queue_ns: queued_ns, ..interference });
        let laid = server.cell.link.as_ref().zip(link.as_ref());
        let late = laid.and_then(|(asked, carried)| judgement::judge(asked, carried));
        let stolen = seen.stolen();
        Ok(Trial { measured, processes, cost, facts, stalled, stolen, interference, hosts: None, link, late })
    }
}

/// What all client processes measured and spent together; of an only one what it did, which is left out of the list then.
fn shared(processes: &mut Vec<Driven>) -> Result<(Measured, Spent)> {
    if processes.len() == 1
        && let Some(Driven { told, spent, .. }) = processes.pop()
    {
        return Ok((told.measured, spent));
    }
    let mut measured = merged(processes.iter().map(|process| &process.told))?;
    let own = |Driven { told: Told { measured, late_ns }, spent, clients, host }: &Driven| ClientProcess {
        host: host.clone(),
        clients: *clients,
        lateness_ns: *late_ns,
        ok: measured.counts.ok,
        p50_ns: measured.response_time.p50_ns,
        p99_ns: measured.response_time.p99_ns,
        sent_late_p99_ns: measured.generator.lateness.as_ref().map(|late| late.p99_ns),
        cpu_ns: spent.cpu_ns,
    };
    measured.drivers = processes.iter().map(own).collect();
    Ok((measured, Spent::together(processes.iter().map(|process| &process.spent))))
}

/// How long no call of a process may be due: all of a load that lasts for a time, else what clients pause, or the longest gap
/// between the calls of a rate.
fn pause(load: &Load) -> Duration {
    // A gap of Poisson arrivals is longer than so many mean ones once in 100,000,000.
    const GAPS: f64 = 20.0;
    let gaps = GAPS * f64::from(load.processes);
    let gap = load.rate.and_then(|rate| Duration::try_from_secs_f64(gaps / rate).ok()).unwrap_or_default();
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
        assert_eq!(pause(&Load { rate: Some(0.1), processes: 2, ..calls.clone() }), seconds(400));
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
