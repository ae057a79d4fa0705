//! Deliberate faults of the measurement, each of which a proof must find; `just mutants` runs them.
#![cfg(feature = "mutants")]

use std::process::{Command, Output};

use serde_json::Value;

fn engine(mutant: Option<&str>, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.args(arguments).env("ENGINE_BESIDE_OTHERS", "1").env_remove("ENGINE_MUTANT");
    if let Some(mutant) = mutant {
        command.env("ENGINE_MUTANT", mutant);
    }
    command.output().expect("the engine starts")
}

/// The proof must fail with the mutant, in that figure, and hold without it.
fn killed(mutant: &str, proof: &str, figure: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("paths are text");
    let arguments = ["selftest", "--only", proof, "--out", out];
    let output = engine(Some(mutant), &arguments);
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{mutant} lives: {told}");
    let found = told.lines().any(|line| line.starts_with("FAILS") && line.contains(figure));
    assert!(found, "{mutant} is not found by `{figure}`: {told}");
    let output = engine(None, &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn stamping_calls_when_they_are_sent_is_found_by_the_mid_run_stall() {
    killed("stamp-at-send", "mid-run stall, tcp threaded", "p99");
}

#[test]
fn dropping_calls_when_all_clients_are_busy_is_found_by_the_mid_run_stall() {
    killed("drop-when-full", "mid-run stall, tcp threaded", "p95");
}

#[test]
fn not_draining_is_found_by_the_end_stall() {
    killed("no-drain", "end stall, tcp threaded", "p99");
}

#[test]
fn discarding_time_outs_is_found_by_the_time_outs() {
    killed("discard-time-outs", "time-outs, tcp threaded", "time-outs");
}

/// Whether each block of the plan holds every cell once.
fn interleaved(mutant: Option<&str>) -> bool {
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/quickstart.yaml");
    let output = engine(mutant, &["plan", scenario, "--json"]);
    let plan: Value = serde_json::from_slice(&output.stdout).expect("a plan is JSON");
    let cells = plan["cells"].as_array().expect("a list of cells").len();
    let turns = plan["turns"].as_array().expect("a list of turns");
    let trials = |block: &[Value]| block.windows(2).all(|pair| pair[0]["trial"] == pair[1]["trial"]);
    cells > 1 && turns.chunks(cells).all(trials)
}

#[test]
fn running_cell_by_cell_is_found_by_the_blocks_of_the_plan() {
    assert!(interleaved(None));
    assert!(!interleaved(Some("cell-by-cell")));
}
