//! Means that know how sure they are, and what is made of them by adding and taking away: an effect is such a contrast.
//!
//! Welch's variance and Satterthwaite's freedom throughout, so cells may spread as differently as they like.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::statistics::interval::Interval;
use crate::statistics::{SIGNIFICANCE, mean, variance};

/// How often a difference of the size that is told would be found.
const POWER: f64 = 0.8;

/// More trials than this nobody makes.
const MOST: usize = 1_000;

/// A mean, or a sum of means with factors, with its variance and the freedom of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// The best guess.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// How many degrees of freedom that variance has.
    pub freedom: f64,
}

impl Contrast {
    /// The mean of such values; none of fewer than two, or where one is not finite.
    pub fn of(values: &[f64]) -> Option<Self> {
        let usable = values.len() >= 2 && values.iter().all(|value| value.is_finite());
        usable.then(|| Contrast {
            value: mean(values),
            variance: variance(values) / values.len() as f64,
            freedom: (values.len() - 1) as f64,
        })
    }

    /// The mean of the logarithms; none of fewer than two, or where one is not positive and finite.
    pub fn of_logs(values: &[f64]) -> Option<Self> {
        let positive = values.iter().all(|value| value.is_finite() && *value > 0.0);
        let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
        if positive { Contrast::of(&logs) } else { None }
    }

    /// The sum of independent ones, each taken so many times.
    pub fn sum(terms: &[(f64, Contrast)]) -> Self {
        let parts = || terms.iter().map(|(times, term)| (times * times * term.variance, term.freedom));
        let variance: f64 = parts().map(|(variance, _)| variance).sum();
        let spread: f64 = parts().filter(|(part, _)| *part > 0.0).map(|(part, freedom)| part * part / freedom).sum();
        Contrast {
            value: terms.iter().map(|(times, term)| times * term.value).sum(),
            variance,
            freedom: if spread > 0.0 { variance * variance / spread } else { f64::INFINITY },
        }
    }

    /// The unweighted mean of independent ones; none of none.
    pub fn mean_of(terms: &[Contrast]) -> Option<Self> {
        let share = 1.0 / terms.len() as f64;
        let shares: Vec<(f64, Contrast)> = terms.iter().map(|term| (share, *term)).collect();
        (!terms.is_empty()).then(|| Contrast::sum(&shares))
    }

    /// How much more this is than an independent other one.
    pub fn minus(self, other: Contrast) -> Self {
        Contrast::sum(&[(1.0, self), (-1.0, other)])
    }

    /// The chance of being this far from `other` or farther by luck, both sides.
    pub fn chance_of(self, other: f64) -> f64 {
        let away = (self.value - other).abs();
        match self.variance {
            0.0 if away > 1e-12 => 0.0,
            0.0 => 1.0,
            variance => student(self.freedom).map_or(1.0, |it| 2.0 * it.sf(away / variance.sqrt())),
        }
    }

    /// From where to where it is, as sure as that: 0.95 for 95 %.
    pub fn range(self, confidence: f64) -> (f64, f64) {
        let reach = match self.variance {
            0.0 => 0.0,
            variance => quantile(self.freedom, 0.5 + confidence / 2.0) * variance.sqrt(),
        };
        (self.value - reach, self.value + reach)
    }

    /// The same of a difference of logarithms as a ratio.
    pub fn ratio(self, confidence: f64) -> Interval {
        let (low, high) = self.range(confidence);
        Interval { value: self.value.exp(), low: low.exp(), high: high.exp() }
    }

    /// The smallest factor that such a difference of logarithms would have shown four times in five, as one of so many.
    pub fn would_show(self, of: usize) -> f64 {
        (reach(self.freedom, of) * self.variance.sqrt()).exp()
    }

    /// With how many trials in place of `trials` it would be shown four times in five, as one of so many, if it is as
    /// large as it seems; none where that takes more than 1,000.
    pub fn would_decide(self, trials: usize, of: usize) -> Option<usize> {
        let shows = |count: usize| {
            let more = count as f64 / trials as f64;
            reach(self.freedom * more, of) * (self.variance / more).sqrt() <= self.value.abs()
        };
        let (mut least, mut most) = (trials.max(2), MOST);
        while least < most {
            let middle = (least + most) / 2;
            if shows(middle) { most = middle } else { least = middle + 1 }
        }
        (trials > 0 && shows(least)).then_some(least)
    }
}

