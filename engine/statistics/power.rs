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
    let freedom = (a.len() + b.len()).checked_sub(2).filter(|freedom| *freedom > 0)? as f64;
    let pooled = (variance(&a) * (a.len() - 1) as f64 + variance(&b) * (b.len() - 1) as f64) / freedom;
    let student = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let sides = SIGNIFICANCE / comparisons.max(1) as f64 / 2.0;
    let reach = student.inverse_cdf(1.0 - sides) + student.inverse_cdf(POWER);
    let error = (pooled * (1.0 / a.len() as f64 + 1.0 / b.len() as f64) / OF_RANKS).sqrt();
    Some((reach * error).exp())
}

#[cfg(test)]
mod tests {
    use super::smallest_factor;
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
