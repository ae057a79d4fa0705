//! Every transport on every server model under both drivers, for long: memory, files and threads stay level at both ends.
//!
//! `just soak` takes an hour and writes `docs/soak.md`; `--minutes N` takes N, `--only PAIR` one pair. A pair fails where
//! a call is lost or wrong, or where an end grows: that ends the run with 1.

#[path = "../ends/mod.rs"]
mod ends;

use std::fmt::Write;
use std::fs;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ends::{Drive, Server, assignment};
use engine::results::Measured;
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::{TRANSPORTS, descriptors};
use serde_json::json;

/// How many clients the event loop has.
const MANY: u64 = 8;
/// How much an end may grow between its second fifth and its last, in KiB: a page for each of some hundred connections
/// that come and go at their own pace, and not what a leak of a byte in each of 100,000 calls makes in an hour.
const LEVEL: u64 = 2048;

/// What an end holds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Held {
    /// Resident memory that no file holds, in KiB, of all its processes.
    memory: u64,
    /// Open files.
    files: u64,
    threads: u64,
}

fn held(pids: &[u32]) -> Held {
    let entries =
        |pid: u32, what: &str| fs::read_dir(format!("/proc/{pid}/{what}")).map_or(0, |all| all.count() as u64);
    let mut sum = Held::default();
    for pid in pids {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        let line = rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:"));
        sum.memory += line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0);
        sum.files += entries(*pid, "fd");
        sum.threads += entries(*pid, "task");
    }
    sum
}

/// The most of each kind in a part of what was seen.
fn most(seen: &[Held]) -> Held {
    seen.iter().fold(Held::default(), |most, held| Held {
        memory: most.memory.max(held.memory),
        files: most.files.max(held.files),
        threads: most.threads.max(held.threads),
    })
}

/// What became of a pair.
struct Soaked {
    calls: u64,
    seconds: f64,
    /// Of the server and of the client: the most in each fifth of the time.
    ends: [[Held; 5]; 2],
    wrong: Vec<String>,
}

