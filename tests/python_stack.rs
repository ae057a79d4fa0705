//! The real Python servers and clients, launched as a run launches them.

mod ends;
mod systems;

use ends::{Drive, Server, assignment, measure};
use engine::call::FillKind;
use engine::results::Measured;
use engine::stack::contract::Wanted;
use engine::stack::driver::python::command as driver_command;
use engine::stack::environment::Environment;
use engine::stack::python_systems::{System, system};
use engine::transport::option::{OptionValue, Options};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const MS: u64 = 1_000_000;
const SEED: u64 = 7;

/// Every call that a scenario can ask for, with bytes that only one fill has.
const CALLS: [&str; 9] = [
    r#"{"call": "connect"}"#,
    r#"{"call": "ping", "clients": 3}"#,
    r#"{"call": "echo", "payload": 5000}"#,
    r#"{"call": "upload", "payload": 5000, "chunk": 2000}"#,
    r#"{"call": "upload", "payload": 1100000}"#,
    r#"{"call": "download", "payload": 5000, "chunk": 2000}"#,
    r#"{"call": "download", "payload": 1100000, "chunk": 600000, "split": "calls"}"#,
    r#"{"call": "compute", "work": 100}"#,
    r#"{"call": "sleep", "hold_ns": 20000000}"#,
];

fn asked(call: &str) -> Value {
    let mut asked: Value = serde_json::from_str(call).expect("a call of the list");
    for (key, value) in [("iterations", json!(2)), ("fill", json!("random")), ("seed", json!(SEED))] {
        asked[key] = value;
    }
    asked["verify"] = json!("content");
    asked
}

fn launch(system: &System, environment: &Environment) -> Server {
    let options = [("workers", OptionValue::Count(2)), ("ballast", OptionValue::Word("96MiB".to_owned()))];
    let options = Options(options.map(|(name, value)| (name.to_owned(), value)).into());
    let (fill, timeout) = (Some((FillKind::Random, SEED)), Duration::from_secs(30));
    Server::start(system.command(
        environment,
        &Wanted {
            nonce: "the-token",
            fill,
            timeout,
            options: &options,
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            only: &[],
            cores: 2,
        },
    ))
}

fn by_python(environment: &Environment, server: &Server, transport: &str, more: Value) -> Result<Measured, Value> {
    Drive::start(driver_command(environment)).measure(&assignment(server, transport, more))
}

fn all_is_well(got: &Measured, asked: &Value) {
    assert!(got.counts.conserved() && got.counts.ok == got.counts.scheduled, "{asked}: {got:?}");
    assert_eq!(got.response_time.count, got.counts.ok, "{asked}");
    if asked["call"] == "sleep" {
        assert!(got.response_time.min_ns >= 20 * MS, "{:?}", got.response_time);
    }
    if let Some(connect) = &got.connect {
        assert_eq!((connect.dial.count, connect.first_answer.count), (2, 2));
    }
    assert_eq!(got.connect.is_some(), asked["call"] == "connect");
}

/// One system under both drivers: every call, every byte, and nothing left when stdin closes.
fn serves(transport: &str, model: &str) {
    let Some(environment) = systems::environment() else { return };
    let system = system(transport, model).expect("there is such a system");
    let server = launch(system, &environment);
    assert_eq!(server.nonce(), "the-token");
    let facts = server.ready["facts"].as_object().expect("facts");
    for fact in ["python", "system", "serves", "connection"] {
        assert!(facts.contains_key(fact), "{fact} is missing: {facts:?}");
    }
    assert_eq!(facts["ballast"], "96MiB held from before serving");
    assert!(server.status("VmRSS") >= 96 * 1024, "its ballast is resident: {} KiB", server.status("VmRSS"));
    assert_eq!(facts.contains_key("workers"), model != "threaded" && model != "forking");
    for call in CALLS {
        let asked = asked(call);
        let python = by_python(&environment, &server, transport, asked.clone()).expect("Python measures");
        all_is_well(&python, &asked);
        let native = measure(&server, transport, asked.clone()).expect("the engine measures");
        all_is_well(&native, &asked);
        assert_eq!(python.counts, native.counts, "{asked}");
        let payload = |got: &Measured| (got.bytes.payload_up, got.bytes.payload_down);
        assert_eq!(payload(&python), payload(&native), "{asked}");
        assert!(python.bytes.wire_up > python.bytes.payload_up, "{asked}: {:?}", python.bytes);
        assert!(python.bytes.wire_down > python.bytes.payload_down, "{asked}: {:?}", python.bytes);
    }
    // A client that is still connected holds a child of a forking server alive.
    let mut drive = Drive::start(driver_command(&environment));
    drive.say(&json!({"assignment": assignment(&server, transport, json!({"clients": 2}))}));
    assert_eq!(drive.hear(), json!({"armed": {"clients": 2}}));
    assert!(server.stop(), "{transport} {model} has to end with its stdin and to leave nothing behind");
}

