//! What an end of a measurement costs, read from outside.

use std::collections::BTreeMap;
use std::fs;

use nix::unistd::Pid;

use crate::place::processes::{Stat, all, cpu_ns, tick_ns};
use crate::results::{Hiccups, Spent};

/// The counters of one process group at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    /// CPU time of the living, in nanoseconds: exact.
    living_ns: u64,
    /// CPU time of children that the leader has reaped, in nanoseconds: in steps of a clock tick.
    reaped_ns: u64,
    /// Of both together what was spent in their own code, in nanoseconds and in steps of a clock tick.
    user_ns: u64,
    /// The same for the kernel.
    system_ns: u64,
    /// Context switches of the living threads, voluntary and not; none where the kernel tells none.
    switches: Option<(u64, u64)>,
    /// How long the living threads waited for a core, in nanoseconds; none where the kernel tells none.
    queued_ns: Option<u64>,
    peak_memory: Option<u64>,
    /// Proportional share of memory, in bytes; none where the kernel tells none.
    share_of_memory: Option<u64>,
    processes: u64,
    threads: u64,
}

impl Counters {
    /// The counters of the group that `leader` leads, now.
    pub fn of(leader: Pid) -> Self {
        let tick_ns = tick_ns();
        let mut counters =
            Counters { switches: Some((0, 0)), queued_ns: Some(0), share_of_memory: Some(0), ..Counters::default() };
        for (pid, stat) in group(leader) {
            counters.living_ns += cpu_ns(pid).unwrap_or(stat.own_ticks * tick_ns);
            counters.reaped_ns += stat.reaped_ticks * tick_ns;
            counters.user_ns += stat.user_ticks * tick_ns;
            counters.system_ns += (stat.own_ticks + stat.reaped_ticks - stat.user_ticks) * tick_ns;
            if stat.zombie {
                continue;
            }
            counters.processes += 1;
            counters.threads += stat.threads;
            counters.peak_memory = counters.peak_memory.max(peak_memory(pid));
            counters.switches = counters.switches.zip(switches(pid)).map(|(a, b)| (a.0 + b.0, a.1 + b.1));
            counters.queued_ns = counters.queued_ns.zip(queued_ns(pid)).map(|(a, b)| a + b);
            counters.share_of_memory = counters.share_of_memory.zip(share_of_memory(pid)).map(|(a, b)| a + b);
        }
        counters
    }

    /// What was spent from `before` until these counters were read.
    pub fn since(&self, before: &Counters) -> Spent {
        let spent = (self.living_ns + self.reaped_ns).saturating_sub(before.living_ns + before.reaped_ns);
        let reaped = self.reaped_ns != before.reaped_ns;
        let alive = self.processes > 0;
        let mut missing = BTreeMap::new();
        let mut lacks = |name: &str, reason: &str| missing.insert(name.to_owned(), reason.to_owned());
        let switches = self.switches.zip(before.switches).filter(|_| !reaped);
        if switches.is_none() {
            let told = "this kernel does not tell them";
            lacks("switches", if reaped { "they went with the processes that ended in the window" } else { told });
        }
        Spent {
            cpu_ns: alive.then_some(spent),
            cpu_step_ns: alive.then(|| if reaped { tick_ns() } else { 1 }),
            user_ns: alive.then(|| self.user_ns.saturating_sub(before.user_ns)),
            system_ns: alive.then(|| self.system_ns.saturating_sub(before.system_ns)),
            voluntary_switches: switches.map(|(after, before)| after.0.saturating_sub(before.0)),
            involuntary_switches: switches.map(|(after, before)| after.1.saturating_sub(before.1)),
            peak_memory: self.peak_memory,
            processes: Some(self.processes),
            threads: Some(self.threads),
            missing,
            ..Spent::default()
        }
    }

    /// How long threads waited for a core since `before`, in nanoseconds, without those that have ended.
    pub fn queued_since(&self, before: &Counters) -> Option<u64> {
        Some(self.queued_ns?.saturating_sub(before.queued_ns?))
    }

    /// By how much the proportional share of memory grew from `before` for each of so many clients, in bytes.
    pub fn memory_per_client(&self, before: &Counters, clients: u32) -> Option<u64> {
        let grown = self.share_of_memory?.saturating_sub(before.share_of_memory?);
        grown.checked_div(u64::from(clients))
    }
}

/// Takes off what a client process spent on watching itself, so that its calls are not charged for it.
pub fn without_watching(client: &mut Spent, hiccups: Option<&Hiccups>) {
    let watching = hiccups.and_then(|hiccups| hiccups.cpu_ns).unwrap_or(0);
    client.cpu_ns = client.cpu_ns.map(|cpu| cpu.saturating_sub(watching));
    // Each nap is one call of the kernel.
    let naps = hiccups.map_or(0, |hiccups| hiccups.naps);
    client.syscalls = client.syscalls.map(|calls| calls.saturating_sub(naps));
}

