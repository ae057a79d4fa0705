//! What an end of a measurement costs, read from outside.

use std::fs;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::results::Spent;

/// The counters of one process group at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Counters {
    /// CPU time of the living, in nanoseconds: exact.
    living_ns: u64,
    /// CPU time of children that the leader has reaped, in nanoseconds: in steps of a clock tick.
    reaped_ns: u64,
    peak_memory: Option<u64>,
    processes: u64,
    threads: u64,
}

impl Counters {
    /// The counters of the group that `leader` leads, now.
    pub fn of(leader: Pid) -> Self {
        let tick_ns = tick_ns();
        let mut counters = Counters { living_ns: 0, reaped_ns: 0, peak_memory: None, processes: 0, threads: 0 };
        for pid in processes() {
            let Some(stat) = Stat::of(pid).filter(|stat| stat.group == leader) else { continue };
            let clock = clock_getcpuclockid(pid).and_then(clock_gettime);
            counters.living_ns += clock
                .map_or(stat.own_ticks * tick_ns, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64);
            counters.reaped_ns += stat.reaped_ticks * tick_ns;
            counters.processes += u64::from(!stat.zombie);
            counters.threads += if stat.zombie { 0 } else { stat.threads };
            counters.peak_memory = counters.peak_memory.max(peak_memory(pid));
        }
        counters
    }

    /// What was spent from `before` until these counters were read.
    pub fn since(&self, before: &Counters) -> Spent {
        let spent = (self.living_ns + self.reaped_ns).saturating_sub(before.living_ns + before.reaped_ns);
        let exact = self.reaped_ns == before.reaped_ns;
        Spent {
            cpu_ns: (self.processes > 0).then_some(spent),
            cpu_step_ns: (self.processes > 0).then(|| if exact { 1 } else { tick_ns() }),
            peak_memory: self.peak_memory,
            processes: Some(self.processes),
            threads: Some(self.threads),
        }
    }
}

/// One clock tick of /proc in nanoseconds.
fn tick_ns() -> u64 {
    let hertz = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    1_000_000_000 / hertz.max(1) as u64
}

fn processes() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw)).collect()
}

/// What /proc/PID/stat says of a process (proc(5)).
struct Stat {
    group: Pid,
    zombie: bool,
    own_ticks: u64,
    reaped_ticks: u64,
    threads: u64,
}

impl Stat {
    fn of(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name of a process may hold spaces and brackets: fields are counted after the last bracket.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at - 3)?.parse::<u64>().ok();
        Some(Stat {
            zombie: matches!(fields.first(), Some(&"Z" | &"X")),
            group: Pid::from_raw(number(5)? as i32),
            own_ticks: number(14)? + number(15)?,
            reaped_ticks: number(16)? + number(17)?,
            threads: number(20)?,
        })
    }
}

fn peak_memory(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::{Counters, Stat};
    use nix::unistd::{getpgrp, getpid};

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 5 0 99 1 2";
        let stat = Stat::parse(text).expect("a stat line");
        assert_eq!((stat.group.as_raw(), stat.zombie), (42, false));
        assert_eq!((stat.own_ticks, stat.reaped_ticks, stat.threads), (30, 70, 5));
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
}
