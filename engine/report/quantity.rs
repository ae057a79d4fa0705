//! What a picture or an export can show of a cell: a quantile of the response time, a bandwidth, a rate.

use crate::figures::{counted, number, time};
use crate::report::estimate::Estimate;
use crate::results::measure::Measure;

/// A quantile of the response time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantile {
    /// The median.
    P50,
    /// 90 of 100 are at most this long.
    P90,
    /// 95 of 100 are at most this long.
    P95,
    /// 99 of 100 are at most this long.
    P99,
    /// 999 of 1,000 are at most this long.
    P999,
}

impl Quantile {
    /// Those that have a picture, the nearest first.
    pub const DRAWN: [Quantile; 4] = [Quantile::P50, Quantile::P90, Quantile::P99, Quantile::P999];

    /// The part of the calls that are at most so long, from 0 to 1.
    pub fn value(self) -> f64 {
        match self {
            Quantile::P50 => 0.5,
            Quantile::P90 => 0.9,
            Quantile::P95 => 0.95,
            Quantile::P99 => 0.99,
            Quantile::P999 => 0.999,
        }
    }

    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Quantile::P50 => "p50",
            Quantile::P90 => "p90",
            Quantile::P95 => "p95",
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

    /// Whether a larger figure is the better one.
    pub fn more_is_better(self) -> bool {
        !matches!(self, Quantity::Time(_))
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

/// A figure of this kind with its interval, or the range of its trials, in words.
pub fn told(quantity: Quantity, figure: &Estimate) -> String {
    let trials = counted(figure.trials, "trial", "trials");
    let range = |low, high| format!("{} – {}", quantity.written(low), quantity.written(high));
    let around = match figure.interval() {
        Some(interval) => format!("95 %: {}, {trials}", range(interval.low, interval.high)),
        None if figure.trials > 1 => format!("{trials}: {}", range(figure.least, figure.most)),
        None => trials,
    };
    format!("{} {} ({around})", quantity.name(), figure.written(|value| quantity.written(value)))
}
