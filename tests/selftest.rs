//! What is done to a real server on purpose is in the figures of real runs, as closed forms say.

use std::path::Path;
use std::process::{Command, Output};

use engine::results::Results;
use engine::results::machine::Interference;

fn selftest(arguments: &[&str], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("selftest").args(arguments).arg("--out").arg(out).output().expect("the engine starts")
}

#[test]
fn every_figure_is_what_it_must_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = selftest(&[], folder.path());
    let told = String::from_utf8_lossy(&output.stdout);
    let undecided = rows(&told).any(|line| line.starts_with("undecided "));
    // Whoever runs this beside something else gets no proof, and no false alarm.
    let exit = if undecided { 3 } else { 0 };
    assert_eq!(output.status.code(), Some(exit), "{told}{}", String::from_utf8_lossy(&output.stderr));
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
        let rows: Vec<&str> = rows(&told).filter(|line| line.contains(&proof)).collect();
        assert!(rows.len() >= 2, "{proof}: {told}");
        let decided = rows.iter().all(|row| row.starts_with("holds"));
        assert!(decided || disturbed(folder.path(), &proof), "{proof} is undecided, and nothing disturbed it: {told}");
    }
}

/// The lines of the table.
fn rows(told: &str) -> impl Iterator<Item = &str> {
    told.lines().filter(|line| ["holds ", "FAILS ", "undecided "].iter().any(|mark| line.starts_with(mark)))
}

/// Whether each of three attempts at a proof was disturbed, by what the kernel counted while it ran.
fn disturbed(out: &Path, proof: &str) -> bool {
    let folder = out.join(proof.replace(|c: char| !c.is_alphanumeric(), "-"));
    let attempts: Vec<Results> = (1..=3)
        .map(|attempt| Results::read(&folder.join(format!("attempt-{attempt}"))).expect("each attempt has results"))
        .collect();
    attempts.iter().all(|results| {
        let mut shares = results.counting().filter_map(|record| record.interference.as_ref().map(|it| it.share));
        shares.any(|share| share >= Interference::SUSPECT)
    })
}

#[test]
fn a_proof_that_is_not_there_is_told_with_those_that_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = selftest(&["--only", "nonsense"], folder.path());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("end stall, tcp threaded"));
}
