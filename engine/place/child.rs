//! A process of ours that speaks in lines, and whose death takes everything it started with it.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid, getppid};
use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::place::kept::Failed;

/// How long a wait lasts at most before the caller looks around.
const TICK: Duration = Duration::from_millis(100);
/// How long a process may take to end once it has been told to.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long one that was asked to end by a signal may take.
const GOING: Duration = Duration::from_secs(2);
/// How much of what a process wrote to stderr is quoted.
const QUOTED: usize = 1500;

/// A child process in a process group of its own; dropping it kills the group.
#[derive(Debug)]
pub struct Child {
    what: String,
    process: Process,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    heard: Vec<u8>,
    stderr: File,
    status: Option<ExitStatus>,
    kind: Kind,
}

/// How a child ends, and says why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// It ends with its stdin, dies with us, and what it wrote to stderr is quoted.
    #[default]
    Ours,
    /// It keeps a command of the user's own (`place/keep.rs`): it is told to stop, and needs some time to end all of it,
    /// also where we are gone; on stderr it says what became of the command.
    Keeper,
    /// It reaches another host: it is asked to end, by SIGTERM where we die or are done with it, so that it can take what it
    /// started there along; only one that does not is killed.
    Prefix,
}

/// What came from a child within one tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Heard {
    /// A line, without its end.
    Line(String),
    /// Nothing yet.
    Nothing,
    /// The child has closed its stdout.
    End,
}

impl Child {
    /// Starts `command`, which is called `what` in messages.
    pub fn start(what: &str, command: Command) -> Result<Self> {
        Self::start_as(Kind::Ours, what, command)
    }

