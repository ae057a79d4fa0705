//! When the calls of an open loop are due: a seeded sequence, made ahead of need and never kept whole.

use std::collections::VecDeque;

use crate::call::{Arrivals, SplitMix};
use crate::key::part::Part;

/// How long before a call is due sleeping ends and spinning begins, in nanoseconds: what a wake-up takes.
pub const EARLY: u64 = 80_000;

/// How many due times are made at once.
const BLOCK: usize = 256;

/// One call in the unit in which progress through the schedule is counted, so that constant spacing is exact.
const CALL: u128 = 1_000_000_000_000_000;

/// When a load ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// After so many calls by each client.
    Calls(u64),
    /// When so much time has passed, in nanoseconds.
    Time(u64),
}

/// What an open loop is to offer: steps of a rate, each held for a time.
#[derive(Debug, Clone, PartialEq)]
pub struct RateProfile {
    /// Its steps; at least one is no pause.
    pub steps: Vec<RateStep>,
    /// How due times are spaced.
    pub arrivals: Arrivals,
    /// The seed of what is random in it.
    pub seed: u64,
    /// Of which part of its calls a schedule is, where several processes make them.
    pub part: Option<Part>,
}

/// A rate that is held for a time, or changes evenly in it, in calls per second of all clients together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateStep {
    /// At its beginning; 0 where nothing is due.
    pub from: f64,
    /// At its end.
    pub to: f64,
    /// How long it is, in nanoseconds.
    pub ns: u64,
}

impl RateStep {
    /// A rate that is held.
    pub fn held(rate: f64, ns: u64) -> Self {
        RateStep { from: rate, to: rate, ns }
    }
}

/// Due times in nanoseconds from the beginning, in order; the same for the same profile and limit.
///
/// Arrivals are made at one call per unit of progress; each step turns progress into time at its own rate.
pub struct Schedule {
    legs: Vec<Leg>,
    leg: usize,
    arrivals: Arrivals,
    random: SplitMix,
    /// The progress that a call is: as many calls as there are parts, of which one is made here.
    each: u128,
    /// The progress at which the next call to be made is due.
    progress: u128,
    /// How many calls are still to be made, where they are counted.
    left: u64,
    /// When the last one is due at the latest, where a time ends them.
    end: u64,
    ahead: VecDeque<u64>,
}

/// A step, with all that comes before it.
struct Leg {
    begins_ns: u64,
    begins: u128,
    /// Millionths of a call per second, which is progress per nanosecond; where it changes, that of the beginning.
    rate: u128,
    /// By how much that changes with each nanosecond, where it changes.
    change: Option<f64>,
}

impl Leg {
    /// The progress that it makes in so many nanoseconds.
    fn progress(&self, ns: u64) -> u128 {
        match self.change {
            None => self.rate * u128::from(ns),
            Some(change) => (self.rate as f64 * ns as f64 + change / 2.0 * (ns as f64).powi(2)).max(0.0) as u128,
        }
    }

    /// After how many nanoseconds it has made that progress: a whole number at or after the exact instant, so that no
    /// call is due before it.
    fn after(&self, progress: u128) -> u128 {
        match self.change {
            None if self.rate == 0 => u128::MAX,
            None => progress.div_ceil(self.rate),
            Some(_) if progress == 0 => 0,
            // The root of the quadratic that loses no digits where the change is small.
            Some(change) => {
                let (rate, progress) = (self.rate as f64, progress as f64);
                let root = (rate * rate + 2.0 * change * progress).max(0.0).sqrt();
                (2.0 * progress / (rate + root)).ceil() as u128
            }
        }
    }
}

