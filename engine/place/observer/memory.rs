//! Memory: the most that one process held, and by how much all together grew with their clients.

use std::fs;

use nix::unistd::Pid;

use crate::place::observer::contract::{Evidence, Group, Observer, Watching};
use crate::registry::Entry;

/// The observer `memory`.
pub struct Memory;

impl Entry for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }
    fn about(&self) -> &'static str {
        "the largest resident memory of a process, and what each client adds to the share of all"
    }
}

impl Observer for Memory {
    fn counters(&self) -> &'static [&'static str] {
        &["peak_memory", "memory_per_client"]
    }
    fn attach(&self, _: Pid) -> Box<dyn Watching> {
        Box::new(Watch::default())
    }
}

#[derive(Default)]
struct Watch {
    /// The share of all in bytes, before anybody called.
    idle: Option<u64>,
    /// The same when the window began.
    begun: Option<u64>,
}

impl Watching for Watch {
    fn idle(&mut self, group: &Group) {
        self.idle = group.sum(0, share);
    }

    fn begin(&mut self, group: &Group) {
        self.begun = group.sum(0, share);
    }

    fn end(&mut self, group: &Group, evidence: &mut Evidence) {
        evidence.spent.peak_memory = group.living().filter_map(|(pid, _)| peak(pid)).max();
        evidence.grown_memory = self.begun.zip(self.idle).map(|(begun, idle)| begun.saturating_sub(idle));
    }
}

/// A number of kibibytes in a file of /proc, in bytes.
fn kibibytes(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

fn peak(pid: Pid) -> Option<u64> {
    kibibytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

fn share(pid: Pid) -> Option<u64> {
    kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpgrp;

    use crate::place::observer::contract::{Evidence, Group, Observer};

    #[test]
    fn what_this_process_holds_is_found() {
        let (mut watch, mut evidence) = (super::Memory.attach(getpgrp()), Evidence::default());
        watch.end(&Group::of(getpgrp()), &mut evidence);
        assert!(evidence.spent.peak_memory.expect("memory") > 0);
        assert_eq!(evidence.grown_memory, None, "nobody looked before");
    }
}
