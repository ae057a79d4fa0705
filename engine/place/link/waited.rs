//! How long a thread that could run had to wait for a core: so much older is what it finds when it wakes.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// The run-queue delay of the thread that made this.
#[derive(Debug)]
pub struct Waited {
    /// None where this kernel does not count it.
    told: Option<File>,
    known_ns: u64,
}

impl Waited {
    /// From now on, of this thread.
    pub fn begin() -> Self {
        let told = File::open("/proc/thread-self/schedstat").ok();
        let mut waited = Waited { told, known_ns: 0 };
        waited.since();
        waited
    }

    /// How long it has waited since this was last asked, in nanoseconds.
    pub fn since(&mut self) -> u64 {
        let Some(now) = self.told.as_ref().and_then(total) else { return 0 };
        let since = now.saturating_sub(self.known_ns);
        self.known_ns = now;
        since
    }
}

/// The second of three numbers: time on a core, time that could have been, how often it was given one
/// (Documentation/scheduler/sched-stats.rst).
fn total(file: &File) -> Option<u64> {
    let mut bytes = [0; 64];
    let count = file.read_at(&mut bytes, 0).ok()?;
    std::str::from_utf8(&bytes[..count]).ok()?.split_ascii_whitespace().nth(1)?.parse().ok()
}
