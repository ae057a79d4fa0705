//! Processes on a core of their own, what they say, and what they cost.

use std::process::Command;

use engine::error::{Context, Error, Result};
use engine::place::child::{Child, Heard};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Where servers run.
pub(crate) const SERVERS: usize = 0;
/// Where generators run.
pub(crate) const CLIENTS: usize = 1;

/// Starts a command that may run on that core only.
pub(crate) fn start(what: &str, command: Command, core: usize) -> Result<Child> {
    start_on(what, command, &[core])
}

/// Starts a command that may run on those cores only.
pub(crate) fn start_on(what: &str, command: Command, cores: &[usize]) -> Result<Child> {
    on_cores(cores, || Child::start(what, command))?
}

/// Does something on that core; processes started meanwhile stay there.
pub(crate) fn on<T>(core: usize, doing: impl FnOnce() -> T) -> Result<T> {
    on_cores(&[core], doing)
}

/// Does something on those cores; processes started meanwhile stay there.
fn on_cores<T>(cores: &[usize], doing: impl FnOnce() -> T) -> Result<T> {
    let this = Pid::from_raw(0);
    let before = sched_getaffinity(this).doing("asking for the cores of this process")?;
    let mut own = CpuSet::new();
    cores
        .iter()
        .try_for_each(|core| own.set(*core))
        .and_then(|()| sched_setaffinity(this, &own))
        .doing(format_args!("running on the cores {cores:?}"))?;
    let done = doing();
    sched_setaffinity(this, &before).doing("running on all cores again")?;
    Ok(done)
}

/// The next line that a process says.
pub(crate) fn line(child: &mut Child) -> Result<String> {
    loop {
        match child.hear()? {
            Heard::Line(line) => return Ok(line),
            Heard::Nothing => {}
            Heard::End => return Err(child.ended()),
        }
    }
}

/// What a process said to its end, and the CPU time that it took as a whole, in seconds.
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) cpu_s: f64,
}

/// Runs a command on a core to its end.
pub(crate) fn said(what: &str, command: Command, core: usize) -> Result<Said> {
    said_watched(what, command, &[core], |_| {})
}

/// The same on several cores; `watch` looks at the process now and then.
pub(crate) fn said_watched(what: &str, command: Command, cores: &[usize], mut watch: impl FnMut(Pid)) -> Result<Said> {
    let mut child = start_on(what, command, cores)?;
    let mut text = String::new();
    loop {
        watch(child.pid());
        match child.hear()? {
            Heard::Line(line) => text.extend([&line, "\n"]),
            Heard::Nothing => {}
            Heard::End => break,
        }
    }
    let cpu_s = farewell(child)?;
    Ok(Said { text, cpu_s })
}

/// Stops a process, and gives the CPU time that it took as a whole, in seconds.
pub(crate) fn farewell(child: Child) -> Result<f64> {
    // Nothing else is reaped meanwhile: this process has one thread.
    let before = reaped()?;
    child.stop()?;
    Ok(reaped()? - before)
}

/// The CPU time of all children that have been waited for, in seconds.
fn reaped() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).doing("asking what children cost")?;
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// The CPU time of a living process, in seconds.
pub(crate) fn cpu_s(pid: Pid) -> Result<f64> {
    let clock =
        clock_getcpuclockid(pid).and_then(clock_gettime).doing(format_args!("the CPU clock of process {pid}"))?;
    Ok(clock.tv_sec() as f64 + clock.tv_nsec() as f64 / 1e9)
}

/// The most memory that a living process has had resident, in bytes.
pub(crate) fn peak_memory(pid: Pid) -> Result<f64> {
    kilobytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

/// The memory of a living process, its share of what it shares included, in bytes.
pub(crate) fn proportional_memory(pid: Pid) -> Result<f64> {
    kilobytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

fn kilobytes(path: &str, name: &str) -> Result<f64> {
    let text = std::fs::read_to_string(path).doing(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
    value.map(|kilobytes| kilobytes * 1024.0).ok_or_else(|| Error::failed(format!("{path} has no {name}")))
}

/// The children of a process.
pub(crate) fn children(pid: Pid) -> Result<Vec<Pid>> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(&path).doing(&path)?;
    Ok(text.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect())
}
