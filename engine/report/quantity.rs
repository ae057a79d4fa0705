//! What a picture or an export can show of a cell: a quantile of the response time, a bandwidth, a rate.

use crate::report::ahead::Measure;
use crate::report::figures::{counted, number, time};
use crate::statistics::interval::{Interval, Trials, figure};

/// A quantile of the response time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// The median.
    P50,
    /// 90 of 100 are at most this long.
    P90,
    /// 99 of 100 are at most this long.
    P99,
    /// 999 of 1,000 are at most this long.
    P999,
}

impl Quantile {
    /// All of them, the nearest first.
    pub const ALL: [Quantile; 4] = [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999];

    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P90 => "p90",
            Quantile::P99 => "p99",
            Quantile::P999 => "p99.9",
        }
    }
}

/// One kind of figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Of the response time, in nanoseconds.
    Time(Quantile),
    /// Payload bytes for each second.
    Bandwidth,
    /// Answered calls for each second.
    Rate,
    /// The highest rate that holds, in calls for each second.
    Capacity,
}

impl Quantity {
    /// What targets are ranked by.
    pub fn of(measure: Measure) -> Self {
        match measure {
            Measure::ResponseTime => Quantity::Time(Quantile::P50),
            Measure::Bandwidth => Quantity::Bandwidth,
            Measure::Rate => Quantity::Rate,
            Measure::Capacity => Quantity::Capacity,
        }
    }

    /// Which quantile it is, where it is one.
    pub fn quantile(self) -> Option<Quantile> {
        match self {
            Quantity::Time(quantile) => Some(quantile),
            Quantity::Bandwidth | Quantity::Rate | Quantity::Capacity => None,
        }
    }

    /// What an axis is called that shows it.
    pub fn name(self) -> &'static str {
        match self {
            Quantity::Time(quantile) => quantile.name(),
            Quantity::Bandwidth => "MB/s",
            Quantity::Rate => "calls/s",
            Quantity::Capacity => "capacity",
        }
    }

    /// What a picture is called that shows it.
    pub fn title(self) -> &'static str {
        match self {
            Quantity::Time(_) => "response time",
            Quantity::Bandwidth => "bandwidth",
            Quantity::Rate => "calls a second",
            Quantity::Capacity => "capacity",
        }
    }

    /// The last part of the name of a file that shows it.
    pub fn file(self) -> &'static str {
        match self {
            Quantity::Time(_) => "response",
            Quantity::Bandwidth => "bandwidth",
            Quantity::Rate => "rate",
            Quantity::Capacity => "capacity",
        }
    }

    /// One figure of it with its unit.
    pub fn written(self, value: f64) -> String {
        match self {
            Quantity::Time(_) => time(value),
            Quantity::Bandwidth => format!("{} MB/s", number(value / 1e6)),
            Quantity::Rate | Quantity::Capacity => format!("{}/s", number(value)),
        }
    }
}

/// One quantity over the trials of a cell, the trial being the unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Across {
    /// The geometric mean of the trials.
    pub value: f64,
    /// Where its interval of 95 % begins; the value itself where one trial gives none.
    pub low: f64,
    /// Where its interval of 95 % ends.
    pub high: f64,
    /// Of the trial that has least.
    pub least: f64,
    /// Of the trial that has most.
    pub most: f64,
    /// How many trials there are.
    pub trials: usize,
    /// True where calls were given up, so that the truth is this or longer.
    pub at_least: bool,
}

impl Across {
    /// The figures of these trials, with an interval that is known already or made from them; none where there is no
    /// trial.
    pub fn of(values: &[f64], known: Option<Interval>, at_least: bool) -> Option<Self> {
        let least = values.iter().copied().min_by(f64::total_cmp)?;
        let most = values.iter().copied().max_by(f64::total_cmp)?;
        let interval = known.or_else(|| figure(Trials::new(values, &[])));
        let (value, low, high) = interval.map_or((least.midpoint(most), least, most), |it| (it.value, it.low, it.high));
        Some(Across { value, low, high, least, most, trials: values.len(), at_least })
    }

    /// “≥ ” before a lower bound.
    pub fn bound(&self) -> &'static str {
        if self.at_least { "≥ " } else { "" }
    }

    /// All of it in words.
    pub fn told(&self, quantity: Quantity) -> String {
        let [value, low, high] = [self.value, self.low, self.high].map(|value| quantity.written(value));
        let trials = counted(self.trials, "trial", "trials");
        format!("{} {}{value} (95 %: {low} – {high}, {trials})", quantity.name(), self.bound())
    }
}
