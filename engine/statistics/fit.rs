//! Whether values follow the distribution that they should (Kolmogorov and Smirnov).

use serde::Serialize;

/// How far values are from a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fit {
    /// The largest distance between the share of values below a point and the share that should be there.
    pub distance: f64,
    /// The chance of being this far off or farther by luck, within 0.01 from fifty values on.
    pub chance: f64,
}

/// Compares values with the distribution that gives the share at or below each point.
///
/// Where a parameter of the distribution was estimated from the same values, the chance is too large.
pub fn fit(values: &[f64], share_below: impl Fn(f64) -> f64) -> Fit {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let distance = sorted.iter().enumerate().fold(0.0f64, |distance, (at, value)| {
        let share = share_below(*value);
        distance.max(share - at as f64 / count).max((at + 1) as f64 / count - share)
    });
    Fit { distance, chance: if sorted.is_empty() { 1.0 } else { chance(distance, count) } }
}

/// Compares gaps with those of Poisson arrivals whose mean gap is `mean`.
pub fn exponential(gaps: &[f64], mean: f64) -> Fit {
    fit(gaps, |gap| if gap <= 0.0 { 0.0 } else { 1.0 - (-gap / mean).exp() })
}

/// Compares values with those that fall anywhere from `from` to `to` alike.
pub fn uniform(values: &[f64], from: f64, to: f64) -> Fit {
    fit(values, |value| ((value - from) / (to - from)).clamp(0.0, 1.0))
}

/// Kolmogorov's limit, with Stephens' correction for few values.
fn chance(distance: f64, count: f64) -> f64 {
    let x = (count.sqrt() + 0.12 + 0.11 / count.sqrt()) * distance;
    if x < 0.3 {
        return 1.0;
    }
    let term = |k: i32| (if k % 2 == 1 { 2.0 } else { -2.0 }) * (-2.0 * (f64::from(k) * x).powi(2)).exp();
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::{Fit, exponential, fit, uniform};
    use crate::call::SplitMix;
    use crate::statistics::unit;

    fn gaps(seed: u64, count: usize) -> Vec<f64> {
        let mut random = SplitMix::new(seed);
        (0..count).map(|_| -(1.0 - unit(&mut random)).ln() / 80.0).collect()
    }

    #[test]
    fn what_follows_its_distribution_is_seldom_doubted() {
        let doubted = (0..1000).filter(|seed| exponential(&gaps(*seed, 200), 1.0 / 80.0).chance < 0.05).count();
        assert!((30..=70).contains(&doubted), "{doubted} of 1000");
    }

    #[test]
    fn what_does_not_is_found_out() {
        let mut constant = gaps(2, 10_000);
        assert!(exponential(&constant, 1.0 / 80.0).chance > 0.05);
        assert!(exponential(&constant, 1.0 / 90.0).chance < 0.001, "another rate");
        assert!(uniform(&constant, 0.0, 0.1).chance < 0.001, "another shape");
        constant.fill(1.0 / 80.0);
        assert!(exponential(&constant, 1.0 / 80.0).chance < 0.001, "no luck at all");
    }

    #[test]
    fn the_quantiles_of_the_exponential_distribution_fit_it_and_others_do_not() {
        let exact: Vec<f64> = (0..1000).map(|k| -((1.0 - (f64::from(k) + 0.5) / 1000.0).ln())).collect();
        let Fit { distance, chance } = exponential(&exact, 1.0);
        assert!((distance - 0.0005).abs() < 1e-9 && chance > 0.999, "{distance} {chance}");
        // 1.358 / sqrt(n) is the bound of 5 % for large n.
        let bound = 1.358 / 1000f64.sqrt();
        let shifted: Vec<f64> = exact.iter().map(|gap| -((-gap).exp() * (1.0 - bound)).ln()).collect();
        let chance = exponential(&shifted, 1.0).chance;
        assert!((0.03..0.07).contains(&chance), "{chance}");
    }

    #[test]
    fn nothing_fits_everything() {
        assert_eq!(fit(&[], |_| 0.5).chance, 1.0);
        assert_eq!(uniform(&[0.5], 0.0, 1.0).distance, 0.5);
    }
}
