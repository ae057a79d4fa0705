//! One figure of a proof against what it must be.

use std::fmt::Display;

/// One figure against what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// Which figure.
    pub what: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub measured: String,
    /// Whether it is.
    pub holds: bool,
}

impl Figure {
    /// A time that must be so many seconds, give or take 5 %.
    pub(crate) fn near(what: &str, expected_s: f64, got_ns: u64) -> Self {
        let got = got_ns as f64 / 1e9;
        Figure {
            what: what.to_owned(),
            expected: format!("{expected_s:.4} s ±5 %"),
            measured: format!("{got:.4} s"),
            holds: (got / expected_s - 1.0).abs() < 0.05,
        }
    }

    /// A figure that must be in a range.
    pub(crate) fn that(what: &str, expected: impl Display, measured: impl Display, holds: bool) -> Self {
        Figure { what: what.to_owned(), expected: expected.to_string(), measured: measured.to_string(), holds }
    }
}
