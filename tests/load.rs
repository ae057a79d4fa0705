//! An open loop makes every call of its schedule, and a run that could not is not believed.

mod ends;

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ends::Server;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

#[test]
fn an_open_loop_makes_every_call_of_its_schedule() {
    for transport in ["tcp", "quic"] {
        makes_every_call(transport);
    }
}

fn makes_every_call(transport: &str) {
    let server = Server::launch(transport, "async", &[]);
    for (more, expected) in [
        (json!({"rate": 500.0, "iterations": 30, "clients": 5}), 150),
        (json!({"rate": 500.0, "iterations": null, "duration_ns": SECOND / 2, "clients": 1}), 250),
        (json!({"rate": 200.0, "iterations": 20, "clients": 3, "call": "connect"}), 60),
        (
            json!({"ramp": [{"rate": 100.0, "for_ns": SECOND / 5}, {"rate": 300.0, "for_ns": SECOND / 5}],
                "iterations": null, "duration_ns": 2 * SECOND / 5, "clients": 2}),
            80,
        ),
    ] {
        let got = ends::measure(&server, transport, more.clone()).expect("it can be measured");
        assert_eq!((got.counts.scheduled, got.counts.ok), (expected, expected), "{more}: {:?}", got.failures);
        assert_eq!(got.generator.lateness.as_ref().map(|late| late.count), Some(expected), "{more}");
        assert_eq!(got.facts["loop"], "open");
        let clients = more["clients"].as_u64().expect("a number");
        // Whoever has rested longest makes the next call, so that they share the calls.
        assert!(got.clients.iter().all(|client| client.ok >= expected / clients / 4), "{more}: {:?}", got.clients);
    }
}

#[test]
fn who_spins_gets_the_same_answers() {
    let server = Server::launch("tcp", "threaded", &[]);
    for (clients, driver) in [(1, "spin loop"), (3, "event loop")] {
        let more = json!({"wait": "spin", "clients": clients});
        let got = ends::measure(&server, "tcp", more).expect("it can be measured");
        assert_eq!(got.counts.ok, 100 * clients);
        assert_eq!((got.facts["waits"].as_str(), got.facts["driver"].as_str()), ("spinning", driver));
    }
}

/// A run of a scenario of one target and one workload.
struct Run {
    folder: tempfile::TempDir,
    process: Child,
}

impl Run {
    /// Begins one; the target, the workload and what stands at the top are given as YAML.
    fn begin(target: &str, workload: &str, more: &str) -> Run {
        Run::begin_with(target, workload, more, &[])
    }

