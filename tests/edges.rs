//! What lies at the edges: nothing to measure, no room, no stack, no stdin, a template without end.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const ENGINE: &str = env!("CARGO_BIN_EXE_engine");

fn text(path: &Path) -> &str {
    path.to_str().expect("paths are text")
}

fn engine(arguments: &[&str]) -> Output {
    Command::new(ENGINE)
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the engine starts")
}

/// The engine as a shell starts it that has limited what it may have.
fn limited(limit: &str, arguments: &[&str]) -> Output {
    let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
    Command::new("sh")
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(["-c", &script, ENGINE])
        .args(arguments)
        .output()
        .expect("a shell starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A scenario with one target and these lines of a workload, in a folder of its own.
fn scenario(folder: &Path, workload: &str, more: &str) -> String {
    let file = folder.join("edge.yaml");
    let text = format!(
        "title: t\nquestion: q\ntargets: [{{transport: tcp, server: threaded}}]\nworkloads:\n  - {{name: w, call: ping, {workload}}}\n{more}"
    );
    fs::write(&file, text).expect("it can be written");
    file.to_str().expect("paths are text").to_owned()
}

#[test]
fn a_window_in_which_no_call_came_due_has_not_failed() {
    // The first call of this sequence is due after some 17 minutes on average, and the seed is given.
    for load in [
        "rate: 0.001, arrivals: poisson, duration: 50ms",
        "arrivals: poisson, ramp: [{rate: 0.001, for: 1ms}, {rate: 0.002, for: 1ms}]",
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        let output = engine(&["run", &scenario(folder.path(), load, "trials: 2\n"), "--out", text(&out)]);
        assert_eq!(output.status.code(), Some(3), "measured, and shows nothing: {}", said(&output));
        let results: Value =
            serde_json::from_str(&fs::read_to_string(out.join("results.json")).expect("results")).expect("JSON");
        for record in results["records"].as_array().expect("records") {
            assert_eq!(record["outcome"], "measured", "{record}");
            assert_eq!(record["verdict"]["state"], "invalid", "{record}");
            let why = record["verdict"]["reasons"][0]["text"].as_str().expect("a reason");
            assert!(why.starts_with("no call came due: give the window more time"), "{why}");
        }
    }
}

#[test]
fn a_ramp_whose_steps_are_shorter_than_the_time_between_two_calls_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let load = "ramp: [{rate: 1, for: 10ms}, {rate: 2, for: 10ms}, {rate: 5, for: 10ms}]";
    let output = engine(&["run", &scenario(folder.path(), load, "trials: 1\n"), "--out", text(&out)]);
    let results: Value =
        serde_json::from_str(&fs::read_to_string(out.join("results.json")).expect("results")).expect("JSON");
    let record = &results["records"][0];
    assert_eq!((&record["outcome"], &record["counts"]["ok"]), (&"measured".into(), &1.into()), "{}", said(&output));
}

#[test]
fn a_template_is_told_with_its_line_and_can_neither_crash_nor_run_for_ever() {
    let folder = tempfile::tempdir().expect("a folder");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    let nested = |operator: &str, times: usize| format!("{{{{ {}1 }}}}", operator.repeat(times));
    let endless = "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}";
    for (template, line, told) in [
        ("a\nb {{ titel }}\n".to_owned(), Some(2), "undefined value"),
        ("\n{% for %}".to_owned(), Some(2), "syntax error"),
        ("\n\n{{ cell('x') }}".to_owned(), Some(3), "the results hold no cell `x`"),
        (endless.to_owned(), Some(1), "this does not end: it was stopped"),
        ("{{ 'x' * 1000000000000000 }}".to_owned(), Some(1), "this does not end"),
        (format!("{{{{ {} }}}}", "(".repeat(60_000)), Some(1), "recursion limits"),
        ("x".repeat(300_000), None, "a template has at most"),
    ] {
        let file = folder.path().join("own.md.jinja");
        fs::write(&file, &template).expect("it can be written");
        let output = engine(&["report", text(&results), "--template", text(&file)]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        let place = line.map_or_else(|| text(&file).to_owned(), |line| format!("{}:{line}: ", text(&file)));
        assert!(said(&output).contains(&place) && said(&output).contains(told), "{}", said(&output));
    }
    for template in [nested("not ", 30_000), nested("-", 200_000), format!("{{{{ 1{} }}}}", "+1".repeat(100_000))] {
        let file = folder.path().join("deep.md");
        fs::write(&file, template).expect("it can be written");
        let output = engine(&["report", text(&results), "--template", text(&file)]);
        assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    }
}

#[test]
fn a_stack_or_a_file_that_may_not_grow_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = scenario(folder.path(), "iterations: 100", "trials: 8\n");
    let output = limited("-s 64", &["check", &scenario]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("the stack may only have 64KiB, and 512KiB are needed"), "{}", said(&output));
    let output = limited("-S -s 64", &["check", &scenario]);
    assert_eq!(output.status.code(), Some(0), "what may be raised is raised: {}", said(&output));
    let out = folder.path().join("out");
    let output = limited("-f 8", &["run", &scenario, "--out", text(&out)]);
    assert_eq!(output.status.code(), Some(4), "{}", said(&output));
    assert!(said(&output).contains("cannot be written: File too large"), "{}", said(&output));
    assert!(said(&output).contains("`ulimit -f`"), "{}", said(&output));
}

#[test]
fn a_file_where_a_folder_is_wanted_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = scenario(folder.path(), "iterations: 1", "trials: 1\n");
    let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    for arguments in [
        &["run", &scenario, "--out", &scenario][..],
        &["report", text(&results), "--out", &scenario],
        &["report", text(&results), "--export", "csv", "--out", &scenario],
    ] {
        let output = engine(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        let told = format!("error: {scenario} is a file, and a folder is wanted\n  = help: name a folder");
        assert!(said(&output).contains(&told), "{}", said(&output));
    }
}

#[test]
fn a_server_without_a_stdin_says_why_it_ends() {
    let serve = ["serve", "--transport", "tcp", "--server", "threaded"];
    let by_hand = engine(&serve);
    assert_eq!(by_hand.status.code(), Some(0));
    assert!(said(&by_hand).contains("stdin has ended, and with it this server"), "{}", said(&by_hand));
    let by_a_run = engine(&[&serve[..], &["--nonce", "n"]].concat());
    assert_eq!((by_a_run.status.code(), said(&by_a_run).as_str()), (Some(0), ""));
}