    /// The same for a child of that kind.
    pub fn start_as(kind: Kind, what: &str, mut command: Command) -> Result<Self> {
        let starting = || format!("cannot start {what}");
        let stderr = File::from(memfd_create("stderr", MFdFlags::MFD_CLOEXEC).doing(starting())?);
        let parent = getpid();
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().doing(starting())?)
            .process_group(0);
        // SAFETY: only async-signal-safe calls (prctl, getppid) are made between fork and exec.
        unsafe {
            command.pre_exec(move || {
                match kind {
                    Kind::Ours => set_pdeathsig(Signal::SIGKILL)?,
                    Kind::Prefix => set_pdeathsig(Signal::SIGTERM)?,
                    Kind::Keeper => {}
                }
                // The parent may have died before the signal was asked for.
                if getppid() == parent { Ok(()) } else { Err(ErrorKind::BrokenPipe.into()) }
            });
        }
        let mut process = command.spawn().doing(starting())?;
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Error::stopped(starting()));
        };
        Ok(Child {
            what: what.to_owned(),
            process,
            stdin: Some(stdin),
            stdout,
            heard: Vec::new(),
            stderr,
            status: None,
            kind,
        })
    }

    /// Its process, which leads its group.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.process.id() as i32)
    }

    /// Says one line to it, given without its end.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let Some(stdin) = &mut self.stdin else {
            return Err(Error::failed(format!("{} has been told to stop", self.what)));
        };
        let text = format!("{line}\n");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).map_err(|_| self.ended())
    }

    /// Its stdout, for whoever waits for several processes at once.
    pub fn stdout(&self) -> BorrowedFd<'_> {
        self.stdout.as_fd()
    }

    /// Its stdin, for whoever writes to it in another thread; it is then theirs to close.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.stdin.take()
    }

    /// Waits for the next line, for one tick at most.
    pub fn hear(&mut self) -> Result<Heard> {
        self.hear_within(TICK)
    }

    /// Waits for the next line, for so long at most.
    pub fn hear_within(&mut self, time: Duration) -> Result<Heard> {
        let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        loop {
            if let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let rest = self.heard.split_off(end + 1);
                let line = std::mem::replace(&mut self.heard, rest);
                return Ok(Heard::Line(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            let mut waiting = [PollFd::new(self.stdout.as_fd(), PollFlags::POLLIN)];
            match poll(&mut waiting, time) {
                Ok(0) | Err(Errno::EINTR) => return Ok(Heard::Nothing),
                Ok(_) => {}
                Err(error) => return Err(Error::stopped(format!("cannot wait for {}: {error}", self.what))),
            }
            let mut buffer = [0; 65536];
            match self.stdout.read(&mut buffer) {
                Ok(0) => return Ok(Heard::End),
                Ok(n) => self.heard.extend_from_slice(&buffer[..n]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::failed(format!("cannot read from {}: {error}", self.what))),
            }
        }
    }

    /// True while it runs.
    pub fn alive(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.process.try_wait().ok().flatten();
        }
        self.status.is_none()
    }

    /// The error that says how it ended, with the end of what it wrote to stderr.
    pub fn ended(&mut self) -> Error {
        let deadline = Instant::now() + TICK;
        while self.alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        let how = match self.status {
            None => "closed its stdout".to_owned(),
            Some(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => match Signal::try_from(signal) {
                    Ok(name) => format!("was killed by {name}"),
                    Err(_) => format!("was killed by signal {signal}"),
                },
                (None, code) => format!("ended with exit code {}", code.unwrap_or_default()),
            },
        };
        if self.kind == Kind::Keeper
            && let Some(failed) = self.kept()
        {
            return failed.into();
        }
        let said = self.wrote();
        let said = if said.is_empty() { said } else { format!("; it wrote: {said}") };
        Error::failed(format!("{} {how}{said}", self.what))
    }

    /// What it wrote to stderr, from both ends where it is long.
    pub fn wrote(&mut self) -> String {
        quoted(&self.stderr_whole())
    }

    /// The code that it ended with, for which it is waited a moment; none while it runs, and where a signal ended it.
    pub fn code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + GOING;
        while self.alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.status?.code()
    }

    fn stderr_whole(&mut self) -> String {
        let mut text = Vec::new();
        // Nothing to quote is no reason to fail twice.
        let _ = self.stderr.seek(SeekFrom::Start(0)).and_then(|_| self.stderr.read_to_end(&mut text));
        String::from_utf8_lossy(&text).into_owned()
    }

    /// What a keeper says became of its command.
    fn kept(&mut self) -> Option<Failed> {
        self.stderr_whole().lines().find_map(|line| serde_json::from_str(line).ok())
    }

    /// Waits for what is left of its group, which is ours since its parent has ended, and has been killed.
    fn reap(&self) {
        let deadline = Instant::now() + FAREWELL;
        let group = Pid::from_raw(-self.pid().as_raw());
        while let Ok(status) = waitpid(group, Some(WaitPidFlag::WNOHANG)) {
            if status == WaitStatus::StillAlive {
                if Instant::now() > deadline {
                    return;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
        }
    }

    /// Tells it to stop by closing its stdin, waits for it, and ends what is left of its group.
    pub fn stop(mut self) -> Result<()> {
        if self.kind == Kind::Keeper {
            // One that has ended says why below.
            let _ = self.tell(r#"{"stop":{}}"#);
        }
        self.stdin = None;
        let deadline = Instant::now() + self.kind.farewell();
        let mut nap = Duration::from_micros(200);
        while self.alive() && Instant::now() < deadline {
            std::thread::sleep(nap);
            nap = (nap * 2).min(Duration::from_millis(10));
        }
        match self.status {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(self.ended()),
            None => Err(Error::failed(format!(
                "{} did not stop within {} s and was killed",
                self.what,
                self.kind.farewell().as_secs()
            ))),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.stdin = None;
        let deadline = Instant::now() + FAREWELL;
        while self.kind == Kind::Keeper && self.alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.kind == Kind::Prefix && self.alive() {
            let _ = killpg(self.pid(), Signal::SIGTERM);
            let deadline = Instant::now() + GOING;
            while self.alive() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        // The group outlives its leader where the leader left children behind.
        let _ = killpg(self.pid(), Signal::SIGKILL);
        if self.alive() {
            let _ = self.process.wait();
        }
        self.reap();
    }
}

impl Kind {
    /// How long a child of that kind may take to end once it has been told to.
    fn farewell(self) -> Duration {
        if self == Kind::Keeper { FAREWELL + FAREWELL } else { FAREWELL }
    }
}

/// What a process said, without the backtraces of its panics, from both ends where it is long: a panic says first what
/// happened, Python last.
pub(crate) fn quoted(said: &str) -> String {
    let (mut kept, mut in_backtrace) = (Vec::new(), false);
    for line in said.lines() {
        let words = line.trim_start();
        let numbered = words.split_once(": ").is_some_and(|(number, _)| number.parse::<u32>().is_ok());
        in_backtrace = line == "stack backtrace:" || in_backtrace && (numbered || words.starts_with("at "));
        let about_it = line.starts_with("note: ") && line.contains("backtrace");
        if !in_backtrace && !about_it {
            kept.push(line);
        }
    }
    let text = kept.join("\n");
    let text = text.trim();
    let place = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(place, _)| place);
    match text.chars().count() {
        ..=QUOTED => text.to_owned(),
        count => format!("{} … {}", &text[..place(QUOTED / 2)], &text[place(count - QUOTED / 2)..]),
    }
}

#[cfg(test)]
mod tests {
    use super::{QUOTED, quoted};

    #[test]
    fn the_message_of_a_panic_is_quoted_and_its_backtrace_is_not() {
        let frames: String =
            (0..200).map(|n| format!("  {n:>2}: engine::f{n}\n             at ./engine/f.rs:{n}:1\n")).collect();
        let panic = "thread 'main' panicked at engine/f.rs:1:2:\nthe message";
        let note = "note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.";
        assert_eq!(quoted(&format!("{panic}\nstack backtrace:\n{frames}{note}\n")), panic);
        let after = quoted(&format!("{panic}\nstack backtrace:\n{frames}{note}\nerror: gone\n"));
        assert_eq!(after, format!("{panic}\nerror: gone"));
        assert_eq!(quoted(&format!("{panic}\nnote: run with `RUST_BACKTRACE=1` to display a backtrace\n")), panic);
    }

    #[test]
    fn what_is_long_is_quoted_from_both_ends() {
        let trace = format!("first of all\n{}\nOSError: the last word", "  File \"f.py\", line 3, in é\n".repeat(500));
        let said = quoted(&trace);
        assert!(said.starts_with("first of all\n") && said.ends_with("\nOSError: the last word"), "{said}");
        assert!(said.chars().count() <= QUOTED + 3, "{}", said.chars().count());
        assert_eq!(quoted(" short \n"), "short");
    }
}
