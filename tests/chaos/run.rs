//! One process of the engine under attack: started with a mark that all its children carry, awaited, and judged.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long anything here may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(120);
/// The variable that marks a process and all that it starts.
const MARK: &str = "ENGINE_CHAOS";

static STARTED: AtomicU64 = AtomicU64::new(0);

/// A process of the engine, and whatever it starts.
pub(crate) struct Run {
    process: Child,
    mark: String,
}

/// How a process ended, and what it wrote to stderr.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stderr: String,
}

impl Run {
    /// Starts the engine with these arguments.
    pub(crate) fn engine(arguments: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(arguments);
        Run::start(command)
    }

    pub(crate) fn start(mut command: Command) -> Run {
        let mark = format!("{}-{}", std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        command
            .env("ENGINE_BESIDE_OTHERS", "1")
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Run { process: command.spawn().expect("the engine can be started"), mark }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Every living process that it started, itself not among them.
    pub(crate) fn children(&self) -> BTreeSet<u32> {
        let mark = format!("{MARK}={}", self.mark);
        let carries = |pid: &u32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environment| environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
        };
        let all = fs::read_dir("/proc").expect("/proc").flatten();
        all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(|pid| *pid != self.pid() && carries(pid))
            .collect()
    }

    /// Waits for its end; an error where it hangs, or leaves anything running.
    pub(crate) fn end(mut self) -> Result<Ended, String> {
        let begun = Instant::now();
        let mut pipe = self.process.stderr.take().expect("stderr is a pipe");
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = pipe.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        let status = loop {
            match self.process.try_wait().expect("it can be waited for") {
                Some(status) => break status,
                None if begun.elapsed() > PATIENCE => {
                    let _ = self.process.kill();
                    return Err(format!("it hangs: no end within {} s", PATIENCE.as_secs()));
                }
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        };
        let gone = Instant::now();
        while let Some(left) = self.children().first() {
            if gone.elapsed() > PATIENCE {
                let what = fs::read_to_string(format!("/proc/{left}/cmdline")).unwrap_or_default().replace('\0', " ");
                return Err(format!("it left process {left} running: {what}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Ended { status, stderr: reader.join().unwrap_or_default() })
    }
}

impl Ended {
    /// An error where it panicked, or ended by a signal or with a code that is not among `codes`.
    pub(crate) fn is(&self, codes: &[i32]) -> Result<(), String> {
        let tail: String = self.stderr.chars().rev().take(600).collect::<Vec<_>>().into_iter().rev().collect();
        if ["panicked", "overflowed its stack", "memory allocation"].iter().any(|sign| self.stderr.contains(sign)) {
            return Err(format!("it panicked: {tail}"));
        }
        match self.status.code() {
            Some(code) if codes.contains(&code) => Ok(()),
            _ => Err(format!("it ended by {}, where one of {codes:?} was due: {tail}", self.status)),
        }
    }
}
