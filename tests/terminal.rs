//! What `engine run` shows: in place on a terminal, in plain lines elsewhere, as JSON, or not at all.

use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const SCENARIO: &str = "title: t
question: q
trials: 2
targets: [{transport: tcp, server: [threaded, forking]}]
workloads:
  - {name: latency, call: ping, iterations: 1200}
  - {name: bandwidth, call: upload, payload: 64KiB, iterations: 20}
";

fn scenario(text: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("s.yaml"), text).expect("it can be written");
    folder
}

fn command(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command
        .env("ENGINE_BESIDE_OTHERS", "1")
        .arg("run")
        .arg(folder.join("s.yaml"))
        .arg("--out")
        .arg(folder.join("out"))
        .args(more);
    command.env_remove("COLUMNS").env("TERM", "xterm");
    command
}

fn ended(command: &mut Command) -> (Output, String, String) {
    let output = command.output().expect("the engine starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is text");
    let (told, shown) = (text(&output.stderr), text(&output.stdout));
    (output, shown, told)
}

#[test]
fn pipes_get_plain_lines_and_a_table() {
    let folder = scenario(SCENARIO);
    let (output, shown, told) = ended(&mut command(folder.path(), &[]));
    assert!(output.status.success(), "{told}");
    assert!(!shown.contains('\x1b') && !told.contains(['\x1b', '\r']), "{shown}{told}");
    let trials: Vec<&str> = told.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(trials.len(), 8, "{told}");
    for (at, line) in trials.iter().enumerate() {
        assert!(line.starts_with(&format!("[{}/8] tcp-", at + 1)), "{line}");
        assert!(line.contains(" of 2: p50 ") && line.contains(" calls/s"), "{line}");
        assert_eq!(line.contains("/latency"), !line.contains("p99 –"), "{line}");
    }
    let lines: Vec<&str> = shown.lines().collect();
    // A busy machine adds a column of doubts.
    let heading: Vec<&str> = lines[0].split_whitespace().filter(|word| *word != "doubt").collect();
    assert_eq!(heading, ["target", "workload", "p50", "p99", "calls/s", "MB/s"]);
    let (table, rest) = lines.split_at(5);
    assert!(table[1..].iter().all(|line| line.starts_with("tcp-")), "{shown}");
    let (answer, question) = (rest.last().expect("an answer"), rest.iter().position(|line| *line == "q"));
    assert!(question.is_some() && answer.contains("too few trials"), "{shown}");
    let places: Vec<&str> = told.lines().filter(|line| line.contains("report.html")).collect();
    assert!(matches!(places.as_slice(), [one] if one.contains("/out: report.html, report.md, results.json")), "{told}");
    // Of two trials that a busy machine took far apart the spread is a factor.
    let spread = |line: &str| line.contains("± ") || line.contains("×÷ ");
    assert!(lines.iter().any(|line| line.starts_with("tcp-threaded  latency") && spread(line)), "{shown}");
}

#[test]
fn the_table_fits_as_many_columns_as_there_are() {
    let folder = scenario(SCENARIO);
    for columns in [40, 80] {
        let (_, shown, told) = ended(command(folder.path(), &["--replace"]).env("COLUMNS", columns.to_string()));
        for line in shown.lines() {
            assert!(line.chars().count() <= columns, "{columns}: {line}");
        }
        for word in ["tcp-threaded", "tcp-forking", "latency", "p50", "p99", "calls/s", "MB/s"] {
            assert!(shown.contains(word), "{columns}: no {word} in {shown}{told}");
        }
    }
}

