//! What is done to a real server on purpose is in the figures of real runs, as closed forms say.

use std::path::Path;
use std::process::{Command, Output};

fn selftest(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("selftest").args(arguments).arg("--out").arg(out).output().expect("the engine starts")
}

#[test]
fn every_figure_is_what_it_must_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = selftest(&[], folder.path());
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let stalls = ["mid-run stall", "mid-run stall of 2 clients", "end stall", "short drain", "time-outs"];
    let targets = ["tcp threaded", "rpyc threaded", "rpyc forking", "http1 threaded", "http2 threaded", "quic async"];
    let stalled = stalls.into_iter().flat_map(|stall| targets.map(|target| format!("{stall}, {target}")));
    let others = [
        "starved generator, tcp threaded",
        "Poisson arrivals, tcp threaded",
        "constant arrivals, tcp threaded",
        "known delay, tcp threaded",
        "burning children, tcp forking",
        "cold start, tcp threaded",
        "abort, tcp forking",
        "abort, tcp preforked",
        "abort, tcp threaded",
        "abort, tcp pooled",
        "abort, tcp per-request",
        "abort, tcp async",
        "queueing theory, tcp pooled",
        "Little's law, tcp pooled",
    ];
    for proof in stalled.chain(others.map(str::to_owned)) {
        let rows = told.lines().filter(|line| line.starts_with("holds") && line.contains(&proof)).count();
        assert!(rows >= 2, "{proof}: {told}");
    }
    let runs = std::fs::read_dir(folder.path()).expect("it was written").flatten();
    assert!(runs.filter(|run| run.path().join("results.json").is_file()).count() >= 38);
}

#[test]
fn a_proof_that_is_not_there_is_told_with_those_that_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = selftest(&["--only", "nonsense"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("end stall, tcp threaded"));
}
