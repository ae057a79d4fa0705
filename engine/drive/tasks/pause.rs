//! How a task waits for a moment, exactly.

use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::drive::schedule::EARLY;

/// What one task at a time waits by.
pub(super) struct Pause {
    /// Absent where this process may have no more descriptors; then waiting only spins.
    alarm: Option<AsyncFd<Alarm>>,
}

/// A timer of the kernel, exact to nanoseconds.
struct Alarm(TimerFd);

impl AsRawFd for Alarm {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Pause {
    /// With a timer of its own; inside a runtime.
    pub(super) fn new() -> Self {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags).ok();
        // SAFETY: the alarm owns its timer, so its descriptor is the same and open until it is dropped.
        let alarm =
            timer.and_then(|timer| unsafe { AsyncFd::register_with_interest(Alarm(timer), Interest::READABLE) }.ok());
        Pause { alarm }
    }

    /// Waits until nothing of `left`, in nanoseconds, is left: asleep at first, since the runtime's own clock has only
    /// milliseconds, then looking again and again while others go on.
    pub(super) async fn wait(&self, left: impl Fn() -> u64) {
        let nap = Duration::from_nanos(left().saturating_sub(EARLY));
        if let Some(alarm) = &self.alarm
            && !nap.is_zero()
            && alarm
                .get_ref()
                .0
                .set(Expiration::OneShot(TimeSpec::from_duration(nap)), TimerSetTimeFlags::empty())
                .is_ok()
            && let Ok(mut gone_off) = alarm.readable().await
        {
            gone_off.clear_ready();
        }
        while left() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
