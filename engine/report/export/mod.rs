//! Results in the formats of other tools.

pub mod csv;
pub mod hlog;
pub mod junit;
pub mod openmetrics;

use crate::error::Result;
use crate::results::Results;

/// One format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A line for each trial, comma-separated (RFC 4180).
    Csv,
    /// The response times of each trial as an HdrHistogram log.
    Hlog,
    /// Each cell as a test case of JUnit.
    Junit,
    /// Each cell's figures as OpenMetrics text.
    Openmetrics,
}

impl Format {
    /// What a file in this format is called beside the results.
    pub fn file(self) -> &'static str {
        match self {
            Format::Csv => "results.csv",
            Format::Hlog => "results.hlog",
            Format::Junit => "junit.xml",
            Format::Openmetrics => "metrics.txt",
        }
    }

    /// The results in this format; fails where a histogram cannot be read.
    pub fn text(self, results: &Results) -> Result<String> {
        match self {
            Format::Csv => csv::text(results),
            Format::Hlog => Ok(hlog::text(results)),
            Format::Junit => junit::text(results),
            Format::Openmetrics => openmetrics::text(results),
        }
    }
}
