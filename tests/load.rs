//! Known impairments of a real server, and the figures that an honest open loop must then report, in closed form.

mod ends;

use std::process::Command;
use std::time::{Duration, Instant};

use ends::{Drive, Server, assignment};
use engine::call::Arrivals;
use engine::drive::job::Limit;
use engine::drive::schedule::{Pace, Schedule};
use engine::results::Measured;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// The window of every stall.
const WINDOW: u64 = 15;

/// Who is stopped, when, and for how long.
#[derive(Clone, Copy)]
struct Stall {
    after: Duration,
    length: Duration,
}

impl Stall {
    fn new(after_s: f64, length_s: f64) -> Self {
        Stall { after: Duration::from_secs_f64(after_s), length: Duration::from_secs_f64(length_s) }
    }
}

/// 100 calls/s for 15 s over a stall of the server's whole process group; with how long it really lasted, in seconds.
fn stalled(transport: &str, model: &str, stall: Stall, more: Value) -> (Measured, f64) {
    let server = Server::launch(transport, model, &[]);
    let group = Pid::from_raw(server.pid() as i32);
    let mut keys = json!({"iterations": null, "duration_ns": WINDOW * SECOND, "rate": 100.0, "clients": 10});
    for (key, value) in more.as_object().expect("an object of keys") {
        keys[key] = value.clone();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    let mut lasted = 0.0;
    let measured = Drive::start(command)
        .measure_while(&assignment(&server, transport, keys), || {
            // These are the impairment itself, not a wait for something to become ready.
            std::thread::sleep(stall.after);
            let begun = Instant::now();
            killpg(group, Signal::SIGSTOP).expect("the server runs");
            std::thread::sleep(stall.length);
            killpg(group, Signal::SIGCONT).expect("the server is stopped");
            lasted = begun.elapsed().as_secs_f64();
        })
        .expect("it can be measured");
    assert!(measured.counts.conserved(), "{:?}", measured.counts);
    assert_eq!(measured.counts.scheduled, 100 * WINDOW);
    (measured, lasted)
}

fn near(what: &str, got_ns: u64, expected_s: f64) {
    let got = got_ns as f64 / 1e9;
    assert!((got / expected_s - 1.0).abs() < 0.05, "{what}: {got:.3} s where {expected_s:.3} s is right");
}

/// A stall in the middle of the window: response times above p follow S (1 - (1 - p) / f), with f = S / T.
fn mid_run(transport: &str, model: &str, clients: u32) {
    let (got, lasted) = stalled(transport, model, Stall::new(6.0, 1.5), json!({"clients": clients}));
    let what = format!("{transport} {model} with {clients} clients");
    assert_eq!(got.counts.ok, got.counts.scheduled, "{what}: {:?}", got.failures);
    let response = &got.response_time;
    for (name, q, ns) in
        [("p95", 0.95, response.p95_ns), ("p99", 0.99, response.p99_ns), ("p99.9", 0.999, response.p999_ns)]
    {
        near(&format!("{what}: {name}"), ns, lasted * (1.0 - (1.0 - q) * WINDOW as f64 / lasted));
    }
    assert!(got.service_time.p99_ns < 50 * MS, "{what}: service p99 {} ns", got.service_time.p99_ns);
    assert_eq!(response.at_least_from, None);
    let slices = &got.timeline;
    assert_eq!(slices.iter().map(|slice| slice.ok + slice.failed).sum::<u64>(), got.counts.scheduled);
    let worst = slices.iter().max_by_key(|slice| slice.max_ns).expect("there are slices");
    assert!((5 * SECOND..8 * SECOND).contains(&worst.start_ns), "{what}: the stall is seen at {} ns", worst.start_ns);
}

#[test]
fn a_stall_is_in_the_response_times_of_all_who_were_due() {
    std::thread::scope(|scope| {
        for (transport, model, clients) in [
            ("tcp", "threaded", 10),
            ("tcp", "threaded", 2),
            ("rpyc", "threaded", 10),
            ("rpyc", "forking", 10),
            ("http1", "threaded", 10),
            ("http2", "threaded", 10),
        ] {
            scope.spawn(move || mid_run(transport, model, clients));
        }
        scope.spawn(|| {
            let (got, lasted) = stalled("tcp", "threaded", Stall::new(13.0, 4.0), json!({}));
            assert_eq!(got.counts.ok, got.counts.scheduled);
            // 2 s of 15 s are hit; the first of those calls waits for the whole stall.
            near("end stall: p99", got.response_time.p99_ns, lasted - 2.0 * 0.01 * WINDOW as f64 / 2.0);
        });
        scope.spawn(|| {
            let drain = json!({"drain_ns": SECOND});
            let (got, _) = stalled("tcp", "threaded", Stall::new(13.0, 4.0), drain);
            assert!(got.counts.ok < got.counts.scheduled && got.counts.censored >= 150, "{:?}", got.counts);
            let from = got.response_time.at_least_from.expect("censored calls are bounds");
            assert!(from < 0.95, "{from}");
            assert!(got.response_time.max_ns >= 2_900 * MS && got.response_time.count == got.counts.scheduled);
            // Ten were sent; the others waited for a client and have no service time.
            assert_eq!(got.service_time.count, got.counts.ok + 10);
            assert_eq!(got.generator.unsent, Some(0));
        });
        scope.spawn(|| {
            let timeout = json!({"timeout_ns": 2 * SECOND});
            let (got, _) = stalled("tcp", "threaded", Stall::new(6.0, 2.2), timeout);
            assert_eq!((got.counts.timeout, got.counts.ok), (10, 100 * WINDOW - 10), "{:?}", got.failures);
            assert_eq!(got.reconnects, 10);
            assert!(got.response_time.max_ns >= 2 * SECOND && got.service_time.max_ns >= 2 * SECOND);
        });
    });
}

/// What one client process measures on a server of one worker.
fn one_worker(more: Value) -> Measured {
    let server = Server::launch("tcp", "pooled", &["--option", "workers=1"]);
    let got = ends::measure(&server, "tcp", more).expect("it can be measured");
    assert_eq!(got.counts.ok, got.counts.scheduled, "{:?}", got.failures);
    got
}

#[test]
fn the_queue_is_as_long_as_queueing_theory_says() {
    // One client makes one call at a time, so that the time of service is known from the same run.
    let got = one_worker(json!({"iterations": null, "duration_ns": 15 * SECOND, "call": "sleep", "hold_ns": 10 * MS,
        "rate": 80.0, "arrivals": "poisson", "seed": 5}));
    let pace = Pace { steps: vec![(80.0, u64::MAX)], arrivals: Arrivals::Poisson, seed: 5 };
    let mut schedule = Schedule::new(&pace, Limit::Time(15 * SECOND));
    let (mut free, mut sum, mut count) = (0, 0, 0);
    while let Some(due) = schedule.pop() {
        free = due.max(free) + got.service_time.mean_ns;
        sum += free - due;
        count += 1;
    }
    assert_eq!(got.counts.scheduled, count);
    let (expected, mean) = ((sum / count) as f64, got.response_time.mean_ns as f64);
    assert!((mean / expected - 1.0).abs() < 0.05, "{mean} ns where Lindley's recursion says {expected} ns");
    assert!(mean > 1.5 * got.service_time.mean_ns as f64, "there was no queue");
}

#[test]
fn calls_in_the_system_are_rate_times_response_time() {
    let got = one_worker(json!({"clients": 8, "iterations": 40, "call": "sleep", "hold_ns": 5 * MS}));
    let inside = got.calls_per_s * got.response_time.mean_ns as f64 / 1e9;
    assert!((inside / 8.0 - 1.0).abs() < 0.05, "{inside} calls in the system of 8 clients");
}

#[test]
fn an_open_loop_makes_every_call_of_its_schedule() {
    let server = Server::launch("tcp", "async", &[]);
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
        let got = ends::measure(&server, "tcp", more.clone()).expect("it can be measured");
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
    for clients in [1, 3] {
        let more = json!({"wait": "spin", "clients": clients});
        let got = ends::measure(&server, "tcp", more).expect("it can be measured");
        assert_eq!(got.counts.ok, 100 * clients);
        assert_eq!((got.facts["waits"].as_str(), got.facts["driver"].as_str()), ("spinning", "event loop"));
    }
}
