//! What a reader must know about the machine and the moment of a run.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::utsname::uname;

use crate::results::Manifest;

/// How this program was built: its C library too where that is not the usual one, since libraries that allocate are slower
/// with it.
const BUILD: &str = match (cfg!(debug_assertions), cfg!(target_env = "musl")) {
    (true, _) => "debug",
    (false, true) => "musl release",
    (false, false) => "release",
};

/// The manifest of a run on `machine` that begins now; what only the caller knows is left empty.
pub fn manifest(machine: BTreeMap<String, String>) -> Manifest {
    Manifest {
        engine: env!("CARGO_PKG_VERSION").to_owned(),
        git: git(Path::new(".")),
        build: BUILD.to_owned(),
        started: now(),
        machine,
        ..Manifest::default()
    }
}

/// The present moment, RFC 3339, UTC.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// What this machine is, by name.
pub fn machine() -> BTreeMap<String, String> {
    let mut machine = BTreeMap::new();
    let mut put = |name: &str, value: Option<String>| {
        machine.insert(name.to_owned(), value.unwrap_or_else(|| "not told by this kernel".to_owned()));
    };
    put("kernel", uname().ok().map(|name| format!("{} {}", name.sysname().display(), name.release().display())));
    let cpu = read("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    put("cpu", model.map(|(_, name)| name.trim().to_owned()));
    put("cores", std::thread::available_parallelism().ok().map(|cores| cores.to_string()));
    let memory = read("/proc/meminfo").unwrap_or_default();
    put("memory", memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).map(|value| value.trim().to_owned()));
    put("congestion control", read("/proc/sys/net/ipv4/tcp_congestion_control"));
    put("clock source", read("/sys/devices/system/clocksource/clocksource0/current_clocksource"));
    let choices = read("/proc/sys/net/ipv4/tcp_available_congestion_control");
    put("congestion controls available", choices);
    let siblings = read("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
    put("threads that share core 0", siblings);
    let stat = read("/proc/stat").unwrap_or_default();
    // The eighth number after `cpu` is what other machines took (proc(5)), in clock ticks since boot.
    put("stolen since boot", stat.split_whitespace().nth(8).map(|ticks| format!("{ticks} ticks")));
    put("mitigations", mitigations());
    put("load before", read("/proc/loadavg"));
    put("cpu governor", read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"));
    put("open files limit", getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft.to_string()));
    machine
}

/// Which weaknesses of the processor the kernel works around.
fn mitigations() -> Option<String> {
    let files = fs::read_dir("/sys/devices/system/cpu/vulnerabilities").ok()?.flatten();
    let mut mitigated: Vec<String> = files
        .filter(|file| fs::read_to_string(file.path()).is_ok_and(|text| text.starts_with("Mitigation")))
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect();
    mitigated.sort();
    Some(if mitigated.is_empty() { "none".to_owned() } else { mitigated.join(", ") })
}

/// The commit of a folder.
pub fn git(folder: &Path) -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(arguments)
            .output()
            .ok()
            .filter(|output| output.status.success())?;
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let dirty = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if dirty { format!("{commit}-dirty") } else { commit })
}
