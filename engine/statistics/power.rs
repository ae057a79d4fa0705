//! The smallest difference that a run could have shown, so that “no difference shown” says how little that rules out.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::statistics::rank::can_differ;
use crate::statistics::{SIGNIFICANCE, variance};

/// How often a difference of that size would be found.
const POWER: f64 = 0.8;

/// What the ranks of normal values lose of their efficiency, against the values themselves.
const OF_RANKS: f64 = 3.0 / std::f64::consts::PI;

/// The factor, above 1, between two targets whose trials spread like these that a run like this one would show four
/// times in five, as one of so many comparisons; none where it could show none.
pub fn smallest_factor(own: &[f64], other: &[f64], comparisons: usize) -> Option<f64> {
    let positive = own.iter().chain(other).all(|value| value.is_finite() && *value > 0.0);
    if !positive || !can_differ(own.len(), other.len(), comparisons) {
        return None;
    }
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let (a, b) = (logs(own), logs(other));
    let reach = reach(a.len(), b.len(), comparisons)?;
    Some((reach * error((&a, &b), (a.len(), b.len()))).exp())
}

/// More trials than this nobody makes.
pub const MOST: usize = 1_000;

/// With how many trials of each two targets would be told apart four times in five, if they truly differ by as much as
/// these trials do and spread like them, as one of so many comparisons; none where that takes more than 1,000.
pub fn trials_to_decide(own: &[f64], other: &[f64], comparisons: usize) -> Option<usize> {
    let positive = own.iter().chain(other).all(|value| value.is_finite() && *value > 0.0);
    if !positive || own.len() < 2 || other.len() < 2 {
        return None;
    }
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let (a, b) = (logs(own), logs(other));
    let middle = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let difference = (middle(&a) - middle(&b)).abs();
    let shows = |trials: usize| {
        can_differ(trials, trials, comparisons)
            && reach(trials, trials, comparisons)
                .is_some_and(|reach| reach * error((&a, &b), (trials, trials)) <= difference)
    };
    // More trials show whatever fewer do.
    let (mut least, mut most) = (2, MOST);
    while least < most {
        let middle = (least + most) / 2;
        if shows(middle) { most = middle } else { least = middle + 1 }
    }
    shows(least).then_some(least)
}

/// By how many standard errors a difference must be away from none to be shown four times in five.
fn reach(own: usize, other: usize, comparisons: usize) -> Option<f64> {
    let freedom = (own + other).checked_sub(2).filter(|freedom| *freedom > 0)? as f64;
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let sides = SIGNIFICANCE / comparisons.max(1) as f64 / 2.0;
    Some(student.inverse_cdf(1.0 - sides) + student.inverse_cdf(POWER))
}

/// The standard error of a difference by ranks between so many trials that spread like these.
fn error((a, b): (&[f64], &[f64]), (own, other): (usize, usize)) -> f64 {
    let freedom = (a.len() + b.len()).saturating_sub(2).max(1) as f64;
    let pooled =
        (variance(a) * a.len().saturating_sub(1) as f64 + variance(b) * b.len().saturating_sub(1) as f64) / freedom;
    (pooled * (1.0 / own as f64 + 1.0 / other as f64) / OF_RANKS).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{smallest_factor, trials_to_decide};
    use crate::call::SplitMix;
    use crate::statistics::normal;
    use crate::statistics::rank::mann_whitney;

    #[test]
    fn a_difference_of_that_size_is_found_four_times_in_five() {
        let mut random = SplitMix::new(3);
        let mut trials =
            |truth: f64| -> Vec<f64> { (0..10).map(|_| truth * (0.05 * normal(&mut random)).exp()).collect() };
        let (mut found, mut factors) = (0, 0.0);
        for _ in 0..1000 {
            factors += smallest_factor(&trials(100.0), &trials(100.0), 1).expect("trials enough") / 1000.0;
        }
        for _ in 0..1000 {
            found += u32::from(mann_whitney(&trials(100.0 * factors), &trials(100.0)) < 0.05);
        }
        assert!((720..=880).contains(&found), "{found} of 1000 at {factors}");
    }

    #[test]
    fn so_many_trials_decide_four_times_in_five() {
        let mut random = SplitMix::new(5);
        let mut trials = |truth: f64, count: usize| -> Vec<f64> {
            (0..count).map(|_| truth * (0.1 * normal(&mut random)).exp()).collect()
        };
        // Many trials tell the spread and the difference as they are.
        let count = trials_to_decide(&trials(107.0, 4000), &trials(100.0, 4000), 1).expect("it can be decided");
        assert!((25..50).contains(&count), "{count}");
        let found = (0..500).filter(|_| mann_whitney(&trials(107.0, count), &trials(100.0, count)) < 0.05).count();
        assert!((360..=440).contains(&found), "{found} of 500 with {count} trials");
    }

    #[test]
    fn more_comparisons_and_less_difference_take_more_trials() {
        let own = [100.0, 104.0, 96.0, 102.0, 98.0];
        let than = |factor: f64, comparisons| trials_to_decide(&own, &own.map(|value| value * factor), comparisons);
        assert!(than(1.02, 1) > than(1.05, 1) && than(1.05, 9) > than(1.05, 1), "{:?}", than(1.05, 9));
        assert_eq!(than(1.5, 1), Some(4), "fewer cannot rank at all");
        assert_eq!([than(1.0, 1), than(1.0001, 1)], [None, None]);
        assert_eq!(trials_to_decide(&own, &[f64::INFINITY; 5], 1), None);
        assert_eq!(trials_to_decide(&own[..1], &own, 1), None);
    }

    #[test]
    fn what_cannot_be_shown_has_no_size() {
        let five = [100.0, 101.0, 99.0, 102.0, 98.0];
        let (alone, among) = (smallest_factor(&five, &five, 1), smallest_factor(&five, &five, 6));
        assert!(among > alone && alone > Some(1.0), "{alone:?} {among:?}");
        assert_eq!(smallest_factor(&five, &five, 7), None);
        assert_eq!(smallest_factor(&five[..3], &five, 1), Some(smallest_factor(&five[..3], &five, 1).expect("5 v 3")));
        assert_eq!(smallest_factor(&five, &[f64::INFINITY; 5], 1), None);
        assert_eq!(smallest_factor(&[], &five, 1), None);
    }
}
