//! The response times of a trial so far, for whoever watches it while it runs.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::drive::buckets::{bucket, middle};

/// A doubling of times has two to the power of this many buckets.
const HALF: u32 = 4;

/// Buckets enough for every time.
const BUCKETS: usize = (64 - HALF as usize + 1) << HALF;

/// Calls that a trial needs before its 99th percentile is told, and the tenth part of which its median needs.
const ENOUGH: u64 = 1_000;

/// Response times in [buckets](crate::drive::buckets) of a sixteenth, written by one thread and read by another.
///
/// Writing is a load and a store without order: no lock, no locked instruction, no allocation. A reader may miss the
/// last few calls.
#[derive(Debug)]
pub struct LiveHistogram {
    buckets: Box<[AtomicU32]>,
}

impl Default for LiveHistogram {
    fn default() -> Self {
        LiveHistogram { buckets: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect() }
    }
}

impl LiveHistogram {
    /// A call took so many nanoseconds; only one thread may say so.
    #[inline]
    pub fn note(&self, ns: u64) {
        let bucket = &self.buckets[bucket::<0, HALF>(ns)];
        bucket.store(bucket.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    /// Forgets all times; only the thread that writes may say so.
    pub fn clear(&self) {
        self.buckets.iter().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
    }

    /// The median and the 99th percentile so far in nanoseconds, each exact to one sixteenth; none where too few calls
    /// have ended.
    pub fn quantiles(&self) -> (Option<u64>, Option<u64>) {
        let counts: Vec<u64> = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed).into()).collect();
        let all: u64 = counts.iter().sum();
        let at = |rank: u64| {
            let mut below = 0;
            counts.iter().position(|count| {
                below += count;
                below >= rank
            })
        };
        let quantile = |hundredths: u64, least: u64| {
            if all < least { None } else { at((all * hundredths).div_ceil(100)).map(middle::<0, HALF>) }
        };
        (quantile(50, ENOUGH / 50), quantile(99, ENOUGH))
    }
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, HALF, LiveHistogram};
    use crate::drive::buckets;

    #[test]
    fn every_time_has_a_bucket_whose_middle_is_near() {
        let (bucket, middle) = (buckets::bucket::<0, HALF>, buckets::middle::<0, HALF>);
        let times = (0..64).flat_map(|power| [1u64 << power, (1 << power) + 1, (1 << power) | (1 << power >> 1)]);
        for ns in times.chain([0, 7, 15, 16, 17, 31, 32, u64::MAX]) {
            assert!(bucket(ns) < BUCKETS, "{ns}");
            assert!(middle(bucket(ns)).abs_diff(ns) <= ns / 16, "{ns}: {}", middle(bucket(ns)));
        }
        let order: Vec<usize> = (0..10_000u64).map(bucket).collect();
        assert!(order.is_sorted());
    }

    #[test]
    fn quantiles_are_told_once_calls_enough_have_ended() {
        let live = LiveHistogram::default();
        assert_eq!(live.quantiles(), (None, None));
        (1..=100).for_each(|ns| live.note(ns * 1_000));
        let (p50, p99) = live.quantiles();
        assert!(p50.is_some_and(|ns| ns.abs_diff(50_000) < 4_000) && p99.is_none(), "{p50:?}, {p99:?}");
        (101..=1_000).for_each(|ns| live.note(ns * 1_000));
        let (p50, p99) = live.quantiles();
        assert!(p50.is_some_and(|ns| ns.abs_diff(500_000) < 40_000), "{p50:?}");
        assert!(p99.is_some_and(|ns| ns.abs_diff(990_000) < 70_000), "{p99:?}");
    }
}
