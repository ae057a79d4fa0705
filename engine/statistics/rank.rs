//! Whether two targets differ: by the ranks of their trials, and corrected for how often one looks.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::statistics::SIGNIFICANCE;

/// Up to so many trials of both together every way to share out the ranks is counted.
const EXACT_UP_TO: usize = 40;

/// The chance that trials alike would differ in rank as much as these or more (Mann and Whitney, both sides).
///
/// It is exact for up to forty trials, ties included, and normal with corrections for ties and continuity beyond. A
/// trial without a figure may stand as infinity: it ranks last, and ties with others like it.
pub fn mann_whitney(own: &[f64], other: &[f64]) -> f64 {
    if own.is_empty() || other.is_empty() {
        return 1.0;
    }
    let ranks = doubled_ranks(own, other);
    if ranks.len() <= EXACT_UP_TO { exact(&ranks, own.len()) } else { approximate(&ranks, own.len()) }
}

/// Twice the rank of each value, those of `own` first; values that tie share the mean of their ranks.
fn doubled_ranks(own: &[f64], other: &[f64]) -> Vec<u64> {
    let all: Vec<f64> = own.iter().chain(other).copied().collect();
    let below = |value: f64| all.iter().filter(|other| **other < value).count() as u64;
    let equal = |value: f64| all.iter().filter(|other| **other == value).count() as u64;
    all.iter().map(|value| 2 * below(*value) + equal(*value) + 1).collect()
}

fn exact(ranks: &[u64], own: usize) -> f64 {
    // Without ties all of them are even, and half of the sums would be counted for nothing.
    let step = if ranks.iter().all(|rank| rank.is_multiple_of(2)) { 2 } else { 1 };
    let ranks: Vec<u64> = ranks.iter().map(|rank| rank / step).collect();
    let total: u64 = ranks.iter().sum();
    // In how many ways so many of the ranks add up to so much.
    let mut ways = vec![vec![0.0f64; total as usize + 1]; own + 1];
    ways[0][0] = 1.0;
    for rank in &ranks {
        for taken in (1..=own).rev() {
            let (fewer, with) = ways.split_at_mut(taken);
            for (sum, from) in (*rank as usize..=total as usize).zip(&fewer[taken - 1]) {
                with[0][sum] += from;
            }
        }
    }
    let distance = |sum: u64| (sum * ranks.len() as u64).abs_diff(total * own as u64);
    let seen = distance(ranks[..own].iter().sum());
    let (mut extreme, mut all) = (0.0, 0.0);
    for (sum, ways) in ways[own].iter().enumerate() {
        all += ways;
        extreme += if distance(sum as u64) >= seen { *ways } else { 0.0 };
    }
    extreme / all
}

fn approximate(ranks: &[u64], own: usize) -> f64 {
    let (n, m) = (ranks.len() as f64, own as f64);
    let sum = ranks[..own].iter().sum::<u64>() as f64 / 2.0;
    let expected = m * (n + 1.0) / 2.0;
    // The variance of ranks that tie is what it is, and needs no correction.
    let spread = ranks.iter().map(|rank| (*rank as f64 / 2.0 - (n + 1.0) / 2.0).powi(2)).sum::<f64>() / (n - 1.0);
    let deviation = (m * (n - m) / n * spread).sqrt();
    if deviation == 0.0 {
        return 1.0;
    }
    let z = ((sum - expected).abs() - 0.5).max(0.0) / deviation;
    (2.0 * Normal::standard().sf(z)).min(1.0)
}

/// The same chances, corrected so that looking often finds no more than looking once (Holm).
pub fn holm(chances: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..chances.len()).collect();
    order.sort_by(|a, b| chances[*a].total_cmp(&chances[*b]));
    let mut corrected = vec![1.0; chances.len()];
    let mut least: f64 = 0.0;
    for (at, index) in order.into_iter().enumerate() {
        least = least.max((chances[index] * (chances.len() - at) as f64).min(1.0));
        corrected[index] = least;
    }
    corrected
}

/// The smallest chance that so many trials of either can give: two of all the ways to share out the ranks.
pub fn smallest_chance(own: usize, other: usize) -> f64 {
    let ways = (1..=own).fold(1.0, |ways, at| ways * (other + at) as f64 / at as f64);
    (2.0 / ways).min(1.0)
}

/// True where so many trials of either can show a difference among so many comparisons.
pub fn can_differ(own: usize, other: usize, comparisons: usize) -> bool {
    smallest_chance(own, other) * comparisons.max(1) as f64 <= SIGNIFICANCE
}

