//! A thread that only sleeps, and so notices when the whole client process was held up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

use crate::results::Hiccups;

/// How long it sleeps at a time.
const INTERVAL: Duration = Duration::from_millis(1);

/// Sleeps until `over`; how much too late it woke, and what CPU time its thread has taken since it was started.
pub fn watch(over: &AtomicBool) -> Hiccups {
    let mut hiccups = Hiccups::default();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        std::thread::sleep(INTERVAL);
        let late_ns = begun.elapsed().saturating_sub(INTERVAL).as_nanos() as u64;
        hiccups.naps += 1;
        hiccups.late += u64::from(late_ns > INTERVAL.as_nanos() as u64);
        hiccups.longest_ns = hiccups.longest_ns.max(late_ns);
    }
    let clock = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok();
    hiccups.cpu_ns = clock.map(|time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64);
    hiccups
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;
    use std::time::{Duration, Instant};

    use super::watch;

    #[test]
    fn it_tells_what_it_took_itself_and_nobody_elses_time() {
        let over = AtomicBool::new(false);
        let hiccups = thread::scope(|scope| {
            let napping = scope.spawn(|| watch(&over));
            // Another thread computes all the while.
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_millis(50) {
                std::hint::spin_loop();
            }
            over.store(true, Ordering::Relaxed);
            napping.join().expect("it only naps")
        });
        let cpu = hiccups.cpu_ns.expect("this system has a clock for each thread");
        assert!(hiccups.naps > 0 && cpu > 0, "{hiccups:?}");
        assert!(cpu < hiccups.naps * 1_000_000, "who sleeps computes less than it sleeps: {hiccups:?}");
    }
}
