//! Results made up with known effects, for tests of the report.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use engine::call::SplitMix;
use engine::key::settings::Settings;
use engine::results::cell::Planned;
use engine::results::distribution::{Distribution, empty};
use engine::results::{
    Bytes, Client, Connect, Cost, Counts, Errors, Generator, Manifest, Measured, Outcome, Reason, ReasonKind, Record,
    Refused, Results, Slice, Spent, State, Verdict,
};
use serde_json::{Map, Value, json};

/// How many trials each cell has.
pub(crate) const TRIALS: u32 = 5;

/// What a made-up cell does.
#[derive(Debug, Clone)]
pub(crate) struct Effect {
    /// Every axis by name.
    pub(crate) coordinates: Map<String, Value>,
    /// The median response time in nanoseconds.
    pub(crate) ns: u64,
    /// Calls of each client in each trial.
    pub(crate) calls: u64,
    /// Callers.
    pub(crate) clients: u64,
    /// Bytes of a payload.
    pub(crate) payload: u64,
}

impl Effect {
    /// A cell of `target` under `workload` with further axes.
    pub(crate) fn new(target: &str, workload: &str, axes: Value, ns: u64, calls: u64) -> Self {
        let mut coordinates = Map::new();
        coordinates.insert("target".into(), target.into());
        coordinates.insert("workload".into(), workload.into());
        let (transport, server) = target.split_once('-').unwrap_or((target, "threaded"));
        coordinates.insert("transport".into(), transport.into());
        coordinates.insert("server".into(), server.into());
        coordinates.extend(axes.as_object().expect("axes are an object").clone());
        let clients = coordinates.get("clients").and_then(Value::as_u64).unwrap_or(1);
        let payload = coordinates
            .get("payload")
            .and_then(Value::as_str)
            .map_or(0, |text| text.parse::<engine::units::Size>().expect("a size").bytes());
        Effect { coordinates, ns, calls, clients, payload }
    }

