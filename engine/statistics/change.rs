//! How sure it is that a figure, or a share of failed calls, has grown from one run to the next.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

use crate::statistics::{mean, variance};

/// The chance of trials like these where the figure of `new` is at most `limit` times that of `old` (Welch's test of the
/// logarithms, one side); none of fewer than two trials a side, or where one is not positive.
pub fn chance_of_no_growth(old: &[f64], new: &[f64], limit: f64) -> Option<f64> {
    let usable = |values: &[f64]| values.len() >= 2 && values.iter().all(|value| value.is_finite() && *value > 0.0);
    if !usable(old) || !usable(new) {
        return None;
    }
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<f64>>();
    let (old, new) = (logs(old), logs(new));
    let beyond = mean(&new) - mean(&old) - limit.ln();
    let (of_old, of_new) = (variance(&old) / old.len() as f64, variance(&new) / new.len() as f64);
    if of_old + of_new == 0.0 {
        return Some(if beyond > 0.0 { 0.0 } else { 1.0 });
    }
    // Welch and Satterthwaite.
    let freedom =
        (of_old + of_new).powi(2) / (of_old.powi(2) / (old.len() - 1) as f64 + of_new.powi(2) / (new.len() - 1) as f64);
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.sf(beyond / (of_old + of_new).sqrt()))
}

/// The calls of one trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calls {
    /// Those that failed.
    pub failed: u64,
    /// All of them.
    pub all: u64,
}

/// The chance of so many failures in the trials of `new` where calls fail no more often than in those of `old`: the
/// exact test of two rates (Przyborowski and Wilenski), one side. Failures that come in bursts, so that trials of one run
/// differ by more than chance allows, count as so many fewer.
pub fn chance_of_no_more_failures(old: &[Calls], new: &[Calls]) -> f64 {
    let sum = |trials: &[Calls]| {
        let sum = |of: fn(&Calls) -> u64| trials.iter().map(of).sum::<u64>() as f64;
        (sum(|calls| calls.failed), sum(|calls| calls.all))
    };
    let ((failed_before, all_before), (failed, all)) = (sum(old), sum(new));
    if failed == 0.0 || all == 0.0 || all_before == 0.0 {
        return 1.0;
    }
    let burst = burst(&[old, new]);
    let (failed_before, failed) = (failed_before / burst, failed / burst);
    // Of all failures, at least so many fall to the new run.
    beta_reg(failed, failed_before + 1.0, all / (all + all_before))
}

/// How many failures come together, about: by how much trials of the same run differ more than chance allows (Pearson).
fn burst(runs: &[&[Calls]]) -> f64 {
    let (mut distance, mut freedom) = (0.0, 0);
    for trials in runs {
        let (failed, all) = trials.iter().fold((0, 0), |(failed, all), calls| (failed + calls.failed, all + calls.all));
        let share = failed as f64 / all as f64;
        if share > 0.0 && share < 1.0 {
            freedom += trials.len() - 1;
            distance += trials
                .iter()
                .filter(|calls| calls.all > 0)
                .map(|calls| {
                    let expected = share * calls.all as f64;
                    (calls.failed as f64 - expected).powi(2) / (expected * (1.0 - share))
                })
                .sum::<f64>();
        }
    }
    if freedom == 0 { 1.0 } else { (distance / freedom as f64).max(1.0) }
}

#[cfg(test)]
mod tests {
    use super::{Calls, chance_of_no_growth, chance_of_no_more_failures};
    use crate::call::SplitMix;
    use crate::statistics::{normal, unit};

    /// The share of 2,000 made-up pairs of runs for which this holds.
    fn share(holds: impl Fn(&mut SplitMix) -> bool) -> f64 {
        let mut random = SplitMix::new(5);
        (0..2000).filter(|_| holds(&mut random)).count() as f64 / 2000.0
    }

    #[test]
    fn growth_is_seen_where_it_is_and_seldom_where_it_is_not() {
        let trials = |truth: f64, random: &mut SplitMix| -> Vec<f64> {
            (0..5).map(|_| truth * (0.03 * normal(random)).exp()).collect()
        };
        let grown = |factor: f64| {
            share(|random| {
                let (old, new) = (trials(100.0, random), trials(100.0 * factor, random));
                chance_of_no_growth(&old, &new, 1.1).is_some_and(|chance| chance < 0.025)
            })
        };
        assert!(grown(1.0) < 0.002, "well within the limit");
        assert!((0.01..0.04).contains(&grown(1.1)), "on the limit it is wrong as often as it says: {}", grown(1.1));
        assert!(grown(1.3) > 0.95, "{}", grown(1.3));
    }

    #[test]
    fn what_has_no_spread_or_no_figure_is_judged_too() {
        assert_eq!(chance_of_no_growth(&[1.0, 1.0], &[2.0, 2.0], 1.1), Some(0.0));
        assert_eq!(chance_of_no_growth(&[1.0, 1.0], &[1.0, 1.0], 1.1), Some(1.0));
        for bad in [&[1.0][..], &[], &[1.0, 0.0], &[1.0, f64::INFINITY]] {
            assert_eq!(chance_of_no_growth(&[1.0, 1.0], bad, 1.0), None);
        }
    }

    #[test]
    fn more_failures_are_seen_where_they_are_and_seldom_where_they_are_not() {
        // Each trial has its own share of failures: without bursts it is always the same.
        let trials = |share: f64, bursts: bool, random: &mut SplitMix| -> Vec<Calls> {
            let one = |random: &mut SplitMix| {
                let own = if bursts { share * 5.0 * f64::from(u8::from(unit(random) < 0.2)) } else { share };
                Calls { failed: (0..400).filter(|_| unit(random) < own).count() as u64, all: 400 }
            };
            (0..5).map(|_| one(random)).collect()
        };
        let more = |old: f64, new: f64, bursts: bool| {
            share(|random| {
                let (old, new) = (trials(old, bursts, random), trials(new, bursts, random));
                chance_of_no_more_failures(&old, &new) < 0.025
            })
        };
        assert!(more(0.02, 0.02, false) < 0.035, "{}", more(0.02, 0.02, false));
        assert!(more(0.02, 0.02, true) < 0.06, "{}", more(0.02, 0.02, true));
        assert!(more(0.0, 0.3, false) > 0.999);
        assert!(more(0.02, 0.06, false) > 0.95, "{}", more(0.02, 0.06, false));
    }

    #[test]
    fn failures_that_are_few_or_come_at_once_prove_nothing() {
        let calls = |failed: u64| Calls { failed, all: 2000 };
        let none = [calls(0); 5];
        assert!(chance_of_no_more_failures(&none, &[0, 0, 1, 0, 1].map(calls)) > 0.05);
        assert!(chance_of_no_more_failures(&none, &[0, 0, 100, 0, 0].map(calls)) > 0.05, "one hold-up of the machine");
        assert!(chance_of_no_more_failures(&none, &[20; 5].map(calls)) < 1e-9);
        assert!(chance_of_no_more_failures(&none, &[calls(600)]) < 1e-9, "one trial is no burst");
        assert_eq!(chance_of_no_more_failures(&none, &none), 1.0);
        assert_eq!(chance_of_no_more_failures(&[], &none), 1.0);
    }
}
