//! Several client processes that share a load, beside one, and beside wrk with as many threads.

use std::fs;
use std::rc::Rc;

use engine::error::{Context, Error, Result};
use engine::place::pinning::cores;
use engine::results::{Measured, Record, Results};

use crate::generator::WINDOW_S;
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{
    CALLS_PER_CPU_SECOND, CALLS_PER_SECOND, CALLS_PER_WINDOW_CPU_SECOND, Claim, Comparison, Figures, LATEST_START,
    START_LATENESS, Side, median,
};
use crate::ours::engine;
use crate::peers::{Foreign, found, wrk_on};
use crate::processes::{CLIENTS, SERVERS};

/// How many clients there are, in all processes together.
const AT_ONCE: usize = 64;
/// So many loads begin in a round where it is looked at how late they do.
const STARTS: usize = 20;

/// On one core together, on cores of their own, beside wrk, and how late they begin.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let beside_one = [2, 4].into_iter().flat_map(|processes| [shared(processes), apart(processes)]);
    beside_one.chain([beside_wrk(), starts()]).collect()
}

/// What `engine run` is asked of a target.
struct Asked {
    /// The target, with its calls where they are its own, as lines of YAML.
    target: String,
    call: &'static str,
    processes: usize,
    servers: Vec<usize>,
    clients: Vec<usize>,
    window_ms: u64,
    trials: usize,
}

impl Asked {
    /// Our own server, by that many client processes, each end on those cores.
    fn ours(processes: usize, servers: &[usize], clients: &[usize]) -> Asked {
        Asked {
            target: "targets: [{transport: http1, server: async}]".to_owned(),
            call: "ping",
            processes,
            servers: servers.to_vec(),
            clients: clients.to_vec(),
            window_ms: WINDOW_S * 1_000,
            trials: 1,
        }
    }

    /// The records of such a run.
    fn records(&self) -> Result<Vec<Record>> {
        let Asked { target, call, processes, servers, clients, window_ms, trials } = self;
        let folder = tempfile::tempdir().doing("a folder for a run")?;
        let scenario = format!(
            "title: Several client processes\nquestion: What does sharing a load cost?\n{target}\nworkloads:\n\
             - {{name: load, call: {call}, clients: {AT_ONCE}, processes: {processes}, warmup: 200ms, duration: {window_ms}ms}}\n\
             trials: {trials}\npin: {{server: {servers:?}, client: {clients:?}}}\n"
        );
        fs::write(folder.path().join("several.yaml"), scenario).doing("a scenario")?;
        let run = ["several.yaml", "--quiet", "--out", "out"];
        // What disturbs one side of a round disturbs the others, and nobody else is here.
        let mut command = engine("run");
        let output = command.args(run).current_dir(folder.path()).env("ENGINE_BESIDE_OTHERS", "1").output();
        let output = output.doing("launching the engine")?;
        if !output.status.success() {
            return Err(Error::failed(format!("engine run: {}", String::from_utf8_lossy(&output.stderr))));
        }
        Ok(Results::read(&folder.path().join("out"))?.records)
    }

    /// Calls of its only trial, for each second and for each second of the CPU of all client processes in the window.
    fn figures(&self, per_cpu_second: &'static str) -> Result<Figures> {
        let records = self.records()?;
        let told =
            records.first().and_then(|record| Some((record.measured.as_ref()?, record.cost.as_ref()?.client.cpu_ns?)));
        let (measured, cpu_ns) = told.ok_or_else(|| Error::failed("the run has no figures"))?;
        Ok(Figures::from([
            (CALLS_PER_SECOND.name, measured.calls_per_s),
            (per_cpu_second, measured.counts.ok as f64 * 1e9 / cpu_ns as f64),
        ]))
    }
}

/// The sides: one process, and several.
fn beside_one(processes: usize, one: Asked, several: Asked) -> Vec<Side> {
    let side = |asked: Asked| move || asked.figures(CALLS_PER_WINDOW_CPU_SECOND.name);
    vec![Side::new(name(processes), side(several)), Side::new(name(1), side(one))]
}

fn name(processes: usize) -> &'static str {
    match processes {
        1 => "one process",
        2 => "two processes",
        _ => "four processes",
    }
}

fn shared(processes: usize) -> Comparison {
    Comparison {
        group: "The generator",
        name: format!("{processes} client processes on one core"),
        about: format!(
            "{AT_ONCE} clients ask our own async server, on another core, over http1 for {WINDOW_S} s: in one process, and shared \
             by {processes} on the same core. CPU time is that of all of them in the window."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_WINDOW_CPU_SECOND, name(processes), name(1), AtLeast(0.9)),
            Claim::ratio(CALLS_PER_SECOND, name(processes), name(1), Shown),
        ],
        stage: Box::new(move || {
            let of = |processes| Asked::ours(processes, &[SERVERS], &[CLIENTS]);
            Ok(beside_one(processes, of(1), of(processes)))
        }),
    }
}

