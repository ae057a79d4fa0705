//! What other tools are given is what the results hold, as those tools read it.

mod reports;

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::results::Results;
use engine::results::file::RESULTS;
use serde_json::Value;

use reports::{fail, golden};

fn exported(results: &Results, format: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    results.write(&folder.path().join(RESULTS)).expect("results are written");
    let command = ["report", folder.path().to_str().expect("UTF-8"), "--export", format];
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(command).output().expect("the engine starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The fields of each line of comma-separated text, quotes and line ends in them obeyed.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            c => field.push(c),
        }
    }
    lines
}

/// The golden results with a text that every format has to keep from being obeyed.
fn hostile() -> Results {
    let mut results = golden();
    let evil = format!("=1+\"<script>\",|`x`\n{}", "n".repeat(300));
    results.scenario["title"] = evil.clone().into();
    for record in results.records.iter_mut().filter(|record| record.id.starts_with("rpyc-forking")) {
        record.id = format!("{evil}{}", record.id);
        record.coordinates.insert("target".to_owned(), evil.clone().into());
    }
    fail(&mut results.records[0], &evil);
    results
}

#[test]
fn csv_has_a_line_for_each_trial() {
    for results in [golden(), hostile()] {
        let lines = parsed(&exported(&results, "csv"));
        assert_eq!(lines.len(), results.records.len() + 1);
        let at = |name: &str| lines[0].iter().position(|head| head == name).expect(name);
        for (line, record) in lines[1..].iter().zip(&results.records) {
            assert_eq!(line.len(), lines[0].len(), "{line:?}");
            assert!(!line.iter().any(|field| field.starts_with('=')), "{line:?}");
            assert!(line[at("cell")].ends_with(&record.id), "{line:?}");
            let p50 = record.measured.as_ref().map(|measured| measured.response_time.p50_ns.to_string());
            assert_eq!(line[at("p50_ns")], p50.unwrap_or_default());
        }
    }
}

#[test]
fn junit_fails_the_cells_that_failed_or_are_invalid() {
    let results = golden();
    let xml = exported(&results, "junit");
    let failed: Vec<&str> = xml.lines().filter(|line| line.contains("<failure")).collect();
    assert_eq!(failed.len(), 2, "{xml}");
    assert!(failed[0].contains("http/bandwidth/call=upload/payload=1MiB") && failed[0].contains("asleep"), "{xml}");
    assert!(failed[1].contains("the server ended with signal 9"), "{xml}");
    let cells: std::collections::BTreeSet<&str> = results.records.iter().map(|record| record.id.as_str()).collect();
    assert_eq!(xml.matches("<testcase ").count(), cells.len());
    assert!(!exported(&hostile(), "junit").contains("<script"));
}

#[test]
fn openmetrics_ends_as_it_must_and_every_sample_is_a_number() {
    for results in [golden(), hostile()] {
        let text = exported(&results, "openmetrics");
        assert!(text.ends_with("\n# EOF\n"));
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(samples.len() > 50, "{}", samples.len());
        for sample in samples {
            let (labels, value) = sample.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{sample}");
            assert!(labels.starts_with("engine_") && labels.ends_with('}'), "{sample}");
        }
    }
}

/// A Python with HdrHistogram, installed once under the target folder, or none where this machine cannot have it.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hdrhistogram");
    let python = folder.join("bin/python");
    let ran = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/hdrhistogram.txt");
    let ready = ran(Command::new(&python).args(["-c", "import hdrh"]))
        || ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
            && ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(list));
    assert!(ready || std::env::var_os("CI").is_none(), "in CI hdrhistogram must install");
    if !ready {
        eprintln!("not run for want of hdrhistogram");
    }
    ready.then_some(python)
}

#[test]
fn another_hdrhistogram_reads_the_log_back() {
    let Some(python) = python() else { return };
    let results = golden();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("results.hlog");
    std::fs::write(&log, exported(&results, "hlog")).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/read_hlog.py");
    let output = Command::new(python).arg(script).arg(&log).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let measured: Vec<_> =
        results.records.iter().filter_map(|record| Some((record, record.measured.as_ref()?))).collect();
    assert_eq!(lines.len(), measured.len());
    for (line, (record, measured)) in lines.iter().zip(measured) {
        let times = &measured.response_time;
        assert_eq!(line[0], record.id.as_str());
        assert_eq!(line[1], times.count, "{}", record.id);
        for (read, ours) in [(&line[2], times.p50_ns), (&line[3], times.p99_ns), (&line[4], times.max_ns)] {
            let read = read.as_f64().expect("a number");
            assert!((read / ours as f64 - 1.0).abs() < 0.001, "{}: {read} {ours}", record.id);
        }
    }
}
