//! Nothing is lost and nothing is left running, however a run ends.

mod family;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use engine::results::{Outcome, Results};
use family::{command_line, descendants, gone, kill, stat, until};

const SCENARIO: &str = "
title: A life
question: Does everything end?
targets:
  - {transport: tcp, server: [forking, threaded, async]}
workloads:
  - {name: calls, call: ping, clients: 3, DURATION}
trials: TRIALS
";

struct Life {
    folder: tempfile::TempDir,
}

impl Life {
    fn new(duration: &str, trials: u32) -> Life {
        let folder = tempfile::tempdir().expect("a folder");
        let text = SCENARIO.replace("DURATION", duration).replace("TRIALS", &trials.to_string());
        fs::write(folder.path().join("life.yaml"), text).expect("the scenario is written");
        Life { folder }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command
            .env("ENGINE_BESIDE_OTHERS", "1")
            .arg("run")
            .arg(self.folder.path().join("life.yaml"))
            .arg("--out")
            .arg(self.out());
        command
    }

    fn start(&self) -> Child {
        self.command().arg("--quiet").stderr(Stdio::null()).spawn().expect("the run starts")
    }

    /// Waits until so many records are in the journal.
    fn await_records(&self, count: usize) {
        until("a record", || {
            fs::read_to_string(self.out().join("results.journal"))
                .is_ok_and(|journal| journal.matches("{\"record\"").count() >= count)
        });
    }
}

fn read(path: &Path) -> Results {
    Results::read(path).expect("the results can be read")
}

#[test]
fn a_run_measures_every_trial_and_writes_its_three_files() {
    let life = Life::new("iterations: 50", 2);
    assert_eq!(life.start().wait().expect("the run ends").code(), Some(0));
    let results = read(&life.out());
    assert_eq!(results.records.len(), 6);
    for record in &results.records {
        assert_eq!(record.outcome, Outcome::Measured);
        let measured = record.measured.as_ref().expect("figures");
        assert!(measured.counts.conserved() && measured.counts.ok == 150);
        let cost = record.cost.as_ref().expect("costs");
        assert!(cost.server.cpu_ns.is_some_and(|ns| ns > 0) && cost.client.peak_memory.is_some_and(|bytes| bytes > 0));
        if results.cells[record.cell].text("server").as_deref() == Some("forking") {
            // The parent, and a child for each client that is still connected when the window closes.
            assert_eq!(cost.server.processes, Some(4));
        }
    }
    for file in ["results.json", "report.md", "report.html"] {
        assert!(life.out().join(file).exists(), "{file}");
    }
    assert_eq!(results.manifest.facts.len(), 3);
}

#[test]
fn a_killed_run_leaves_nothing_running_and_loses_nothing_measured() {
    let life = Life::new("duration: 300ms", 100);
    let mut run = life.start();
    life.await_records(2);
    // Both ends, forked children among them, seen at one moment.
    let mut family = BTreeSet::new();
    until("a forked child", || {
        family = descendants(run.id());
        family.iter().filter(|pid| command_line(**pid).contains("--server forking")).count() >= 3
    });
    kill("-KILL", run.id());
    run.wait().expect("the run ends");
    until("the end of all", || family.iter().all(|pid| gone(*pid)));
    let results = read(&life.out());
    assert!(results.records.len() >= 2 && results.manifest.interrupted);
    let report = Command::new(env!("CARGO_BIN_EXE_engine")).arg("report").arg(life.out()).output().expect("a report");
    assert!(report.status.success(), "{}", String::from_utf8_lossy(&report.stderr));
    assert!(life.out().join("report.md").exists());
}

#[test]
fn an_interrupted_run_writes_what_it_has_and_says_130() {
    let life = Life::new("duration: 300ms", 100);
    let run = life.command().stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the run starts");
    life.await_records(1);
    let family = descendants(run.id());
    kill("-INT", run.id());
    let output = run.wait_with_output().expect("the run ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(family.iter().all(|pid| gone(*pid)));
    let results = read(&life.out().join("results.json"));
    assert!(results.manifest.interrupted && !results.records.is_empty());
    let told = String::from_utf8(output.stderr).expect("it is text");
    let planned = results.manifest.planned.expect("it is written down");
    let kept = format!("interrupted: {} of {planned} trials kept", results.counting().count());
    assert!(told.contains(&kept), "no `{kept}` in {told}");
    assert!(life.out().join("report.html").exists());
}

#[test]
fn a_process_of_a_server_that_is_killed_in_the_middle_fails_its_cell() {
    for model in ["forking", "preforked"] {
        let life = Life::new("duration: 3s", 1);
        let file = life.folder.path().join("life.yaml");
        let text = fs::read_to_string(&file).expect("it is written");
        fs::write(&file, text.replace("[forking, threaded, async]", model)).expect("it can be written");
        let mut run = life.start();
        let mut victim = None;
        until("a process of the server that answers calls", || {
            let serving = |pid: &u32| command_line(*pid).contains(&format!("--server {model}"));
            let serving: BTreeSet<u32> = descendants(run.id()).into_iter().filter(serving).collect();
            let worker = |pid: &u32| stat(*pid).is_some_and(|(parent, _)| serving.contains(&parent));
            // Long past the call by which the server proves itself.
            let ticks = |pid: u32| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
                [11, 12].iter().filter_map(|field| fields.get(*field)?.parse::<u64>().ok()).sum::<u64>()
            };
            victim = serving.iter().copied().filter(worker).find(|pid| ticks(*pid) >= 10);
            victim.is_some()
        });
        kill("-KILL", victim.expect("found"));
        assert_eq!(run.wait().expect("the run ends").code(), Some(1), "{model}");
        let results = read(&life.out());
        let record = results.records.first().expect("a record");
        let reason = record.reason.as_ref().expect("a reason");
        assert_eq!((results.records.len(), record.outcome), (1, Outcome::Failed), "{model}: {reason}");
        assert!(reason.contains("a process of this server was killed by SIGKILL"), "{model}: {reason}");
    }
}