    /// The record of one trial: times lie evenly within 10 % of the median, shifted by less than 1 % a trial.
    pub(crate) fn trial(&self, trial: u32) -> Record {
        let mut random = SplitMix::new(u64::from(trial) ^ self.ns);
        let median = self.ns + self.ns * random.below(80) / 10_000;
        let mut times = empty();
        let mut clients = Vec::new();
        for _ in 0..self.clients {
            for _ in 0..self.calls {
                times.record(median * (9_000 + random.below(2_000)) / 10_000).expect("below an hour");
            }
            let p50_ns = median * (95 + random.below(10)) / 100;
            clients.push(Client { ok: self.calls, p50_ns, p99_ns: p50_ns * 11 / 10, ..Client::default() });
        }
        let ok = self.calls * self.clients;
        let elapsed_ns = (times.mean() * self.calls as f64) as u64;
        // A mix has none of its own.
        let call = self.coordinates.get("call").and_then(Value::as_str).unwrap_or_default();
        let part = |share: u64| {
            let mut part = empty();
            for time in times.iter_recorded() {
                part.record_n(time.value_iterated_to() * share / 100, time.count_at_value()).expect("below an hour");
            }
            Distribution::of(&part, None)
        };
        let (up, down) = match call {
            "upload" => (self.payload * ok, 0),
            "download" => (0, self.payload * ok),
            _ => (0, 0),
        };
        let response_time = Distribution::of(&times, None);
        let driver = if self.clients > 1 { "event loop" } else { "blocking" };
        Record {
            cell: 0,
            trial,
            block: trial,
            attempt: 1,
            outcome: Outcome::Measured,
            reason: None,
            measured: Some(Measured {
                counts: Counts { scheduled: ok, ok, ..Counts::default() },
                elapsed_ns,
                calls_per_s: ok as f64 * 1e9 / elapsed_ns as f64,
                service_time: Some(response_time.clone()),
                response_time,
                connect: (call == "connect").then(|| Connect { dial: part(30), tls: None, first_answer: part(70) }),
                bytes: Bytes { payload_up: up, payload_down: down, wire_up: up + 75 * ok, wire_down: down + 17 * ok },
                messages_per_call: Some(1.0),
                retries: 0,
                reconnects: 0,
                dials: None,
                dial_ns: None,
                resent: 0,
                clients,
                drivers: Vec::new(),
                calls: std::collections::BTreeMap::new(),
                passes: None,
                untimed: None,
                failures: Vec::new(),
                timeline: Vec::new(),
                generator: Generator::default(),
                facts: [("driver", driver), ("loop", "closed")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            }),
            search: None,
            interference: None,
            stalled: None,
            hosts: None,
            link: None,
            cost: Some(Cost { server: spent(ok * self.ns / 4, 14 << 20), client: spent(ok * self.ns / 3, 9 << 20) }),
            verdict: Verdict::valid(),
        }
    }

    /// The id of its cell.
    pub(crate) fn id(&self) -> String {
        let axes = ["call", "payload", "clients"].iter().filter_map(|axis| {
            let value = self.coordinates.get(*axis)?;
            Some(format!("/{axis}={}", value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        });
        let word = |name: &str| self.coordinates[name].as_str().expect("a word");
        format!("{}/{}{}", word("target"), word("workload"), axes.collect::<String>())
    }
}

/// Settings as JSON has them.
pub(crate) fn settings(json: Value) -> Settings {
    serde_json::from_value(json).expect("settings")
}

fn spent(cpu_ns: u64, peak_memory: u64) -> Spent {
    Spent {
        cpu_ns: Some(cpu_ns),
        cpu_step_ns: Some(1),
        peak_memory: Some(peak_memory),
        processes: Some(1),
        threads: Some(2),
        ..Spent::default()
    }
}

/// Results of these effects, `TRIALS` trials each, in interleaved order.
pub(crate) fn results(effects: &[Effect]) -> Results {
    repeated(effects, TRIALS)
}

/// The same with so many trials each.
pub(crate) fn repeated(effects: &[Effect], trials: u32) -> Results {
    let mut results = planned(effects);
    let trials = (1..=trials).flat_map(|trial| effects.iter().rev().map(move |effect| (effect, effect.trial(trial))));
    let cell = |effect: &Effect| results.cells.iter().position(|cell| cell.id == effect.id()).expect("it is planned");
    results.records = trials.map(|(effect, record)| Record { cell: cell(effect), ..record }).collect();
    results
}

/// Results without records whose cells are these effects, in the order of the scenario: as the reader of schema 1 makes them.
fn planned(effects: &[Effect]) -> Results {
    let record = |effect: &Effect| {
        json!({
            "id": effect.id(), "coordinates": effect.coordinates, "trial": 1, "block": 1, "outcome": "failed",
            "reason": null, "cost": null, "verdict": {"state": "valid", "reasons": []},
        })
    };
    let old = json!({
        "schema": 1, "scenario": scenario(), "manifest": manifest(), "refusals": [],
        "records": effects.iter().map(record).collect::<Vec<Value>>(),
    });
    let results = Results::parse(&old.to_string()).expect("results of schema 1");
    Results { records: Vec::new(), ..results }
}

/// The records of every cell whose id begins so.
pub(crate) fn of<'r>(results: &'r mut Results, id: &str) -> impl Iterator<Item = &'r mut Record> {
    let cells: Vec<bool> = results.cells.iter().map(|cell| cell.id.starts_with(id)).collect();
    results.records.iter_mut().filter(move |record| cells[record.cell])
}

/// Gives a cell another id, and another target.
pub(crate) fn renamed(cell: &mut Planned, target: &str) {
    let (_, rest) = cell.id.split_once('/').expect("a target and a workload");
    cell.id = format!("{target}/{rest}");
    cell.target = target.to_owned();
}

/// Writes results of these effects with so many trials of each and says how many records they hold; no more than one
/// of them is in memory at a time.
pub(crate) fn written_one_by_one(effects: &[Effect], trials: u32, path: &Path) -> usize {
    let planned = planned(effects);
    let cell = |effect: &Effect| planned.cells.iter().position(|cell| cell.id == effect.id()).expect("it is planned");
    let cells: Vec<usize> = effects.iter().map(cell).collect();
    let head = serde_json::to_string(&planned).expect("results without records");
    let (head, tail) = head.split_at(head.rfind("[]").expect("the records come last") + 1);
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    let mut records = 0;
    write!(file, "{head}").expect("room on the disk");
    for record in (1..=trials).flat_map(|trial| {
        effects.iter().zip(&cells).map(move |(effect, cell)| Record { cell: *cell, ..effect.trial(trial) })
    }) {
        write!(file, "{}", if records == 0 { "" } else { "," }).expect("room on the disk");
        serde_json::to_writer(&mut file, &record).expect("room on the disk");
        records += 1;
    }
    write!(file, "{tail}").and_then(|()| file.flush()).expect("room on the disk");
    records
}

/// The results of the golden report: every kind of call, and every kind of trouble.
pub(crate) fn golden() -> Results {
    let mut effects = Vec::new();
    for (target, factor) in [("rpyc-threaded", 1_000), ("rpyc-forking", 1_004), ("http", 2_100)] {
        let forked = if target == "rpyc-forking" { 4 } else { 1 };
        let mut add = |workload: &str, axes: Value, ns: u64, calls: u64| {
            effects.push(Effect::new(target, workload, axes, ns * factor / 1_000, calls));
        };
        add("connect", json!({"call": "connect", "clients": 1}), 230_000 * forked, 100);
        add("latency", json!({"call": "ping", "clients": 1}), 141_000, 300);
        for call in ["upload", "download"] {
            for (payload, ns) in [("1KiB", 150_000), ("1MiB", 950_000)] {
                let axes = json!({"call": call, "payload": payload, "fill": "random", "chunk": "whole", "clients": 1});
                add("bandwidth", axes, ns, 10);
            }
        }
        for clients in [4, 16] {
            add("concurrent", json!({"call": "ping", "clients": clients}), 80_000 * clients, 60);
        }
        add("offered", json!({"call": "ping", "clients": 10, "rate": 100}), 180_000, 150);
    }
    let mut results = results(&effects);
    let reason = "no adapter takes this transport to that model";
    results.refusals.push(Refused {
        settings: settings(json!({"transport": "http1", "server": "pooled"})),
        reason: reason.to_owned(),
    });
    let mut seen = 0;
    let ids: Vec<String> = results.cells.iter().map(|cell| cell.id.clone()).collect();
    for record in &mut results.records {
        match ids[record.cell].trim_end_matches("/clients=1") {
            "http/concurrent/call=ping/clients=16" => give_up(record, 9),
            "http/concurrent/call=ping/clients=4" if record.trial == 2 => {
                record.verdict.state = State::Suspect;
                record.verdict.reasons = vec![Reason::new(ReasonKind::Client, "the client used 97 % of a core")];
            }
            "http/bandwidth/call=upload/payload=1MiB" if record.trial < 3 => {
                record.verdict.state = State::Invalid;
                record.verdict.reasons = vec![Reason::new(ReasonKind::HeldUp, "the machine was asleep for 2 s")];
            }
            "http/bandwidth/call=download/payload=1MiB" if record.trial == 4 => {
                fail(record, "the server ended with signal 9");
            }
            id if id.contains("/offered/") => {
                let usual_ns = record.measured.as_ref().expect("a measured record").response_time.p50_ns;
                let stall = (id.starts_with("http/") && record.trial == 3).then_some((5_200_000_000, 1_500_000_000));
                open_loop(record, usual_ns, stall);
            }
            "http/latency/call=ping" => {
                seen += 1;
                refuse(record, seen);
            }
            _ => {}
        }
    }
    results
}

/// Makes the last `calls` calls of a trial time-outs of 30 s.
pub(crate) fn give_up(record: &mut Record, calls: u64) {
    let measured = record.measured.as_mut().expect("a measured record");
    measured.counts.ok -= calls;
    measured.counts.timeout += calls;
    let mut times = measured.response_time.histogram().expect("our own histogram");
    times.record_n(30_000_000_000, calls).expect("below an hour");
    measured.response_time = Distribution::of(&times, Some(30_000_000_000));
    measured.failures.push("timeout: no reply within 30.000 s".to_owned());
    measured.reconnects += calls;
}

/// Makes a trial one of an open loop, 100 calls a second for 15 s, that take `usual_ns` but for those that were due
/// while the server stood still, from an instant on for so long: these were answered when it went on.
pub(crate) fn open_loop(record: &mut Record, usual_ns: u64, stall: Option<(u64, u64)>) {
    const SLICE_NS: u64 = 80_000_000;
    let measured = record.measured.as_mut().expect("a measured record");
    measured.facts.insert("loop".to_owned(), "open".to_owned());
    let slice = |at: u64| {
        let start_ns = at * SLICE_NS;
        let waited = stall.filter(|(from, lasted)| (*from..from + lasted).contains(&start_ns));
        let ns = waited.map_or(usual_ns, |(from, lasted)| from + lasted - start_ns);
        Slice {
            start_ns,
            length_ns: SLICE_NS,
            ok: 8,
            failed: 0,
            mean_ns: ns,
            p50_ns: ns,
            p99_ns: ns,
            max_ns: ns,
            times: Vec::new(),
        }
    };
    measured.timeline = (0..188).map(slice).collect();
}

/// Makes some calls of a trial errors.
fn refuse(record: &mut Record, calls: u64) {
    let measured = record.measured.as_mut().expect("a measured record");
    measured.counts.ok -= calls;
    measured.counts.error = Errors { status: calls, ..Errors::default() };
    measured.failures.push("status: 503 Service Unavailable".to_owned());
}

/// Makes a trial one that broke.
pub(crate) fn fail(record: &mut Record, reason: &str) {
    record.outcome = Outcome::Failed;
    record.reason = Some(reason.to_owned());
    record.measured = None;
    record.cost = None;
}

fn scenario() -> Value {
    json!({
        "title": "RPyC against HTTP",
        "question": "Which answers small calls soonest, connects cheapest and moves the most bytes?",
        "targets": [
            {"transport": "rpyc", "server": ["threaded", "forking"]},
            {"transport": "http1", "server": "threaded", "name": "http", "options": {"keep-alive": false}},
        ],
        "workloads": [
            {"name": "connect", "call": "connect", "iterations": 100},
            {"name": "latency", "call": "ping", "warmup": 10, "iterations": 300},
            {"name": "bandwidth", "call": ["upload", "download"], "payload": ["1KiB", "1MiB"], "fill": "random", "iterations": 10},
            {"name": "concurrent", "call": "ping", "clients": [4, 16], "iterations": 60},
            {"name": "offered", "call": "ping", "clients": 10, "rate": 100, "duration": "15s"},
        ],
        "trials": TRIALS, "order": "interleaved", "timeout": "30s", "seed": 1,
    })
}

fn manifest() -> Manifest {
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let facts = |compressed: &str, serves: &str| {
        texts(&[("compressed", compressed), ("encrypted", "no"), ("serves", serves), ("waits", "blocking")])
    };
    Manifest {
        engine: "0.1.0".to_owned(),
        git: Some("0123456".to_owned()),
        build: "release".to_owned(),
        started: "2026-11-22T20:00:00Z".to_owned(),
        took_s: 123.4,
        command: ["engine", "run", "scenarios/made-up.yaml"].map(str::to_owned).to_vec(),
        quick: false,
        interrupted: false,
        machine: texts(&[("cores", "2"), ("cpu", "Made-up CPU"), ("kernel", "6.18"), ("memory", "8.00 GiB")]),
        facts: BTreeMap::from([
            ("rpyc-threaded".to_owned(), facts("over 3000 bytes", "a thread for each connection")),
            ("rpyc-forking".to_owned(), facts("over 3000 bytes", "a process for each connection")),
            ("http".to_owned(), facts("no", "a thread for each connection")),
        ]),
        ..Manifest::default()
    }
}