#[test]
fn rpyc_threaded_server() {
    serves("rpyc", "threaded");
}

#[test]
fn rpyc_forking_server() {
    serves("rpyc", "forking");
}

#[test]
fn rpyc_thread_pool_server() {
    serves("rpyc", "pooled");
}

#[test]
fn flask_on_werkzeug() {
    serves("http1", "threaded");
}

#[test]
fn flask_on_gunicorn_sync() {
    serves("http1", "preforked");
}

#[test]
fn flask_on_gunicorn_gthread() {
    serves("http1", "pooled");
}

#[test]
fn python_clients_measure_our_servers() {
    let Some(environment) = systems::environment() else { return };
    for transport in ["rpyc", "http1"] {
        let seed = SEED.to_string();
        let server = Server::launch(transport, "threaded", &["--fill", "random", "--seed", &seed]);
        for call in CALLS {
            let asked = asked(call);
            all_is_well(&by_python(&environment, &server, transport, asked.clone()).expect("measured"), &asked);
        }
        assert!(server.stop());
    }
}

#[test]
fn options_reach_the_python_client() {
    let Some(environment) = systems::environment() else { return };
    let wire_up = |transport: &str, options: Value| {
        let server = Server::launch(transport, "threaded", &[]);
        let more = json!({"options": options, "iterations": 10, "clients": 2});
        let got = by_python(&environment, &server, transport, more).expect("measured");
        assert_eq!(got.counts.ok, 20);
        got
    };
    let attribute = wire_up("rpyc", json!({})).bytes.wire_up;
    let bound = wire_up("rpyc", json!({"method": "bound"})).bytes.wire_up;
    assert!(bound * 3 < attribute + attribute / 4, "a bound method is one message of three: {bound} of {attribute}");
    let kept = wire_up("http1", json!({})).bytes.wire_up;
    let closed = wire_up("http1", json!({"keep-alive": false})).bytes.wire_up;
    assert!(closed != kept, "the request says whether it keeps its connection");
    assert_eq!(wire_up("http1", json!({"pool": 1})).facts["connections"], "1");
}

#[test]
fn another_server_than_the_one_launched_is_never_measured() {
    let Some(environment) = systems::environment() else { return };
    for transport in ["rpyc", "http1"] {
        let server = Server::launch(transport, "threaded", &[]);
        let more = json!({"nonce": "another"});
        let failed = by_python(&environment, &server, transport, more).expect_err("it is another server");
        assert_eq!(failed["failed"]["class"], "nonce", "{failed}");
    }
}

#[test]
fn a_server_that_dies_leaves_classified_failures() {
    let Some(environment) = systems::environment() else { return };
    for (transport, model) in [("rpyc", "forking"), ("http1", "preforked")] {
        let server = launch(system(transport, model).expect("there is such a system"), &environment);
        let more = json!({"clients": 2, "iterations": 3000});
        let mut drive = Drive::start(driver_command(&environment));
        let die = || kill(Pid::from_raw(server.pid() as i32), Signal::SIGKILL).expect("it runs");
        let got = drive.measure_while(&assignment(&server, transport, more), die).expect("measured");
        assert!(got.counts.conserved() && got.counts.scheduled == 6000, "{:?}", got.counts);
        assert!(got.counts.error.connect > 0, "{:?}", got.counts);
        assert_eq!(got.counts.error.total(), got.counts.error.connect, "{:?}", got.failures);
        assert!(got.failures[0].starts_with("connect: "), "{:?}", got.failures);
    }
}

