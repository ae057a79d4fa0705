//! How a figure of a cell stands to the same figure of another target that was asked the same, as an expectation has it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{grouped, number};
use crate::report::cell::{Cell, ranks, succeeded};
use crate::report::estimate::Score;
use crate::report::quantity::Quantile;
use crate::report::spending::over;
use crate::report::times::{mean, quantile};
use crate::results::distribution::Distribution;
use crate::results::measure::Measure;
use crate::results::{Measured, Record};
use crate::scenario::expect::{Expectation, Figure, Relation};
use crate::statistics::contrast::Contrast;
use crate::statistics::geometric_mean;
use crate::statistics::interval::{Interval, Trials, ratio};
use crate::statistics::power::MOST;

/// Whether something is as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Judgement {
    /// It is.
    Met,
    /// It is not, or there is no figure to judge by.
    Missed,
    /// The trials do not decide it: the interval has the bound in it.
    Undecided,
}

/// A cell with its trials.
#[derive(Debug, Clone, Copy)]
pub struct Tried<'a> {
    /// The cell.
    pub cell: &'a Cell,
    /// Its trials, one record each.
    pub records: &'a [&'a Record],
}

/// Whether `own` stands to `than` by its figure as `expected`, with a bound of `share` times that; and how it stands to it,
/// in words. Met or missed only where the whole interval of 95 % of their ratio is on that side.
pub fn judge(own: Tried<'_>, than: Option<Tried<'_>>, expected: &Expectation, share: f64) -> (Judgement, String) {
    let Some(than) = than else {
        return (Judgement::Missed, "nothing to compare with: that target was not asked this".to_owned());
    };
    let name = &than.cell.target;
    let (Some(a), Some(b)) = (exact(own, expected), exact(than, expected)) else {
        let without = if exact(own, expected).is_none() { &own.cell.target } else { name };
        return (Judgement::Missed, format!("no such ratio: a trial of {without} failed, or gives only a bound"));
    };
    let percent = |value: f64| format!("{} %", number(value * 100.0));
    let (again, others) = (redraws(own, expected), redraws(than, expected));
    let Some(Interval { value, low, high }) = ratio(Trials::new(&a, &again), Trials::new(&b, &others)) else {
        return match geometric_mean(&a).zip(geometric_mean(&b)).filter(|(a, b)| *a > 0.0 && *b > 0.0) {
            Some((a, b)) => {
                let told = format!("{} of {name}, and an interval takes two trials of each", percent(a / b));
                (Judgement::Undecided, told)
            }
            None => (Judgement::Missed, "no such ratio: a figure is zero".to_owned()),
        };
    };
    let below = matches!(expected.relation, Relation::Below | Relation::AtMost);
    let judgement = match () {
        () if high < share => {
            if below {
                Judgement::Met
            } else {
                Judgement::Missed
            }
        }
        () if low > share => {
            if below {
                Judgement::Missed
            } else {
                Judgement::Met
            }
        }
        () => Judgement::Undecided,
    };
    let mut found = format!("{} of {name} ({} – {})", percent(value), percent(low), percent(high));
    if judgement == Judgement::Undecided {
        found.push_str(&format!("; {}", deciding(&a, &b, share)));
    }
    (judgement, found)
}

/// The figures that other calls of each trial would have given, where a ranking uses them too.
fn redraws(tried: Tried<'_>, expected: &Expectation) -> Vec<Vec<f64>> {
    match (expected.figure, &expected.call) {
        (Figure::P50, None) => tried.cell.contender(Measure::ResponseTime).redraws,
        _ => Vec::new(),
    }
}

/// How many trials of each would decide on which side of a share the ratio of their figures is, in words.
fn deciding(own: &[f64], than: &[f64], share: f64) -> String {
    let apart = Contrast::of_logs(own).zip(Contrast::of_logs(than)).map(|(own, than)| own.minus(than));
    let apart = apart.map(|it| Contrast { value: it.value - share.ln(), ..it });
    match apart.and_then(|it| it.would_decide(own.len().min(than.len()), 1)) {
        Some(trials) => format!("{} trials of each would decide", grouped(trials as u64)),
        None => format!("more than {} trials of each would decide", grouped(MOST as u64)),
    }
}

/// The figure of every trial; none where one of them has none, or only a bound.
fn exact(tried: Tried<'_>, expected: &Expectation) -> Option<Vec<f64>> {
    let ranked = tried.records.iter().filter(|record| ranks(record));
    let own = |record: &&Record| match score(record, expected) {
        Score::Exact(value) => Some(value),
        Score::AtLeast(_) | Score::Failed => None,
    };
    let figures: Vec<f64> = ranked.map(own).collect::<Option<_>>()?;
    (!figures.is_empty()).then_some(figures)
}

/// The figure of one trial.
fn score(record: &Record, expected: &Expectation) -> Score {
    let Some(measured) = succeeded(record) else { return Score::Failed };
    let exact = |value: Option<f64>| value.map_or(Score::Failed, Score::Exact);
    // What the client limited is a lower bound.
    let rate = |value: Option<f64>| match value {
        Some(value) if record.limited() => Score::AtLeast(value),
        value => exact(value),
    };
    let Some(times) = times(measured, expected) else { return Score::Failed };
    let (ok, seconds) = (measured.counts.ok as f64, measured.elapsed_ns as f64 / 1e9);
    match expected.figure {
        Figure::Mean => mean(times),
        Figure::P50 => quantile(times, Quantile::P50),
        Figure::P90 => quantile(times, Quantile::P90),
        Figure::P95 => quantile(times, Quantile::P95),
        Figure::P99 => quantile(times, Quantile::P99),
        Figure::P999 => quantile(times, Quantile::P999),
        Figure::CallsPerS => rate(over(ok, seconds)),
        Figure::Bandwidth => rate(over((measured.bytes.payload_up + measured.bytes.payload_down) as f64, seconds)),
        Figure::CpuPerCall => {
            let cpu = record.cost.as_ref().and_then(|cost| cost.server.cpu_ns);
            exact(cpu.and_then(|ns| over(ns as f64, ok)))
        }
        // These have no interval, and a scenario that asks for one is refused.
        Figure::Max | Figure::Errors | Figure::Timeouts | Figure::Censored | Figure::Memory => Score::Failed,
    }
}

/// The response times that it is about: of one call of a mix, or of all.
fn times<'m>(measured: &'m Measured, expected: &Expectation) -> Option<&'m Distribution> {
    match &expected.call {
        Some(call) if !measured.calls.is_empty() => Some(&measured.calls.get(call)?.response_time),
        _ => Some(&measured.response_time),
    }
}
