//! The response times of a trial so far, for whoever watches it while it runs.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many buckets each doubling has.
const EACH: usize = 1 << BITS;
const BITS: u32 = 4;

/// Buckets enough for every time.
const BUCKETS: usize = EACH * (64 - BITS as usize + 1);

/// Calls that a trial needs before its 99th percentile is told, and the tenth part of which its median needs.
const ENOUGH: u64 = 1_000;

/// Response times in buckets of a sixteenth, written by one thread and read by another.
///
/// Writing is a load and a store without order: no lock, no locked instruction, no allocation. A reader may miss the
/// last few calls.
#[derive(Debug)]
pub struct Live {
    buckets: Box<[AtomicU32]>,
}

impl Default for Live {
    fn default() -> Self {
        Live { buckets: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect() }
    }
}

impl Live {
    /// A call took so many nanoseconds; only one thread may say so.
    #[inline]
    pub fn note(&self, ns: u64) {
        let bucket = &self.buckets[bucket(ns)];
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
            if all < least { None } else { at((all * hundredths).div_ceil(100)).map(middle) }
        };
        (quantile(50, ENOUGH / 50), quantile(99, ENOUGH))
    }
}

fn bucket(ns: u64) -> usize {
    let power = (ns | EACH as u64).ilog2() - BITS;
    ((power as usize) << BITS) + (ns >> power) as usize
}

/// The time in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let power = (bucket >> BITS).saturating_sub(1);
    let low = ((bucket - (power << BITS)) as u64) << power;
    low + ((1u64 << power) >> 1)
}

#[cfg(test)]
mod tests {
    use super::{BUCKETS, Live, bucket, middle};

    #[test]
    fn every_time_has_a_bucket_whose_middle_is_near() {
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
        let live = Live::default();
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