#[test]
fn a_reply_that_comes_too_late_is_a_timeout_however_its_client_counts() {
    let Some(environment) = systems::environment() else { return };
    // Each read is in time for requests, which counts anew with each; the whole reply is not, whatever it says.
    for status in ["200 OK", "500 Internal Server Error"] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        std::thread::spawn(move || {
            let mut status_now = "200 OK";
            for stream in listener.incoming() {
                let mut stream = stream.expect("a client");
                let body = "{\"response\":\"pong\"}\n";
                let mut scrap = [0; 4096];
                while stream.read(&mut scrap).is_ok_and(|n| n > 0) {
                    let kind = "Content-Type: application/json";
                    let head = format!("HTTP/1.1 {status_now}\r\n{kind}\r\nContent-Length: {}\r\n\r\n", body.len());
                    for part in [&head[..], body] {
                        // The impairment itself.
                        std::thread::sleep(Duration::from_millis(300));
                        if stream.write_all(part.as_bytes()).is_err() {
                            break;
                        }
                    }
                    status_now = status;
                }
            }
        });
        let server = Server::launch("http1", "threaded", &[]);
        let more = json!({"address": address, "nonce": null, "iterations": 2, "timeout_ns": 500 * MS});
        let got = by_python(&environment, &server, "http1", more).expect("measured");
        assert_eq!((got.counts.scheduled, got.counts.timeout), (2, 2), "{status}: {:?}", got.failures);
        assert!(got.response_time.at_least_from.is_some() && got.response_time.max_ns >= 500 * MS);
    }
}

/// Where a server is reached through somebody who lets 50,000 bytes of a reply pass, and then one every 20 ms for half a
/// minute.
fn trickling(server: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, server) = (listener.local_addr().expect("an address").to_string(), server.to_owned());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut down, mut up) = (client.expect("a client"), TcpStream::connect(&server).expect("the server"));
            let (mut from_client, mut to_server) = (down.try_clone().expect("a copy"), up.try_clone().expect("a copy"));
            std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
            std::thread::spawn(move || {
                let begun = Instant::now();
                let (mut passed, mut scrap) = (0, [0; 1000]);
                while let Ok(count @ 1..) = up.read(&mut scrap) {
                    let pieces = if passed < 50_000 { count } else { 1 };
                    for piece in scrap[..count].chunks(pieces) {
                        if pieces < count {
                            // The impairment itself.
                            std::thread::sleep(Duration::from_millis(20));
                        }
                        if down.write_all(piece).is_err() || begun.elapsed() > Duration::from_secs(30) {
                            return;
                        }
                    }
                    passed += count;
                }
            });
        }
    });
    address
}

#[test]
fn a_reply_that_never_ends_is_a_timeout_and_holds_nobody_up() {
    let Some(environment) = systems::environment() else { return };
    for transport in ["rpyc", "http1"] {
        let server = Server::launch(transport, "threaded", &["--fill", "random", "--seed", "7"]);
        let address = trickling(server.address());
        let more = json!({"address": address, "call": "download", "payload": 1 << 20, "fill": "random", "seed": SEED,
            "iterations": 2, "timeout_ns": 500 * MS});
        let begun = Instant::now();
        let got = by_python(&environment, &server, transport, more).expect("measured");
        assert_eq!((got.counts.scheduled, got.counts.timeout), (2, 2), "{transport}: {:?}", got.failures);
        // Without an end of their waiting each would take half a minute, and its goodbye as long.
        assert!(begun.elapsed() < Duration::from_secs(25), "{transport}: {:?}", begun.elapsed());
    }
}

#[test]
fn calls_without_a_reply_time_out_and_are_lower_bounds() {
    let Some(environment) = systems::environment() else { return };
    for transport in ["rpyc", "http1"] {
        let server = Server::launch(transport, "threaded", &["--fault", "drop=0.25"]);
        let more = json!({"iterations": 8, "timeout_ns": 500 * MS});
        let got = by_python(&environment, &server, transport, more).expect("measured");
        assert_eq!((got.counts.ok, got.counts.timeout), (6, 2), "{transport}: {:?}", got.failures);
        assert!(got.response_time.max_ns >= 499 * MS && got.response_time.count == 8);
        assert_eq!(got.response_time.at_least_from, Some(0.75));
        assert_eq!(got.reconnects, 2);
    }
}

