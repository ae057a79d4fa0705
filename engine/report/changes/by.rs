//! By what two runs are compared, and the figure that each trial has of it.

use crate::call::words;
use crate::report::ahead::Measure;
use crate::report::figures::{number, size, time};
use crate::results::distribution::Distribution;
use crate::results::{Outcome, Record, State};
use crate::statistics::interval::redrawn_ranks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Calls that must lie beyond a tail's quantile in every trial.
const BEYOND: f64 = 10.0;

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

/// One trial's figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    /// It, or the bound that it is not below.
    pub(crate) value: f64,
    /// True where it is only known to be at least that.
    pub(crate) at_least: bool,
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
    pub(crate) fn quantile(self) -> Option<f64> {
        match self {
            By::P50 => Some(0.5),
            By::P90 => Some(0.9),
            By::P95 => Some(0.95),
            By::P99 => Some(0.99),
            By::P999 => Some(0.999),
            _ => None,
        }
    }

    /// The figure of one measured trial, or why it has none.
    pub(crate) fn of(self, record: &Record) -> Result<Figure, &'static str> {
        let measured = record.measured.as_ref().ok_or("a trial has no figures")?;
        let exact = |value: f64| Figure { value, at_least: false };
        let seconds = measured.elapsed_ns as f64 / 1e9;
        let server = record.cost.as_ref().map(|cost| &cost.server);
        let searched = record.search.is_some();
        let found = match self {
            By::P50 | By::P90 | By::P95 | By::P99 | By::P999 if searched => {
                return Err("its rate was searched, and times at different rates are not one figure");
            }
            By::P50 | By::P90 | By::P95 | By::P99 | By::P999 => {
                return self.time(&measured.response_time);
            }
            By::Errors => return Err("a share of calls is that of all trials"),
            By::CallsPerS => exact(measured.counts.ok as f64 / seconds),
            By::Bandwidth => exact((measured.bytes.payload_up + measured.bytes.payload_down) as f64 / seconds),
            By::Capacity => {
                let search = record.search.as_ref().ok_or("no rate was searched")?;
                exact(search.capacity.ok_or("no rate held in a trial")?)
            }
            By::CpuPerCall => {
                let spent = server.and_then(|spent| spent.cpu_ns.zip(spent.cpu_step_ns));
                let (cpu, step) = spent.ok_or("the CPU time of a trial is not known")?;
                if step as f64 >= 0.02 * cpu as f64 {
                    return Err("the counter of CPU time is too coarse for it");
                }
                exact(cpu as f64 / measured.counts.ok as f64)
            }
            By::Memory => {
                let peak = server.and_then(|spent| spent.peak_memory).ok_or("the memory of a trial is not known")?;
                exact(peak as f64)
            }
        };
        if found.value > 0.0 && found.value.is_finite() { Ok(found) } else { Err("a figure is zero") }
    }

    /// A quantile of the response times of a trial, which is a bound where calls were given up before it.
    fn time(self, times: &Distribution) -> Result<Figure, &'static str> {
        let quantile = self.quantile().unwrap_or(0.5);
        // A little is forgiven for 1 - 0.9, which is less than a tenth in binary.
        if times.count == 0 || quantile > 0.5 && times.count as f64 * (1.0 - quantile) + 1e-6 < BEYOND {
            return Err("a trial has too few calls for it");
        }
        let value = match self {
            By::P90 => times.p90_ns,
            By::P95 => times.p95_ns,
            By::P99 => times.p99_ns,
            By::P999 => times.p999_ns,
            _ => times.p50_ns,
        };
        let at_least = times.at_least_from.is_some_and(|from| from <= quantile);
        if value == 0 { Err("a figure is zero") } else { Ok(Figure { value: value as f64, at_least }) }
    }

    /// The figures that other calls of the same trial would have given; none where they are not known.
    pub(crate) fn redraws(self, record: &Record) -> crate::error::Result<Vec<f64>> {
        let (Some(quantile), Some(measured)) = (self.quantile(), &record.measured) else { return Ok(Vec::new()) };
        let histogram = measured.response_time.histogram()?;
        let ranks = redrawn_ranks(quantile, measured.response_time.count);
        Ok(ranks.map(|rank| histogram.value_at_quantile(rank) as f64).collect())
    }
}

/// True where the figures of a record count.
pub(crate) fn counts(record: &Record) -> bool {
    record.outcome == Outcome::Measured && record.verdict.state != State::Invalid
}
