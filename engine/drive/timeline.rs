//! The window in slices of time: at most 200, which merge pairwise as it grows.

use std::ops::Range;

use crate::drive::buckets::Rough;
use crate::results::Slice;

/// The most slices there are.
pub const SLICES: usize = 200;

/// How long a slice is at first, in nanoseconds.
const FIRST: u64 = 10_000_000;

/// What became of calls by when they were due.
pub struct Timeline {
    /// When the first slice begins; the first call that is recorded sets it, so later ones may be due before.
    begins: Option<u64>,
    width: u64,
    used: usize,
    /// The slice of the last call.
    current: usize,
    /// From when to when it lasts, since the first one began.
    spans: Range<u64>,
    slices: Vec<Part>,
}

struct Part {
    ok: u64,
    failed: u64,
    sum_ns: u64,
    /// One digit, so that merging between calls is over in some microseconds.
    times: Rough,
}

impl Part {
    fn take(&mut self, other: &mut Part) {
        self.ok += std::mem::take(&mut other.ok);
        self.failed += std::mem::take(&mut other.failed);
        self.sum_ns += std::mem::take(&mut other.sum_ns);
        self.times.take(&mut other.times);
    }
}

impl Default for Timeline {
    /// Every slice that will be needed.
    fn default() -> Self {
        let part = || Part { ok: 0, failed: 0, sum_ns: 0, times: Rough::new() };
        Timeline {
            begins: None,
            width: FIRST,
            used: 0,
            current: 0,
            spans: 0..0,
            slices: (0..SLICES).map(|_| part()).collect(),
        }
    }
}

impl Timeline {
    /// The slices begin now, rather than with the first call that is recorded.
    pub fn begin(&mut self, at: u64) {
        self.begins = Some(at);
    }

    /// Forgets all calls.
    pub fn clear(&mut self) {
        (self.begins, self.width, self.used, self.current, self.spans) = (None, FIRST, 0, 0, 0..0);
        for part in &mut self.slices {
            (part.ok, part.failed, part.sum_ns) = (0, 0, 0);
            part.times.clear();
        }
    }

    /// A call that was due at `intended` was answered after `ns`.
    pub fn ok(&mut self, intended: u64, ns: u64) {
        let part = self.part(intended);
        part.ok += 1;
        part.sum_ns = part.sum_ns.saturating_add(ns);
        part.times.record(ns);
    }

    /// A call that was due at `intended` was not answered.
    pub fn failed(&mut self, intended: u64) {
        self.part(intended).failed += 1;
    }

    fn part(&mut self, intended: u64) -> &mut Part {
        let after = intended.saturating_sub(*self.begins.get_or_insert(intended));
        // Most calls are due in the slice of the one before, and a division takes longer than the rest.
        if self.spans.contains(&after) {
            return &mut self.slices[self.current];
        }
        while after >= self.width * SLICES as u64 {
            for pair in 0..SLICES / 2 {
                self.slices.swap(pair, 2 * pair);
                let (kept, rest) = self.slices.split_at_mut(2 * pair + 1);
                kept[pair].take(&mut rest[0]);
            }
            self.width *= 2;
            self.used = self.used.div_ceil(2);
        }
        let index = (after / self.width) as usize;
        self.used = self.used.max(index + 1);
        let from = index as u64 * self.width;
        (self.current, self.spans) = (index, from..from + self.width);
        &mut self.slices[index]
    }

    /// The slices up to the last one in which a call was due.
    pub fn slices(&self) -> Vec<Slice> {
        let slice = |(index, part): (usize, &Part)| {
            let times = part.times.histogram();
            Slice {
                start_ns: index as u64 * self.width,
                length_ns: self.width,
                ok: part.ok,
                failed: part.failed,
                mean_ns: part.sum_ns.checked_div(part.ok).unwrap_or(0),
                p50_ns: times.value_at_quantile(0.5),
                p99_ns: times.value_at_quantile(0.99),
                max_ns: times.max(),
                times: part.times.counted().collect(),
            }
        };
        self.slices[..self.used].iter().enumerate().map(slice).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{SLICES, Timeline};

    const MS: u64 = 1_000_000;

    #[test]
    fn slices_merge_and_lose_no_call() {
        let mut timeline = Timeline::default();
        timeline.begin(5 * MS);
        for n in 0..100_000 {
            let at = (5 + n) * MS;
            if n % 10 == 9 { timeline.failed(at) } else { timeline.ok(at, (1 + n / 50_000) * MS) }
        }
        let slices = timeline.slices();
        assert!(slices.len() <= SLICES && slices.len() > SLICES / 2, "{}", slices.len());
        assert_eq!(slices.iter().map(|slice| slice.ok + slice.failed).sum::<u64>(), 100_000);
        let length = slices[0].length_ns;
        assert!(slices.windows(2).all(|pair| pair[1].start_ns - pair[0].start_ns == length));
        assert!(slices[..slices.len() - 1].iter().all(|slice| slice.ok + slice.failed == length / MS));
        let (first, last) = (&slices[0], &slices[slices.len() - 1]);
        assert_eq!((first.mean_ns, last.mean_ns), (MS, 2 * MS));
        assert!(first.p50_ns.abs_diff(MS) < MS / 10 && last.p99_ns.abs_diff(2 * MS) < MS / 5);
    }

    #[test]
    fn a_short_window_is_sliced_finely_and_an_empty_one_has_none() {
        let mut timeline = Timeline::default();
        assert!(timeline.slices().is_empty());
        (0..10).for_each(|n| timeline.ok(n * 10 * MS, MS));
        assert_eq!(timeline.slices().iter().map(|slice| slice.ok).collect::<Vec<_>>(), [1; 10]);
    }
}