/// How many trials of either it takes to show a difference among so many comparisons.
pub fn trials_to_differ(comparisons: usize) -> usize {
    (1..).find(|trials| can_differ(*trials, *trials, comparisons)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::{can_differ, holm, mann_whitney, smallest_chance, trials_to_differ};
    use crate::call::SplitMix;
    use crate::statistics::SIGNIFICANCE;
    use crate::statistics::interval::{Trials, ratio};
    use crate::statistics::normal;

    /// The shares of runs that find a difference, by ranks and by the interval of the ratio; `measure` is told the
    /// side, the place in time and what is random.
    fn found(
        order: impl Fn(&mut SplitMix) -> Vec<bool>,
        measure: impl Fn(bool, usize, &mut SplitMix) -> f64,
    ) -> [f64; 2] {
        let (runs, mut random) = (1000, SplitMix::new(7));
        let mut found = [0.0; 2];
        for _ in 0..runs {
            let (mut a, mut b) = (Vec::new(), Vec::new());
            for (time, first) in order(&mut random).into_iter().enumerate() {
                if first { &mut a } else { &mut b }.push(measure(first, time, &mut random));
            }
            let ratio = ratio(Trials::new(&a, &[]), Trials::new(&b, &[])).expect("trials enough");
            found[0] += f64::from(mann_whitney(&a, &b) < SIGNIFICANCE) / f64::from(runs);
            found[1] += f64::from(ratio.low > 1.0 || ratio.high < 1.0) / f64::from(runs);
        }
        found
    }

    /// Ten trials of either, in random blocks of one each.
    fn interleaved(random: &mut SplitMix) -> Vec<bool> {
        (0..10).flat_map(|_| if random.below(2) == 0 { [true, false] } else { [false, true] }).collect()
    }

    fn noisy(truth: f64, random: &mut SplitMix) -> f64 {
        truth * (0.02 * normal(random)).exp()
    }

    #[test]
    fn alike_is_seldom_called_different() {
        let found = found(interleaved, |_, _, random| noisy(100.0, random));
        assert!(found.iter().all(|share| *share <= 0.065), "{found:?}");
        assert!(found.iter().all(|share| *share > 0.02), "no test can be that sure: {found:?}");
    }

    #[test]
    fn five_percent_are_found_where_trials_differ_by_two() {
        let found = found(interleaved, |first, _, random| noisy(if first { 105.0 } else { 100.0 }, random));
        assert!(found.iter().all(|share| *share >= 0.95), "{found:?}");
    }

    #[test]
    fn a_drift_deceives_only_those_who_run_one_after_the_other() {
        let drifting = |_, time: usize, random: &mut SplitMix| noisy(100.0 * 1.01f64.powi(time as i32), random);
        let alternating = found(interleaved, drifting);
        assert!(alternating.iter().all(|share| *share <= 0.065), "{alternating:?}");
        let in_sequence = found(|_| [[true; 10], [false; 10]].concat(), drifting);
        assert!(in_sequence.iter().all(|share| *share >= 0.95), "{in_sequence:?}");
    }

    #[test]
    fn corrected_chances_grow_with_the_family_and_keep_their_order() {
        let corrected = holm(&[0.04, 0.01, 0.03]);
        for (is, due) in corrected.iter().zip([0.06, 0.03, 0.06]) {
            assert!((is - due).abs() < 1e-12, "{corrected:?}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn few_trials_cannot_show_much() {
        assert!((smallest_chance(5, 5) - 2.0 / 252.0).abs() < 1e-12);
        assert!((smallest_chance(3, 5) - 2.0 / 56.0).abs() < 1e-12);
        assert_eq!([smallest_chance(1, 1), smallest_chance(0, 9)], [1.0, 1.0]);
        let apart = mann_whitney(&[1.0, 2.0, 3.0, 4.0, 5.0], &[6.0, 7.0, 8.0, 9.0, 10.0]);
        assert!((apart - smallest_chance(5, 5)).abs() < 1e-12, "{apart}");
        assert!(can_differ(5, 5, 6) && !can_differ(5, 5, 7) && !can_differ(3, 3, 1));
        assert_eq!([trials_to_differ(1), trials_to_differ(7), trials_to_differ(1000)], [4, 6, 9]);
    }

    #[test]
    fn trials_without_a_figure_rank_last_and_alike() {
        let worst = [f64::INFINITY; 5];
        assert!(mann_whitney(&[1.0, 2.0, 3.0, 4.0, 5.0], &worst) < 0.01);
        assert_eq!(mann_whitney(&worst, &worst), 1.0);
        assert_eq!(mann_whitney(&[], &worst), 1.0);
    }
}
