//! Two runs are compared cell by cell: what is slower is named, what is not shown is not.

mod reports;

use std::path::Path;
use std::process::{Command, Output};

use engine::results::Results;
use engine::results::file::RESULTS;
use serde_json::{Value, json};

use reports::{Effect, fail, results};

/// A ping by three targets and an upload, each so many times as long as it was.
fn run(factors: [f64; 4]) -> Results {
    let ns = |base: f64, at: usize| (base * factors[at]) as u64;
    let ping = |target: &str, ns: u64| Effect::new(target, "latency", json!({"call": "ping", "clients": 1}), ns, 100);
    let upload = json!({"call": "upload", "payload": "1MiB", "clients": 1});
    results(&[
        ping("tcp-threaded", ns(100_000.0, 0)),
        ping("tcp-async", ns(120_000.0, 1)),
        ping("rpyc-threaded", ns(300_000.0, 2)),
        Effect::new("tcp-threaded", "bandwidth", upload, ns(1_000_000.0, 3), 100),
    ])
}

fn compare(old: &Results, new: &Results, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (name, results) in [("old", old), ("new", new)] {
        std::fs::create_dir(path(name)).expect("a folder");
        results.write(&path(name).join(RESULTS)).expect("results are written");
    }
    let text = |path: &Path| path.to_str().expect("a path of ours is UTF-8").to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.args(["compare", &text(&path("old")), &text(&path("new"))]).args(more).output().expect("the engine starts")
}

fn verdicts(output: &Output) -> Vec<(String, String)> {
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let changes = told["changes"].as_array().expect("a list");
    changes.iter().map(|change| (text(&change["cell"]), text(&change["verdict"]))).collect()
}

#[test]
fn alike_is_not_called_different() {
    let output = compare(&run([1.0; 4]), &run([1.000_01, 0.999_9, 1.000_1, 1.000_03]), &["--tolerance", "5%"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.matches("no difference shown").count(), 4, "{told}");
    assert!(told.starts_with("cell ") && told.lines().count() == 5, "{told}");
}

#[test]
fn exactly_what_is_slower_by_more_than_the_tolerance_is_named() {
    let (old, new) = (run([1.0; 4]), run([1.1, 1.0, 0.8, 1.1]));
    let output = compare(&old, &new, &["--tolerance", "5%", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let named = "2 cells slower by more than 5 %: ";
    assert!(told.contains(named) && !told.contains("tcp-async"), "{told}");
    let verdict = |cell: &str| {
        let found = verdicts(&output).into_iter().find(|(id, _)| id.starts_with(cell));
        found.expect(cell).1
    };
    assert_eq!(verdict("tcp-threaded/latency"), "slower");
    assert_eq!(verdict("tcp-threaded/bandwidth"), "slower", "less bandwidth is slower");
    assert_eq!(verdict("tcp-async/latency"), "no difference shown");
    assert_eq!(verdict("rpyc-threaded/latency"), "faster");

    let patient = compare(&old, &new, &["--tolerance", "15%"]);
    assert_eq!(patient.status.code(), Some(0), "{}", String::from_utf8_lossy(&patient.stderr));
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (old, mut new) = (run([1.0; 4]), run([2.0; 4]));
    new.records.retain(|record| {
        !record.id.starts_with("tcp-async") && (record.trial == 1 || !record.id.contains("bandwidth"))
    });
    let broken = new.records.iter_mut().find(|record| record.id.starts_with("rpyc")).expect("a record");
    fail(broken, "it broke");
    let output = compare(&old, &new, &["--format", "markdown"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("not comparable: the new run has no such cell"), "{told}");
    assert!(told.contains("not comparable: the new run has 1 trials that count, and it takes two"), "{told}");
    assert!(told.contains("not comparable: a trial failed"), "{told}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("1 cell slower by more than 10 %: tcp-threaded/latency"));
}

#[test]
fn runs_of_different_machines_are_told() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    new.manifest.machine.insert("kernel".to_owned(), "Linux 9".to_owned());
    new.manifest.machine.insert("load before".to_owned(), "7.0".to_owned());
    let output = compare(&old, &new, &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("warning: kernel was ") && told.contains("and is Linux 9"), "{told}");
    assert_eq!(told.matches("warning").count(), 1, "{told}");
}

#[test]
fn a_tolerance_has_its_percent() {
    let output = compare(&run([1.0; 4]), &run([1.0; 4]), &["--tolerance", "0.1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("write it like 10%"));
}
