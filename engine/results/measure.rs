//! What the cells of a comparison are ranked by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures;
use crate::key::rate::SEARCH;
use crate::key::settings::Settings;

/// A figure by which targets are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The median response time of a trial, in nanoseconds; less is better.
    ResponseTime,
    /// Payload bytes for each second of a trial; more is better.
    Bandwidth,
    /// Answered calls for each second of a trial; more is better.
    Rate,
    /// The highest rate of a trial that holds, in calls for each second; more is better.
    Capacity,
}

impl Measure {
    /// What a cell with those settings is ranked by: a search by what it finds, a transfer by its bandwidth, several
    /// clients who call as soon as they can by their rate too, all others by their response time.
    pub fn of(settings: &Settings) -> Vec<Measure> {
        let several = settings.get("clients").and_then(|clients| clients.count()).is_some_and(|clients| clients > 1);
        match () {
            () if settings.get("rate").and_then(|rate| rate.as_word()) == Some(SEARCH) => vec![Measure::Capacity],
            () if ["rate", "ramp"].iter().any(|key| settings.get(key).is_some()) => vec![Measure::ResponseTime],
            () if settings.call().is_some_and(|call| call.is_transfer()) => vec![Measure::Bandwidth],
            () if several => vec![Measure::ResponseTime, Measure::Rate],
            () => vec![Measure::ResponseTime],
        }
    }

    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Measure::ResponseTime => "response time (p50)",
            Measure::Bandwidth => "bandwidth",
            Measure::Rate => "calls/s",
            Measure::Capacity => "capacity",
        }
    }

    /// One figure of it with its unit.
    pub fn written(self, value: f64) -> String {
        match self {
            Measure::ResponseTime => figures::time(value),
            Measure::Bandwidth => format!("{} MB/s", figures::number(value / 1e6)),
            Measure::Rate | Measure::Capacity => format!("{}/s", figures::number(value)),
        }
    }

    /// The value turned so that less is better.
    pub fn cost(self, value: f64) -> f64 {
        if self == Measure::ResponseTime { value } else { -value }
    }

    /// True where the first figure is the better one.
    pub fn better(self, a: f64, b: f64) -> bool {
        if self == Measure::ResponseTime { a < b } else { a > b }
    }

    /// How many times better the one figure is than the other.
    pub fn factor(self, better: f64, worse: f64) -> f64 {
        if self == Measure::ResponseTime { worse / better } else { better / worse }
    }
}
