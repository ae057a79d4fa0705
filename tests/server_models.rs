//! The models that share their workers, seen from outside: who exists, how many, and for how long.

mod ends;

use ends::{Server, measure};
use engine::results::Measured;
use engine::server::MODELS;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const MS: u64 = 1_000_000;
const HOLD: u64 = 40 * MS;
/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);

/// Six clients, each asking four times for a sleep of 40 ms; what was measured, and the most threads seen meanwhile.
fn six_sleepers(server: &Server, transport: &str) -> (Measured, u64) {
    let asked = json!({"call": "sleep", "hold_ns": HOLD, "clients": 6, "iterations": 4});
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                most = most.max(server.status("Threads"));
                thread::sleep(Duration::from_millis(1));
            }
            most
        });
        let got = measure(server, transport, asked);
        over.store(true, Ordering::Relaxed);
        let got = got.expect("it can be measured");
        assert!(got.counts.conserved() && got.counts.ok == 24, "{:?}", got.counts);
        assert!(got.clients.iter().all(|client| client.ok == 4), "nobody starves: {:?}", got.clients);
        (got, watcher.join().expect("the watcher only reads"))
    })
}

fn children(server: &Server) -> Vec<i32> {
    let pid = server.pid();
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).expect("the server runs");
    children.split_whitespace().map(|pid| pid.parse().expect("a process")).collect()
}

fn until(what: &str, mut it_is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !it_is_so() {
        assert!(since.elapsed() < PATIENCE, "never happened: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Resident memory of a process, in bytes.
fn resident(pid: impl Display) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

fn fact(server: &Server, name: &str) -> Value {
    server.ready["facts"][name].clone()
}

#[test]
fn pooled_has_its_workers_and_one_thread_that_polls() {
    for transport in ["tcp", "rpyc", "http1", "quic"] {
        let server = Server::launch(transport, "pooled", &["--option", "workers=2"]);
        assert_eq!((fact(&server, "workers"), server.status("Threads")), (json!("2"), 1));
        let (got, most) = six_sleepers(&server, transport);
        assert_eq!(most, 3, "{transport}");
        assert!(got.elapsed_ns >= 24 / 2 * HOLD, "no more than two at a time: {} ns", got.elapsed_ns);
        assert!(server.stop());
    }
}

#[test]
fn per_request_has_a_thread_for_each_call_that_runs_and_none_between() {
    for transport in ["tcp", "rpyc", "http1", "quic"] {
        let server = Server::launch(transport, "per-request", &[]);
        assert_eq!(server.status("Threads"), 1);
        let (_, most) = six_sleepers(&server, transport);
        // A thread that is about to end may overlap with the next call's, so that there is no upper bound.
        assert!(most > 3, "{transport}: {most} threads for six calls and the one that polls");
        until("the threads of all calls have ended", || server.status("Threads") == 1);
        assert!(server.stop());
    }
}

#[test]
fn threaded_has_a_thread_for_each_connection_also_where_a_runtime_owns_the_io() {
    let server = Server::launch("quic", "threaded", &[]);
    assert_eq!(server.status("Threads"), 1);
    let (_, most) = six_sleepers(&server, "quic");
    // The runtime's thread, and perhaps still that of the connection on which the server proved itself.
    assert!((7..=8).contains(&most), "{most} threads for six connections");
    let asked = json!({"call": "sleep", "hold_ns": HOLD, "clients": 6, "iterations": 4, "options": {"streams": 3}});
    let got = measure(&server, "quic", asked).expect("it can be measured");
    assert_eq!(got.counts.ok, 24, "{:?}", got.failures);
    assert!(got.elapsed_ns >= 24 / 2 * HOLD, "one at a time on each connection: {} ns", got.elapsed_ns);
    assert!(server.stop());
}

#[test]
fn preforked_shares_the_clients_among_its_workers() {
    for transport in ["tcp", "rpyc", "http1"] {
        let server = Server::launch(transport, "preforked", &["--option", "workers=2"]);
        assert_eq!(fact(&server, "workers"), "2");
        assert_eq!((children(&server).len(), server.status("Threads")), (2, 1));
        let (got, most) = six_sleepers(&server, transport);
        assert_eq!((most, children(&server).len()), (1, 2), "{transport}");
        assert!(got.elapsed_ns >= 24 / 2 * HOLD, "no more than two at a time: {} ns", got.elapsed_ns);
        assert!(server.stop());
    }
}

#[test]
fn preforked_replaces_a_worker_that_dies() {
    let server = Server::launch("tcp", "preforked", &["--option", "workers=2"]);
    for _ in 0..3 {
        let dead = children(&server)[0];
        kill(Pid::from_raw(dead), Signal::SIGKILL).expect("it runs");
        until("another worker is there", || {
            let children = children(&server);
            children.len() == 2 && !children.contains(&dead)
        });
        let got = measure(&server, "tcp", json!({"clients": 5, "iterations": 20})).expect("it can be measured");
        assert_eq!((got.counts.ok, got.counts.scheduled), (100, 100), "{:?}", got.failures);
    }
    assert!(!server.stop(), "it says that workers were killed");
}

#[test]
fn a_call_that_kills_its_worker_fails_and_the_others_are_answered() {
    let server = Server::launch("tcp", "preforked", &["--option", "workers=2", "--fault", "abort"]);
    let got = measure(&server, "tcp", json!({"clients": 2, "iterations": 3})).expect("it can be measured");
    assert_eq!((got.counts.scheduled, got.counts.error.connect), (6, 6), "{:?}", got.counts);
    until("two workers are there", || children(&server).len() == 2);
    assert!(!server.stop(), "it says that workers were killed");
}

/// What each thread of a server has taken of a core, in nanoseconds.
fn taken_by_threads(server: &Server) -> Vec<u64> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("the server runs").flatten();
    let taken = tasks.map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).expect("the thread runs");
        text.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("a number")
    });
    taken.collect()
}