#[test]
fn who_ignores_how_children_end_can_run_it_too() {
    let life = Life::new("iterations: 5", 1);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' CHLD && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_engine"), "run"]);
    shell.arg(life.folder.path().join("life.yaml")).arg("--out").arg(life.out()).arg("--quiet");
    let ended = shell.env("ENGINE_BESIDE_OTHERS", "1").stderr(Stdio::null()).status().expect("there is a shell");
    assert_eq!(ended.code(), Some(0));
    assert!(read(&life.out()).records.iter().all(|record| record.outcome == Outcome::Measured));
}

#[test]
fn a_server_killed_in_the_middle_fails_its_cell_and_no_other() {
    let life = Life::new("duration: 500ms", 1);
    let mut run = life.start();
    let mut victim = None;
    until("the threaded server at work", || {
        victim = descendants(run.id()).into_iter().find(|pid| command_line(*pid).contains("--server threaded"));
        let at_work = |pid| fs::read_dir(format!("/proc/{pid}/task")).is_ok_and(|threads| threads.count() >= 4);
        victim.is_some_and(at_work)
    });
    kill("-KILL", victim.expect("found"));
    assert_eq!(run.wait().expect("the run ends").code(), Some(1));
    let results = read(&life.out());
    assert_eq!(results.records.len(), 3);
    for record in &results.records {
        if results.cells[record.cell].text("server").as_deref() == Some("threaded") {
            assert_eq!(record.outcome, Outcome::Failed);
            assert!(record.reason.as_ref().expect("a reason").contains("was killed by SIGKILL"), "{:?}", record.reason);
        } else {
            assert_eq!(record.outcome, Outcome::Measured);
        }
    }
}

/// A run whose only target needs the Python systems, with a `uv` that starts a child and never ends; the folder, the
/// run, and the process ids of `uv` and its child.
fn installing() -> (tempfile::TempDir, Child, Vec<u32>) {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let script = |name: &str, text: &str| {
        fs::write(at(name), format!("#!/bin/sh\n{text}\n")).expect("a script can be written");
        fs::set_permissions(at(name), fs::Permissions::from_mode(0o755)).expect("and be made executable");
    };
    script("python3", "exit 0");
    let pids = at("pids");
    script("uv", &format!("sleep 600 & echo $$ $! > {0}.new; mv {0}.new {0}; wait", pids.display()));
    let text = SCENARIO.replace("transport: tcp", "stack: python, transport: rpyc").replace(", async", "");
    fs::write(at("life.yaml"), text.replace("DURATION", "iterations: 1").replace("TRIALS", "1")).expect("written");
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").expect("there is a PATH"));
    let run = Command::new(env!("CARGO_BIN_EXE_engine"))
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(["run", "life.yaml", "--out", "out", "--quiet"])
        .current_dir(&folder)
        .env("PATH", path)
        .env("ENGINE_CACHE", at("cache"))
        .stderr(Stdio::null())
        .spawn()
        .expect("the run starts");
    until("the installation", || pids.exists());
    let pids = fs::read_to_string(pids).expect("two process ids");
    let pids = pids.split_whitespace().map(|pid| pid.parse().expect("a number")).collect();
    (folder, run, pids)
}

#[test]
fn a_run_that_is_killed_while_it_installs_leaves_no_installer() {
    let (_folder, mut run, pids) = installing();
    kill("-KILL", run.id());
    run.wait().expect("the run ends");
    until("the end of the installer and its child", || pids.iter().all(|pid| gone(*pid)));
}

#[test]
fn ctrl_c_ends_an_installation_too() {
    let (_folder, mut run, pids) = installing();
    kill("-INT", run.id());
    assert_eq!(run.wait().expect("the run ends").code(), Some(130));
    until("the end of the installer and its child", || pids.iter().all(|pid| gone(*pid)));
}
