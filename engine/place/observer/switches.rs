//! Context switches of the living threads, and how long these waited for a core.

use std::fs;

use nix::unistd::Pid;

use crate::place::observer::contract::{Evidence, Group, Observer, Watching};
use crate::registry::Entry;

/// The observer `switches`.
pub struct Switches;

impl Entry for Switches {
    fn name(&self) -> &'static str {
        "switches"
    }
    fn about(&self) -> &'static str {
        "context switches of the living threads, and how long these waited for a core"
    }
}

impl Observer for Switches {
    fn counters(&self) -> &'static [&'static str] {
        &["switches"]
    }
    fn attach(&self, _: Pid) -> Box<dyn Watching> {
        Box::new(Watch::default())
    }
}

#[derive(Default)]
struct Watch {
    before: Seen,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Voluntary and not; none where the kernel tells none.
    switches: Option<[u64; 2]>,
    queued_ns: Option<u64>,
    reaped_ticks: u64,
}

impl Seen {
    fn of(group: &Group) -> Self {
        let both = group.living().try_fold([0, 0], |sum: [u64; 2], (pid, _)| {
            let [voluntary, not] = switches(pid)?;
            Some([sum[0] + voluntary, sum[1] + not])
        });
        Seen { switches: both, queued_ns: group.sum(0, queued_ns), reaped_ticks: group.reaped_ticks() }
    }

    fn tell(self, before: Seen, evidence: &mut Evidence) {
        let reaped = self.reaped_ticks != before.reaped_ticks;
        match self.switches.zip(before.switches).filter(|_| !reaped) {
            Some((after, before)) => {
                evidence.spent.voluntary_switches = Some(after[0].saturating_sub(before[0]));
                evidence.spent.involuntary_switches = Some(after[1].saturating_sub(before[1]));
            }
            None if reaped => evidence.lacks("switches", "they went with the processes that ended in the window"),
            None => evidence.lacks("switches", "this kernel does not tell them"),
        }
        evidence.queued_ns = self.queued_ns.zip(before.queued_ns).map(|(after, before)| after.saturating_sub(before));
    }
}

impl Watching for Watch {
    fn begin(&mut self, group: &Group) {
        self.before = Seen::of(group);
    }

    fn end(&mut self, group: &Group, evidence: &mut Evidence) {
        Seen::of(group).tell(self.before, evidence);
    }
}

/// The context switches of all living threads of a process, voluntary and not.
fn switches(pid: Pid) -> Option<[u64; 2]> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let mut sum = [0, 0];
    for status in threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok()) {
        let number = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
        sum[0] += number("voluntary_ctxt_switches:")?;
        sum[1] += number("nonvoluntary_ctxt_switches:")?;
    }
    Some(sum)
}

/// How long the living threads of a process have waited for a core: the second figure of schedstat (sched-stats of the
/// kernel's documentation).
fn queued_ns(pid: Pid) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let told = threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok());
    let waited: Option<Vec<u64>> = told.map(|text| text.split_ascii_whitespace().nth(1)?.parse().ok()).collect();
    waited.filter(|all| !all.is_empty()).map(|all| all.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::Seen;
    use crate::place::observer::contract::Evidence;

    #[test]
    fn what_is_absent_says_why() {
        let seen = |switches, reaped_ticks| Seen { switches: Some(switches), queued_ns: None, reaped_ticks };
        let told = |after: Seen| {
            let mut evidence = Evidence::default();
            after.tell(seen([1, 1], 0), &mut evidence);
            evidence.spent
        };
        let spent = told(seen([5, 3], 0));
        assert_eq!((spent.voluntary_switches, spent.involuntary_switches), (Some(4), Some(2)));
        assert!(spent.missing.is_empty(), "{:?}", spent.missing);
        let lost = told(seen([5, 3], 1));
        assert_eq!(lost.voluntary_switches, None);
        assert!(lost.missing["switches"].contains("ended"), "{:?}", lost.missing);
    }
}
