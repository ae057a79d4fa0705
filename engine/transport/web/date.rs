//! The field `Date`, formatted once for each second.

use std::time::{Duration, UNIX_EPOCH};

use httpdate::fmt_http_date;
use nix::time::{ClockId, clock_gettime};

/// The date of the last reply.
#[derive(Default)]
pub(crate) struct Date {
    second: u64,
    text: String,
}

impl Date {
    /// The time now as RFC 9110, 5.6.7 wants it: `Sun, 06 Nov 1994 08:49:37 GMT`.
    pub(crate) fn now(&mut self) -> &str {
        // A clock that moves with the kernel's tick is read in a third of the time.
        let second = clock_gettime(ClockId::CLOCK_REALTIME_COARSE).map_or(0, |now| now.tv_sec() as u64);
        if self.second != second || self.text.is_empty() {
            self.second = second;
            self.text = fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        }
        &self.text
    }
}