/// The most processes and threads of a group, seen now and then.
#[derive(Debug, Clone, Copy)]
pub struct Peak {
    leader: Pid,
    processes: u64,
    threads: u64,
}

impl Peak {
    /// Nothing has been seen yet of the group that `leader` leads.
    pub fn of(leader: Pid) -> Self {
        Peak { leader, processes: 0, threads: 0 }
    }

    /// Looks once; it reads one small file for each process of the machine.
    pub fn look(&mut self) {
        let living = || group(self.leader).into_iter().filter(|(_, stat)| !stat.zombie);
        self.processes = self.processes.max(living().count() as u64);
        self.threads = self.threads.max(living().map(|(_, stat)| stat.threads).sum());
    }

    /// Adds what was seen to what was spent.
    pub fn add_to(&self, spent: &mut Spent) {
        spent.most_processes = Some(self.processes.max(spent.processes.unwrap_or(0)));
        spent.most_threads = Some(self.threads.max(spent.threads.unwrap_or(0)));
    }
}

/// The living processes of the group that `leader` leads.
pub fn living(leader: Pid) -> Vec<Pid> {
    group(leader).into_iter().filter(|(_, stat)| !stat.zombie).map(|(pid, _)| pid).collect()
}

/// The processes of the group that `leader` leads.
fn group(leader: Pid) -> Vec<(Pid, Stat)> {
    let stats = all().into_iter().filter_map(|pid| Some((pid, Stat::of(pid)?)));
    stats.filter(|(_, stat)| stat.group == leader).collect()
}

/// A number of kibibytes in a file of /proc, in bytes.
fn kibibytes(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

fn peak_memory(pid: Pid) -> Option<u64> {
    kibibytes(&format!("/proc/{pid}/status"), "VmHWM:")
}

fn share_of_memory(pid: Pid) -> Option<u64> {
    kibibytes(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// The context switches of all living threads of a process, voluntary and not.
fn switches(pid: Pid) -> Option<(u64, u64)> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    let mut sum = (0, 0);
    for status in threads.filter_map(|thread| fs::read_to_string(thread.path().join("status")).ok()) {
        let number = |name: &str| status.lines().find_map(|line| line.strip_prefix(name))?.trim().parse::<u64>().ok();
        sum.0 += number("voluntary_ctxt_switches:")?;
        sum.1 += number("nonvoluntary_ctxt_switches:")?;
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
    use super::{Counters, without_watching};
    use crate::results::{Hiccups, Spent};
    use nix::unistd::{getpgrp, getpid};

    #[test]
    fn a_client_is_not_charged_for_watching_itself() {
        let charged = |cpu_ns, watching| {
            let mut spent = Spent { cpu_ns, ..Spent::default() };
            without_watching(&mut spent, Some(&Hiccups { cpu_ns: watching, ..Hiccups::default() }));
            spent.cpu_ns
        };
        assert_eq!(charged(Some(1_000), Some(300)), Some(700));
        assert_eq!([charged(Some(1_000), None), charged(Some(200), Some(300))], [Some(1_000), Some(0)]);
        assert_eq!(charged(None, Some(300)), None);
        let mut spent = Spent { syscalls: Some(1_000), ..Spent::default() };
        without_watching(&mut spent, Some(&Hiccups { naps: 400, ..Hiccups::default() }));
        assert_eq!(spent.syscalls, Some(600));
    }

    #[test]
    fn this_very_process_is_found_with_its_cpu_time() {
        let before = Counters::of(getpgrp());
        let mut x = 1u64;
        let own =
            || nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("own clock").tv_nsec();
        let (begun, mut now) = (own(), own());
        while (now - begun).unsigned_abs() < 2_000_000 {
            x = std::hint::black_box(x.wrapping_mul(3));
            now = own();
        }
        let spent = Counters::of(getpgrp()).since(&before);
        assert!(spent.cpu_ns.expect("CPU time") >= 2_000_000, "{spent:?}");
        assert!(spent.peak_memory.expect("memory") > 0 && getpid().as_raw() > 0);
    }

    #[test]
    fn what_is_absent_says_why() {
        let before = Counters { switches: Some((1, 1)), processes: 1, ..Counters::default() };
        let after = Counters { switches: Some((5, 3)), processes: 1, ..Counters::default() };
        let spent = after.since(&before);
        assert_eq!((spent.voluntary_switches, spent.involuntary_switches), (Some(4), Some(2)));
        assert!(spent.missing.is_empty(), "{:?}", spent.missing);
        let lost = Counters { reaped_ns: 10_000_000, ..after }.since(&before);
        assert_eq!(lost.voluntary_switches, None);
        assert!(lost.missing["switches"].contains("ended"), "{:?}", lost.missing);
    }
}
