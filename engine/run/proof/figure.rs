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
    /// Whether it depends on time, so that other processes on the machine may spoil it; what does not must hold always.
    pub timed: bool,
}

impl Figure {
    /// A figure that must be so on any machine, however busy.
    pub(crate) fn that(what: &str, expected: impl Display, measured: impl Display, holds: bool) -> Self {
        let (what, expected, measured) = (what.to_owned(), expected.to_string(), measured.to_string());
        Figure { what, expected, measured, holds, timed: false }
    }

    /// A figure of time that must be so where nothing else uses the cores.
    pub(crate) fn timed(what: &str, expected: impl Display, measured: impl Display, holds: bool) -> Self {
        Figure { timed: true, ..Figure::that(what, expected, measured, holds) }
    }

    /// A time that must be so many seconds, give or take 5 %.
    pub(crate) fn near(what: &str, expected_s: f64, got_ns: u64) -> Self {
        Figure::between(what, (expected_s, expected_s), 0.05, got_ns)
    }

    /// A time that must be so many seconds, from the first to the second, give or take a share more.
    pub(crate) fn between(what: &str, (least_s, most_s): (f64, f64), share: f64, got_ns: u64) -> Self {
        let (got, percent) = (got_ns as f64 / 1e9, share * 100.0);
        let expected = match format!("{least_s:.4}") == format!("{most_s:.4}") {
            true => format!("{least_s:.4} s ±{percent} %"),
            false => format!("{least_s:.4} to {most_s:.4} s ±{percent} %"),
        };
        let holds = least_s > 0.0 && got > least_s * (1.0 - share) && got < most_s * (1.0 + share);
        Figure::timed(what, expected, format_args!("{got:.4} s"), holds)
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn a_time_holds_within_its_range_and_a_share_more() {
        let of = |ns| Figure::between("t", (1.0, 2.0), 0.05, ns);
        let holds = [940, 960, 1500, 2090, 2110].map(|ms| of(ms * 1_000_000).holds);
        assert_eq!(holds, [false, true, true, true, false]);
        assert_eq!((of(1).expected.as_str(), of(1).timed), ("1.0000 to 2.0000 s ±5 %", true));
        assert_eq!(Figure::near("t", 1.5, 0).expected, "1.5000 s ±5 %");
        assert!(!Figure::near("t", 0.0, 0).holds, "what is unknown is not held");
    }
}
