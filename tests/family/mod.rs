//! Which processes a run has started, and what is done to them.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long anything here may take before a test says that it never happened.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        std::thread::yield_now();
    }
}

pub(crate) fn stat(pid: u32) -> Option<(u32, char)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// All processes that descend from `ancestor`, and live.
pub(crate) fn descendants(ancestor: u32) -> BTreeSet<u32> {
    let all: Vec<(u32, u32)> = fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| stat(pid).filter(|(_, state)| *state != 'Z').map(|(parent, _)| (pid, parent)))
        .collect();
    let mut family = BTreeSet::from([ancestor]);
    loop {
        let more: Vec<u32> =
            all.iter().filter(|(pid, parent)| family.contains(parent) && !family.contains(pid)).map(|x| x.0).collect();
        if more.is_empty() {
            family.remove(&ancestor);
            return family;
        }
        family.extend(more);
    }
}

pub(crate) fn command_line(pid: u32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default().replace('\0', " ")
}

pub(crate) fn gone(pid: u32) -> bool {
    stat(pid).is_none_or(|(_, state)| matches!(state, 'Z' | 'X'))
}

pub(crate) fn kill(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs").success());
}