fn soak(transport: &str, model: &str, clients: u64, time: Duration) -> Soaked {
    let server = Server::launch(transport, model, &[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    let mut drive = Drive::start(command);
    let more = json!({"clients": clients, "iterations": null, "duration_ns": time.as_nanos() as u64});
    let asked = assignment(&server, transport, more);
    let (over, client) = (AtomicBool::new(false), drive.pid());
    let begun = Instant::now();
    let (measured, seen) = thread::scope(|scope| {
        let watching = scope.spawn(|| {
            let mut seen: Vec<[Held; 2]> = Vec::new();
            while !over.load(Ordering::Relaxed) {
                seen.push([held(&server.pids()), held(&[client])]);
                thread::sleep(Duration::from_millis(100));
            }
            seen
        });
        let measured = drive.measure(&asked);
        over.store(true, Ordering::Relaxed);
        (measured, watching.join().expect("it only reads"))
    });
    let seconds = begun.elapsed().as_secs_f64();
    let ends = [0, 1].map(|end| {
        let of_end: Vec<Held> = seen.iter().map(|both| both[end]).collect();
        [0, 1, 2, 3, 4].map(|part| most(&of_end[of_end.len() * part / 5..of_end.len() * (part + 1) / 5]))
    });
    let mut wrong = Vec::new();
    for (end, [_, early, .., late]) in ["server", "client"].iter().zip(ends) {
        if late.memory > early.memory + LEVEL {
            wrong.push(format!("the memory of the {end} grew from {} to {} KiB", early.memory, late.memory));
        }
        if late.files > early.files + 2 || late.threads > early.threads + MANY {
            wrong.push(format!("the {end} went from {early:?} to {late:?}"));
        }
    }
    let calls = match measured {
        Ok(measured) => counted(&measured, &mut wrong),
        Err(why) => {
            wrong.push(why.to_string());
            0
        }
    };
    if !server.stop() {
        wrong.push("the server left something behind or did not end well".to_owned());
    }
    Soaked { calls, seconds, ends, wrong }
}

/// How something held went from fifth to fifth; once, as long as it stays the same.
fn course(parts: &[Held], of: impl Fn(&Held) -> u64) -> String {
    let mut values: Vec<String> = parts.iter().map(|held| of(held).to_string()).collect();
    values.dedup();
    values.join(" → ")
}

/// How many calls were answered; anything else is wrong.
fn counted(measured: &Measured, wrong: &mut Vec<String>) -> u64 {
    let counts = &measured.counts;
    let each: u64 =
        measured.clients.iter().map(|client| client.ok + client.error + client.timeout + client.censored).sum();
    if !counts.conserved() || each != counts.scheduled {
        wrong.push(format!("the counts are not conserved: {counts:?}, and the clients have {each}"));
    }
    if counts.ok != counts.scheduled || measured.reconnects > 0 {
        wrong.push(format!("{counts:?}, {} reconnects: {:?}", measured.reconnects, measured.failures));
    }
    counts.ok
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut minutes, mut only, mut out) = (60.0, String::new(), None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        match argument.as_str() {
            "--minutes" => minutes = value().parse().expect("--minutes takes a number"),
            "--only" => only = value(),
            "--out" => out = Some(value()),
            // Cargo's own.
            "--bench" => {}
            other => panic!("`{other}` is not known: --minutes, --only, --out"),
        }
    }
    descriptors::raise();
    let pairs: Vec<(&str, &str)> = TRANSPORTS
        .iter()
        .flat_map(|transport| MODELS.iter().map(move |model| (*transport, *model)))
        .filter(|(transport, model)| Pairing::of(*transport, *model, &native::Native, &driver::native::Native).is_ok())
        .map(|(transport, model)| (transport.name(), model.name()))
        .filter(|(transport, model)| format!("{transport} {model}").contains(&only))
        .collect();
    let time = Duration::from_secs_f64(minutes * 60.0 / (2 * pairs.len()).max(1) as f64);
    let (mut rows, mut sum, mut wrong) = (String::new(), 0, Vec::new());
    let mut done = 0;
    for (transport, model) in pairs {
        for clients in [1, MANY] {
            let Soaked { calls, seconds, ends, wrong: faults } = soak(transport, model, clients, time);
            sum += calls;
            done += 1;
            let cells: String = ends
                .iter()
                .map(|parts| {
                    let [memory, files, threads] = [
                        course(parts, |held| held.memory),
                        course(parts, |held| held.files),
                        course(parts, |held| held.threads),
                    ];
                    format!(" {memory} | {files} | {threads} |")
                })
                .collect();
            let told = if faults.is_empty() { "level" } else { "**not level**" };
            // Writing to a string cannot fail.
            let _ = writeln!(rows, "| {transport} {model} | {clients} | {calls} | {seconds:.0} |{cells} {told} |");
            eprintln!("{transport} {model} {clients}: {calls} calls in {seconds:.1} s, {told} {faults:?}");
            wrong.extend(faults.into_iter().map(|fault| format!("* {transport} {model} with {clients}: {fault}\n")));
        }
    }
    if let Some(out) = out {
        let build = if cfg!(debug_assertions) { "an unoptimised build" } else { "a release build" };
        let verdict = if wrong.is_empty() { "Nothing grew and no call was lost.\n".to_owned() } else { wrong.concat() };
        let page = format!(
            "# Soak\n\nMade by `just soak`, which is {minutes} minutes here, with {build}: {sum} calls in {done} pairs of a server\nand \
             a client process, {:.1} s each. A full soak is 60 minutes. Ping, one client (blocking) or {MANY}\n\
             (event loop; quic and http3: tasks). Memory is what no file holds, in KiB; of memory, open files and threads\n\
             the most in each fifth of the time is told → where it changes. What ends higher than in its second fifth has grown.\n\n{verdict}\n\
             | pair | clients | calls | s | server KiB | files | threads | client KiB | files | threads | |\n\
             | --- | ---: | ---: | ---: | --- | --- | --- | --- | --- | --- | --- |\n{rows}",
            time.as_secs_f64()
        );
        fs::write(out, page).expect("the page can be written");
    }
    if wrong.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
