//! Whether a figure stayed what it was over a trial, and if not, where it changed.

use serde::Serialize;

use crate::statistics::{SIGNIFICANCE, median};

/// A change of the median by less than this share is no change worth telling.
const WORTH_TELLING: f64 = 0.05;

/// Where a row of values changes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Change {
    /// The index of the first value after the change.
    pub at: usize,
    /// The median of the values before it.
    pub before: f64,
    /// The median of the values from there on.
    pub after: f64,
    /// The chance of a row without a change to look this way.
    pub chance: f64,
}

/// The change in a row of values over time, such as the p50 of each slice of a trial; none where it is steady.
///
/// The place is where the ranks before and after differ most (Pettitt). A slow drift is a change too, in its middle.
pub fn change(values: &[f64]) -> Option<Change> {
    let count = values.len();
    let step = |a: f64, b: f64| if a > b { 1i64 } else { -i64::from(a < b) };
    // How many pairs across the cut fall, less how many rise; each value moves over from after the cut to before it.
    let mut across = 0;
    let mut best: (usize, i64) = (0, 0);
    for at in 1..count {
        across += values.iter().map(|other| step(values[at - 1], *other)).sum::<i64>();
        if across.abs() > best.1.abs() {
            best = (at, across);
        }
    }
    let (at, across) = best;
    let n = count as f64;
    let chance = (2.0 * (-6.0 * (across as f64).powi(2) / (n.powi(3) + n.powi(2))).exp()).min(1.0);
    let (before, after) = (median(values.get(..at)?)?, median(values.get(at..)?)?);
    let told = (after - before).abs() > WORTH_TELLING * before.abs().min(after.abs());
    (told && chance < SIGNIFICANCE).then_some(Change { at, before, after, chance })
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::call::SplitMix;
    use crate::statistics::normal;

    fn row(count: usize, seed: u64, truth: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut random = SplitMix::new(seed);
        (0..count).map(|at| truth(at) * (0.05 * normal(&mut random)).exp()).collect()
    }

    #[test]
    fn a_warm_up_is_cut_where_it_ends() {
        let cold = row(50, 1, |slice| if slice < 25 { 20.0 } else { 2.0 });
        let found = change(&cold).expect("a change");
        assert!(found.at.abs_diff(25) <= 1, "{found:?}");
        assert!((19.0..21.0).contains(&found.before) && (1.9..2.1).contains(&found.after), "{found:?}");
        let short = change(&row(100, 2, |slice| if slice < 15 { 20.0 } else { 2.0 })).expect("a change");
        assert!(short.at.abs_diff(15) <= 1, "{short:?}");
    }

    #[test]
    fn a_drift_is_no_steady_state_and_noise_is() {
        assert!(change(&row(60, 3, |slice| 10.0 + 0.1 * slice as f64)).is_some());
        let restless = (0..500).filter(|seed| change(&row(60, *seed, |_| 10.0)).is_some()).count();
        assert!(restless <= 25, "{restless} of 500");
        for short in [&[][..], &[1.0], &[1.0, 2.0], &[3.0; 100]] {
            assert_eq!(change(short), None);
        }
    }
}
