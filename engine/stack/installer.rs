//! A program that installs something, and ends with us whatever it has started meanwhile.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::error::{Context, Error, Result};

/// Runs the program, and kills its whole process group where stdin ends first: that is how it learns that we are gone.
/// A signal at our death would reach the program alone, and pip is a program that starts others.
const GUARD: &str = "exec 3<&0; (read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 & \"$@\" </dev/null";

/// How often it is asked whether to go on.
const TICK: Duration = Duration::from_millis(10);

/// What became of a program, and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it wrote to stdout and stderr.
    pub(crate) text: String,
}

/// Runs `command` to its end, or until `stop` says so, which is an error; nothing of it is left running then, nor where
/// this process is killed.
pub(crate) fn run(command: &Command, stop: &dyn Fn() -> bool) -> Result<Ended> {
    let program = command.get_program().to_string_lossy().into_owned();
    let doing = || format!("cannot run {program}");
    let mut said = File::from(memfd_create("installer", MFdFlags::MFD_CLOEXEC).doing(doing())?);
    let mut guarded = Command::new("/bin/sh");
    guarded.args(["-c", GUARD, "sh"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => guarded.env(name, value),
            None => guarded.env_remove(name),
        };
    }
    guarded
        .stdin(Stdio::piped())
        .stdout(said.try_clone().doing(doing())?)
        .stderr(said.try_clone().doing(doing())?)
        .process_group(0);
    let mut process = guarded.spawn().doing(doing())?;
    let group = Pid::from_raw(process.id() as i32);
    let status = loop {
        match process.try_wait() {
            Ok(None) if stop() => break Err(Error::failed(format!("{program} was interrupted"))),
            Ok(None) => thread::sleep(TICK),
            Ok(Some(status)) => break Ok(status),
            Err(error) => break Err(Error::failed(format!("cannot wait for {program}: {error}"))),
        }
    };
    // The guard's own watcher is left where all went well.
    let _ = killpg(group, Signal::SIGKILL);
    let _ = process.wait();
    let status = status?;
    let mut text = Vec::new();
    said.seek(SeekFrom::Start(0)).and_then(|_| said.read_to_end(&mut text)).doing(doing())?;
    Ok(Ended { status, text: String::from_utf8_lossy(&text).into_owned() })
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::{Duration, Instant};

    use super::run;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn its_end_and_its_words_come_back() {
        let ended = run(&shell("echo out; echo err >&2; exit 3"), &|| false).expect("there is a shell");
        assert_eq!((ended.status.code(), ended.text.as_str()), (Some(3), "out\nerr\n"));
        assert!(run(&Command::new("/nowhere/at-all"), &|| false).expect("the guard runs").status.code() == Some(127));
    }

    #[test]
    fn an_interrupt_ends_it_with_all_it_started() {
        let folder = tempfile::tempdir().expect("a folder");
        let pid = folder.path().join("pid");
        let begun = Instant::now();
        let script = format!("sleep 600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
        let error = run(&shell(&script), &|| pid.exists()).expect_err("it was interrupted");
        assert!(error.message().contains("interrupted"), "{error}");
        assert!(begun.elapsed() < Duration::from_secs(300), "it did not wait for the end");
        let child = std::fs::read_to_string(&pid).expect("it started a child");
        let stat = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        // The kernel may take a moment to be done with a killed process.
        while stat().is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X ")) {
            assert!(begun.elapsed() < Duration::from_secs(300), "its child lives on");
            std::thread::yield_now();
        }
    }
}
