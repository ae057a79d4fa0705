//! Whether a trial was steady: one whose replies change their pace in its middle has no single figure.

use crate::figures::{listed, time};
use crate::report::words::{About, Remark};
use crate::results::{Record, Slice};
use crate::statistics::steady::change;

/// The median of a slice is exact to one sixteenth; a smaller change than this may be no more than its rounding.
const BEYOND_ROUNDING: f64 = 0.15;

/// Where the pace of a trial changed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Unsteady {
    /// When, in nanoseconds from the barrier.
    pub until_ns: f64,
    /// The median response time until then, in nanoseconds.
    pub before_ns: f64,
    /// The same from then on.
    pub after_ns: f64,
}

impl Unsteady {
    /// By what factor the pace changed, at least 1.
    fn factor(&self) -> f64 {
        (self.before_ns / self.after_ns).max(self.after_ns / self.before_ns)
    }
}

/// Where the median response time of the slices changes; none where it is steady.
///
/// Slices without an answered call have no median and are left out.
pub fn unsteady(timeline: &[Slice]) -> Option<Unsteady> {
    let answered: Vec<&Slice> = timeline.iter().filter(|slice| slice.ok > 0).collect();
    let medians: Vec<f64> = answered.iter().map(|slice| slice.p50_ns as f64).collect();
    let found = change(&medians)?;
    let until_ns = answered.get(found.at)?.start_ns as f64;
    let unsteady = Unsteady { until_ns, before_ns: found.before, after_ns: found.after };
    (unsteady.factor() > 1.0 + BEYOND_ROUNDING).then_some(unsteady)
}

/// Whether one trial was steady.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Which trial.
    pub trial: u32,
    /// Where its pace changed; none where it was steady.
    pub change: Option<Unsteady>,
}

/// The pace of each trial of a cell that has figures.
pub fn paces(records: &[&Record]) -> Vec<Pace> {
    let of = |record: &&Record| {
        let change = unsteady(&record.measured.as_ref()?.timeline);
        Some(Pace { trial: record.trial, change })
    };
    records.iter().filter_map(of).collect()
}

/// The trial of a cell whose pace changed most, where more than half of its trials were not steady.
pub fn worst(paces: &[Pace]) -> Option<(u32, Unsteady)> {
    let found = || paces.iter().filter_map(|pace| Some((pace.trial, pace.change?)));
    let worst = found().max_by(|a, b| a.1.factor().total_cmp(&b.1.factor()))?;
    (found().count() * 2 > paces.len()).then_some(worst)
}

/// A remark on a cell of which more than half of the trials were not steady, in words of the worst of them.
pub fn remark(id: &str, paces: &[Pace]) -> Option<Remark> {
    let (_, Unsteady { until_ns, before_ns, after_ns }) = worst(paces)?;
    let unsteady = paces.iter().filter(|pace| pace.change.is_some());
    let numbers: Vec<String> = unsteady.map(|pace| pace.trial.to_string()).collect();
    let (word, most) = if numbers.len() == 1 { ("trial", "") } else { ("trials", "most of all ") };
    Some(Remark {
        of: id.to_owned(),
        which: format!("not steady in {word} {}", listed(&numbers)),
        reason: format!("{most}until {} p50 {}, then {}", time(until_ns), time(before_ns), time(after_ns)),
        about: About::Pace,
    })
}

#[cfg(test)]
mod tests {
    use super::unsteady;
    use crate::results::Slice;

    fn timeline(p50_ns: impl Fn(u64) -> Option<u64>) -> Vec<Slice> {
        let slice = |at: u64| {
            let p50_ns = p50_ns(at);
            Slice {
                start_ns: at * 80_000_000,
                length_ns: 80_000_000,
                ok: u64::from(p50_ns.is_some()),
                failed: 0,
                mean_ns: p50_ns.unwrap_or(0),
                p50_ns: p50_ns.unwrap_or(0),
                p99_ns: p50_ns.unwrap_or(0),
                max_ns: p50_ns.unwrap_or(0),
                times: Vec::new(),
            }
        };
        (0..125).map(slice).collect()
    }

    #[test]
    fn a_cold_start_is_cut_where_it_ends() {
        let cold = timeline(|at| Some(if at < 63 { 20_000_000 } else { 2_000_000 } + at % 3 * 1000));
        let found = unsteady(&cold).expect("it is not steady");
        assert!((4.9e9..5.2e9).contains(&found.until_ns), "{found:?}");
        assert!((found.factor() - 10.0).abs() < 0.1, "{found:?}");
    }

    #[test]
    fn rounding_and_silence_are_no_change() {
        assert_eq!(unsteady(&timeline(|at| Some(if at < 60 { 1_600_000 } else { 1_700_000 }))), None);
        assert_eq!(unsteady(&timeline(|at| (at < 60).then_some(1_600_000))), None);
        assert_eq!(unsteady(&[]), None);
    }
}
