//! What /proc tells of every process and of every core, at one moment.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use nix::sched::{CpuSet, sched_getaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// Threads of the kernel have this flag (PF_KTHREAD of linux/sched.h).
const KERNEL_THREAD: u64 = 0x0020_0000;
/// The number of the first PID namespace, whose processes are all there are (PROC_PID_INIT_INO of linux/proc_ns.h).
const FIRST_NAMESPACE: &str = "pid:[4026531836]";

/// All processes and cores at one moment.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When.
    pub at: Instant,
    /// Every process that can be seen, by its id.
    pub processes: BTreeMap<i32, Process>,
    /// Every core, by its number; none where it is offline.
    pub cores: Vec<Option<Core>>,
    /// Whether all processes of the machine can be seen: from inside a container those of others cannot.
    pub whole: bool,
}

/// One process at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    /// The process that started it, or whoever took it over.
    pub parent: i32,
    /// When it was started, in clock ticks since boot: tells apart two with the same id.
    pub started: u64,
    /// Whether it is a thread of the kernel.
    pub kernel: bool,
    /// CPU time of its own, in nanoseconds: exact.
    pub own_ns: u64,
    /// CPU time of all descendants that have ended and were waited for, in nanoseconds: in steps of a clock tick.
    pub reaped_ns: u64,
    /// Of both what was spent in their own code, as far as clock ticks tell.
    pub user_ns: u64,
    /// The cores that it may use.
    pub cores: CpuSet,
}

/// One core at one moment: times since boot, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Core {
    /// In the code of processes, by what a clock tick found there.
    pub user_ns: u64,
    /// Without anything to do.
    pub idle_ns: u64,
    /// Taken by other guests of the machine's host.
    pub stolen_ns: u64,
}

impl Moment {
    /// Now; it reads one small file for each process. None where there is no /proc that tells of cores.
    pub fn now() -> Option<Self> {
        let at = Instant::now();
        let tick_ns = tick_ns();
        let cores = cores(&fs::read_to_string("/proc/stat").ok()?, tick_ns);
        let seen = all().into_iter().filter_map(|pid| Some((pid.as_raw(), Process::of(pid, tick_ns)?)));
        let processes: BTreeMap<i32, Process> = seen.collect();
        let first = fs::read_link("/proc/self/ns/pid").is_ok_and(|link| link.as_os_str() == FIRST_NAMESPACE);
        let whole = first && processes.contains_key(&1);
        (!cores.is_empty() && !processes.is_empty()).then_some(Moment { at, processes, cores, whole })
    }
}

impl Process {
    fn of(pid: Pid, tick_ns: u64) -> Option<Self> {
        let stat = Stat::of(pid)?;
        Some(Process {
            parent: stat.parent,
            started: stat.started,
            kernel: stat.kernel,
            own_ns: cpu_ns(pid).unwrap_or(stat.own_ticks * tick_ns),
            reaped_ns: stat.reaped_ticks * tick_ns,
            user_ns: stat.user_ticks * tick_ns,
            cores: sched_getaffinity(pid).ok()?,
        })
    }
}

/// The cores of `/proc/stat`: user, nice, system, idle, iowait, irq, softirq, steal (proc_stat(5)).
fn cores(text: &str, tick_ns: u64) -> Vec<Option<Core>> {
    let mut cores = Vec::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(number) = words.next().and_then(|name| name.strip_prefix("cpu")?.parse::<usize>().ok()) else {
            continue;
        };
        let ticks: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let time = |at: usize| ticks.get(at).copied().unwrap_or(0) * tick_ns;
        cores.resize(cores.len().max(number + 1), None);
        cores[number] = Some(Core { user_ns: time(0) + time(1), idle_ns: time(3) + time(4), stolen_ns: time(7) });
    }
    cores
}

