//! The two ends of a measurement as tests launch them by hand.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use engine::drive::messages::FromDrive;
use engine::results::Measured;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long a server may take to stop before a test says that it never does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server launched by hand, in a process group of its own; killed when dropped.
pub(crate) struct Server {
    process: Child,
    stdin: Option<ChildStdin>,
    pub(crate) ready: Value,
}

impl Server {
    pub(crate) fn launch(transport: &str, model: &str, more: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(["serve", "--transport", transport, "--server", model]).args(more);
        Server::start(command)
    }

    /// Starts a command that prints a ready line.
    pub(crate) fn start(mut command: Command) -> Server {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0);
        let mut process = command.spawn().expect("the server can be started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout is a pipe")).read_line(&mut line).expect("a ready line");
        let line: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        Server { stdin: process.stdin.take(), ready: line["ready"].clone(), process }
    }

    pub(crate) fn address(&self) -> &str {
        self.ready["address"].as_str().expect("an address")
    }

    pub(crate) fn nonce(&self) -> &str {
        self.ready["nonce"].as_str().expect("a token")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// A number of `/proc/PID/status`: `Threads`, or `VmPeak` in KiB.
    pub(crate) fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the server runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("such a line");
        value.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    /// The processes of the server, itself included.
    pub(crate) fn processes(&self) -> usize {
        self.pids().len()
    }

    /// The living processes of the server, itself included.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let stats = living(self.pid());
        stats.iter().filter_map(|stat| stat.split(' ').next()?.parse().ok()).collect()
    }

    /// The most memory, in KiB, that one of its living processes has ever had resident.
    pub(crate) fn peak_memory(&self) -> u64 {
        let peak = |pid: u32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let value = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            value.trim().trim_end_matches(" kB").parse().ok()
        };
        self.pids().into_iter().filter_map(peak).max().expect("the server runs")
    }

    /// Closes stdin and waits; true where the server ended well and left no child behind.
    pub(crate) fn stop(mut self) -> bool {
        drop(self.stdin.take());
        let well = until(|| self.process.try_wait().expect("the server can be waited for"));
        // Children die with their parent, but nobody says when the kernel is done with them.
        well.is_some_and(|status| status.success()) && until(|| living(self.pid()).is_empty().then_some(())).is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        if let Ok(None) = self.process.try_wait() {
            let _ = killpg(Pid::from_raw(self.process.id() as i32), Signal::SIGKILL);
            let _ = self.process.wait();
        }
    }
}

/// What `try_it` gives in the end, or none where patience does.
pub(crate) fn until<T>(mut try_it: impl FnMut() -> Option<T>) -> Option<T> {
    let since = Instant::now();
    loop {
        match try_it() {
            None if since.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(1)),
            outcome => return outcome,
        }
    }
}

/// The processes of a group, but for dead ones that wait to be reaped.
fn living(group: u32) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let stats = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter(|stat| {
            // After the name in brackets: state, parent, group.
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
            fields.get(2) == Some(&group.to_string().as_str()) && !matches!(fields[0], "Z" | "X")
        })
        .collect()
}

/// A client process that speaks the lines.
pub(crate) struct Drive {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drive {
    pub(crate) fn start(mut command: Command) -> Drive {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client can be started");
        Drive {
            stdin: process.stdin.take().expect("stdin is a pipe"),
            stdout: BufReader::new(process.stdout.take().expect("stdout is a pipe")),
            process,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn say(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").expect("the client listens");
    }

    /// The next line that is not progress.
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).expect("the client speaks") > 0, "the client said no more");
            let line: Value = serde_json::from_str(&line).expect("a line is JSON");
            if line.get("progress").is_none() {
                return line;
            }
        }
    }

    /// The whole exchange: what was measured, or the line that says why not.
    pub(crate) fn measure(&mut self, assignment: &Value) -> Result<Measured, Value> {
        self.measure_while(assignment, || {})
    }

    /// The same; `begun` is called once the client has been told to go.
    pub(crate) fn measure_while(&mut self, assignment: &Value, begun: impl FnOnce()) -> Result<Measured, Value> {
        self.say(&json!({"assignment": assignment}));
        let armed = self.hear();
        if armed.get("armed").is_none() {
            return Err(armed);
        }
        self.say(&json!({"go": {}}));
        begun();
        let done = self.hear();
        assert!(done["done"].is_object(), "{done}");
        self.say(&json!({"report": {}}));
        match self.hear().to_string().parse().expect("a measured line has every figure") {
            FromDrive::Measured(measured) => Ok(*measured),
            other => panic!("{other:?} came where `measured` was due"),
        }
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An assignment to `server`, with `more` keys set.
pub(crate) fn assignment(server: &Server, transport: &str, more: Value) -> Value {
    let mut assignment = json!({
        "version": 1, "address": server.ready["address"], "transport": transport, "nonce": server.ready["nonce"],
        "call": "ping", "clients": 1, "iterations": 100,
        "timeout_ns": 10_000_000_000u64, "drain_ns": 10_000_000_000u64,
    });
    if let Some(ca) = server.ready.get("ca") {
        assignment["ca"] = ca.clone();
    }
    for (key, value) in more.as_object().expect("an object of keys") {
        if value.is_null() {
            assignment.as_object_mut().expect("an object").remove(key);
        } else {
            assignment[key] = value.clone();
        }
    }
    assignment
}

/// Measures with our own client process.
pub(crate) fn measure(server: &Server, transport: &str, more: Value) -> Result<Measured, Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command).measure(&assignment(server, transport, more))
}
