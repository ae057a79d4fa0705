//! What a search has to find, and how closely.

use std::time::Duration;

use crate::scenario::expect::Expectation;

/// A search for the highest rate at which everything that is expected holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Search {
    /// What has to hold.
    pub limits: Vec<Expectation>,
    /// It is over when a rate that holds and one that does not are within this factor of each other.
    pub close: f64,
    /// About where it begins, in calls per second.
    pub start: f64,
    /// How long a probe lasts at most, and how many calls it makes at least all the same; none where each lasts as long
    /// as the workload says.
    pub short: Option<(Duration, f64)>,
}

impl Search {
    /// How close the ends of a search are.
    pub const CLOSE: f64 = 1.05;
    /// How close those of a quick one are.
    pub const ROUGHLY: f64 = 1.2;

    /// One whose probes are as long as the workload says. It begins low: little for every server but a very slow one.
    pub fn thorough(limits: Vec<Expectation>) -> Self {
        Search { limits, close: Self::CLOSE, start: 50.0, short: None }
    }

    /// The same in a few seconds: short probes from a rate that most servers hold, and a rough end.
    pub fn quick(self) -> Self {
        Search { close: Self::ROUGHLY, start: 1_000.0, short: Some((Duration::from_millis(100), 20.0)), ..self }
    }

    /// How long a probe of `rate` lasts where the workload says `written`.
    pub fn window(&self, rate: f64, written: Duration) -> Duration {
        self.short.map_or(written, |(short, calls)| {
            let enough = Duration::try_from_secs_f64(calls / rate).unwrap_or(written);
            short.max(enough).min(written)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Search;

    #[test]
    fn a_quick_probe_is_short_but_makes_calls_enough() {
        let (ms, written) = (Duration::from_millis, Duration::from_secs(2));
        let thorough = Search::thorough(Vec::new());
        assert_eq!([10.0, 1e6].map(|rate| thorough.window(rate, written)), [written; 2]);
        let quick = thorough.quick();
        let windows = [1.0, 10.0, 100.0, 1e6].map(|rate| quick.window(rate, written));
        assert_eq!(windows, [written, written, ms(200), ms(100)]);
        assert_eq!(quick.window(1e6, ms(50)), ms(50), "never longer than is written");
    }
}
