//! What the engine adds to what it measures: around a cell, before a run, and at each call.

use std::fs;
use std::path::Path;
use std::time::Instant;

use engine::drive::recorder::{Recorder, Stamps, Who};
use engine::error::{Context, Error, Result};
use engine::results::Results;

use crate::measure::Goal::{AtMost, Within};
use crate::measure::{Claim, Comparison, Figures, Side, TIME, TIME_PER_CALL, TIME_PER_CELL};
use crate::ours::engine;
use crate::processes::{CLIENTS, on};

/// Trials of three small cells.
const SMALL: &str = "
title: Three small cells
question: What does the engine add to a cell?
targets:
  - transport: [tcp, rpyc, http1]
    server: threaded
workloads:
  - name: latency
    call: ping
    iterations: 100
trials: 10
";

/// More than two thousand cells.
const LARGE: &str = "
title: Two thousand cells
question: How long does a plan take?
targets:
  - transport: [tcp, unix, rpyc, http1]
    server: [threaded, forking, pooled, async]
workloads:
  - name: bodies
    call: [upload, download]
    payload: [1KiB, 2KiB, 4KiB, 8KiB, 16KiB, 32KiB, 64KiB, 128KiB, 256KiB, 512KiB, 1MiB]
    fill: [zeros, text, random]
    chunk: [whole, 512B]
    iterations: 10
";

/// Calls of the recorder's measurement.
const CALLS: u64 = 2_000_000;

/// The harness around cells, the commands before a run, the recorder, and the suite that users come from.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![around_cells(), check(), plan(), recorder(), reference()]
}

fn around_cells() -> Comparison {
    Comparison {
        group: "The harness",
        name: "harness, around a cell".into(),
        about: "A run of three native cells of one client with ten trials each: all its time, from its launch to its written \
                report, less the measured time, for each trial."
            .into(),
        claims: vec![Claim::below(TIME_PER_CELL, "ours", 60e6)],
        stage: Box::new(|| {
            let folder = tempfile::tempdir().doing("a folder for a run")?;
            let scenario = folder.path().join("small.yaml");
            fs::write(&scenario, SMALL).doing("a scenario")?;
            Ok(vec![Side::new("ours", move || {
                let out = folder.path().join("out");
                let took_ns = took("run", &[&scenario, Path::new("--quiet"), Path::new("--out"), &out])?;
                let records = Results::read(&out)?.records;
                let measured: u64 = records.iter().filter_map(|record| record.measured.as_ref()).map(|it| it.elapsed_ns).sum();
                Ok(Figures::from([(TIME_PER_CELL.name, (took_ns - measured as f64) / records.len() as f64)]))
            })])
        }),
    }
}

fn check() -> Comparison {
    Comparison {
        group: "The harness",
        name: "harness, engine check".into(),
        about: "`engine check scenarios/rpyc-vs-http.yaml`, from launch to exit.".into(),
        claims: vec![Claim::below(TIME, "ours", 20e6)],
        stage: Box::new(|| {
            let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/rpyc-vs-http.yaml");
            Ok(vec![Side::new("ours", move || Ok(Figures::from([(TIME.name, took("check", &[&scenario])?)])))])
        }),
    }
}

fn plan() -> Comparison {
    Comparison {
        group: "The harness",
        name: "harness, plan of 2112 cells".into(),
        about: "`engine plan` of a scenario with 2,112 cells, from launch to exit.".into(),
        claims: vec![Claim::below(TIME, "ours", 100e6)],
        stage: Box::new(|| {
            let folder = tempfile::tempdir().doing("a folder for a scenario")?;
            let scenario = folder.path().join("large.yaml");
            fs::write(&scenario, LARGE).doing("a scenario")?;
            Ok(vec![Side::new("ours", move || {
                let _held = &folder;
                Ok(Figures::from([(TIME.name, took("plan", &[&scenario])?)]))
            })])
        }),
    }
}

/// How long a command of the engine takes, in nanoseconds; an error where it fails.
fn took(command: &str, arguments: &[&Path]) -> Result<f64> {
    let begun = Instant::now();
    let output = engine(command).args(arguments).output().doing("launching the engine")?;
    let took_ns = begun.elapsed().as_nanos() as f64;
    if !output.status.success() {
        return Err(Error::failed(format!("engine {command}: {}", String::from_utf8_lossy(&output.stderr))));
    }
    Ok(took_ns)
}

fn recorder() -> Comparison {
    Comparison {
        group: "The harness",
        name: "harness, the recorder".into(),
        about: format!(
            "{CALLS} calls of ten clients recorded, between two readings of the clock for each, and the readings alone; the \
             times are spread over a decade."
        ),
        claims: vec![Claim::ratio(TIME_PER_CALL, "recorded", "clock alone", Within(15.0))],
        stage: Box::new(|| {
            let side = |name, records| {
                Side::new(name, move || Ok(Figures::from([(TIME_PER_CALL.name, on(CLIENTS, || each_ns(records))?)])))
            };
            Ok(vec![side("recorded", true), side("clock alone", false)])
        }),
    }
}

/// Nanoseconds for each call.
fn each_ns(records: bool) -> f64 {
    let mut recorder = Recorder::new(10, 0);
    let begun = Instant::now();
    let clock = || begun.elapsed().as_nanos() as u64;
    recorder.begin(0);
    for call in 0..CALLS {
        let sent = std::hint::black_box(clock());
        // 10 to 90 µs, as if the call had lasted so long.
        let ended = std::hint::black_box(clock()) + 10_000 + call.wrapping_mul(7919) % 80_000;
        if records {
            recorder.scheduled();
            recorder.ok(Who { client: (call % 10) as usize, name: 0 }, Stamps { intended: sent, sent, ended }, (0, 0));
        }
    }
    let each_ns = begun.elapsed().as_nanos() as f64 / CALLS as f64;
    std::hint::black_box(&recorder);
    each_ns
}

fn reference() -> Comparison {
    Comparison {
        group: "The harness",
        name: "reference suite, native beside Python".into(),
        about: "The measured time of connect, latency and concurrent of the reference suite, all targets and trials together, \
                native to native and Python to Python, as docs/reference-suite/results.json holds it of one run."
            .into(),
        claims: vec![Claim::ratio(TIME, "native", "Python", AtMost(0.1))],
        stage: Box::new(|| {
            let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference-suite");
            let results = std::rc::Rc::new(Results::read(&results)?);
            let side = |name, stack: &'static str, results: std::rc::Rc<Results>| {
                Side::new(name, move || Ok(Figures::from([(TIME.name, suite_ns(&results, stack))])))
            };
            let native = side("native", "native", results.clone());
            Ok(vec![native, side("Python", "python", results)])
        }),
    }
}

/// The measured time of the suite's workloads of small calls on one stack.
fn suite_ns(results: &Results, stack: &str) -> f64 {
    let wanted = results.records.iter().filter(|record| {
        let cell = &results.cells[record.cell];
        let small = ["connect", "latency", "concurrent"].contains(&cell.workload.as_str());
        small && cell.text("stack").as_deref() == Some(stack)
    });
    wanted.filter_map(|record| record.measured.as_ref()).map(|measured| measured.elapsed_ns as f64).sum()
}
