//! Scenarios about servers of the user's own, each in a folder of its own, and what is left running of them.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A scenario in a folder of its own, whose processes carry a mark.
pub(crate) struct Own {
    pub(crate) folder: TempDir,
    pub(crate) mark: String,
}

impl Own {
    /// `target` are the keys of one target of `transport: tcp`, `workload` those of one workload.
    pub(crate) fn new(target: &str, workload: &str) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let mark = format!("own-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = tempfile::tempdir().expect("a folder");
        fs::copy(server(), folder.path().join("server.py")).expect("it is copied");
        let text = format!(
            "title: t\nquestion: q\ntrials: 1\ntimeout: 5s\ntargets:\n  - {{name: own, {target}}}\nworkloads:\n  - {{name: w, {workload}}}\n"
        );
        fs::write(folder.path().join("own.yaml"), text.replace("MARK", &mark)).expect("it is written");
        Own { folder, mark }
    }

    /// A command of `server.py` that does `how`.
    pub(crate) fn doing(how: &str, more: &str) -> Self {
        let target = format!("transport: tcp, launch: \"python3 server.py {how} ${{port}}\", env: {{OWN: MARK}}{more}");
        Own::new(&target, "call: connect, iterations: 50")
    }

    pub(crate) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.env("ENGINE_BESIDE_OTHERS", "1").env_remove("RUST_BACKTRACE").current_dir(self.folder.path());
        command.args([name, "own.yaml"]);
        command
    }

    pub(crate) fn run(&self) -> (Output, Value) {
        let output = self.command("run").args(["--out", "out"]).output().expect("the engine starts");
        let results = fs::read_to_string(self.folder.path().join("out/results.json"));
        let results = results.unwrap_or_else(|_| panic!("no results: {}", stderr(&output)));
        assert_eq!(marked(&self.mark), BTreeSet::new(), "something is left running");
        (output, serde_json::from_str(&results).expect("results are JSON"))
    }

    /// What is said of its only trial that failed.
    pub(crate) fn failure(&self) -> (String, String) {
        let (output, results) = self.run();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let record = &results["records"][0];
        assert_eq!(record["outcome"], "failed", "{record}");
        (record["reason"].as_str().expect("a reason").to_owned(), stderr(&output))
    }
}

pub(crate) fn server() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/own/server.py")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The processes whose environment has that mark.
pub(crate) fn marked(mark: &str) -> BTreeSet<String> {
    let entries = fs::read_dir("/proc").expect("there is /proc").flatten();
    let marked = |path: &PathBuf| {
        let environment = fs::read(path.join("environ")).unwrap_or_default();
        // One that has ended has none any more.
        String::from_utf8_lossy(&environment).contains(mark)
    };
    let told = |path: PathBuf| fs::read_to_string(path.join("cmdline")).unwrap_or_default().replace('\0', " ");
    entries.map(|entry| entry.path()).filter(marked).map(told).collect()
}

/// Waits until something is so, which it is soon, however busy the machine.
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Whether a program is there; in CI it must.
pub(crate) fn has(program: &str, version: &str) -> bool {
    let there = Command::new(program).arg(version).output().is_ok();
    if !there {
        eprintln!("not run: this test needs {program}");
    }
    there
}