impl Schedule {
    /// The schedule of `profile` until `limit`, which counts the calls that are made here, of all clients together.
    pub fn new(profile: &RateProfile, limit: Limit) -> Self {
        let (mut legs, mut begins_ns, mut begins) = (Vec::with_capacity(profile.steps.len()), 0u64, 0);
        for RateStep { from, to, ns } in &profile.steps {
            let rate = (from * 1e6).round() as u128;
            let change = (from != to).then(|| (to - from) * 1e6 / *ns as f64);
            let leg = Leg { begins_ns, begins, rate, change };
            begins_ns = begins_ns.saturating_add(*ns);
            begins += leg.progress(*ns);
            legs.push(leg);
        }
        let (left, end) = match limit {
            Limit::Calls(count) => (count, u64::MAX),
            Limit::Time(ns) => (u64::MAX, ns),
        };
        // Constant arrivals are dealt out in turn, Poisson streams are drawn apart and add to one.
        let (seed, of, index) = match profile.part {
            Some(part) => (part.seed(profile.seed), part.of, part.index),
            None => (profile.seed, 1, 0),
        };
        let (mut random, each) = (SplitMix::new(seed), u128::from(of) * CALL);
        let progress = match profile.arrivals {
            Arrivals::Constant => u128::from(index) * CALL,
            Arrivals::Poisson => exponential(&mut random, each),
        };
        let (arrivals, ahead) = (profile.arrivals, VecDeque::with_capacity(BLOCK));
        let mut schedule = Schedule { legs, leg: 0, arrivals, random, each, progress, left, end, ahead };
        schedule.prepare();
        schedule
    }

    /// Makes a block of due times where few are left; for moments in which there is nothing else to do.
    pub fn prepare(&mut self) {
        if self.ahead.len() < BLOCK / 2 {
            while self.ahead.len() < BLOCK && self.make() {}
        }
    }

    /// When the next call is due; none after the last.
    pub fn peek(&mut self) -> Option<u64> {
        if self.ahead.is_empty() {
            self.make();
        }
        self.ahead.front().copied()
    }

    /// Takes the next call off.
    pub fn pop(&mut self) -> Option<u64> {
        let due = self.peek();
        self.ahead.pop_front();
        due
    }

    /// How long calls are due, where a time ends them.
    pub fn window_ns(&self) -> Option<u64> {
        Some(self.end).filter(|end| *end < u64::MAX)
    }

    /// How its due times are spaced.
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// How many calls are due on average until `ns`.
    pub fn expected(&self, ns: u64) -> f64 {
        let leg = self.legs.iter().rev().find(|leg| leg.begins_ns <= ns);
        leg.map_or(0.0, |leg| (leg.begins + leg.progress(ns - leg.begins_ns)) as f64 / self.each as f64)
    }

    /// Makes one more due time; false after the last.
    fn make(&mut self) -> bool {
        while self.legs.get(self.leg + 1).is_some_and(|next| next.begins <= self.progress) {
            self.leg += 1;
        }
        let leg = &self.legs[self.leg];
        let after = leg.after(self.progress - leg.begins);
        let due = u64::try_from(after).unwrap_or(u64::MAX).saturating_add(leg.begins_ns);
        if self.left == 0 || due >= self.end {
            return false;
        }
        self.left -= 1;
        self.progress += match self.arrivals {
            Arrivals::Constant => self.each,
            Arrivals::Poisson => exponential(&mut self.random, self.each),
        };
        self.ahead.push_back(due);
        true
    }
}

