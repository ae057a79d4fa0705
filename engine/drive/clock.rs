//! The clock of the client process.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// Nanoseconds of the monotonic clock, from a beginning that is the same for the whole process.
pub fn now_ns() -> u64 {
    // Linux has always had this clock.
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
}

/// Sleeps until that moment of the clock; not at all where it has passed.
pub fn await_ns(at: u64) {
    // Asleep to the end: whoever shares this core and waits for the same moment would be kept from it.
    std::thread::sleep(Duration::from_nanos(at.saturating_sub(now_ns())));
}
