//! The times of a cell: figures of its trials, and what all calls of all trials give together.

use hdrhistogram::Histogram;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{Context, Result};
use crate::report::estimate::{Estimate, Score};
use crate::report::quantity::Quantile;
use crate::results::distribution::{Distribution, empty};

/// Samples that must lie beyond a quantile for it to be printed.
const BEYOND: f64 = 10.0;

/// Times over the trials of a cell. A quantile beyond the median is absent where some trial has fewer than ten calls
/// beyond it; the median where all trials together have fewer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Times {
    /// How many calls have a time.
    pub count: u64,
    /// The mean, in nanoseconds like all of these.
    pub mean: Option<Estimate>,
    /// The median.
    pub p50: Option<Estimate>,
    /// 90 of 100 are at most this long.
    pub p90: Option<Estimate>,
    /// 95 of 100 are at most this long.
    pub p95: Option<Estimate>,
    /// 99 of 100 are at most this long.
    pub p99: Option<Estimate>,
    /// 999 of 1,000 are at most this long.
    pub p999: Option<Estimate>,
    /// The longest of all trials.
    pub max: Option<Reading>,
    /// The quantiles of the calls of all trials together: not what trials are compared by.
    pub pooled: Pooled,
}

/// Quantiles of the calls of all trials together; one that too few calls support is absent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Pooled {
    /// 90 of 100 are at most this long.
    pub p90: Option<Reading>,
    /// 95 of 100 are at most this long.
    pub p95: Option<Reading>,
    /// 99 of 100 are at most this long.
    pub p99: Option<Reading>,
    /// 999 of 1,000 are at most this long.
    pub p999: Option<Reading>,
}

/// One time read from a distribution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Reading {
    /// In nanoseconds.
    pub ns: u64,
    /// True where calls were given up, so that the truth is this or longer.
    pub at_least: bool,
}

/// One point of the pooled response times by percentile.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// One call of so many is longer.
    pub one_beyond_of: f64,
    /// The time, in nanoseconds.
    pub ns: u64,
}

impl Times {
    /// The figure of a quantile.
    pub fn quantile(&self, quantile: Quantile) -> Option<Estimate> {
        match quantile {
            Quantile::P50 => self.p50,
            Quantile::P90 => self.p90,
            Quantile::P95 => self.p95,
            Quantile::P99 => self.p99,
            Quantile::P999 => self.p999,
        }
    }

    /// A quantile of the calls of all trials together.
    pub fn pooled(&self, quantile: Quantile) -> Option<Reading> {
        match quantile {
            Quantile::P50 => None,
            Quantile::P90 => self.pooled.p90,
            Quantile::P95 => self.pooled.p95,
            Quantile::P99 => self.pooled.p99,
            Quantile::P999 => self.pooled.p999,
        }
    }
}

/// A trial's own quantile.
pub fn quantile(of: &Distribution, quantile: Quantile) -> Score {
    let ns = match quantile {
        Quantile::P50 => of.p50_ns,
        Quantile::P90 => of.p90_ns,
        Quantile::P95 => of.p95_ns,
        Quantile::P99 => of.p99_ns,
        Quantile::P999 => of.p999_ns,
    };
    let bounded = of.at_least_from.is_some_and(|from| from <= quantile.value());
    match of.count {
        0 => Score::Failed,
        _ if bounded => Score::AtLeast(ns as f64),
        _ => Score::Exact(ns as f64),
    }
}

/// A trial's own mean, which every call that was given up makes a bound.
pub fn mean(of: &Distribution) -> Score {
    match of.count {
        0 => Score::Failed,
        _ if of.at_least_from.is_some() => Score::AtLeast(of.mean_ns as f64),
        _ => Score::Exact(of.mean_ns as f64),
    }
}

/// The distributions of the trials of a cell; of a trial that failed there is none.
pub struct Trials<'a> {
    each: Vec<Option<&'a Distribution>>,
    /// All calls of all trials, and what can be read from them.
    calls: Histogram<u64>,
    all: Distribution,
}

impl<'a> Trials<'a> {
    /// Fails where a histogram cannot be read.
    pub fn of(each: Vec<Option<&'a Distribution>>) -> Result<Self> {
        let mut calls = empty();
        let mut given_up: Option<u64> = None;
        for trial in each.iter().flatten() {
            let histogram = trial.histogram()?;
            given_up = given_up.into_iter().chain(trial.given_up_ns(&histogram)).min();
            calls.add(&histogram).doing("adding the histograms of a cell")?;
        }
        Ok(Trials { all: Distribution::of(&calls, given_up), each, calls })
    }

    /// The figures that enough calls support; `redraws` are those of the median.
    pub fn times(&self, redraws: &[Vec<f64>]) -> Times {
        let all = &self.all;
        let figure = |score: &dyn Fn(&Distribution) -> Score, redraws: &[Vec<f64>]| {
            let scores: Vec<Score> = self.each.iter().map(|trial| trial.map_or(Score::Failed, score)).collect();
            Estimate::of(&scores, redraws)
        };
        let tail = |of: Quantile| {
            let supported = self.each.iter().flatten().all(|trial| enough(trial.count, of.value()));
            if supported { figure(&|trial| quantile(trial, of), &[]) } else { None }
        };
        let pooled = |of: Quantile, ns: u64| {
            let at_least = all.at_least_from.is_some_and(|from| from <= of.value());
            enough(all.count, of.value()).then_some(Reading { ns, at_least })
        };
        let median = || figure(&|trial| quantile(trial, Quantile::P50), redraws);
        Times {
            count: all.count,
            mean: figure(&mean, &[]),
            p50: if enough(all.count, Quantile::P50.value()) { median() } else { None },
            p90: tail(Quantile::P90),
            p95: tail(Quantile::P95),
            p99: tail(Quantile::P99),
            p999: tail(Quantile::P999),
            max: (all.count > 0).then(|| Reading { ns: all.max_ns, at_least: all.at_least_from.is_some() }),
            pooled: Pooled {
                p90: pooled(Quantile::P90, all.p90_ns),
                p95: pooled(Quantile::P95, all.p95_ns),
                p99: pooled(Quantile::P99, all.p99_ns),
                p999: pooled(Quantile::P999, all.p999_ns),
            },
        }
    }

    /// Eight points for each further nine of all calls together, as far as they are known.
    pub fn curve(&self) -> Vec<Point> {
        let known = |quantile: f64| self.all.at_least_from.is_none_or(|from| quantile < from);
        (0..)
            .map(|step| 10f64.powf(f64::from(step) / 8.0))
            .map(|one_beyond_of| (one_beyond_of, 1.0 - 1.0 / one_beyond_of))
            .take_while(|(_, quantile)| enough(self.all.count, *quantile) && known(*quantile))
            .map(|(one_beyond_of, quantile)| Point { one_beyond_of, ns: self.calls.value_at_quantile(quantile) })
            .collect()
    }
}

/// Whether enough calls lie beyond a quantile. A little is forgiven for 1 - 0.9, which is less than a tenth in binary.
pub fn enough(count: u64, quantile: f64) -> bool {
    count as f64 * (1.0 - quantile) + 1e-6 >= BEYOND
}
