//! Five thousand records are made into a report in little memory.

mod reports;

use std::path::Path;
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;

use reports::{Effect, written_one_by_one};

/// Five hundred cells: ten targets, each under ten payloads, two calls, two numbers of clients, and ten further
/// workloads.
fn effects() -> Vec<Effect> {
    let mut effects = Vec::new();
    for target in 0..10 {
        let name = format!("tcp-{target}");
        let mut add = |workload: &str, axes: serde_json::Value, ns: u64, calls: u64| {
            effects.push(Effect::new(&name, workload, axes, ns + ns / 20 * target, calls));
        };
        for call in ["upload", "download"] {
            for payload in 0..10 {
                for clients in [1, 8] {
                    let axes = json!({"call": call, "payload": format!("{}KiB", 1 << payload), "clients": clients});
                    add("grid", axes, 50_000 + (9_000 << payload), 30);
                }
            }
        }
        for workload in 0..10 {
            let axes = json!({"call": "ping", "clients": 1});
            add(&format!("latency-{workload}"), axes, 60_000 + 5_000 * workload, 1_000);
        }
    }
    effects
}

#[test]
fn five_thousand_records_take_less_than_300_mb() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = written_one_by_one(&effects(), 10, &folder.path().join("results.json"));
    assert_eq!(records, 5_000);
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).arg("report").arg(folder.path()).output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The largest of the children, in KiB; this process itself stays small, for a child begins as its copy.
    let most = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the kernel tells").max_rss() * 1024;
    assert!(most < 300_000_000, "{most} bytes");
    let page = Path::new("report.html");
    let size = std::fs::metadata(folder.path().join(page)).expect("a page").len();
    assert!(size < 3_000_000, "{size} bytes");
}