/// By how many standard errors a difference must be away from none to be shown four times in five.
fn reach(freedom: f64, of: usize) -> f64 {
    quantile(freedom, 1.0 - SIGNIFICANCE / of.max(1) as f64 / 2.0) + quantile(freedom, POWER)
}

/// Student's quantile.
fn quantile(freedom: f64, at: f64) -> f64 {
    student(freedom).map_or(f64::INFINITY, |it| it.inverse_cdf(at))
}

fn student(freedom: f64) -> Option<StudentsT> {
    // Beyond that it is the normal distribution to the last digit that anybody prints.
    StudentsT::new(0.0, 1.0, freedom.min(1e6)).ok()
}

#[cfg(test)]
mod tests {
    use super::Contrast;
    use crate::call::SplitMix;
    use crate::statistics::interval::{Trials, ratio};
    use crate::statistics::normal;

    fn trials(truth: f64, noise: f64, count: usize, random: &mut SplitMix) -> Vec<f64> {
        (0..count).map(|_| truth * (noise * normal(random)).exp()).collect()
    }

    #[test]
    fn of_two_cells_it_is_the_ratio_that_targets_are_ranked_with() {
        let mut random = SplitMix::new(1);
        let (a, b) = (trials(100.0, 0.05, 5, &mut random), trials(130.0, 0.2, 9, &mut random));
        let welch = ratio(Trials::new(&b, &[]), Trials::new(&a, &[])).expect("an interval");
        let (a, b) = (Contrast::of_logs(&a).expect("five"), Contrast::of_logs(&b).expect("nine"));
        let own = b.minus(a).ratio(0.95);
        for (is, due) in [(own.value, welch.value), (own.low, welch.low), (own.high, welch.high)] {
            assert!((is / due - 1.0).abs() < 1e-9, "{own:?} {welch:?}");
        }
    }

    #[test]
    fn more_pairs_make_it_surer_and_every_pair_counts_alike() {
        let mut random = SplitMix::new(2);
        let mut pair = |factor: f64, count: usize| {
            let (a, b) = (trials(100.0, 0.05, 10, &mut random), trials(100.0 * factor, 0.05, count, &mut random));
            Contrast::of_logs(&b).expect("trials").minus(Contrast::of_logs(&a).expect("trials"))
        };
        let pairs = [pair(1.0, 10), pair(4.0, 40)];
        let mean = Contrast::mean_of(&pairs).expect("two");
        assert!((1.8..2.2).contains(&mean.value.exp()), "{mean:?}");
        assert!(mean.variance < pairs[0].variance && mean.freedom > pairs[0].freedom, "{mean:?} {pairs:?}");
        assert_eq!(Contrast::mean_of(&[]), None);
    }

    #[test]
    fn what_has_no_spread_is_certain_and_what_has_no_figure_is_nothing() {
        let same = Contrast::of_logs(&[120.0; 4]).expect("four");
        assert_eq!((same.chance_of(120f64.ln()), same.minus(same).chance_of(0.0)), (1.0, 1.0));
        let more = Contrast::of_logs(&[130.0; 4]).expect("four").minus(same);
        assert_eq!((more.chance_of(0.0), more.ratio(0.95).low, more.would_show(3)), (0.0, more.value.exp(), 1.0));
        for bad in [&[1.0][..], &[], &[1.0, 0.0], &[1.0, f64::INFINITY]] {
            assert_eq!(Contrast::of_logs(bad), None);
        }
    }

    #[test]
    fn so_many_trials_decide_four_times_in_five() {
        let mut random = SplitMix::new(3);
        let mut difference = |count: usize| {
            let (a, b) = (trials(100.0, 0.1, count, &mut random), trials(107.0, 0.1, count, &mut random));
            Contrast::of_logs(&b).expect("trials").minus(Contrast::of_logs(&a).expect("trials"))
        };
        // Many trials tell the spread and the difference as they are.
        let many = difference(4_000);
        let few = Contrast { variance: many.variance * 400.0, freedom: many.freedom / 400.0, ..many };
        let count = few.would_decide(10, 1).expect("it can be decided");
        assert!((25..50).contains(&count), "{count}");
        let found = (0..500).filter(|_| difference(count).chance_of(0.0) < 0.05).count();
        assert!((360..=440).contains(&found), "{found} of 500 with {count} trials");
        assert_eq!(Contrast { value: 0.0, ..few }.would_decide(10, 1), None);
    }
}