#[test]
fn a_wrong_status_length_or_byte_is_a_failure_of_its_class() {
    let Some(environment) = systems::environment() else { return };
    for transport in ["rpyc", "http1"] {
        for (fault, class) in [("status=503", "status"), ("short", "short"), ("corrupt", "corrupt")] {
            let server = Server::launch(transport, "threaded", &["--fault", fault]);
            let more = json!({"call": "echo", "payload": 100, "iterations": 4, "verify": "content"});
            let got = by_python(&environment, &server, transport, more).expect("measured");
            let errors = serde_json::to_value(got.counts.error).expect("counts are JSON");
            assert_eq!(errors[class], 4, "{transport} {fault}: {errors} {:?}", got.failures);
        }
    }
}

#[test]
fn what_is_unanswered_when_draining_ends_is_censored() {
    let Some(environment) = systems::environment() else { return };
    let server = Server::launch("rpyc", "threaded", &["--fault", "delay=60s"]);
    let more = json!({"iterations": null, "duration_ns": 100 * MS, "drain_ns": 200 * MS, "clients": 2,
        "timeout_ns": 120_000 * MS});
    let got = by_python(&environment, &server, "rpyc", more).expect("measured");
    assert_eq!((got.counts.scheduled, got.counts.censored), (2, 2), "{:?}", got.failures);
    assert!(got.response_time.min_ns >= 299 * MS, "{:?}", got.response_time);
}

/// What became of each cell of `scenario`, by the cell's id, and the exit code of the run.
fn run(scenario: &str, path: &OsStr, cache: &Path, offline: bool) -> (Option<i32>, BTreeMap<String, Value>) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("corners.yaml");
    std::fs::write(&file, scenario).expect("the scenario is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env("ENGINE_BESIDE_OTHERS", "1").arg("run").arg(&file).arg("--out").arg(folder.path()).arg("--quiet");
    command.env("PATH", path).env("ENGINE_CACHE", cache);
    if offline {
        command.arg("--offline");
    }
    let output = command.output().expect("the engine runs");
    let results = std::fs::read_to_string(folder.path().join("results.json")).unwrap_or_else(|_| {
        panic!("there are no results: {}", String::from_utf8_lossy(&output.stderr));
    });
    let results: Value = serde_json::from_str(&results).expect("results are JSON");
    let records = results["records"].as_array().expect("records").iter();
    let id = |record: &Value| {
        let cell = record["cell"].as_u64().expect("a cell") as usize;
        results["cells"][cell]["id"].as_str().expect("an id").to_owned()
    };
    let by_id = records.map(|record| (id(record), record.clone())).collect();
    (output.status.code(), by_id)
}

const CORNERS: &str = "
title: Four corners
question: Whose end is it?
targets:
  - {transport: rpyc, server: threaded, stack: [native, python], driver: [native, python]}
workloads:
  - {name: latency, call: ping, warmup: 2, iterations: 20}
trials: 1
";

