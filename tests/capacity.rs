//! The highest rate that holds is found where it is known by construction, and only said to be a bound where it is.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use engine::results::search::Limit;
use engine::results::{Outcome, Record, Results, State};
use tempfile::TempDir;

/// One thread serves one call after the other for 10 ms each: at most 100 calls a second, on any machine.
fn search(expect: &str) -> (Output, Record, String) {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("known.yaml");
    let text = format!(
        "title: t\nquestion: q\ntrials: 1\ntargets: [{{transport: tcp, server: pooled, options: {{workers: 1}}}}]\n\
         workloads: [{{name: w, call: sleep, hold: 10ms, clients: 8, rate: search, duration: 1s, expect: [{expect}]}}]\n"
    );
    fs::write(&file, text).expect("a scenario");
    let mut engine = Command::new(env!("CARGO_BIN_EXE_engine"));
    let output = engine.arg("run").arg(&file).arg("--out").arg(folder.path()).output().expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stderr);
    let results = Results::read(folder.path()).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(results.records.len(), 1, "one record for one trial: {told}");
    let report = fs::read_to_string(Path::new(folder.path()).join("report.md")).expect("a report");
    (output, results.records[0].clone(), report)
}

#[test]
fn a_known_capacity_is_found() {
    let (output, record, report) = search("\"p99 < 25ms\", \"calls_per_s > 1\"");
    let found = record.search.as_ref().expect("it was searched");
    assert_eq!((output.status.code(), record.outcome), (Some(0), Outcome::Measured), "{found:?}");
    let capacity = found.capacity.expect("some rate holds");
    // A second at 103/s leaves three calls waiting, the last of them for more than 30 ms.
    assert!(capacity < 103.0, "{found:?}");
    match found.limited_by {
        Limit::Expectation => assert!(capacity > 85.0, "{found:?}"),
        // A machine that is busy with other things cannot tell, and has to say so.
        Limit::Generator => assert!(record.verdict.state == State::Suspect && report.contains("| ≥ "), "{record:?}"),
        Limit::Highest => panic!("{found:?}"),
    }
    // The record is that of the highest rate that held.
    let best = found.probes.iter().filter(|probe| probe.held).max_by(|a, b| a.rate.total_cmp(&b.rate));
    let best = best.expect("a probe held");
    let measured = record.measured.as_ref().expect("it was measured");
    assert_eq!((best.rate, best.scheduled, best.ok), (capacity, measured.counts.scheduled, measured.counts.ok));
    assert_eq!(measured.counts.scheduled, capacity.ceil() as u64);
    // Whoever was too high is in the report, with the reason.
    let failed = found.probes.iter().find(|probe| !probe.held).expect("some rate was too high");
    assert!(failed.why.is_some() && report.contains("Every probe of tcp-pooled/w"), "{report}");
    assert_eq!(report.matches("| no: ").count(), found.probes.iter().filter(|probe| !probe.held).count());
    assert_eq!(report.matches("| met |").count(), 2, "{report}");
}

#[test]
fn where_no_rate_holds_the_trial_failed_with_the_reason() {
    let (output, record, report) = search("\"p50 < 5ms\"");
    let told = String::from_utf8_lossy(&output.stderr);
    let found = record.search.as_ref().expect("it was searched");
    assert_eq!((output.status.code(), record.outcome), (Some(1), Outcome::Failed), "{told}");
    assert_eq!((found.capacity, found.limited_by), (None, Limit::Expectation));
    let reason = record.reason.as_deref().expect("a reason");
    assert!(reason.starts_with("no rate holds: at 10.0/s, p50 1") && reason.contains("expected p50 < 5ms"), "{reason}");
    assert!(record.measured.is_some_and(|measured| measured.counts.ok > 0), "the lowest rate was measured");
    assert!(told.contains("expected p50 < 5ms, found at no rate"), "{told}");
    assert!(report.contains("| **not met** |"), "{report}");
}