#[test]
fn async_deals_its_connections_out_to_so_many_threads_and_answers_every_call() {
    const THREADS: u64 = 3;
    for transport in ["tcp", "unix", "rpyc", "http1", "http2", "grpc"] {
        let server = Server::launch(transport, "async", &["--option", "workers=3"]);
        assert_eq!(fact(&server, "workers"), "3");
        assert!(
            fact(&server, "waits").as_str().is_some_and(|waits| waits.contains("each of 3 threads")),
            "{transport}"
        );
        for asked in [
            json!({"call": "echo", "payload": 70_000}),
            json!({"call": "upload", "payload": 300_000, "chunk": 8_000}),
            json!({"call": "download", "payload": 300_000, "chunk": 8_000}),
            json!({"call": "sleep", "hold_ns": MS}),
            json!({"call": "connect"}),
        ] {
            let mut asked = asked;
            asked["clients"] = 7.into();
            asked["iterations"] = 5.into();
            let got = measure(&server, transport, asked).expect("it can be measured");
            assert!(got.counts.conserved() && got.counts.ok == 35, "{transport}: {:?}", got.failures);
        }
        assert_eq!(server.status("Threads"), THREADS, "{transport}");
        assert!(server.stop());
    }
    // Two of six clients are each thread's, and so is a third of the work, give or take what accepting costs the first.
    let server = Server::launch("tcp", "async", &["--option", "workers=3"]);
    let asked = json!({"call": "compute", "work": 300_000, "clients": 6, "iterations": 20});
    let got = measure(&server, "tcp", asked).expect("it can be measured");
    assert_eq!(got.counts.ok, 120, "{:?}", got.failures);
    let taken = taken_by_threads(&server);
    let least = taken.iter().sum::<u64>() / 6;
    assert!(taken.len() as u64 == THREADS && taken.iter().all(|taken| *taken > least), "{taken:?}");
    assert!(server.stop());
}

