//! The clock of the client process.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock, from a beginning that is the same for the whole process.
pub fn now_ns() -> u64 {
    // Linux has always had this clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// Waits until that moment of the clock, the last of it awake; not at all where it has passed.
pub fn await_ns(at: u64) {
    // What a wake-up may take.
    const AWAKE: u64 = 200_000;
    std::thread::sleep(Duration::from_nanos(at.saturating_sub(now_ns()).saturating_sub(AWAKE)));
    while now_ns() < at {
        // Those that share this core and wait for the same moment have to see it too, and not a turn of the scheduler later.
        std::thread::yield_now();
    }
}
