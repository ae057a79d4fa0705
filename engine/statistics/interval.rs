//! Intervals of 95 % for the figure of one target and for the ratio of two.
//!
//! With fewer than twenty trials they are Student's (for two targets Welch's) on the logarithms of the trials. From
//! twenty on they come from a seeded bootstrap of trials, and of the calls within them, which asks for no shape.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::call::SplitMix;
use crate::statistics::{CONFIDENCE, mean, normal, variance};

/// From so many trials on, intervals come from the bootstrap.
pub const BOOTSTRAP_FROM: usize = 20;

/// How often the bootstrap draws.
const RESAMPLES: usize = 1_000;

/// Draws the figure of one of the trials anew, as if its calls had been other ones of the same kind.
pub type Redraw<'a> = &'a dyn Fn(usize, &mut SplitMix) -> f64;

/// A figure with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The geometric mean of the trials, or the ratio of two such means.
    pub value: f64,
    /// Where the interval begins.
    pub low: f64,
    /// Where the interval ends.
    pub high: f64,
}

impl Interval {
    fn exp(centre: f64, low: f64, high: f64) -> Self {
        Interval { value: centre.exp(), low: low.exp(), high: high.exp() }
    }
}

/// The trials of one target: a positive figure of each, and how to draw it anew where calls stand behind it.
#[derive(Clone, Copy)]
pub struct Trials<'a> {
    values: &'a [f64],
    redraw: Option<Redraw<'a>>,
}

impl<'a> Trials<'a> {
    /// Trials of which only the figures are known.
    pub fn new(values: &'a [f64]) -> Self {
        Trials { values, redraw: None }
    }

    /// Trials whose calls are known too.
    pub fn with_calls(values: &'a [f64], redraw: Redraw<'a>) -> Self {
        Trials { values, redraw: Some(redraw) }
    }

    /// The logarithms; none where there are fewer than two or one is not positive and finite.
    fn logs(&self) -> Option<Vec<f64>> {
        let positive = self.values.iter().all(|value| value.is_finite() && *value > 0.0);
        (positive && self.values.len() >= 2).then(|| self.values.iter().map(|value| value.ln()).collect())
    }

    /// The mean logarithm of as many trials, drawn from these with their calls drawn anew.
    fn resample(&self, random: &mut SplitMix) -> f64 {
        let count = self.values.len();
        let draw = |_| {
            let trial = random.below(count as u64) as usize;
            let drawn = self.redraw.map_or(self.values[trial], |redraw| redraw(trial, random));
            // A redraw that lost its sign says nothing; the trial itself does.
            if drawn > 0.0 { drawn.ln() } else { self.values[trial].ln() }
        };
        (0..count).map(draw).sum::<f64>() / count as f64
    }
}

/// The geometric mean of the trials of one target; none of fewer than two, or where one is not positive.
pub fn figure(trials: Trials<'_>) -> Option<Interval> {
    let logs = trials.logs()?;
    let (count, centre) = (logs.len(), mean(&logs));
    if count >= BOOTSTRAP_FROM {
        return bootstrap(centre, count, count - 1, |random| trials.resample(random));
    }
    let reach = student((count - 1) as f64)? * (variance(&logs) / count as f64).sqrt();
    Some(Interval::exp(centre, centre - reach, centre + reach))
}

/// How many times the figure of `other` that of `own` is; none where one of them has no [`figure`].
pub fn ratio(own: Trials<'_>, other: Trials<'_>) -> Option<Interval> {
    let (a, b) = (own.logs()?, other.logs()?);
    let centre = mean(&a) - mean(&b);
    let fewest = a.len().min(b.len());
    if fewest >= BOOTSTRAP_FROM {
        let freedom = a.len() + b.len() - 2;
        return bootstrap(centre, fewest, freedom, |random| own.resample(random) - other.resample(random));
    }
    let (of_a, of_b) = (variance(&a) / a.len() as f64, variance(&b) / b.len() as f64);
    if of_a + of_b == 0.0 {
        return Some(Interval::exp(centre, centre, centre));
    }
    // Welch and Satterthwaite.
    let freedom = (of_a + of_b).powi(2) / (of_a.powi(2) / (a.len() - 1) as f64 + of_b.powi(2) / (b.len() - 1) as f64);
    let reach = student(freedom)? * (of_a + of_b).sqrt();
    Some(Interval::exp(centre, centre - reach, centre + reach))
}

/// Draws one quantile of a trial anew: where in the trial's sorted calls, from 0 to 1, the quantile of as many other
/// calls falls.
///
/// The rank of an order statistic is nearly normal, so that not a single call has to be drawn.
pub fn redrawn_quantile(quantile: f64, calls: u64, random: &mut SplitMix) -> f64 {
    let spread = (quantile * (1.0 - quantile) / calls.max(1) as f64).sqrt();
    (quantile + spread * normal(random)).clamp(0.0, 1.0)
}

