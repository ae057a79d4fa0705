//! `engine doctor`: what this machine can and cannot measure, and how to mend it.

use std::fs;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::say;
use crate::error::{Exit, Result};
use crate::figures::{grouped, time};
use crate::key::link::properties::Link;
use crate::place::here::Here;
use crate::place::link::laid::probe;
use crate::place::link::probe::Probe;
use crate::place::manifest::machine;
use crate::place::observer::contract::Observer;
use crate::place::observer::syscalls::SystemCalls;
use crate::place::site::Site;
use crate::transport::descriptors;
use crate::transport::ports::Ports;

/// Fewer open files than these are soon too few.
const ENOUGH_FILES: u64 = 16_384;
/// Fewer dials a minute than these are soon too few for calls that connect.
const ENOUGH_DIALS: u64 = 60_000;
/// How long a thread spins to see what it loses.
const SPIN: Duration = Duration::from_millis(250);
/// Two looks at the clock further apart than this had somebody else between them.
const LEAP: Duration = Duration::from_micros(50);
/// A busier machine than this is worth a word.
const NOISY: f64 = 0.02;

/// Says what this machine can and cannot measure, and how to mend it; it changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut text = String::from("This machine:\n");
        for (name, value) in machine() {
            text += &format!("  {name}: {value}\n");
        }
        text += "What it can measure:\n";
        let findings = findings().into_iter().map(|(what, remedy)| (what, remedy.map(str::to_owned)));
        for (what, remedy) in findings.chain([links()]) {
            text += &format!("  {what}\n");
            if let Some(remedy) = remedy {
                text += &format!("    = help: {remedy}\n");
            }
        }
        say(&text)?;
        Ok(Exit::Success)
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

/// What was found, each with what would mend it where something would.
fn findings() -> Vec<(String, Option<&'static str>)> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let few = (cores < 4).then_some("with few cores both ends share them: believe ratios before times");
    let clock = smallest(1000, || {});
    let sleep = smallest(20, || std::thread::sleep(Duration::from_millis(1))) - 1e6;
    let source = read("/sys/devices/system/clocksource/clocksource0/current_clocksource").unwrap_or_default();
    let slow =
        (clock > 200.0 && source != "tsc").then_some("a clock this slow is in every figure; try the clock source tsc");
    let governor = read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    let saving = governor.as_deref().is_some_and(|name| name != "performance");
    let files = descriptors::most();
    let narrow = files.is_some_and(|most| most < ENOUGH_FILES);
    let lost = lost_to_others();
    let perf = read("/proc/sys/kernel/perf_event_paranoid").and_then(|level| level.parse::<i32>().ok());
    let closed = perf.is_none_or(|level| level > 1);
    let python = std::env::var_os("PATH").is_some_and(|paths| {
        std::env::split_paths(&paths).any(|folder| folder.join("uv").exists() || folder.join("python3").exists())
    });
    vec![
        (format!("{cores} cores"), few),
        (format!("reading the clock takes {}", time(clock)), slow),
        (format!("a sleep of 1 ms ends {} late at best", time(sleep.max(0.0))), None),
        (
            format!("the frequency governor is {}", governor.as_deref().unwrap_or("not told by this kernel")),
            saving.then_some("choose `performance`, so that the processor does not change its speed in a trial"),
        ),
        (
            format!("a busy thread lost {:.1} % of {} to others", lost * 100.0, time(SPIN.as_nanos() as f64)),
            (lost > NOISY).then_some("something else runs here: end it, or believe ratios before times"),
        ),
        (
            format!("a process may hold {} open files", files.map_or("untold".to_owned(), grouped)),
            narrow.then_some("thousands of clients need as many: raise the hard limit, `ulimit -Hn`"),
        ),
        match Ports::of_this_machine() {
            None => ("this kernel does not tell how many local ports there are".to_owned(), None),
            Some(ports) => (
                format!(
                    "{} local ports allow {} dials a minute to one server here, {} to one elsewhere",
                    grouped(ports.count),
                    grouped(ports.dials_a_minute()),
                    grouped(ports.dials_a_minute_elsewhere())
                ),
                (ports.dials_a_minute() < ENOUGH_DIALS).then_some(
                    "only calls that dial need more: widen net.ipv4.ip_local_port_range, or set net.ipv4.tcp_tw_reuse to 1",
                ),
            ),
        },
        match SystemCalls.able() {
            Ok(()) => ("system calls can be counted: `engine run --syscalls` does".to_owned(), None),
            Err(why) => (
                format!("system calls cannot be counted: {why}"),
                Some("only `engine run --syscalls` needs it: let root run it, or give the right to use tracepoints"),
            ),
        },
        (
            format!("users without privileges may {}let perf look at the kernel", if closed { "not " } else { "" }),
            closed.then_some("only a profile of your own needs it: set kernel.perf_event_paranoid to 1"),
        ),
        (format!("io_uring is {}, and nothing here uses it", if has_io_uring() { "there" } else { "not there" }), None),
        (
            format!("Python systems {} be installed", if python { "can" } else { "cannot" }),
            (!python).then_some("install uv or Python 3; native targets need neither"),
        ),
    ]
}

/// Whether the emulated network between two ends can be laid, by laying one; with what would mend it where not.
fn links() -> (String, Option<String>) {
    let asked = Link { delay: Duration::from_millis(1), ..Link::named("tried") };
    let tried = Site::reach(&Here).and_then(|site| probe(&site, &asked, 1, Probe::Echo { count: 20 }, Vec::new()));
    match tried {
        Ok(shown) => {
            let best = shown.round_trips_ns.iter().min().map_or("nothing came".to_owned(), |ns| time(*ns as f64));
            let first = if shown.carried.real_time { "first" } else { "in its turn" };
            (
                format!(
                    "links can be laid: over 1 ms each way a packet and its echo took {best} at best; the relay goes {first}"
                ),
                None,
            )
        }
        Err(error) => (error.message().to_owned(), error.remedy().map(str::to_owned)),
    }
}

/// The share of a short spin in which the clock leapt: somebody else had the core.
fn lost_to_others() -> f64 {
    let begun = Instant::now();
    let (mut last, mut lost) = (begun, Duration::ZERO);
    while last.duration_since(begun) < SPIN {
        let now = Instant::now();
        let gap = now.duration_since(last);
        if gap > LEAP {
            lost += gap;
        }
        last = now;
    }
    lost.as_secs_f64() / last.duration_since(begun).as_secs_f64()
}

/// Whether this kernel has it and lets everyone use it.
fn has_io_uring() -> bool {
    match read("/proc/sys/kernel/io_uring_disabled") {
        Some(level) => level == "0",
        // A kernel older than that switch has at most the calls themselves.
        None => read("/proc/kallsyms").is_some_and(|symbols| symbols.contains("io_uring_setup")),
    }
}

/// The shortest of so many runs, in nanoseconds.
fn smallest(runs: u32, run: impl Fn()) -> f64 {
    let once = || {
        let begun = Instant::now();
        run();
        begun.elapsed().as_nanos() as f64
    };
    (0..runs).map(|_| once()).fold(f64::INFINITY, f64::min)
}
