//! Whether the calls that were sent arrived as they were meant to.

use crate::call::Arrivals;
use crate::drive::schedule::Schedule;
use crate::results::ArrivalTest;

/// How many sends are kept for the test.
pub const KEPT: usize = 10_000;

/// Compares the first sends, in nanoseconds from the beginning, with what `schedule` asked for; none where there are
/// too few to tell.
pub fn test(sent: &[u64], schedule: &Schedule) -> Option<ArrivalTest> {
    if sent.len() < 10 {
        return None;
    }
    // Gaps in calls, not in time, so that the steps of a ramp do not matter.
    let mut gaps: Vec<f64> =
        sent.windows(2).map(|pair| schedule.expected(pair[1]) - schedule.expected(pair[0])).collect();
    let (statistic, p) = match schedule.arrivals() {
        Arrivals::Poisson => kolmogorov(&mut gaps),
        Arrivals::Constant => {
            let off = gaps.iter().filter(|gap| (**gap - 1.0).abs() > 0.1).count();
            let share = off as f64 / gaps.len() as f64;
            (share, 1.0 - share)
        }
    };
    Some(ArrivalTest { sends: sent.len() as u64, statistic, p })
}

/// The distance of Kolmogorov and Smirnov between `gaps` and the exponential distribution of mean 1, and the
/// probability of one so large by chance (Stephens 1970). Sorts the gaps.
pub fn kolmogorov(gaps: &mut [f64]) -> (f64, f64) {
    gaps.sort_by(f64::total_cmp);
    let n = gaps.len() as f64;
    let distance = gaps.iter().enumerate().fold(0.0f64, |most, (index, gap)| {
        let expected = 1.0 - (-gap).exp();
        most.max(expected - index as f64 / n).max((index + 1) as f64 / n - expected)
    });
    let scaled = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k * k) * scaled * scaled).exp()
    };
    let p = if scaled < 0.2 { 1.0 } else { (1..=100).map(term).sum::<f64>().clamp(0.0, 1.0) };
    (distance, p)
}

#[cfg(test)]
mod tests {
    use super::{kolmogorov, test};
    use crate::call::Arrivals;
    use crate::drive::schedule::{Limit, Pace, Schedule};

    #[test]
    fn the_quantiles_of_the_exponential_distribution_fit_it_and_others_do_not() {
        let mut exact: Vec<f64> = (0..1000).map(|k| -((1.0 - (f64::from(k) + 0.5) / 1000.0).ln())).collect();
        let (distance, p) = kolmogorov(&mut exact);
        assert!((distance - 0.0005).abs() < 1e-9 && p > 0.999, "{distance} {p}");
        // 1.358 / sqrt(n) is the bound of 5 % for large n.
        let bound = 1.358 / 1000f64.sqrt();
        let mut shifted: Vec<f64> = exact.iter().map(|gap| -((-gap).exp() * (1.0 - bound)).ln()).collect();
        let (_, p) = kolmogorov(&mut shifted);
        assert!((0.03..0.07).contains(&p), "{p}");
    }

    #[test]
    fn bunched_sends_are_told_from_spaced_ones() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let pace = Pace { steps: vec![(1_000.0, u64::MAX)], arrivals, seed: 3 };
            let mut schedule = Schedule::new(&pace, Limit::Calls(5_000));
            let due: Vec<u64> = std::iter::from_fn(|| schedule.pop()).collect();
            let right = test(&due, &schedule).expect("enough");
            // A generator that only wakes every 10 ms.
            let bunched: Vec<u64> = due.iter().map(|due| due.next_multiple_of(10_000_000)).collect();
            let wrong = test(&bunched, &schedule).expect("enough");
            assert!(right.p > 0.05 && wrong.p < 0.01, "{arrivals}: {right:?} {wrong:?}");
            assert_eq!(test(&due[..5], &schedule), None);
        }
    }
}