#[test]
fn quiet_is_silent_but_for_errors() {
    let folder = scenario(SCENARIO);
    let (output, shown, told) = ended(&mut command(folder.path(), &["--quiet"]));
    assert_eq!((output.status.code(), shown.as_str(), told.as_str()), (Some(0), "", ""));
    assert!(folder.path().join("out/report.md").exists());

    let late = "title: t\nquestion: q\ntrials: 1\ntargets: [{transport: tcp, server: threaded}]
workloads: [{name: w, call: sleep, hold: 200ms, iterations: 1, timeout: 10ms}]\n";
    let folder = scenario(late);
    let (output, shown, told) = ended(&mut command(folder.path(), &["--quiet"]));
    assert_eq!((output.status.code(), shown.as_str()), (Some(1), ""), "{told}");
    assert!(told.starts_with("error: tcp-threaded/w") && told.contains(": 1 of 1 trial failed: "), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn json_is_a_summary_that_leads_to_the_results() {
    let folder = scenario(SCENARIO);
    let (_, shown, told) = ended(&mut command(folder.path(), &["--json"]));
    let summary: Value = serde_json::from_str(&shown).unwrap_or_else(|error| panic!("{error}: {shown}{told}"));
    let read = |path: &Value| std::fs::read(path.as_str().expect("a path")).expect("a file");
    let results: Value = serde_json::from_slice(&read(&summary["results"])).expect("results are JSON");
    assert_eq!(results["records"].as_array().map(Vec::len), Some(8));
    for report in summary["reports"].as_array().expect("a list") {
        assert!(!read(report).is_empty(), "{report}");
    }
    assert_eq!((&summary["interrupted"], &summary["unmet"]), (&Value::Bool(false), &Value::Array(Vec::new())));
    assert!(summary["answer"].as_array().is_some_and(|said| said.iter().all(Value::is_string)), "{summary}");
    let cells = summary["cells"].as_array().expect("a list");
    assert_eq!(cells.len(), 4);
    for cell in cells {
        assert!(results["cells"].as_array().is_some_and(|all| all.iter().any(|one| one["id"] == cell["id"])));
        assert_eq!(cell["trials"]["counted"], 2, "{cell}");
        assert!(
            cell["p50"]["value"].as_f64() > Some(0.0) && cell["calls_per_s"]["value"].as_f64() > Some(0.0),
            "{cell}"
        );
    }
}

/// Both ends of a pseudo-terminal with so many columns.
fn terminal(columns: u16) -> (File, OwnedFd) {
    let size = libc::winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let (mut ours, mut theirs) = (-1, -1);
    let (name, settings) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: both descriptors and the size are live; a name and settings are not asked for.
    let done = unsafe { libc::openpty(&raw mut ours, &raw mut theirs, name, settings, &raw const size) };
    assert_eq!(done, 0, "a pseudo-terminal");
    // SAFETY: both were opened just now, and nothing else owns them.
    unsafe { (File::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) }
}

/// All that a run shows on a terminal with so many columns.
fn on_a_terminal(columns: u16, dumb: bool) -> String {
    let folder = scenario(SCENARIO);
    let (mut ours, theirs) = terminal(columns);
    let mut command = command(folder.path(), &[]);
    command.env("NO_COLOR", "1").stdout(theirs.try_clone().expect("a descriptor")).stderr(theirs);
    if dumb {
        command.env("TERM", "dumb");
    }
    let mut run = command.spawn().expect("the engine starts");
    // It holds the far end, which has to be closed for the text to end.
    drop(command);
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    // Once the far end is closed, Linux says EIO.
    while let Ok(count @ 1..) = ours.read(&mut part) {
        bytes.extend_from_slice(&part[..count]);
    }
    assert!(run.wait().expect("it ends").success());
    String::from_utf8(bytes).expect("it is text")
}

/// The lines of a text from a terminal, without what moves its cursor.
fn lines(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            // A sequence of control ends with its letter.
            '\x1b' => drop(rest.by_ref().find(char::is_ascii_alphabetic)),
            '\r' => plain.push('\n'),
            c => plain.push(c),
        }
    }
    plain.lines().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_terminal_shows_cell_trial_figures_and_time_left_within_its_width() {
    for columns in [40, 80] {
        let shown = on_a_terminal(columns, false);
        assert!(!shown.contains("\x1b[3") && !shown.contains("\x1b[0m"), "a colour: {shown:?}");
        let lines = lines(&shown);
        let said = |word: &str| lines.iter().any(|line| line.contains(word));
        for word in ["/8 trials, ", " left", "tcp-threaded/latency", "trial 2 of 2: 0 calls, before: p50 "] {
            assert!(said(word), "{columns}: no {word:?} in {lines:#?}");
        }
        // Drawn in place are rows filled to the width: how far, which cell, its trial.
        let width = usize::from(columns);
        let drawn: Vec<Vec<char>> =
            lines.iter().filter(|line| line.contains("/8 trials, ")).map(|line| line.chars().collect()).collect();
        assert!(!drawn.is_empty());
        for rows in drawn {
            assert!(rows.len() > 2 * width && rows.len() <= 3 * width, "{columns}: {rows:?}");
            let row = |at: usize| rows[at * width..].iter().collect::<String>();
            assert!(row(1).starts_with("tcp-") && row(2).starts_with("trial "), "{columns}: {rows:?}");
        }
    }
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_gets_plain_lines() {
    let shown = on_a_terminal(80, true);
    assert!(!shown.contains('\x1b'), "{shown:?}");
    assert!(lines(&shown).iter().any(|line| line.starts_with("[8/8] tcp-")), "{shown}");
}
