//! A cell's figure: the geometric mean of its trials' own figures. Whatever shows a figure of a cell shows this one.

use schemars::JsonSchema;
use serde::Serialize;

use crate::statistics::geometric_mean;
use crate::statistics::interval::{Interval, Trials, figure};

/// One trial's figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub enum Score {
    /// It was measured.
    Exact(f64),
    /// It was at least this.
    AtLeast(f64),
    /// There is none, for the trial failed.
    Failed,
}

impl Score {
    /// The figure, or its bound.
    pub fn value(self) -> Option<f64> {
        match self {
            Score::Exact(value) | Score::AtLeast(value) => Some(value),
            Score::Failed => None,
        }
    }
}

/// A figure over the trials of a cell that count, the trial being the unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Estimate {
    /// The geometric mean of the trials' own figures; a trial that only gives a bound enters at it.
    pub value: f64,
    /// True where the truth is this or more: a trial only gave a bound.
    pub at_least: bool,
    /// Where the interval of 95 % begins; none where there are fewer than two trials, or one of them has no figure or
    /// only a bound.
    pub low: Option<f64>,
    /// Where it ends.
    pub high: Option<f64>,
    /// The least figure of a trial.
    pub least: f64,
    /// The largest figure of a trial.
    pub most: f64,
    /// How many trials have a figure.
    pub trials: usize,
}

impl Estimate {
    /// Of these trials; none where none has a figure. `redraws` holds for each trial the figures that other calls
    /// would have given, and is empty where they are not known.
    pub fn of(scores: &[Score], redraws: &[Vec<f64>]) -> Option<Self> {
        let values: Vec<f64> = scores.iter().filter_map(|score| score.value()).collect();
        let exact = scores.iter().all(|score| matches!(score, Score::Exact(_)));
        let interval = if exact { figure(Trials::new(&values, redraws)) } else { None };
        let value = geometric_mean(&values)?;
        Some(Estimate {
            value,
            at_least: scores.iter().any(|score| matches!(score, Score::AtLeast(_))),
            // The logarithm and back can cost the last digit.
            low: interval.map(|interval| interval.low.min(value)),
            high: interval.map(|interval| interval.high.max(value)),
            least: values.iter().copied().min_by(f64::total_cmp)?,
            most: values.iter().copied().max_by(f64::total_cmp)?,
            trials: values.len(),
        })
    }

    /// The same as a lower bound, which has no interval, where something else than the target was the limit.
    pub fn bounded(self, by_another: bool) -> Self {
        if by_another { Estimate { at_least: true, low: None, high: None, ..self } } else { self }
    }

    /// With its interval, where it has one.
    pub fn interval(&self) -> Option<Interval> {
        Some(Interval { value: self.value, low: self.low?, high: self.high? })
    }

    /// The figure as text, “≥” before a lower bound.
    pub fn written(&self, text: impl Fn(f64) -> String) -> String {
        format!("{}{}", if self.at_least { "≥ " } else { "" }, text(self.value))
    }
}

#[cfg(test)]
mod tests {
    use super::{Estimate, Score};

    #[test]
    fn a_figure_is_the_geometric_mean_of_its_trials() {
        let scores = [1.0, 4.0, 16.0].map(Score::Exact);
        let estimate = Estimate::of(&scores, &[]).expect("three trials");
        assert!((estimate.value - 4.0).abs() < 1e-12 && !estimate.at_least, "{estimate:?}");
        assert!(estimate.low < Some(4.0) && estimate.high > Some(4.0), "{estimate:?}");
        assert_eq!((estimate.least, estimate.most, estimate.trials), (1.0, 16.0, 3));
        let one = Estimate::of(&scores[..1], &[]).expect("one trial");
        assert_eq!((one.value, one.interval()), (1.0, None));
        assert_eq!(Estimate::of(&[Score::Failed], &[]), None);
    }

    #[test]
    fn a_bound_enters_at_its_value_and_a_trial_that_failed_not_at_all() {
        let bounded = Estimate::of(&[Score::Exact(1.0), Score::AtLeast(4.0)], &[]).expect("two trials");
        assert_eq!((bounded.value, bounded.at_least, bounded.interval()), (2.0, true, None));
        assert_eq!(bounded.written(|value| value.to_string()), "≥ 2");
        let failed = Estimate::of(&[Score::Exact(3.0), Score::Failed, Score::Exact(3.0)], &[]).expect("two trials");
        assert_eq!((failed.value, failed.trials, failed.interval()), (3.0, 2, None));
        let limited = Estimate::of(&[Score::Exact(3.0), Score::Exact(3.5)], &[]).expect("two trials").bounded(true);
        assert_eq!((limited.at_least, limited.interval()), (true, None));
    }
}