/// The CPU time of a living process, in nanoseconds.
pub fn cpu_ns(pid: Pid) -> Option<u64> {
    let time = clock_getcpuclockid(pid).and_then(clock_gettime).ok()?;
    Some(time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// One clock tick of /proc in nanoseconds.
pub fn tick_ns() -> u64 {
    let hertz = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    1_000_000_000 / hertz.max(1) as u64
}

/// All processes that can be seen.
pub fn all() -> Vec<Pid> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok().map(Pid::from_raw)).collect()
}

/// The living processes of the group that `leader` leads, and how many sockets each holds.
pub fn sockets(leader: Pid) -> BTreeMap<i32, usize> {
    let held = |pid: Pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    let of_group = |pid: &Pid| Stat::of(*pid).is_some_and(|stat| stat.group == leader && !stat.zombie);
    all().into_iter().filter(of_group).map(|pid| (pid.as_raw(), held(pid))).collect()
}

/// What the kernel calls a process.
pub fn name(pid: i32) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/comm")).ok().map(|name| name.trim().to_owned())
}

/// The words of the command line of a process.
pub fn command(pid: i32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// What /proc/PID/stat says of a process (proc_pid_stat(5)).
pub struct Stat {
    /// The group that it is in.
    pub group: Pid,
    /// Whether it has ended and waits to be reaped.
    pub zombie: bool,
    /// CPU time of its own.
    pub own_ticks: u64,
    /// CPU time of its descendants that have ended and were waited for.
    pub reaped_ticks: u64,
    /// Of both, those in its own code.
    pub user_ticks: u64,
    /// How many threads it has.
    pub threads: u64,
    /// The process that started it, or whoever took it over.
    pub parent: i32,
    kernel: bool,
    started: u64,
}

impl Stat {
    /// Now; none where the process is gone.
    pub fn of(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// The name of a process may hold spaces and brackets: fields are counted after the last bracket.
    fn parse(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at - 3)?.parse::<u64>().ok();
        Some(Stat {
            zombie: matches!(fields.first(), Some(&"Z" | &"X")),
            parent: number(4)? as i32,
            group: Pid::from_raw(number(5)? as i32),
            kernel: number(9)? & KERNEL_THREAD != 0,
            own_ticks: number(14)? + number(15)?,
            reaped_ticks: number(16)? + number(17)?,
            user_ticks: number(14)? + number(16)?,
            threads: number(20)?,
            started: number(22)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Core, Moment, Stat, cores};

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "7 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 10 20 30 40 20 0 5 0 99 1 2";
        let stat = Stat::parse(text).expect("a stat line");
        assert_eq!((stat.group.as_raw(), stat.parent, stat.zombie, stat.kernel), (42, 1, false, false));
        assert_eq!((stat.own_ticks, stat.reaped_ticks, stat.user_ticks, stat.threads), (30, 70, 40, 5));
        assert_eq!(stat.started, 99);
        let kernel = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 0 0 0 20 0 1 0 3 0 0";
        assert!(Stat::parse(kernel).is_some_and(|stat| stat.kernel));
    }

    #[test]
    fn each_core_has_its_line_and_one_that_is_offline_has_none() {
        let text = "cpu  9 9 9 9 9 9 9 9 0 0\ncpu0 10 1 20 800 5 1 2 7 0 0\ncpu2 1 0 2 3 0 0 0 0 0 0\nintr 1 2 3\n";
        let first = Core { user_ns: 110, idle_ns: 8050, stolen_ns: 70 };
        let third = Core { user_ns: 10, idle_ns: 30, stolen_ns: 0 };
        assert_eq!(cores(text, 10), [Some(first), None, Some(third)]);
    }

    #[test]
    fn this_very_process_is_seen_with_its_parent() {
        let moment = Moment::now().expect("this system has /proc");
        let own = &moment.processes[&(std::process::id() as i32)];
        assert!(own.parent > 0 && own.own_ns > 0 && !own.kernel);
        assert!(moment.cores.iter().flatten().count() > 0);
    }
}
