//! Processes that are killed, stopped and signalled at moments of chance.

use std::fs;
use std::path::Path;
use std::time::Duration;

use engine::call::SplitMix;
use engine::results::Results;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::Run;

/// Pairs that between them have each way of holding connections.
const TARGETS: [(&str, &str); 8] = [
    ("tcp", "forking"),
    ("rpyc", "threaded"),
    ("http1", "preforked"),
    ("http2", "async"),
    ("quic", "async"),
    ("unix", "pooled"),
    ("grpc", "per-request"),
    ("http3", "threaded"),
];

/// Trials of the runs that are broken.
const TRIALS: usize = 6;

fn pick<'a, T>(random: &mut SplitMix, of: &'a [T]) -> &'a T {
    &of[random.below(of.len() as u64) as usize]
}

/// Writes a scenario of one target that takes about a second.
fn scenario(random: &mut SplitMix, folder: &Path) -> String {
    let (transport, server) = pick(random, &TARGETS);
    let clients = pick(random, &["1", "7"]);
    let load = pick(random, &["duration: 150ms", "duration: 150ms, rate: 200", "iterations: 40"]);
    let text = format!(
        "title: t\nquestion: q\ntargets:\n  - {{transport: {transport}, server: {server}}}\nworkloads:\n  \
         - {{name: w, call: ping, clients: {clients}, {load}}}\ntrials: {TRIALS}\ntimeout: 1s\n"
    );
    let file = folder.join("s.yaml");
    fs::write(&file, text).expect("it can be written");
    file.to_str().expect("a path is text").to_owned()
}

fn moment(random: &mut SplitMix, within_ms: u64) {
    std::thread::sleep(Duration::from_micros(random.below(within_ms * 1000)));
}

fn send(pid: u32, signal: Signal) {
    // Whoever has ended already needs no signal.
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// What was kept of a run can be read and reported, or there was nothing yet.
fn kept(out: &Path) -> Result<(), String> {
    let file = |name: &str| fs::read(out.join(name)).unwrap_or_default();
    let whole = !file("results.json").is_empty() || file("results.journal").contains(&b'\n');
    let report = Run::engine(&["report", out.to_str().expect("a path is text")]).end()?;
    report.is(if whole { &[0] } else { &[0, 2] }).map_err(|why| format!("the report of what was kept: {why}"))
}

/// A run is killed; nothing is left running, and what was measured can be reported.
pub(crate) fn killed_run(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (scenario(random, folder.path()), folder.path().join("out"));
    let run = Run::engine(&["run", &file, "--out", out.to_str().expect("a path is text")]);
    moment(random, 2000);
    send(run.pid(), Signal::SIGKILL);
    run.end()?;
    kept(&out)
}

/// A run gets signals: it ends with what was measured, by 130, by the signal where it came before anything was done,
/// or as if nothing had happened where it came after all.
pub(crate) fn signalled_run(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (scenario(random, folder.path()), folder.path().join("out"));
    let run = Run::engine(&["run", &file, "--out", out.to_str().expect("a path is text")]);
    let signal = *pick(random, &[Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGPIPE, Signal::SIGWINCH]);
    moment(random, 1500);
    if random.below(3) == 0 {
        send(run.pid(), Signal::SIGSTOP);
        moment(random, 300);
        send(run.pid(), Signal::SIGCONT);
    }
    send(run.pid(), signal);
    if random.below(3) == 0 {
        moment(random, 20);
        send(run.pid(), signal);
    }
    let ended = run.end()?;
    if ended.status.code().is_some() {
        // 3 because a stopped conductor may have spoiled a trial.
        ended.is(&[0, 1, 3, 130])?;
    }
    kept(&out)
}

/// An end of a trial is killed or stopped: its trial fails or not, and every other is measured.
pub(crate) fn signalled_end(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (scenario(random, folder.path()), folder.path().join("out"));
    let run = Run::engine(&["run", &file, "--out", out.to_str().expect("a path is text")]);
    moment(random, 1200);
    let children: Vec<u32> = run.children().into_iter().collect();
    if !children.is_empty() {
        let victim = *pick(random, &children);
        let serves =
            fs::read(format!("/proc/{victim}/cmdline")).is_ok_and(|line| line.windows(5).any(|w| w == b"serve"));
        let signals = [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGSEGV, Signal::SIGUSR1, Signal::SIGSTOP];
        // A client that is stopped is waited for so long that it would take minutes.
        send(victim, *pick(random, if serves { &signals } else { &signals[..4] }));
    }
    run.end()?.is(&[0, 1, 3])?;
    let results = Results::read(&out).map_err(|error| format!("its results: {error}"))?;
    match results.counting().count() {
        TRIALS => kept(&out),
        other => Err(format!("{other} of {TRIALS} trials have a record")),
    }
}
