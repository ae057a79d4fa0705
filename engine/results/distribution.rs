//! A distribution of times: its figures, and the histogram that they are read from.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest time that a histogram holds, in nanoseconds: one hour. A longer one is recorded as this.
pub const LONGEST_NS: u64 = 3_600_000_000_000;

/// An empty histogram of times in nanoseconds; all have the same bounds, so that any two can be added.
pub fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("1 is at least 1, and an hour is more than 2")
}

/// A distribution of times in nanoseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Distribution {
    /// How many times are in it.
    pub count: u64,
    /// The shortest, in nanoseconds; like all figures here exact to three significant digits.
    pub min_ns: u64,
    /// The mean.
    pub mean_ns: u64,
    /// The median.
    pub p50_ns: u64,
    /// 90 of 100 are at most this long.
    pub p90_ns: u64,
    /// 95 of 100 are at most this long.
    pub p95_ns: u64,
    /// 99 of 100 are at most this long.
    pub p99_ns: u64,
    /// 999 of 1,000 are at most this long.
    pub p999_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// The lowest quantile at which a call stands that was given up, so that from there on figures are lower bounds.
    pub at_least_from: Option<f64>,
    /// The whole distribution: HdrHistogram V2 with DEFLATE, in base64.
    pub histogram: String,
}

impl Distribution {
    /// The figures of `times`; `given_up_ns` is the shortest time in it after which a call was given up.
    pub fn of(times: &Histogram<u64>, given_up_ns: Option<u64>) -> Self {
        if times.is_empty() {
            return Distribution::default();
        }
        Distribution {
            count: times.len(),
            min_ns: times.min(),
            mean_ns: times.mean().round() as u64,
            p50_ns: times.value_at_quantile(0.5),
            p90_ns: times.value_at_quantile(0.9),
            p95_ns: times.value_at_quantile(0.95),
            p99_ns: times.value_at_quantile(0.99),
            p999_ns: times.value_at_quantile(0.999),
            max_ns: times.max(),
            at_least_from: given_up_ns.map(|ns| shorter(times, ns) as f64 / times.len() as f64),
            histogram: written(times),
        }
    }

    /// The whole distribution, or why its text cannot be read.
    pub fn histogram(&self) -> Result<Histogram<u64>> {
        let mut times = empty();
        if !self.histogram.is_empty() {
            let bytes = STANDARD.decode(&self.histogram).map_err(|error| unreadable(&error))?;
            let read: Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| unreadable(&error))?;
            times.add(&read).map_err(|error| unreadable(&error))?;
        }
        if times.len() != self.count {
            return Err(unreadable(&format_args!("it holds {} times, its count says {}", times.len(), self.count)));
        }
        Ok(times)
    }

    /// The shortest time after which a call was given up, as exact as `times`, this distribution's histogram.
    pub fn given_up_ns(&self, times: &Histogram<u64>) -> Option<u64> {
        let shorter = self.at_least_from? * times.len() as f64;
        // The middle of the rank that follows, so that rounding cannot reach the next one.
        Some(times.lowest_equivalent(times.value_at_quantile((shorter + 0.5) / times.len() as f64)))
    }
}

fn unreadable(why: &dyn std::fmt::Display) -> Error {
    Error::usage(format!("a histogram of the results cannot be read: {why}"))
        .help("the file was changed since it was written; take the journal beside it, or measure again")
}

/// How many times are shorter than `ns`, as far as the histogram can tell them apart.
fn shorter(times: &Histogram<u64>, ns: u64) -> u64 {
    match times.lowest_equivalent(ns.min(LONGEST_NS)) {
        0 => 0,
        lowest => times.count_between(0, lowest - 1),
    }
}

fn written(times: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    match V2DeflateSerializer::new().serialize(times, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        // Memory is the only thing that it writes to, and every count of ours fits.
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Distribution, LONGEST_NS, empty};
    use crate::error::Exit;

    #[test]
    fn a_distribution_survives_its_text() {
        let mut times = empty();
        for ns in (1..=1_000).map(|n| n * 1_000) {
            times.record(ns).expect("below an hour");
        }
        times.saturating_record(u64::MAX);
        let distribution = Distribution::of(&times, None);
        assert_eq!(distribution.count, 1_001);
        assert!((distribution.p99_ns as f64 / 991_000.0 - 1.0).abs() < 0.001, "{}", distribution.p99_ns);
        assert!(distribution.max_ns >= LONGEST_NS);
        assert_eq!(distribution.at_least_from, None);
        assert_eq!(distribution.histogram().expect("our own text"), times);
    }

    #[test]
    fn an_empty_distribution_is_all_zero() {
        let distribution = Distribution::of(&empty(), None);
        assert_eq!(distribution, Distribution::default());
        assert!(distribution.histogram().expect("empty text").is_empty());
    }

    #[test]
    fn a_call_that_was_given_up_bounds_what_stands_above_it() {
        let mut times = empty();
        for _ in 0..98 {
            times.record(1_000).expect("below an hour");
        }
        for _ in 0..2 {
            times.record(30_000_000_000).expect("below an hour");
        }
        let distribution = Distribution::of(&times, Some(30_000_000_000));
        assert_eq!(distribution.at_least_from, Some(0.98));
        let again = distribution.given_up_ns(&times).expect("there is one");
        assert!(times.equivalent(again, 30_000_000_000));
        assert_eq!(Distribution::of(&times, Some(again)), distribution);
    }

    #[test]
    fn a_broken_text_is_an_error() {
        for text in ["not base64!", "AAAA", ""] {
            let broken = Distribution { count: 1, histogram: text.to_owned(), ..Distribution::default() };
            assert_eq!(broken.histogram().expect_err("it is broken").exit(), Exit::Usage, "{text}");
        }
    }
}
