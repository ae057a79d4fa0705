//! Runs against a server of the user's own: what it was asked is what results say, and nothing that is secret is in them.

mod scripted;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use engine::results::Results;
use scripted::Scripted;

/// What must be found nowhere.
const MARKER: &str = "s3cret-marker";

fn engine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the engine starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every file below a folder, with what it holds.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, found),
            path => found.push((path.display().to_string(), fs::read(&path).expect("a file"))),
        }
    }
}

#[test]
fn what_a_server_was_asked_is_in_the_results_to_the_call_and_no_secret_is() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: it, transport: http1, at: \"{}\"}}\ncalls:\n  - name: list\n    \
         http: GET /fast\n    contains: fast\n  - name: buy\n    http: POST /echo\n    headers: {{authorization: \"Bearer {MARKER}\"}}\n    \
         json: {{key: {MARKER}, number: \"${{unique}}\"}}\n  - name: gone\n    http: GET /missing\n    headers: {{x-key: {MARKER}}}\n\
         workloads:\n  - {{name: mixed, mix: {{list: 5, buy: 3, gone: 1}}, clients: 3, warmup: 4, iterations: 20}}\n  \
         - {{name: each, call: [list, buy], iterations: 10}}\ntrials: 2\n",
        server.address()
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let set = format!("calls.buy.headers.x-more={MARKER}");
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out", "--set", &set]);
    let results = Results::read(&folder.path().join("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    let (mut timed, mut untimed) = (0, 0);
    for record in &results.records {
        let measured = record.measured.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason));
        assert!(measured.counts.conserved());
        timed += measured.counts.scheduled;
        untimed += measured.untimed.map_or(0, |untimed| untimed.ready + untimed.before + untimed.warmup);
        if !measured.calls.is_empty() {
            assert_eq!(
                measured.calls.values().map(|call| call.counts).sum::<engine::results::Counts>(),
                measured.counts
            );
        }
    }
    assert_eq!((timed, untimed), (2 * (60 + 10 + 10), 2 * 12), "{}", said(&output));
    assert_eq!(server.all(), timed + untimed, "the server was asked what is counted, and nothing else");
    let mut written = Vec::new();
    files(&folder.path().join("out"), &mut written);
    let (_, page) = written.iter().find(|(name, _)| name.ends_with("report.html")).expect("a report");
    let page = String::from_utf8_lossy(page);
    assert!(page.contains("Call by call") && page.contains(">gone<"), "each call has its row");
    for (name, bytes) in written.iter().chain([&("the terminal".to_owned(), said(&output).into_bytes())]) {
        let found = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        assert!(!found, "{name} holds the secret");
    }
}

#[test]
fn what_was_tried_is_a_scenario_that_runs() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("http://{}/fast", server.address());
    let tried = engine(folder.path(), &["try", &url, "--for", "1s", "--clients", "2", "-H", "accept: text/plain"]);
    assert!(tried.status.success(), "{}", said(&tried));
    let (head, _) = server.last("GET /fast");
    assert!(head.contains("accept: text/plain"), "{head}");
    let file = folder.path().join("127.0.0.1.yaml");
    let scenario = fs::read_to_string(&file).expect("the scenario was written");
    assert!(scenario.contains("http: \"GET /fast\"") && scenario.contains("duration: 200ms"), "{scenario}");
    assert!(engine(folder.path(), &["check", "127.0.0.1.yaml"]).status.success());
    // A newcomer runs what was written: the same is asked, and the same is found.
    let before = server.asked("GET /fast");
    let ran = engine(folder.path(), &["run", "127.0.0.1.yaml", "--out", "out"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let results = Results::read(&folder.path().join("out")).expect("results");
    let made = |record: &engine::results::Record| {
        let measured = record.measured.as_ref().expect("it is measured");
        assert_eq!((measured.counts.ok, measured.clients.len()), (measured.counts.scheduled, 2));
        measured.counts.scheduled + measured.untimed.map_or(0, |it| it.ready + it.before + it.warmup)
    };
    assert_eq!(results.records.len(), 5, "as many trials");
    assert_eq!(server.asked("GET /fast") - before, results.records.iter().map(made).sum::<u64>());
    let figures = |output: &Output| {
        let line = String::from_utf8_lossy(&output.stdout)
            .lines()
            .find(|line| line.starts_with("127.0.0.1 "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", said(output)))
    };
    assert!(figures(&tried).contains(" tried ") && figures(&ran).contains(" tried "), "the table of both has its row");
    let again = engine(folder.path(), &["try", &url, "--for", "1s"]);
    assert!(again.status.success() && folder.path().join("127.0.0.1-2.yaml").exists(), "{}", said(&again));
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), scenario, "nothing is written over");
    for (url, wrong) in [("localhost:80", "no scheme"), ("http://me:pw@h/", "names a user")] {
        let output = engine(folder.path(), &["try", url]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(wrong), "{}", said(&output));
    }
}
