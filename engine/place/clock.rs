//! By how much the clock of another host differs from ours, and how well that is known.

use crate::drive::clock::now_ns;
use crate::error::Result;

/// How many round trips are made to compare two clocks; the shortest of them counts.
const TRIPS: u32 = 40;

/// The monotonic clock of a host, against ours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Clock {
    /// How far it is ahead of ours, in nanoseconds.
    pub ahead_ns: i64,
    /// How far that may be wrong: half of the shortest round trip, in nanoseconds.
    pub error_ns: u64,
    /// The longest of the round trips, in nanoseconds.
    pub longest_ns: u64,
}

impl Clock {
    /// Compares it with ours; `theirs` asks for its time.
    pub fn compare(mut theirs: impl FnMut() -> Result<u64>) -> Result<Self> {
        let (mut best, mut longest_ns) = (None::<(u64, i64)>, 0);
        for _ in 0..TRIPS {
            let sent = now_ns();
            let told = theirs()?;
            let trip = now_ns() - sent;
            longest_ns = trip.max(longest_ns);
            if best.is_none_or(|(shortest, _)| trip < shortest) {
                best = Some((trip, told as i64 - (sent + trip / 2) as i64));
            }
        }
        let (shortest, ahead_ns) = best.unwrap_or_default();
        Ok(Clock { ahead_ns, error_ns: shortest.div_ceil(2), longest_ns })
    }

    /// A moment of our clock in its time.
    pub fn there(&self, ours: u64) -> u64 {
        ours.saturating_add_signed(self.ahead_ns)
    }

    /// A moment of its clock in our time.
    pub fn here(&self, theirs: u64) -> u64 {
        theirs.saturating_add_signed(self.ahead_ns.saturating_neg())
    }

    /// How far it has gone away from ours since `before`, beyond what either comparison may be wrong; in nanoseconds.
    pub fn drift_ns(&self, before: &Clock) -> u64 {
        self.ahead_ns.abs_diff(before.ahead_ns).saturating_sub(self.error_ns + before.error_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use crate::drive::clock::now_ns;

    #[test]
    fn a_clock_that_is_ahead_is_found_as_far_ahead_as_it_is() {
        const AHEAD: u64 = 5_000_000_000_000;
        let clock = Clock::compare(|| Ok(now_ns() + AHEAD)).expect("it answers");
        assert!(clock.ahead_ns.abs_diff(AHEAD as i64) <= clock.error_ns, "{clock:?}");
        assert!(clock.longest_ns >= clock.error_ns);
        assert_eq!(clock.here(clock.there(77)), 77);
        assert_eq!(Clock::default().there(77), 77);
    }

    #[test]
    fn a_drift_is_what_errors_do_not_explain() {
        let at = |ahead_ns| Clock { ahead_ns, error_ns: 100, longest_ns: 0 };
        assert_eq!(at(-1_500).drift_ns(&at(0)), 1_300);
        assert_eq!(at(150).drift_ns(&at(0)), 0);
    }
}
