//! By what two runs are compared, and the figure that each trial has of it.

use crate::figures::{number, size, time};
use crate::report::estimate::Score;
use crate::report::quantity::Quantile;
use crate::report::times::{enough, quantile};
use crate::results::measure::Measure;
use crate::results::{Outcome, Record, State};
use crate::statistics::interval::redrawn_ranks;
use crate::words::words;

words! {
    /// A figure that two runs can be compared by.
    By {
        /// The median response time.
        P50 = "p50",
        /// 90 of 100 calls are at most this long.
        P90 = "p90",
        /// 95 of 100 calls are at most this long.
        P95 = "p95",
        /// 99 of 100 calls are at most this long.
        P99 = "p99",
        /// 999 of 1,000 calls are at most this long.
        P999 = "p999",
        /// The share of calls that failed, timed out or were given up.
        Errors = "errors",
        /// Answered calls for each second.
        CallsPerS = "calls_per_s",
        /// Payload bytes, both ways together, for each second.
        Bandwidth = "bandwidth",
        /// The highest rate that holds, where it was searched.
        Capacity = "capacity",
        /// CPU time of the server for each answered call.
        CpuPerCall = "cpu_per_call",
        /// The largest resident memory of one of the server's processes.
        Memory = "memory",
    }
}

impl From<Measure> for By {
    fn from(measure: Measure) -> By {
        match measure {
            Measure::ResponseTime => By::P50,
            Measure::Bandwidth => By::Bandwidth,
            Measure::Rate => By::CallsPerS,
            Measure::Capacity => By::Capacity,
        }
    }
}

impl By {
    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            By::P50 => "p50",
            By::P90 => "p90",
            By::P95 => "p95",
            By::P99 => "p99",
            By::P999 => "p99.9",
            By::Errors => "errors",
            By::CallsPerS => "calls/s",
            By::Bandwidth => "bandwidth",
            By::Capacity => "capacity",
            By::CpuPerCall => "CPU per call",
            By::Memory => "memory",
        }
    }

    /// One figure of it with its unit.
    pub fn written(self, value: f64) -> String {
        match self {
            By::Errors => format!("{} %", number(value * 100.0)),
            By::Bandwidth => format!("{} MB/s", number(value / 1e6)),
            By::CallsPerS | By::Capacity => format!("{}/s", number(value)),
            By::Memory => size(value as u64),
            _ => time(value),
        }
    }

    /// True where more of it is worse.
    pub fn less_is_better(self) -> bool {
        !self.is_rate()
    }

    /// True where it is so much in a second.
    pub fn is_rate(self) -> bool {
        matches!(self, By::CallsPerS | By::Bandwidth | By::Capacity)
    }

    /// True where a machine that is slower makes it worse.
    pub fn needs_the_machine(self) -> bool {
        !matches!(self, By::Errors | By::Memory)
    }

    /// Of the response times: which of them.
    fn quantile(self) -> Option<Quantile> {
        match self {
            By::P50 => Some(Quantile::P50),
            By::P90 => Some(Quantile::P90),
            By::P95 => Some(Quantile::P95),
            By::P99 => Some(Quantile::P99),
            By::P999 => Some(Quantile::P999),
            _ => None,
        }
    }

    /// The figure of one measured trial, or why it has none.
    pub(crate) fn of(self, record: &Record) -> Result<Score, &'static str> {
        let measured = record.measured.as_ref().ok_or("a trial has no figures")?;
        let seconds = measured.elapsed_ns as f64 / 1e9;
        let server = record.cost.as_ref().map(|cost| &cost.server);
        if let Some(of) = self.quantile() {
            let times = &measured.response_time;
            return match quantile(times, of) {
                _ if record.search.is_some() => {
                    Err("its rate was searched, and times at different rates are not one figure")
                }
                _ if of != Quantile::P50 && !enough(times.count, of.value()) => Err("a trial has too few calls for it"),
                score if score.value().is_some_and(|ns| ns > 0.0) => Ok(score),
                _ => Err("a trial has no time above zero"),
            };
        }
        let value = match self {
            By::CallsPerS => measured.counts.ok as f64 / seconds,
            By::Bandwidth => (measured.bytes.payload_up + measured.bytes.payload_down) as f64 / seconds,
            By::Capacity => {
                let search = record.search.as_ref().ok_or("no rate was searched")?;
                search.capacity.ok_or("no rate held in a trial")?
            }
            By::CpuPerCall => {
                let cpu = server.and_then(|spent| spent.cpu_ns).ok_or("the CPU time of a trial is not known")?;
                cpu as f64 / measured.counts.ok as f64
            }
            By::Memory => {
                server.and_then(|spent| spent.peak_memory).ok_or("the memory of a trial is not known")? as f64
            }
            _ => return Err("a share of calls is that of all trials"),
        };
        if value > 0.0 && value.is_finite() { Ok(Score::Exact(value)) } else { Err("a figure is zero") }
    }

    /// The figures that other calls of the same trial would have given; none where they are not known.
    pub(crate) fn redraws(self, record: &Record) -> crate::error::Result<Vec<f64>> {
        let (Some(of), Some(measured)) = (self.quantile(), &record.measured) else { return Ok(Vec::new()) };
        let histogram = measured.response_time.histogram()?;
        let ranks = redrawn_ranks(of.value(), measured.response_time.count);
        Ok(ranks.map(|rank| histogram.value_at_quantile(rank) as f64).collect())
    }
}

/// True where the figures of a record count.
pub(crate) fn counts(record: &Record) -> bool {
    record.outcome == Outcome::Measured && record.verdict.state != State::Invalid
}
