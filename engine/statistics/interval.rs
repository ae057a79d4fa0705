//! Intervals of 95 % for the figure of one target and for the ratio of two.
//!
//! With fewer than twenty trials they are Student's (for two targets Welch's) on the logarithms of the trials. From
//! twenty on they come from a seeded bootstrap of trials, and of the calls within them, which asks for no shape.

use schemars::JsonSchema;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

use crate::call::SplitMix;
use crate::statistics::{CONFIDENCE, mean, variance};

/// From so many trials on, intervals come from the bootstrap.
pub const BOOTSTRAP_FROM: usize = 20;

/// How often the bootstrap draws.
const RESAMPLES: usize = 1_000;

/// How many equally likely figures stand for those that other calls of a trial would have given.
const REDRAWS: usize = 63;

/// A figure with its interval of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
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

/// The trials of one target: a positive figure of each.
#[derive(Debug, Clone, Copy)]
pub struct Trials<'a> {
    values: &'a [f64],
    redraws: &'a [Vec<f64>],
}

impl<'a> Trials<'a> {
    /// Trials with their figures; `redraws` holds for each trial positive and equally likely figures that other calls
    /// would have given, and is empty where they are not known.
    pub fn new(values: &'a [f64], redraws: &'a [Vec<f64>]) -> Self {
        Trials { values, redraws }
    }

    /// The logarithms; none where there are fewer than two or one is not positive and finite.
    fn logs(&self) -> Option<Vec<f64>> {
        let positive = self.values.iter().all(|value| value.is_finite() && *value > 0.0);
        (positive && self.values.len() >= 2).then(|| self.values.iter().map(|value| value.ln()).collect())
    }

    /// For each trial how far, in logarithms, the figures of other calls would have been from its own.
    fn strays(&self) -> Vec<Vec<f64>> {
        let stray = |(own, redraws): (&f64, &Vec<f64>)| redraws.iter().map(|redraw| (redraw / own).ln()).collect();
        self.values.iter().zip(self.redraws).map(stray).collect()
    }
}

/// Trials to draw from again and again.
struct Urn {
    logs: Vec<f64>,
    strays: Vec<Vec<f64>>,
    centre: f64,
    /// The part of a trial's distance from the centre that is its own, and not that of its calls.
    kept: f64,
}

impl Urn {
    fn of(logs: Vec<f64>, trials: Trials<'_>) -> Self {
        let strays: Vec<Vec<f64>> = trials.strays().into_iter().filter(|strays| !strays.is_empty()).collect();
        let strays = if strays.len() == logs.len() { strays } else { Vec::new() };
        // Without this the spread of calls would count twice: trials already differ by it (Davison and Hinkley).
        let within =
            if strays.is_empty() { 0.0 } else { mean(&strays.iter().map(|own| variance(own)).collect::<Vec<_>>()) };
        let all = variance(&logs);
        let kept = if all > within { ((all - within) / all).sqrt() } else { 0.0 };
        Urn { centre: mean(&logs), logs, strays, kept }
    }

    /// The mean logarithm of as many trials, drawn from these with their calls drawn anew.
    fn draw(&self, random: &mut SplitMix) -> f64 {
        let one = |_| {
            let trial = random.below(self.logs.len() as u64) as usize;
            let stray = |strays: &Vec<f64>| strays[random.below(strays.len() as u64) as usize];
            self.kept * (self.logs[trial] - self.centre) + self.strays.get(trial).map_or(0.0, stray)
        };
        self.centre + (0..self.logs.len()).map(one).sum::<f64>() / self.logs.len() as f64
    }
}

/// The geometric mean of the trials of one target; none of fewer than two, or where one is not positive.
pub fn figure(trials: Trials<'_>) -> Option<Interval> {
    let logs = trials.logs()?;
    let (count, centre) = (logs.len(), mean(&logs));
    if count >= BOOTSTRAP_FROM {
        let urn = Urn::of(logs, trials);
        return bootstrap(centre, count, count - 1, |random| urn.draw(random));
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
        let (own, other) = (Urn::of(a, own), Urn::of(b, other));
        return bootstrap(centre, fewest, freedom, |random| own.draw(random) - other.draw(random));
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

/// Where in the sorted calls of a trial, from 0 to 1, a quantile of as many other calls falls: ranks that are equally
/// likely, for an order statistic's rank is nearly normal. So not a single call has to be drawn.
pub fn redrawn_ranks(quantile: f64, calls: u64) -> impl Iterator<Item = f64> {
    let spread = (quantile * (1.0 - quantile) / calls.max(1) as f64).sqrt();
    (0..REDRAWS).map(move |at| {
        let z = Normal::standard().inverse_cdf((at as f64 + 0.5) / REDRAWS as f64);
        (quantile + spread * z).clamp(0.0, 1.0)
    })
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
    use super::{Trials, figure, ratio, redrawn_ranks};
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
            // The density of a normal distribution turns a shift of the rank into one of the value.
            let shift = |rank: f64| (0.3 * (rank - 0.5) * std::f64::consts::TAU.sqrt()).exp();
            let redraws = |values: &[f64]| -> Vec<Vec<f64>> {
                values.iter().map(|own| redrawn_ranks(0.5, CALLS).map(|rank| own * shift(rank)).collect()).collect()
            };
            let again = if trials < 20 { [Vec::new(), Vec::new()] } else { [redraws(&a), redraws(&b)] };
            let (own, other) = (Trials::new(&a, &again[0]), Trials::new(&b, &again[1]));
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
            assert_eq!(figure(Trials::new(values, &[])), None);
        }
        let same = ratio(Trials::new(&[2.0; 3], &[]), Trials::new(&[1.0; 4], &[])).expect("no spread is a spread too");
        assert!((same.low - 2.0).abs() < 1e-12 && same.low == same.high, "{same:?}");
    }

    #[test]
    fn calls_that_are_few_widen_the_interval_of_many_trials() {
        let values: Vec<f64> = (0..20).map(|trial| 100.0 + f64::from(trial % 3)).collect();
        let wide: Vec<Vec<f64>> = values.iter().map(|own| vec![own * 0.5, own * 2.0]).collect();
        let sharp = figure(Trials::new(&values, &[])).expect("an interval");
        let blurred = figure(Trials::new(&values, &wide)).expect("an interval");
        assert!(blurred.high - blurred.low > 5.0 * (sharp.high - sharp.low), "{sharp:?} {blurred:?}");
        assert_eq!(sharp, figure(Trials::new(&values, &[])).expect("an interval"), "the seed makes it repeatable");
    }
}
