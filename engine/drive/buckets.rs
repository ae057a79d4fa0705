//! Times counted in the buckets of an HdrHistogram: all that is recorded, sliced or watched finds its bucket here.
//!
//! They differ in how fine the buckets are, and in who may read them while they are filled.

use hdrhistogram::{Counter, Histogram};

use crate::results::distribution::LONGEST_NS;

/// The bucket of a time.
#[inline]
pub fn bucket<const UNIT: u32, const HALF: u32>(ns: u64) -> usize {
    let value = ns >> UNIT;
    let width = (value | ((2 << HALF) - 1)).ilog2() - HALF;
    ((u64::from(width) << HALF) + (value >> width)) as usize
}

/// The shortest time that falls into a bucket.
pub fn lowest<const UNIT: u32, const HALF: u32>(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let width = (bucket >> HALF).saturating_sub(1);
    (bucket - (width << HALF)) << width << UNIT
}

/// The time in the middle of a bucket.
pub fn middle<const UNIT: u32, const HALF: u32>(bucket: usize) -> u64 {
    let width = (bucket as u64 >> HALF).saturating_sub(1);
    lowest::<UNIT, HALF>(bucket) + ((1 << width << UNIT) >> 1)
}

/// Counts of times in nanoseconds in the buckets of an HdrHistogram, without its bookkeeping: what recording one costs on
/// the timed path.
///
/// Times are told apart from 2^`UNIT` ns on, and by one part in 2^`HALF`. One beyond the longest is counted as the longest.
pub struct Buckets<C, const UNIT: u32, const HALF: u32> {
    counts: Box<[C]>,
}

/// As fine as a distribution in the results: three digits from a nanosecond on.
pub type Fine = Buckets<u64, 0, 10>;
/// One digit from half a microsecond on.
pub type Rough = Buckets<u32, 9, 4>;

impl<C: Counter, const UNIT: u32, const HALF: u32> Buckets<C, UNIT, HALF> {
    /// Nothing recorded yet; the kernel gives its memory as it is used.
    pub fn new() -> Self {
        Buckets { counts: vec![C::zero(); bucket::<UNIT, HALF>(LONGEST_NS) + 1].into() }
    }

    /// The same with memory that the kernel has already given, so that no call pays for a page.
    pub fn touched() -> Self {
        let mut buckets = Self::new();
        buckets.counts.iter_mut().for_each(|count| *std::hint::black_box(count) = C::zero());
        buckets
    }

    /// Counts one time.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        let count = &mut self.counts[bucket::<UNIT, HALF>(ns.min(LONGEST_NS))];
        *count = count.saturating_add(C::one());
    }

    /// So many more times in a bucket.
    pub fn add(&mut self, bucket: usize, times: C) {
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(times);
        }
    }

    /// The buckets that have times, with how many.
    pub fn counted(&self) -> impl Iterator<Item = (u32, C)> {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > C::zero());
        counts.map(|(bucket, count)| (bucket as u32, *count))
    }

    /// Adds the counts of `other` and empties it.
    pub fn take(&mut self, other: &mut Self) {
        for (count, other) in self.counts.iter_mut().zip(&mut other.counts) {
            *count = count.saturating_add(std::mem::replace(other, C::zero()));
        }
    }

    /// Forgets all counts; memory that was never written to is not taken from the kernel for that.
    pub fn clear(&mut self) {
        self.counts.iter_mut().filter(|count| **count != C::zero()).for_each(|count| *count = C::zero());
    }

    /// True where nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == C::zero())
    }

    /// All that was counted.
    pub fn histogram(&self) -> Histogram<C> {
        let mut histogram = Self::empty();
        for (index, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > C::zero()) {
            histogram.saturating_record_n(lowest::<UNIT, HALF>(index), *count);
        }
        histogram
    }

    /// An empty histogram with the same buckets.
    fn empty() -> Histogram<C> {
        // So many digits take at least twice their power of ten as buckets before these begin to widen.
        let digits = (2u64 << HALF).ilog10().min(3);
        let digits = if 2 * 10u64.pow(digits) > 2 << HALF { digits - 1 } else { digits };
        let histogram = Histogram::new_with_bounds(1 << UNIT, LONGEST_NS, digits as u8);
        histogram.expect("there are 1 to 3 digits, and an hour is more than twice the least")
    }
}

impl<C: Counter, const UNIT: u32, const HALF: u32> Default for Buckets<C, UNIT, HALF> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::{Counter, Histogram};

    use super::{Buckets, Fine, Rough};
    use crate::call::SplitMix;
    use crate::results::distribution::LONGEST_NS;

    fn counts_as_the_histogram<C: Counter, const UNIT: u32, const HALF: u32>(least: u64, digits: u8) {
        let mut direct = Histogram::<C>::new_with_bounds(least, LONGEST_NS, digits).expect("valid bounds");
        let mut buckets = Buckets::<C, UNIT, HALF>::touched();
        let mut random = SplitMix::new(9);
        let mut times: Vec<u64> = (0..100_000).map(|n| random.next() >> (21 + n % 43)).collect();
        times.extend([0, 1, least - 1, least, LONGEST_NS, LONGEST_NS + 1, u64::MAX]);
        for ns in times {
            direct.saturating_record(ns.min(LONGEST_NS));
            buckets.record(ns);
        }
        let counted = buckets.histogram();
        let steps = |times: &Histogram<C>| {
            let steps = times.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
            steps.collect::<Vec<_>>()
        };
        assert!(steps(&counted) == steps(&direct), "from {least} ns with {digits} digits");
        assert_eq!((counted.len(), counted.min(), counted.max()), (direct.len(), direct.min(), direct.max()));
    }

    #[test]
    fn it_counts_as_the_histogram_does() {
        counts_as_the_histogram::<u64, 0, 10>(1, 3);
        counts_as_the_histogram::<u64, 9, 7>(1_000, 2);
        counts_as_the_histogram::<u32, 9, 4>(1_000, 1);
        assert_eq!((Fine::empty().sigfig(), Rough::empty().sigfig()), (3, 1));
    }

    #[test]
    fn what_is_taken_is_counted_once() {
        let (mut one, mut other) = (Rough::new(), Rough::new());
        one.record(5_000);
        one.record(70_000);
        other.record(5_000);
        other.record(9_000_000);
        one.take(&mut other);
        assert!(other.is_empty() && !one.is_empty());
        let times = one.histogram();
        assert_eq!((times.len(), times.count_at(5_000)), (4, 2));
    }
}
