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
