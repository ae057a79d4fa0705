//! A thread that only naps, and so notices when the whole client process was held up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::results::Hiccups;

/// How long a nap is.
const NAP: Duration = Duration::from_millis(1);

/// Naps until `over`; how much too late it woke.
pub fn watch(over: &AtomicBool) -> Hiccups {
    let mut hiccups = Hiccups::default();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        std::thread::sleep(NAP);
        let late_ns = begun.elapsed().saturating_sub(NAP).as_nanos() as u64;
        hiccups.naps += 1;
        hiccups.late += u64::from(late_ns > NAP.as_nanos() as u64);
        hiccups.longest_ns = hiccups.longest_ns.max(late_ns);
    }
    hiccups
}
