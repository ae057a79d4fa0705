//! The client process: what it is told, what it does, what it says.

pub mod arrival_test;
pub mod blocking;
pub mod buckets;
pub mod clock;
pub mod connection;
pub mod dials;
pub mod event_loop;
pub mod jitter;
pub mod job;
pub mod live;
pub mod load;
pub mod merged;
pub mod messages;
pub mod network;
pub mod order;
pub mod per_call;
pub mod per_pass;
pub mod ready;
pub mod recorder;
pub mod reflect;
pub mod resend;
pub mod samples;
pub mod schedule;
pub mod sequence;
pub mod setup_error;
pub mod tasks;
pub mod timeline;
pub mod watchdog;

use std::io::{self, BufRead, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::drive::clock::{await_ns, now_ns};
use crate::drive::job::Job;
use crate::drive::live::LiveHistogram;
use crate::drive::load::LoadModel;
use crate::drive::messages::{FromDrive, Progress, ToDrive};
use crate::drive::setup_error::SetupError;

/// Every load model: the first that can drive a job does. A new one is its file and its line here.
pub static LOADS: &[&dyn LoadModel] =
    &[&blocking::Sleeping, &blocking::Spinning, &event_loop::ManyClients, &tasks::AsTasks];

/// Runs one assignment from stdin to stdout; false where it could not be measured, which stdout says.
pub fn run() -> bool {
    match measure() {
        Ok(()) => true,
        Err(SetupError { class, reason, lacks }) => {
            // Where stdout is gone too there is nobody left to tell.
            let _ = send(&FromDrive::Failed { class, reason, lacks });
            false
        }
    }
}

fn measure() -> Result<(), SetupError> {
    let ToDrive::Assignment(assignment) = recv()? else {
        return Err(SetupError::assignment("the first line must be an assignment"));
    };
    pin(&assignment.end.pin)?;
    let assignment = reflect::described(*assignment)?;
    let asked = ready::await_ready(&assignment, |job| model(&job)?.callers(job))?;
    let job = Job::of(&assignment)?;
    let mut load = model(&job)?.callers(job)?;
    load.arm()?;
    send(&FromDrive::Armed { clients: assignment.load.clients })?;
    let ToDrive::Go { at_ns } = recv()? else { return Err(SetupError::assignment("`go` was due")) };
    let (ended, over) = (AtomicU64::new(0), AtomicBool::new(false));
    let live = load.live();
    let (hiccups, began_ns) = thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&ended, &live, &over));
        let jitter = scope.spawn(|| jitter::watch(&over));
        at_ns.inspect(|at| await_ns(*at));
        let began_ns = now_ns();
        load.measure(&ended);
        over.store(true, Ordering::Relaxed);
        watching.thread().unpark();
        (jitter.join().ok(), began_ns)
    });
    send(&FromDrive::Done { began_ns: Some(began_ns) })?;
    let ToDrive::Report {} = recv()? else { return Err(SetupError::assignment("`report` was due")) };
    let mut measured = load.measured();
    measured.generator.hiccups = hiccups;
    if assignment.end.part.is_none() {
        // Only what is added to that of other processes needs them.
        measured.timeline.iter_mut().for_each(|slice| slice.times.clear());
    }
    if asked > 0 {
        measured.untimed.get_or_insert_default().ready = asked;
    }
    send(&FromDrive::Measured(Box::new(measured)))?;
    load.close();
    Ok(())
}

/// The load model that drives a job.
fn model(job: &Job) -> Result<&'static dyn LoadModel, SetupError> {
    let model = LOADS.iter().copied().find(|model| model.can_drive(job));
    model.ok_or_else(|| {
        let known: Vec<&str> = LOADS.iter().map(|model| model.name()).collect();
        SetupError::assignment(format!("no load model can make these calls; there are: {}", known.join(", ")))
    })
}

/// Keeps this process, and all threads that it will start, on these cores; on all where none are named.
fn pin(cores: &[usize]) -> Result<(), SetupError> {
    if cores.is_empty() {
        return Ok(());
    }
    let mut set = CpuSet::new();
    cores
        .iter()
        .try_for_each(|core| set.set(*core))
        .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
        .map_err(|error| SetupError::assignment(format!("cannot run on the cores {cores:?}: {error}")))
}

/// Says once a second how far the calls are and how long they took, and ends the process when nobody listens any more.
fn watch(ended: &AtomicU64, live: &LiveHistogram, over: &AtomicBool) {
    let second = std::time::Duration::from_secs(1);
    loop {
        thread::park_timeout(second);
        if over.load(Ordering::Relaxed) {
            return;
        }
        let stdin = io::stdin();
        let mut hung_up = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        let gone = poll(&mut hung_up, PollTimeout::ZERO).is_ok_and(|ready| ready > 0);
        let (p50_ns, p99_ns) = live.quantiles();
        let progress = Progress { ended: ended.load(Ordering::Relaxed), p50_ns, p99_ns };
        if gone || send(&FromDrive::Progress(progress)).is_err() {
            std::process::exit(1);
        }
    }
}

fn recv() -> Result<ToDrive, SetupError> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) => Err(SetupError::assignment("stdin ended before the work was done")),
        Ok(_) => serde_json::from_str(&line).map_err(|error| SetupError::assignment(error.to_string())),
        Err(error) => Err(SetupError::assignment(error.to_string())),
    }
}

fn send(line: &FromDrive) -> Result<(), SetupError> {
    let failed = |error: &dyn std::fmt::Display| SetupError::assignment(error.to_string());
    let text = serde_json::to_string(line).map_err(|error| failed(&error))?;
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush()).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::{LOADS, model};
    use crate::drive::job::Job;
    use crate::transport::TRANSPORTS;
    use crate::transport::contract::IoModel;

    #[test]
    fn each_job_is_driven_by_the_model_that_its_figures_name() {
        let mut seen = BTreeSet::new();
        // What dials by itself needs a certificate.
        for transport in TRANSPORTS.iter().filter(|transport| matches!(transport.io_model(), IoModel::Stream(_))) {
            for (clients, wait, rate, expected) in [
                (1, "block", None, "blocking"),
                (1, "spin", None, "spin loop"),
                (2, "block", None, "event loop"),
                (2, "spin", None, "event loop"),
                (1, "block", Some(10.0), "event loop"),
            ] {
                let assignment = json!({
                    "version": 1, "address": "127.0.0.1:1", "transport": transport.name(), "call": "ping",
                    "clients": clients, "wait": wait, "rate": rate, "iterations": 1, "timeout_ns": 1, "drain_ns": 1
                });
                let job = Job::of(&serde_json::from_value(assignment).expect("an assignment")).expect("a job");
                assert_eq!(model(&job).expect("a model").name(), expected, "{}", transport.name());
                seen.insert(expected);
            }
        }
        let names: BTreeSet<&str> = LOADS.iter().map(|model| model.name()).collect();
        assert_eq!(names.len(), LOADS.len(), "each has a name of its own");
        assert_eq!(&names - &seen, BTreeSet::from(["tasks on one thread"]), "`tests/quic.rs` drives the last");
    }
}
