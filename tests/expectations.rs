//! What a scenario expects is judged after the run, and what is not so is named and ends in exit code 1.

use std::fs;
use std::process::{Command, Output};

fn run(expect: &str) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("scenario.yaml");
    let text = format!(
        "title: t\nquestion: q\ntrials: 1\ntargets: [{{transport: tcp, server: threaded, expect: \"errors == 0\"}}]\n\
         workloads: [{{name: wait, call: sleep, hold: 20ms, iterations: 5, expect: [{expect}]}}]\n"
    );
    fs::write(&scenario, text).expect("a scenario");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    let output = command.arg("run").arg(&scenario).arg("--out").arg(folder.path()).output().expect("the engine starts");
    let report = fs::read_to_string(folder.path().join("report.md")).expect("a report");
    (output, report)
}

#[test]
fn what_is_as_expected_ends_well() {
    let (output, report) = run("mean >= 20ms, timeouts == 0, censored == 0, calls_per_s < 50");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(report.matches("| met |").count(), 5, "{report}");
}

#[test]
fn what_is_not_is_named_with_its_cell_its_figure_and_its_bound() {
    let (output, report) = run("mean < 5ms, mean > 5ms, p99 < 1h");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{told}");
    assert!(errors[0].starts_with("error: tcp-threaded/wait: expected mean < 5ms, found 2"), "{told}");
    assert!(errors[1].contains("expected p99 < 1h, found no such figure: too few calls"), "{told}");
    assert_eq!(report.matches("| **not met** |").count(), 2, "{report}");
}
