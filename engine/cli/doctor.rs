//! `engine doctor`: what this machine can and cannot measure, and how to mend it.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Args;

use crate::cli::say;
use crate::error::{Exit, Result};
use crate::report::figures::time;
use crate::run::manifest::of_this_machine;

/// Says what this machine can and cannot measure, and how to mend it; it changes nothing.
#[derive(Debug, Args)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut text = String::from("This machine:\n");
        for (name, value) in of_this_machine().machine {
            text += &format!("  {name}: {value}\n");
        }
        text += "What it can measure:\n";
        for (what, remedy) in findings() {
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
    let traced = Path::new("/sys/kernel/tracing/events/raw_syscalls/sys_enter/id").exists();
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
            format!("system calls {} be counted", if traced { "could" } else { "cannot" }),
            (!traced).then_some("the tracing file system is not there; reports leave that figure out"),
        ),
        (
            format!("Python systems {} be installed", if python { "can" } else { "cannot" }),
            (!python).then_some("install uv or Python 3; native targets need neither"),
        ),
    ]
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