#[test]
fn async_is_one_thread_where_nothing_is_said_and_where_a_library_owns_the_io() {
    let server = Server::launch("http1", "async", &[]);
    measure(&server, "http1", json!({"clients": 4, "iterations": 5})).expect("it can be measured");
    assert_eq!((fact(&server, "waits"), server.status("Threads")), (json!("event loop on one thread"), 1));
    assert!(server.stop());
    for transport in ["quic", "http3"] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(["serve", "--transport", transport, "--server", "async", "--option", "workers=2"]);
        let output = command.output().expect("the engine starts");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains("one socket at each end"), "{told}");
        let server = Server::launch(transport, "async", &["--option", "workers=1"]);
        assert!(server.stop());
    }
}

#[test]
fn workers_are_as_many_as_cores_where_nothing_is_said() {
    let cores = thread::available_parallelism().expect("a machine has cores").get();
    for model in ["pooled", "preforked"] {
        let server = Server::launch("tcp", model, &[]);
        assert_eq!(fact(&server, "workers"), cores.to_string());
        assert!(server.stop());
    }
}

#[test]
fn a_ballast_is_resident_before_the_ready_line_and_stays() {
    const BALLAST: u64 = 96 << 20;
    for model in MODELS {
        let model = model.name();
        let light = Server::launch("tcp", model, &[]);
        assert!(resident(light.pid()) < BALLAST / 2 && fact(&light, "ballast").is_null(), "{model}");
        assert!(light.stop());
        let server = Server::launch("tcp", model, &["--option", "ballast=96MiB"]);
        assert!(resident(server.pid()) >= BALLAST, "{model}: {} before it serves", resident(server.pid()));
        assert_eq!(fact(&server, "ballast"), "96MiB held from before serving", "{model}");
        let got = measure(&server, "tcp", json!({"clients": 3, "iterations": 10})).expect("it can be measured");
        assert_eq!(got.counts.ok, 30, "{model}: {:?}", got.failures);
        assert!(resident(server.pid()) >= BALLAST, "{model}: {} after it served", resident(server.pid()));
        assert!(server.stop());
    }
}

#[test]
fn what_is_forked_inherits_the_ballast() {
    const BALLAST: u64 = 96 << 20;
    for model in ["forking", "preforked"] {
        let server = Server::launch("tcp", model, &["--option", "ballast=96MiB"]);
        let _client = std::net::TcpStream::connect(server.address()).expect("the server listens");
        until("somebody was forked", || !children(&server).is_empty());
        // Shared with the parent and not yet written: mapped in the child, and charged to it by its table of pages.
        for child in children(&server) {
            assert!(resident(child) >= BALLAST, "{model}: {} in the child", resident(child));
        }
        assert!(server.stop());
    }
}

#[test]
fn a_ballast_that_does_not_fit_is_refused_before_anything_is_served() {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_engine"));
    let output = command.args(["serve", "--transport", "tcp", "--server", "forking", "--option", "ballast=1000GiB"]);
    let output = output.output().expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{told}");
    assert!(told.starts_with("error: a ballast of 1000GiB is more than"), "{told}");
}

#[test]
fn each_model_ends_at_once_with_a_stdin_that_has_ended() {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    std::fs::write(&file, "what nobody asked for\n".repeat(1000)).expect("the file can be written");
    let hosts = MODELS.iter().map(|model| ("tcp", model.name()));
    for (transport, model) in hosts.chain([("quic", "async"), ("http3", "threaded")]) {
        for stdin in [std::path::Path::new("/dev/null"), file.path()] {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_engine"));
            command.args(["serve", "--transport", transport, "--server", model]);
            let ended = command.stdin(std::fs::File::open(stdin).expect("it can be read")).output();
            let ended = ended.expect("the server can be started");
            let (said, why) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
            assert!(ended.status.success(), "{transport} {model} {}: {why}", stdin.display());
            assert!(
                said.starts_with("{\"ready\":") && why.contains("stdin has ended"),
                "{transport} {model}: {said}{why}"
            );
        }
    }
}