    /// The same with more on the command line.
    fn begin_with(target: &str, workload: &str, more: &str, arguments: &[&str]) -> Run {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("scenario.yaml");
        let text = format!(
            "title: t\nquestion: q\ntrials: 1\ntargets: [{{{target}}}]\nworkloads: [{{name: w, {workload}}}]\n{more}\n"
        );
        std::fs::write(&file, text).expect("it can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command
            .env("ENGINE_BESIDE_OTHERS", "1")
            .arg("run")
            .arg(&file)
            .arg("--out")
            .arg(folder.path().join("out"))
            .arg("--quiet")
            .args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        Run { process: command.spawn().expect("the engine starts"), folder }
    }

    /// Waits for its end: the exit code, the results where there are any, and what it told.
    fn end(self) -> (Option<i32>, Option<Value>, String) {
        let output = self.process.wait_with_output().expect("it has ended");
        let results = std::fs::read(self.folder.path().join("out/results.json")).ok();
        let results = results.map(|bytes| serde_json::from_slice(&bytes).expect("results are JSON"));
        (output.status.code(), results, String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// The client process that a run has launched, if it lives.
fn client_of(run: u32) -> Option<Pid> {
    let children = std::fs::read_to_string(format!("/proc/{run}/task/{run}/children")).ok()?;
    let children = children.split_ascii_whitespace().filter_map(|pid| pid.parse::<i32>().ok());
    let drives = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| line.split(|byte| *byte == 0).any(|word| word == b"drive"))
    };
    children.into_iter().find(drives).map(Pid::from_raw)
}

#[test]
fn a_generator_that_is_starved_is_not_believed() {
    let workload = "call: ping, rate: 200, clients: 4, duration: 2s";
    let mut run = Run::begin("transport: tcp, server: threaded", workload, "");
    while run.process.try_wait().expect("it can be waited for").is_none() {
        // It runs for a moment now and then: the impairment itself, not a wait for something to become ready.
        if let Some(client) = client_of(run.process.id()) {
            let _ = kill(client, Signal::SIGSTOP);
            std::thread::sleep(Duration::from_millis(300));
            let _ = kill(client, Signal::SIGCONT);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    let (code, results, told) = run.end();
    assert_eq!(code, Some(3), "{told}");
    let record = &results.expect("it was measured")["records"][0];
    assert_eq!((&record["verdict"]["state"], &record["outcome"]), (&json!("invalid"), &json!("measured")));
    assert!(
        record["verdict"]["reasons"][0]["text"].as_str().expect("a reason").contains("the generator sent calls late")
    );
    assert_eq!(record["counts"]["scheduled"], 400);
}

#[test]
fn system_calls_are_counted_only_where_that_is_asked_for() {
    let (target, workload) = ("transport: tcp, server: threaded", "call: ping, iterations: 2000");
    let costs = |more: &[&str]| {
        let (_, results, told) = Run::begin_with(target, workload, "", more).end();
        let results = results.expect("it was measured");
        let mut cost = results["records"][0]["cost"].clone();
        assert!(cost.is_object(), "{told}");
        // Why a counter is absent is said once for the run.
        for end in ["server", "client"] {
            cost[end]["missing"] = results["manifest"]["missing"][end].clone();
        }
        cost
    };
    let (plain, counted) = (costs(&[]), costs(&["--syscalls"]));
    for end in ["server", "client"] {
        assert_eq!(plain[end]["syscalls"], Value::Null);
        assert!(plain[end]["missing"]["syscalls"].as_str().expect("a reason").contains("`--syscalls`"));
        let Some(calls) = counted[end]["syscalls"].as_u64() else {
            let why = counted[end]["missing"]["syscalls"].as_str().expect("a reason");
            assert_ne!(why, plain[end]["missing"]["syscalls"], "{end}");
            continue;
        };
        // Each call is read and answered, or sent and read; a client's threads are started and ended besides.
        assert!((4_000..4_800).contains(&calls), "{end}: {calls}");
    }
}

#[test]
fn both_ends_stay_where_they_are_pinned_and_the_results_say_so() {
    let (target, workload) = ("transport: tcp, server: forking", "call: ping, clients: 2, iterations: 50");
    let (_, results, told) = Run::begin(target, workload, "pin: auto").end();
    let results = results.expect("it was measured");
    assert_eq!(results["records"][0]["counts"]["ok"], 100, "{told}");
    let pinned = results["manifest"]["machine"]["pinned"].as_str().expect("it is in the manifest");
    assert!(pinned.starts_with("server on ") && pinned.contains("; client on "), "{pinned}");

    let pin = "pin: {server: [0], client: [1023]}";
    let (code, results, told) = Run::begin(target, workload, pin).end();
    assert_eq!((code, results), (Some(2), None));
    assert!(told.contains("`pin` names core 1023, which this run may not use"), "{told}");
}

#[test]
fn a_client_of_python_has_no_open_loop() {
    let workload = "call: ping, rate: 10, duration: 1s";
    let target = "transport: http1, server: threaded, driver: python";
    let (code, _, told) = Run::begin(target, workload, "").end();
    assert_eq!(code, Some(2));
    assert!(told.contains("every cell of this target is refused") && told.contains("its next call when"), "{told}");
}
