//! A server process of a test: launched, awaited, and gone with its guard.
#![allow(dead_code, reason = "each test uses what it needs")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use engine::server::contract::{Ready, ReadyLine};
use engine::transport::socket::Address;

/// How long a server may take to stop before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// An `engine serve` that has said it is ready. Dropping it kills it.
pub(crate) struct Served {
    child: Child,
    /// What it said.
    pub(crate) ready: Ready,
}

impl Served {
    /// Launches `engine serve` with these arguments and waits for its ready line.
    pub(crate) fn launch(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .arg("serve")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .expect("the engine starts");
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).expect("stdout is text");
        let ReadyLine { ready } =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{arguments:?} is not ready: {error}: {line}"));
        assert_eq!(ready.pid, child.id());
        Served { child, ready }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Address {
        self.ready.address.parse().expect("the ready line has an address")
    }

    /// A line of `/proc/PID/status`, such as `Threads` or `VmPeak` (which counts in KiB).
    pub(crate) fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.ready.pid)).expect("the server is running");
        let value =
            status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("it has that line");
        value.trim().trim_end_matches(" kB").parse().expect("it is a number")
    }

    /// Closes its stdin and waits until it and its children are gone. It must exit with 0.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        let pid = self.ready.pid;
        let (ended, end) = mpsc::channel();
        thread::scope(|scope| {
            scope.spawn(|| ended.send(self.child.wait()));
            match end.recv_timeout(PATIENCE) {
                Ok(status) => {
                    assert_eq!(status.expect("it is our child").code(), Some(0), "closing stdin ends it well")
                }
                Err(_) => {
                    kill(pid);
                    panic!("the server goes on after its stdin has closed");
                }
            }
        });
        let since = Instant::now();
        while !living(pid).is_empty() {
            assert!(since.elapsed() < PATIENCE, "processes {:?} outlive their server", living(pid));
            thread::yield_now();
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            kill(self.ready.pid);
            let _ = self.child.wait();
        }
    }
}

/// Kills a process group that this test has started.
fn kill(group: u32) {
    let group = nix::unistd::Pid::from_raw(group as i32);
    let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGKILL);
}

/// The processes of that group, dead ones that wait to be reaped left out.
pub(crate) fn living(group: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // After the name in brackets: state, parent, group.
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        let (state, of) = (fields.next().unwrap_or("Z").to_owned(), fields.nth(1).and_then(|of| of.parse().ok()));
        state != "Z" && state != "X" && of == Some(group)
    })
    .collect()
}