/// A gap of that mean, by inversion.
fn exponential(random: &mut SplitMix, mean: u128) -> u128 {
    let uniform = ((random.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
    (-uniform.ln() * mean as f64) as u128
}

#[cfg(test)]
mod tests {
    use super::{Limit, RateProfile, RateStep, Schedule};
    use crate::call::Arrivals;
    use crate::key::part::Part;
    use crate::statistics::fit::exponential;

    fn held(steps: &[(f64, u64)]) -> Vec<RateStep> {
        steps.iter().map(|(rate, ns)| RateStep::held(*rate, *ns)).collect()
    }

    fn all(steps: &[(f64, u64)], arrivals: Arrivals, seed: u64, limit: Limit) -> Vec<u64> {
        paced(held(steps), arrivals, seed, limit)
    }

    fn paced(steps: Vec<RateStep>, arrivals: Arrivals, seed: u64, limit: Limit) -> Vec<u64> {
        let mut schedule = Schedule::new(&RateProfile { steps, arrivals, seed, part: None }, limit);
        std::iter::from_fn(|| schedule.pop()).collect()
    }

    #[test]
    fn constant_spacing_is_exact_and_does_not_drift() {
        for rate in [1u64, 3, 100, 7_000, 100_000] {
            let due = all(&[(rate as f64, u64::MAX)], Arrivals::Constant, 1, Limit::Calls(50_000));
            assert_eq!(due.len(), 50_000);
            for (k, due) in (0u64..).zip(&due) {
                assert_eq!(*due, (k * 1_000_000_000).div_ceil(rate), "call {k} at {rate}/s");
            }
        }
        let due = all(&[(100.0, u64::MAX)], Arrivals::Constant, 1, Limit::Time(15_000_000_000));
        assert_eq!((due.len(), due.last()), (1_500, Some(&14_990_000_000)));
        let due = all(&[(0.5, u64::MAX)], Arrivals::Constant, 1, Limit::Calls(3));
        assert_eq!(due, [0, 2_000_000_000, 4_000_000_000]);
    }

    #[test]
    fn a_ramp_holds_each_rate_for_its_time() {
        let second = 1_000_000_000;
        let due = all(&[(10.0, second), (100.0, second)], Arrivals::Constant, 1, Limit::Time(2 * second));
        let first = due.iter().filter(|due| **due < second).count();
        assert_eq!((first, due.len()), (10, 110));
        assert!(due[10..].windows(2).all(|pair| pair[1] - pair[0] == second / 100));
    }

    #[test]
    fn a_ramp_rises_evenly_from_nothing_and_pauses() {
        let second = 1_000_000_000;
        let steps = || {
            let pace = |from, to| RateStep { from, to, ns: second };
            vec![pace(0.0, 100.0), RateStep::held(0.0, second), pace(100.0, 0.0), pace(10.0, 30.0)]
        };
        let due = paced(steps(), Arrivals::Constant, 1, Limit::Time(4 * second));
        let within = |step: u64| due.iter().filter(|due| **due / second == step).count();
        // The triangles hold 50 calls each; the call that falls on the pause's beginning is due at its end.
        assert_eq!([0, 1, 2, 3].map(within), [50, 0, 50, 20]);
        // Of 50 calls in a rise the k-th is due when the triangle so far holds k: at the root of k / 50.
        for (k, due) in due[..50].iter().enumerate() {
            let exact = (k as f64 / 50.0).sqrt() * second as f64;
            assert!((*due as f64 - exact).abs() < 2.0, "call {k}: {due} for {exact}");
        }
        // A fall is a rise backwards.
        for (k, due) in due[50..100].iter().enumerate() {
            let exact = 3e9 - ((50 - k) as f64 / 50.0).sqrt() * second as f64;
            assert!((*due as f64 - exact).abs() < 2.0, "call {k}: {due} for {exact}");
        }
        assert!(due.is_sorted());
        let due = paced(steps(), Arrivals::Poisson, 5, Limit::Time(4 * second));
        assert!(due.is_sorted() && due.iter().all(|due| due / second != 1));
        let profile = RateProfile { steps: steps(), arrivals: Arrivals::Constant, seed: 1, part: None };
        let schedule = Schedule::new(&profile, Limit::Time(4 * second));
        let expected = [0, 1, 2, 3, 4].map(|seconds| schedule.expected(seconds * second).round());
        assert_eq!(expected, [0.0, 50.0, 50.0, 100.0, 120.0]);
        let ends_in_a_pause = vec![RateStep::held(10.0, second), RateStep::held(0.0, second)];
        assert_eq!(paced(ends_in_a_pause, Arrivals::Constant, 1, Limit::Time(2 * second)).len(), 10);
    }

    #[test]
    fn poisson_gaps_are_exponential_and_seeded() {
        let steps = [(1_000.0, u64::MAX)];
        let due = all(&steps, Arrivals::Poisson, 7, Limit::Calls(10_000));
        assert_eq!(due, all(&steps, Arrivals::Poisson, 7, Limit::Calls(10_000)));
        assert_ne!(due, all(&steps, Arrivals::Poisson, 8, Limit::Calls(10_000)));
        assert!(due.is_sorted());
        let gaps = |due: &[u64]| due.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect::<Vec<_>>();
        let p = exponential(&gaps(&due), 1.0).chance;
        assert!(p > 0.05, "p = {p}");
        let p = exponential(&gaps(&all(&steps, Arrivals::Constant, 7, Limit::Calls(10_000))), 1.0).chance;
        assert!(p < 1e-6, "constant gaps pass for exponential ones: p = {p}");
    }

    #[test]
    fn the_parts_of_a_schedule_are_all_of_it() {
        let second = 1_000_000_000;
        let rise = RateStep { from: 0.0, to: 700.0, ns: second };
        let of = |part, arrivals, limit| {
            let steps = vec![rise, RateStep::held(0.0, second / 10), RateStep::held(333.0, u64::MAX)];
            let mut schedule = Schedule::new(&RateProfile { steps, arrivals, seed: 7, part }, limit);
            let due = std::iter::from_fn(|| schedule.pop()).collect::<Vec<u64>>();
            (schedule.expected(2 * second), due)
        };
        for (count, limit) in [(3, Limit::Time(4 * second)), (4, Limit::Calls(1_001)), (16, Limit::Calls(5))] {
            let part = |index| Part { index, of: count, first_client: 0, clients: count };
            let own = |index| match limit {
                Limit::Calls(all) => Limit::Calls(part(index).share(all)),
                time => time,
            };
            let parts =
                |arrivals| (0..count).map(|index| of(Some(part(index)), arrivals, own(index))).collect::<Vec<_>>();
            let (expected, whole) = of(None, Arrivals::Constant, limit);
            let mut together: Vec<u64> = parts(Arrivals::Constant).into_iter().flat_map(|(_, due)| due).collect();
            together.sort_unstable();
            assert_eq!(together, whole, "{count} parts");
            let sum: f64 = parts(Arrivals::Poisson).iter().map(|(expected, _)| expected).sum();
            assert!((sum - expected).abs() < 1e-6, "{sum} {expected}");
        }
        let stream = |index, count| {
            let steps = vec![RateStep::held(1_000.0, u64::MAX)];
            let part = Some(Part { index, of: count, first_client: 0, clients: count });
            let profile = RateProfile { steps, arrivals: Arrivals::Poisson, seed: 7, part };
            let mut schedule = Schedule::new(&profile, Limit::Time(10 * second));
            std::iter::from_fn(|| schedule.pop()).collect::<Vec<u64>>()
        };
        let gaps = |due: &[u64]| due.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e6).collect::<Vec<_>>();
        assert_ne!(stream(0, 4), stream(1, 4), "each is drawn apart");
        let p = exponential(&gaps(&stream(1, 4)), 4.0).chance;
        assert!(p > 0.05, "each is a stream of its own: p = {p}");
        let mut together: Vec<u64> = (0..4).flat_map(|index| stream(index, 4)).collect();
        together.sort_unstable();
        let p = exponential(&gaps(&together), 1.0).chance;
        assert!(p > 0.05, "and all together are one: p = {p}");
    }

    #[test]
    fn progress_is_what_is_due_on_average() {
        let second = 1_000_000_000;
        let profile = RateProfile {
            steps: held(&[(10.0, second), (100.0, second)]),
            arrivals: Arrivals::Constant,
            seed: 1,
            part: None,
        };
        let schedule = Schedule::new(&profile, Limit::Time(2 * second));
        assert_eq!([0, second / 2, second, 2 * second].map(|ns| schedule.expected(ns)), [0.0, 5.0, 10.0, 110.0]);
    }

    #[test]
    fn the_queue_of_one_server_is_as_long_as_theory_says() {
        // M/D/1 with 10 ms service at 80/s: W = 1/mu + rho / (2 mu (1 - rho)) = 30 ms.
        let profile =
            RateProfile { steps: held(&[(80.0, u64::MAX)]), arrivals: Arrivals::Poisson, seed: 4, part: None };
        let mut schedule = Schedule::new(&profile, Limit::Calls(1_000_000));
        let (mut free, mut sum, mut count) = (0u64, 0.0, 0.0);
        while let Some(due) = schedule.pop() {
            free = free.max(due) + 10_000_000;
            sum += (free - due) as f64;
            count += 1.0;
        }
        let mean = sum / count / 1e6;
        assert!((mean / 30.0 - 1.0).abs() < 0.01, "{mean} ms");
    }
}
