//! Times counted in buckets: what recording one costs on the timed path.

use hdrhistogram::{Counter, Histogram};

use crate::results::distribution::LONGEST_NS;

/// From which time on how finely times are told apart.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// The shortest time that is told from none, in nanoseconds.
    pub least: u64,
    /// Significant digits, 1 to 3.
    pub digits: u8,
}

impl Bounds {
    /// An empty histogram with these bounds.
    pub fn histogram<C: Counter>(self) -> Histogram<C> {
        let histogram = Histogram::new_with_bounds(self.least, LONGEST_NS, self.digits);
        histogram.expect("there are 1 to 3 digits, and an hour is more than twice the least")
    }
}

/// Counts of times in nanoseconds in the buckets of an HdrHistogram with the same bounds, without its bookkeeping.
///
/// A time beyond the longest is counted as the longest.
pub struct Tally<C> {
    bounds: Bounds,
    /// Times are told apart from this power of two on.
    unit: u32,
    /// Half as many buckets as there are before they begin to widen, as a power of two.
    half: u32,
    counts: Box<[C]>,
}

impl<C: Counter> Tally<C> {
    /// Nothing recorded yet; the kernel gives its memory as it is used.
    pub fn new(bounds: Bounds) -> Self {
        let buckets = (2 * 10u64.pow(bounds.digits.into())).next_power_of_two();
        let (unit, half) = (bounds.least.max(1).ilog2(), buckets.ilog2() - 1);
        let mut tally = Tally { bounds, unit, half, counts: Box::default() };
        tally.counts = vec![C::zero(); tally.bucket(LONGEST_NS) + 1].into();
        tally
    }

    /// The same with memory that the kernel has already given, so that no call pays for a page.
    pub fn touched(bounds: Bounds) -> Self {
        let mut tally = Self::new(bounds);
        tally.counts.iter_mut().for_each(|count| *std::hint::black_box(count) = C::zero());
        tally
    }

    /// Counts one time.
    pub fn record(&mut self, ns: u64) {
        let bucket = self.bucket(ns.min(LONGEST_NS));
        self.counts[bucket] = self.counts[bucket].saturating_add(C::one());
    }

    /// Adds the counts of `other`, which has the same bounds, and empties it.
    pub fn take(&mut self, other: &mut Self) {
        for (count, other) in self.counts.iter_mut().zip(&mut other.counts) {
            *count = count.saturating_add(std::mem::replace(other, C::zero()));
        }
    }

    /// True where nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == C::zero())
    }

    /// All that was counted.
    pub fn histogram(&self) -> Histogram<C> {
        let mut histogram = self.bounds.histogram();
        for (bucket, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > C::zero()) {
            histogram.saturating_record_n(self.lowest(bucket), *count);
        }
        histogram
    }

    fn bucket(&self, ns: u64) -> usize {
        let value = ns >> self.unit;
        let width = (value | ((2 << self.half) - 1)).ilog2() - self.half;
        ((u64::from(width) << self.half) + (value >> width)) as usize
    }

    /// The shortest time that falls into a bucket.
    fn lowest(&self, bucket: usize) -> u64 {
        let bucket = bucket as u64;
        let width = (bucket >> self.half).saturating_sub(1);
        (bucket - (width << self.half)) << width << self.unit
    }
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::{Bounds, Tally};
    use crate::call::SplitMix;
    use crate::results::distribution::LONGEST_NS;

    #[test]
    fn it_counts_as_the_histogram_does() {
        for (least, digits) in [(1, 3), (1_000, 2), (1_000, 1)] {
            let bounds = Bounds { least, digits };
            let (mut direct, mut tally) = (bounds.histogram::<u64>(), Tally::<u64>::touched(bounds));
            let mut random = SplitMix::new(9);
            let mut times: Vec<u64> = (0..100_000).map(|n| random.next() >> (21 + n % 43)).collect();
            times.extend([0, 1, least - 1, least, LONGEST_NS, LONGEST_NS + 1, u64::MAX]);
            for ns in times {
                direct.saturating_record(ns.min(LONGEST_NS));
                tally.record(ns);
            }
            let steps = |times: &Histogram<u64>| {
                let steps = times.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value()));
                steps.collect::<Vec<_>>()
            };
            let counted = tally.histogram();
            assert!(steps(&counted) == steps(&direct), "from {least} ns with {digits} digits");
            assert_eq!((counted.len(), counted.min(), counted.max()), (direct.len(), direct.min(), direct.max()));
        }
    }

    #[test]
    fn what_is_taken_is_counted_once() {
        let bounds = Bounds { least: 1_000, digits: 1 };
        let (mut one, mut other) = (Tally::<u32>::new(bounds), Tally::<u32>::new(bounds));
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
