//! What a client process remembers does not grow with the calls it makes.

use engine::drive::recorder::{Recorder, Stamps, Who};

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this process has a status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has resident memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
}

#[test]
fn ten_million_calls_take_no_more_memory_than_one() {
    let mut recorder = Recorder::new(16, 2);
    recorder.begin(0);
    let before = resident();
    for n in 0..10_000_000u64 {
        // Due every 50 microseconds, answered after anything up to a second.
        let intended = n * 50_000;
        let at = Stamps {
            intended,
            sent: intended + n % 1000,
            ended: intended + 1_000 + n.wrapping_mul(7919) % 1_000_000_000,
        };
        recorder.scheduled();
        recorder.sent(at.sent, n % 1000);
        recorder.ok(Who { client: (n % 16) as usize, name: (n % 2) as usize }, at, (0, 0));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 5_000_000, "it grew by {grown} bytes");
    let measured = recorder.measured(false, &[], Default::default());
    assert_eq!(measured.counts.ok, 10_000_000);
    assert!(measured.timeline.len() <= 200);
}
