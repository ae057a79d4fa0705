//! What a connection costs in memory, at either end, idle and after use: what its model needs, not what an allocator left.
//!
//! `FOOTPRINT=1000` asks for so many connections a pair (half of that, and at most a thousand, where each is a process) and prints a table.

mod ends;

use std::fs;
use std::process::Command;

use ends::{Drive, Server, assignment};
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::contract::Family;
use engine::transport::options::TLS;
use engine::transport::{TRANSPORTS, descriptors};
use serde_json::{Value, json};

/// The most that a connection may cost either end, in KiB: a quarter of what is read at a time.
const BOUND: u64 = 64;
/// The same where the connection's keys, windows and lost packets are the library's matter, in TLS at that.
const DATAGRAMS: u64 = 96;
/// The same where each connection is a thread: its stack, and the pages that it was read into.
const THREAD: u64 = 128;
/// The same where each connection is a process: its stack, its tables and its pages that differ from its parent's.
const PROCESS: u64 = 256;

/// The most that a connection may cost a client process, what that takes for itself shared among them.
const CLIENT: f64 = 96.0;

/// The memory of these processes in KiB that no file holds, what several share divided among them.
fn memory(pids: &[u32]) -> u64 {
    let of = |pid: &u32| {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:"))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok()
    };
    pids.iter().filter_map(of).sum()
}

/// KiB a connection costs: the server idle, the server after use, the client process idle and after use.
fn measured(transport: &str, model: &str, tls: bool, clients: u64) -> [f64; 4] {
    let server = Server::launch(transport, model, if tls { &["--option", "tls=true"] } else { &[] });
    let assignment = |more: Value| {
        let mut asked = assignment(&server, transport, more);
        if tls {
            asked["options"] = json!({TLS.name: true});
        }
        asked
    };
    let drive = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.arg("drive");
        Drive::start(command)
    };
    // What the first connections bring into memory is not theirs.
    drive().measure(&assignment(json!({"clients": 4}))).expect("it can be measured");
    let memory_of = |pids: &[u32]| memory(pids) as f64;
    let before = memory_of(&server.pids());
    let mut client = drive();
    let client_before = memory_of(&[client.pid()]);
    let more = json!({"clients": clients, "iterations": 20, "timeout_ns": 120_000_000_000u64});
    client.say(&json!({"assignment": assignment(more)}));
    assert!(client.hear().get("armed").is_some(), "{transport} {model}");
    let idle = [memory_of(&server.pids()) - before, memory_of(&[client.pid()]) - client_before];
    client.say(&json!({"go": {}}));
    assert!(client.hear().get("done").is_some(), "{transport} {model}");
    let used = [memory_of(&server.pids()) - before, memory_of(&[client.pid()]) - client_before];
    client.say(&json!({"report": {}}));
    let ok = client.hear()["measured"]["counts"]["ok"].as_u64();
    assert_eq!(ok, Some(20 * clients), "{transport} {model}");
    assert!(server.stop(), "{transport} {model}");
    [idle[0], used[0], idle[1], used[1]].map(|memory| memory / clients as f64)
}

#[test]
fn a_connection_costs_what_its_model_needs() {
    descriptors::raise();
    let asked = std::env::var("FOOTPRINT").ok().and_then(|count| count.parse::<u64>().ok());
    let only = std::env::var("FOOTPRINT_ONLY").unwrap_or_default();
    let many = asked.unwrap_or(200);
    if asked.is_some() {
        eprintln!("{:<30} {:>11} {:>11} {:>11} {:>11}", "KiB each", "server idle", "used", "client idle", "used");
    }
    for transport in TRANSPORTS {
        let can_tls = transport.options().iter().any(|option| option.name == TLS.name);
        for model in MODELS {
            let Ok(pairing) = Pairing::of(*transport, *model, &native::Native, &driver::native::Native) else {
                continue;
            };
            if !pairing.to_string().contains(&only) {
                continue;
            }
            for tls in [false, true].into_iter().filter(|tls| !tls || can_tls) {
                let forks = model.name() == "forking";
                let clients = if forks { (many / 2).min(1000) } else { many };
                let costs = measured(transport.name(), model.name(), tls, clients);
                let what = format!("{pairing}{}", if tls { " tls" } else { "" });
                let told: String = costs.map(|cost| format!(" {cost:>11.1}")).concat();
                if asked.is_some() {
                    eprintln!("{what:<30}{told}");
                    continue;
                }
                let bound = match (transport.family(), model.name()) {
                    (Family::Udp, _) => DATAGRAMS,
                    (_, "forking") => PROCESS,
                    (_, "threaded") => THREAD,
                    _ => BOUND,
                } as f64;
                assert!(costs[0] < bound && costs[1] < bound, "{what}: {told} KiB a connection");
                assert!(costs[2] < CLIENT && costs[3] < CLIENT, "{what}: {told} KiB a connection");
            }
        }
    }
}