fn apart(processes: usize) -> Comparison {
    Comparison {
        group: "The generator",
        name: format!("{processes} client processes, each on a core of its own"),
        about: format!(
            "The same with a core for each client process, and one for the server: {} cores.",
            processes + 1
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_WINDOW_CPU_SECOND, name(processes), name(1), AtLeast(0.97)),
            Claim::ratio(CALLS_PER_SECOND, name(processes), name(1), Shown),
        ],
        stage: Box::new(move || {
            let cores = cores()?;
            let enough = match cores.as_slice() {
                [_, clients @ ..] if clients.len() >= processes => Ok(()),
                _ => Err(format!("this machine has {} cores, and it takes {}", cores.len(), processes + 1)),
            };
            let clients: Vec<usize> = cores.iter().skip(1).take(processes).copied().collect();
            let asked = Asked::ours(processes, &cores[..1], &clients);
            let one = Asked::ours(1, &cores[..1], &clients[..1.min(clients.len())]);
            let side = |asked: Asked| move || asked.figures(CALLS_PER_WINDOW_CPU_SECOND.name);
            Ok(vec![Side::peer(name(processes), enough.clone(), side(asked)), Side::peer(name(1), enough, side(one))])
        }),
    }
}

/// The cores of the server and of its clients: two each where there are four, else one each.
fn two_each() -> Result<(Vec<usize>, Vec<usize>)> {
    let cores = cores()?;
    let each = if cores.len() < 4 { 1 } else { 2 };
    Ok((cores.iter().take(each).copied().collect(), cores.iter().skip(each).take(each).copied().collect()))
}

fn beside_wrk() -> Comparison {
    Comparison {
        group: "The generator",
        name: "2 client processes beside wrk with 2 threads".to_owned(),
        about: format!(
            "{AT_ONCE} clients ask nginx with two workers for the same small page for {WINDOW_S} s: in two processes of ours, by a \
             call of the user's own, and in two threads of wrk. Each end has two cores where there are four, else one. CPU time \
             is that of the window for ours, and that of the whole process for wrk."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_SECOND, name(2), "wrk -t2", Shown),
            Claim::ratio(CALLS_PER_CPU_SECOND, name(2), "wrk -t2", Shown),
        ],
        stage: Box::new(|| {
            let (servers, clients) = two_each()?;
            found("nginx").map_err(Error::failed)?;
            let nginx = Rc::new(Foreign::nginx_of(2, &servers)?);
            let address = nginx.address.to_string();
            let asked = Asked {
                target: format!(
                    "targets: [{{name: nginx, transport: http1, at: \"{address}\"}}]\ncalls: [{{name: page, http: GET /ping}}]"
                ),
                call: "page",
                ..Asked::ours(2, &servers, &clients)
            };
            let held = nginx.clone();
            let ours = Side::new(name(2), move || {
                let _held = &held;
                asked.figures(CALLS_PER_CPU_SECOND.name)
            });
            let wrk = Side::peer("wrk -t2", found("wrk"), move || {
                let _held = &nginx;
                wrk_on(&clients, &address, 2, AT_ONCE, WINDOW_S)
            });
            Ok(vec![ours, wrk])
        }),
    }
}

fn starts() -> Comparison {
    Comparison {
        group: "The generator",
        name: "4 client processes, how late they begin".to_owned(),
        about: format!(
            "{STARTS} loads, each shared by four processes that are to begin at the same moment: how much later each of them did. \
             The least to the most are those of the rounds."
        ),
        claims: vec![Claim::below(START_LATENESS, name(4), 2e6), Claim::below(LATEST_START, name(4), 10e6)],
        stage: Box::new(|| {
            let (servers, clients) = two_each()?;
            let asked = Asked { window_ms: 100, trials: STARTS, ..Asked::ours(4, &servers, &clients) };
            Ok(vec![Side::new(name(4), move || {
                let records = asked.records()?;
                let drivers = |measured: &Measured| -> Vec<f64> {
                    measured.drivers.iter().map(|own| own.lateness_ns as f64).collect()
                };
                let mut late: Vec<f64> =
                    records.iter().filter_map(|record| record.measured.as_ref()).flat_map(drivers).collect();
                late.sort_by(f64::total_cmp);
                let told = median(&late).zip(late.last().copied());
                let (median, most) = told.ok_or_else(|| Error::failed("no process told when it began"))?;
                Ok(Figures::from([(START_LATENESS.name, median), (LATEST_START.name, most)]))
            })])
        }),
    }
}
