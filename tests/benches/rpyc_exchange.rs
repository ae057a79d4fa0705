//! How near `root.ping()` of our RPyC, native to native, comes to a raw exchange of frames of the same lengths.
//!
//! `cargo bench --bench rpyc_exchange` interleaves both and prints the ratio of their medians for each round. Each side
//! is a client and a server in processes of their own, all pinned to one core, or free with `-- --free`.

#![expect(clippy::print_stdout, reason = "a bench is there to print")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::{Value, json};

const ROUNDS: usize = 9;
const CALLS: usize = 20_000;
const WARMUP: usize = 500;
/// Bytes up and down of each turn: DEL of the last call with GETATTR, then CALL (docs/rpyc.md).
const TURNS: [(usize, usize); 2] = [(72 + 108, 12 + 64), (75, 17)];

fn main() {
    if std::env::args().any(|argument| argument == "--raw-server") {
        return serve_raw();
    }
    let pinned = !std::env::args().any(|argument| argument == "--free");
    if pinned {
        // Children inherit it.
        let mut one = CpuSet::new();
        one.set(0).expect("there is a first core");
        sched_setaffinity(Pid::from_raw(0), &one).expect("this process may be pinned");
    }
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let (raw, ours) = (raw_p50(), ours_p50());
        ratios.push(ours as f64 / raw as f64);
        println!("round {round}: raw {raw} ns, ours {ours} ns, ratio {:.3}", ours as f64 / raw as f64);
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "ratio of the p50 of root.ping() to the raw exchange, {}: median {:.3} (min {:.3}, max {:.3}) of {ROUNDS}",
        if pinned { "one core" } else { "free" },
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    );
}

fn serve_raw() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address").port());
    let (mut stream, _) = listener.accept().expect("the client");
    stream.set_nodelay(true).expect("nodelay");
    let mut buffer = [0u8; 4096];
    loop {
        for (up, down) in TURNS {
            let mut have = 0;
            while have < up {
                match stream.read(&mut buffer) {
                    Ok(0) | Err(_) => return,
                    Ok(n) => have += n,
                }
            }
            stream.write_all(&buffer[..down]).expect("the client reads");
        }
    }
}

fn raw_p50() -> u64 {
    let mut server = Command::new(std::env::current_exe().expect("this program"))
        .arg("--raw-server")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the raw server starts");
    let mut port = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut port).expect("its port");
    let mut stream = TcpStream::connect(("127.0.0.1", port.trim().parse().expect("a port"))).expect("it listens");
    stream.set_nodelay(true).expect("nodelay");
    let (mut buffer, mut times) = ([0u8; 4096], Vec::with_capacity(CALLS));
    for call in 0..WARMUP + CALLS {
        let begun = Instant::now();
        for (up, down) in TURNS {
            stream.write_all(&buffer[..up]).expect("the server reads");
            let mut have = 0;
            while have < down {
                have += stream.read(&mut buffer).expect("the server writes");
            }
        }
        if call >= WARMUP {
            times.push(begun.elapsed().as_nanos() as u64);
        }
    }
    drop(stream);
    server.wait().expect("the raw server ends");
    times.sort_unstable();
    times[CALLS / 2]
}

fn ours_p50() -> u64 {
    let engine = |command: &str| {
        let mut engine = Command::new(env!("CARGO_BIN_EXE_engine"));
        engine.arg(command).stdin(Stdio::piped()).stdout(Stdio::piped());
        engine
    };
    let mut server =
        engine("serve").args(["--transport", "rpyc", "--server", "threaded"]).spawn().expect("the server starts");
    let mut line = String::new();
    let mut said = BufReader::new(server.stdout.take().expect("a pipe"));
    said.read_line(&mut line).expect("its ready line");
    let ready: Value = serde_json::from_str(&line).expect("JSON");
    let mut drive = engine("drive").spawn().expect("the client starts");
    let mut stdin = drive.stdin.take().expect("a pipe");
    let assignment = json!({"assignment": {
        "version": 1, "address": ready["ready"]["address"], "nonce": ready["ready"]["nonce"], "transport": "rpyc",
        "call": "ping", "clients": 1, "iterations": CALLS, "warmup": WARMUP,
        "timeout_ns": 10_000_000_000u64, "drain_ns": 1,
    }});
    let mut measured = Value::Null;
    writeln!(stdin, "{assignment}").expect("the client listens");
    for line in BufReader::new(drive.stdout.take().expect("a pipe")).lines() {
        let mut line: Value = serde_json::from_str(&line.expect("a line")).expect("JSON");
        if line.get("armed").is_some() {
            writeln!(stdin, "{{\"go\":{{}}}}").expect("the client listens");
        } else if line.get("done").is_some() {
            writeln!(stdin, "{{\"report\":{{}}}}").expect("the client listens");
        } else if line.get("measured").is_some() {
            measured = line["measured"].take();
        }
    }
    drop((stdin, server.stdin.take()));
    drive.wait().expect("the client ends");
    server.wait().expect("the server ends");
    assert_eq!(measured["counts"]["ok"], CALLS, "every call is answered");
    measured["response_time"]["p50_ns"].as_u64().expect("a median")
}
