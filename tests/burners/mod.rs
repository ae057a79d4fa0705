//! A scenario of two equal targets, and processes that burn the cores of its ends during some of its trials.
#![allow(dead_code, reason = "not every program that uses it needs everything")]

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use engine::results::Results;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

/// How the calls of two equal targets are made, by one thread, by an event loop, and where a library owns the IO.
pub(crate) const LOADS: [(&str, &str, &str); 3] =
    [("one client", "tcp", "clients: 1"), ("many clients", "tcp", "clients: 16"), ("async seam", "quic", "clients: 4")];

/// Two targets that differ in nothing but their names, in a closed loop.
pub(crate) fn equals(transport: &str, clients: &str, trials: u32) -> String {
    let target = |name| format!("{{transport: {transport}, server: async, name: {name}}}");
    format!(
        "title: Two equals\nquestion: Which is ahead?\ntrials: {trials}\ntargets: [{}, {}]\n\
         workloads: [{{name: pings, call: ping, {clients}, duration: 1s}}]\n",
        target("one"),
        target("other")
    )
}

/// The cores that this process, and with it a run, may use.
pub(crate) fn cores() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).expect("the kernel tells which cores there are");
    (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
}

/// A process on each core that does nothing but burn it; killed when dropped.
pub(crate) struct Burners {
    processes: Vec<Child>,
    since: Instant,
    before_ns: Vec<u64>,
}

impl Burners {
    pub(crate) fn light() -> Burners {
        let processes: Vec<Child> = cores().into_iter().map(burner).collect();
        let before_ns = processes.iter().map(cpu_ns).collect();
        Burners { processes, since: Instant::now(), before_ns }
    }

    /// Which share of its core each has burnt since this was asked last.
    pub(crate) fn shares(&mut self) -> Vec<f64> {
        let now_ns: Vec<u64> = self.processes.iter().map(cpu_ns).collect();
        let passed = self.since.elapsed().as_nanos() as f64;
        let shares = now_ns.iter().zip(&self.before_ns).map(|(now, before)| (now - before) as f64 / passed).collect();
        (self.since, self.before_ns) = (Instant::now(), now_ns);
        shares
    }
}

impl Drop for Burners {
    fn drop(&mut self) {
        for process in &mut self.processes {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn burner(core: usize) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
    let mut set = CpuSet::new();
    set.set(core).expect("there is such a core");
    // SAFETY: between fork and exec only sched_setaffinity and prctl are called, which are async-signal-safe.
    unsafe {
        command.pre_exec(move || {
            sched_setaffinity(Pid::from_raw(0), &set)?;
            Ok(set_pdeathsig(Signal::SIGKILL)?)
        });
    }
    command.spawn().expect("a shell can be started")
}

fn cpu_ns(process: &Child) -> u64 {
    let clock = clock_getcpuclockid(Pid::from_raw(process.id() as i32)).and_then(clock_gettime).expect("it lives");
    clock.tv_sec() as u64 * 1_000_000_000 + clock.tv_nsec() as u64
}

/// What a run brought: its results, what it told, and its exit code.
pub(crate) struct Ran {
    pub(crate) results: Results,
    pub(crate) told: Vec<String>,
    pub(crate) code: Option<i32>,
}

/// Runs a scenario in `folder`; `recorded` is called after each trial with their number so far.
pub(crate) fn run(folder: &Path, scenario: &str, mut recorded: impl FnMut(usize)) -> Ran {
    let file = folder.join("scenario.yaml");
    std::fs::write(&file, scenario).expect("it can be written");
    let out = folder.join("out");
    // Nothing of a run before is to be found there.
    let _ = std::fs::remove_dir_all(&out);
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("run").arg(&file).arg("--out").arg(&out);
    let mut process =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let (mut told, mut trials) = (Vec::new(), 0);
    for line in BufReader::new(process.stderr.take().expect("a pipe")).lines() {
        let line = line.expect("it tells in UTF-8");
        if line.starts_with('[') {
            trials += 1;
            recorded(trials);
        }
        told.push(line);
    }
    let code = process.wait().expect("it can be waited for").code();
    Ran { results: Results::read(&out).unwrap_or_else(|error| panic!("{error}: {told:?}")), told, code }
}

/// Looks at all processes that do not descend from `run` while a run is under way.
pub(crate) struct Others {
    run: i32,
    seen: Vec<(Instant, u64)>,
}

impl Others {
    pub(crate) fn than(run: i32) -> Others {
        Others { run, seen: Vec::new() }
    }

    /// Notes what all of them have spent so far, children that ended included, by the clock ticks of /proc/PID/stat.
    pub(crate) fn look(&mut self) {
        let stats: Vec<Vec<String>> = std::fs::read_dir("/proc")
            .expect("there is /proc")
            .flatten()
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
            .filter_map(|text| {
                let (head, rest) = text.rsplit_once(')')?;
                let pid = head.split(' ').next()?.to_owned();
                Some(std::iter::once(pid).chain(rest.split_ascii_whitespace().map(str::to_owned)).collect())
            })
            .collect();
        let parent =
            |pid: i32| stats.iter().find(|it| it[0] == pid.to_string()).and_then(|it| it[2].parse::<i32>().ok());
        let ours = |pid: i32| std::iter::successors(Some(pid), |pid| parent(*pid)).take(100).any(|it| it == self.run);
        let kernel = |it: &Vec<String>| it[7].parse::<u64>().is_ok_and(|flags| flags & 0x0020_0000 != 0);
        let others = stats.iter().filter(|it| !kernel(it) && !it[0].parse().is_ok_and(ours));
        let ticks = others.flat_map(|it| it[12..16].iter().filter_map(|ticks| ticks.parse::<u64>().ok())).sum();
        self.seen.push((Instant::now(), ticks));
    }

    /// The most cores that they used at a time, over stretches of at least so long.
    pub(crate) fn most(&self, stretch: Duration) -> f64 {
        let used = |(from, before): &(Instant, u64), (to, after): &(Instant, u64)| {
            let passed = to.duration_since(*from);
            (passed >= stretch).then(|| after.saturating_sub(*before) as f64 / 100.0 / passed.as_secs_f64())
        };
        let pairs = self
            .seen
            .iter()
            .enumerate()
            .flat_map(|(at, from)| self.seen[at..].iter().filter_map(move |to| used(from, to)).take(2));
        pairs.fold(0.0, f64::max)
    }
}