/// How many standard errors Student's interval reaches to either side.
fn student(freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + CONFIDENCE / 2.0))
}

/// The percentiles of resampled logarithms, taken so much further out that few trials do not make the interval short
/// (Hesterberg's expanded percentiles).
fn bootstrap(centre: f64, count: usize, freedom: usize, draw: impl Fn(&mut SplitMix) -> f64) -> Option<Interval> {
    let mut random = SplitMix::new(1);
    let mut drawn: Vec<f64> = (0..RESAMPLES).map(|_| draw(&mut random)).collect();
    drawn.sort_by(f64::total_cmp);
    let widened = student(freedom as f64)? * (count as f64 / (count - 1) as f64).sqrt();
    let tail = Normal::standard().cdf(-widened);
    let beyond = ((tail * RESAMPLES as f64).round() as usize).max(1);
    Some(Interval::exp(centre, drawn[beyond - 1], drawn[RESAMPLES - beyond]))
}

#[cfg(test)]
mod tests {
    use super::{Trials, figure, ratio, redrawn_quantile};
    use crate::call::SplitMix;
    use crate::statistics::normal;

    /// The share of runs whose interval holds the truth: trials differ by 5 %, their calls by 30 %.
    fn coverage(trials: usize, runs: u32) -> (f64, f64) {
        const CALLS: u64 = 400;
        let mut random = SplitMix::new(trials as u64);
        // The median of so many calls whose logarithms spread by 0.3, about the trial's own.
        let mut measure = |truth: f64| -> Vec<f64> {
            let own = |random: &mut SplitMix| truth * (0.05 * normal(random)).exp();
            let within = 0.3 * (std::f64::consts::FRAC_PI_2 / CALLS as f64).sqrt();
            (0..trials).map(|_| own(&mut random) * (within * normal(&mut random)).exp()).collect()
        };
        let (mut one, mut two) = (0, 0);
        for _ in 0..runs {
            let (a, b) = (measure(100.0), measure(120.0));
            let again = |values: &[f64], trial: usize, random: &mut SplitMix| {
                // The density of a normal distribution turns a shift of the rank into one of the value.
                let rank = redrawn_quantile(0.5, CALLS, random);
                values[trial] * (0.3 * (rank - 0.5) * (2.0 * std::f64::consts::PI).sqrt()).exp()
            };
            let of_a = |trial: usize, random: &mut SplitMix| again(&a, trial, random);
            let of_b = |trial: usize, random: &mut SplitMix| again(&b, trial, random);
            let (own, other) = (Trials::with_calls(&a, &of_a), Trials::with_calls(&b, &of_b));
            let figure = figure(own).expect("trials enough");
            one += u32::from(figure.low <= 100.0 && 100.0 <= figure.high);
            let ratio = ratio(other, own).expect("trials enough");
            two += u32::from(ratio.low <= 1.2 && 1.2 <= ratio.high);
        }
        (f64::from(one) / f64::from(runs), f64::from(two) / f64::from(runs))
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        for (trials, runs) in [(5, 4000), (10, 4000), (20, 1000)] {
            let (figure, ratio) = coverage(trials, runs);
            assert!((0.93..=0.97).contains(&figure), "{figure} of {trials} trials");
            assert!((0.93..=0.97).contains(&ratio), "{ratio} of {trials} trials");
        }
    }

    #[test]
    fn what_cannot_have_an_interval_has_none() {
        for values in [&[1.0][..], &[], &[1.0, 0.0], &[1.0, f64::INFINITY]] {
            assert_eq!(figure(Trials::new(values)), None);
        }
        let same = ratio(Trials::new(&[2.0; 3]), Trials::new(&[1.0; 4])).expect("no spread is a spread too");
        assert!((same.low - 2.0).abs() < 1e-12 && same.low == same.high, "{same:?}");
    }

    #[test]
    fn calls_that_are_few_widen_the_interval_of_many_trials() {
        let values: Vec<f64> = (0..20).map(|trial| 100.0 + f64::from(trial % 3)).collect();
        let wide = |trial: usize, random: &mut SplitMix| values[trial] * (0.5 * normal(random)).exp();
        let sharp = figure(Trials::new(&values)).expect("an interval");
        let blurred = figure(Trials::with_calls(&values, &wide)).expect("an interval");
        assert!(blurred.high - blurred.low > 5.0 * (sharp.high - sharp.low), "{sharp:?} {blurred:?}");
        assert_eq!(sharp, figure(Trials::new(&values)).expect("an interval"), "the seed makes it repeatable");
    }
}
