//! Whether the calls that were sent arrived as they were meant to.

use crate::call::Arrivals;
use crate::drive::schedule::Schedule;
use crate::results::ArrivalTest;
use crate::statistics::fit::exponential;

/// How many sends are kept for the test.
pub const KEPT: usize = 10_000;

/// Compares the first sends, in nanoseconds from the beginning, with what `schedule` asked for; none where there are
/// too few to tell.
pub fn test(sent: &[u64], schedule: &Schedule) -> Option<ArrivalTest> {
    if sent.len() < 10 {
        return None;
    }
    // Gaps in calls, not in time, so that the steps of a ramp do not matter.
    let gaps: Vec<f64> = sent.windows(2).map(|pair| schedule.expected(pair[1]) - schedule.expected(pair[0])).collect();
    let (statistic, p) = match schedule.arrivals() {
        Arrivals::Poisson => {
            let fit = exponential(&gaps, 1.0);
            (fit.distance, fit.chance)
        }
        Arrivals::Constant => {
            let off = gaps.iter().filter(|gap| (**gap - 1.0).abs() > 0.1).count();
            let share = off as f64 / gaps.len() as f64;
            (share, 1.0 - share)
        }
    };
    Some(ArrivalTest { sends: sent.len() as u64, statistic, p })
}

#[cfg(test)]
mod tests {
    use super::test;
    use crate::call::Arrivals;
    use crate::drive::schedule::{Limit, RateProfile, RateStep, Schedule};

    #[test]
    fn bunched_sends_are_told_from_spaced_ones() {
        for arrivals in [Arrivals::Constant, Arrivals::Poisson] {
            let profile = RateProfile { steps: vec![RateStep::held(1_000.0, u64::MAX)], arrivals, seed: 3, part: None };
            let mut schedule = Schedule::new(&profile, Limit::Calls(5_000));
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