#[test]
fn one_scenario_holds_the_four_corners() {
    if systems::environment().is_none() {
        return;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (code, records) = run(CORNERS, &path, &systems::cache(), true);
    assert_eq!((code, records.len()), (Some(0), 4), "{records:?}");
    for record in records.values() {
        assert_eq!(record["outcome"], "measured", "{record}");
        assert_eq!((&record["counts"]["ok"], &record["response_time"]["count"]), (&json!(20), &json!(20)));
    }
}

#[test]
fn without_the_systems_their_cells_fail_and_the_others_run() {
    let cache = tempfile::tempdir().expect("a folder");
    let path = std::env::var_os("PATH").unwrap_or_default();
    for (path, offline, reason) in
        [(path.as_os_str(), true, "are not installed, and offline"), (OsStr::new("/nowhere"), false, "no `python3`")]
    {
        let (code, records) = run(CORNERS, path, cache.path(), offline);
        assert_eq!((code, records.len()), (Some(1), 4), "{records:?}");
        for (id, record) in &records {
            if id.contains("python") {
                assert_eq!(record["outcome"], "failed", "{record}");
                let said = record["reason"].as_str().expect("a reason");
                assert!(said.contains(reason) && said.contains("help: "), "{said}");
            } else {
                assert_eq!(record["outcome"], "measured", "{record}");
            }
        }
    }
}

#[test]
fn what_cannot_be_had_is_told_once_and_before_the_run() {
    let (cache, folder) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("corners.yaml");
    std::fs::write(&file, CORNERS.replace("trials: 1", "trials: 3")).expect("the scenario is written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command
        .env("ENGINE_BESIDE_OTHERS", "1")
        .arg("run")
        .arg(&file)
        .arg("--out")
        .arg(folder.path().join("out"))
        .arg("--offline");
    let output = command.env("ENGINE_CACHE", cache.path()).output().expect("the engine runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(said.matches("are not installed").count(), 1, "{said}");
    let warned = said.find("warning: 3 of 4 cells will fail: the Python systems are not installed");
    assert!(warned.expect("it is told") < said.find("[").expect("trials run"), "{said}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.matches("3 of 3 trials failed: ").count(), 3, "each cell says why: {told}");
}

/// The cores that each thread of the processes whose command line has `program` may use, of those that descend from `run`.
fn cores_of(run: u32, program: &str) -> Vec<String> {
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let children = |pid: &u32| -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        let texts = tasks.map(|task| read(format!("{}/children", task.path().display())));
        texts.flat_map(|text| text.split(' ').filter_map(|pid| pid.parse().ok()).collect::<Vec<u32>>()).collect()
    };
    let mut all = vec![run];
    let mut at = 0;
    while at < all.len() {
        all.extend(children(&all[at]));
        at += 1;
    }
    let named = all.into_iter().filter(|pid| read(format!("/proc/{pid}/cmdline")).contains(program));
    named
        .flat_map(|pid| std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten())
        .filter_map(|task| {
            let status = read(format!("{}/status", task.path().display()));
            status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).map(|list| list.trim().to_owned())
        })
        .collect()
}

#[test]
fn real_servers_and_clients_stay_on_the_cores_of_their_end() {
    if systems::environment().is_none() {
        return;
    }
    let set = nix::sched::sched_getaffinity(Pid::from_raw(0)).expect("the kernel tells which cores there are");
    let cores: Vec<usize> =
        (0..nix::sched::CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect();
    let [server, .., client] = cores[..] else { return };
    for (target, program) in [
        ("transport: rpyc, server: threaded", "serve_rpyc"),
        ("transport: rpyc, server: forking", "serve_rpyc"),
        ("transport: http1, server: threaded", "serve_http"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("pinned.yaml");
        let text = format!(
            "title: t\nquestion: q\ntrials: 1\npin: {{server: [{server}], client: [{client}]}}\n\
             targets: [{{{target}, stack: python, driver: python}}]\n\
             workloads: [{{name: w, call: sleep, hold: 100ms, clients: 2, iterations: 10}}]\n"
        );
        std::fs::write(&file, text).expect("the scenario is written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.env("ENGINE_BESIDE_OTHERS", "1").arg("run").arg(&file).arg("--out").arg(folder.path().join("out"));
        command.args(["--quiet", "--offline"]).env("ENGINE_CACHE", systems::cache());
        let mut run = command.spawn().expect("the engine runs");
        let (mut served, mut drove) = (Vec::new(), Vec::new());
        while run.try_wait().expect("it can be waited for").is_none() {
            // A client learns its cores with its assignment, a moment after it has started: the last look is kept.
            let keep = |seen: &mut Vec<String>, now: Vec<String>| {
                if !now.is_empty() {
                    *seen = now;
                }
            };
            keep(&mut served, cores_of(run.id(), program));
            keep(&mut drove, cores_of(run.id(), "drive.py"));
            std::thread::sleep(Duration::from_millis(20));
        }
        let all = |seen: &[String], core: usize| !seen.is_empty() && seen.iter().all(|list| *list == core.to_string());
        assert!(all(&served, server) && all(&drove, client), "{target}: {served:?} {drove:?}");
    }
}
