//! A line for each trial, comma-separated as RFC 4180 says.

use csv::{Terminator, WriterBuilder};

use crate::error::{Context, Result};
use crate::report::markup::clean;
use crate::report::times::enough;
use crate::results::distribution::Distribution;
use crate::results::{Measured, Outcome, Record, Results, State};

/// One figure of a trial.
type Figure = (&'static str, fn(&Measured) -> String);

const FIGURES: [Figure; 20] = [
    ("scheduled", |m| m.counts.scheduled.to_string()),
    ("ok", |m| m.counts.ok.to_string()),
    ("error", |m| m.counts.error.total().to_string()),
    ("timeout", |m| m.counts.timeout.to_string()),
    ("censored", |m| m.counts.censored.to_string()),
    ("elapsed_ns", |m| m.elapsed_ns.to_string()),
    ("calls_per_s", |m| m.calls_per_s.to_string()),
    ("min_ns", |m| time(m, |it| it.min_ns)),
    ("mean_ns", |m| time(m, |it| it.mean_ns)),
    ("p50_ns", |m| quantile(m, 0.5, |it| it.p50_ns)),
    ("p90_ns", |m| quantile(m, 0.9, |it| it.p90_ns)),
    ("p95_ns", |m| quantile(m, 0.95, |it| it.p95_ns)),
    ("p99_ns", |m| quantile(m, 0.99, |it| it.p99_ns)),
    ("p999_ns", |m| quantile(m, 0.999, |it| it.p999_ns)),
    ("max_ns", |m| time(m, |it| it.max_ns)),
    ("at_least_from", |m| m.response_time.at_least_from.map(|from| from.to_string()).unwrap_or_default()),
    ("payload_up", |m| m.bytes.payload_up.to_string()),
    ("payload_down", |m| m.bytes.payload_down.to_string()),
    ("wire_up", |m| m.bytes.wire_up.to_string()),
    ("wire_down", |m| m.bytes.wire_down.to_string()),
];

/// All trials that count in the order of the results; the axes stand between the cell and the figures, each in its own
/// column. A figure that is missing, or a quantile that too few calls support, is an empty field.
pub fn text(results: &Results) -> Result<String> {
    let mut axes: Vec<&str> = vec!["target", "workload"];
    for (axis, _) in results.cells.iter().flat_map(|cell| cell.settings.axes()) {
        if !axes.contains(&axis) {
            axes.push(axis);
        }
    }
    let heads = ["cell", "trial", "outcome", "verdict", "reason"].map(str::to_owned).into_iter();
    let heads = heads.chain(axes.iter().map(|axis| harmless(axis)));
    let heads = heads.chain(FIGURES.iter().map(|(name, _)| (*name).to_owned()));
    let heads = heads.chain(["server_cpu_ns", "client_cpu_ns", "capacity"].map(str::to_owned));
    let mut lines = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(Vec::new());
    let doing = "cannot write the trials as CSV";
    lines.write_record(heads).doing(doing)?;
    for record in results.counting() {
        lines.write_record(fields(results, record, &axes)).doing(doing)?;
    }
    String::from_utf8(lines.into_inner().doing(doing)?).doing(doing)
}

fn fields(results: &Results, record: &Record, axes: &[&str]) -> Vec<String> {
    let outcome = match record.outcome {
        Outcome::Measured => "measured",
        Outcome::Failed => "failed",
    };
    let verdict = match record.verdict.state {
        State::Valid => "valid",
        State::Suspect => "suspect",
        State::Invalid => "invalid",
    };
    let reason = record.reason.clone().unwrap_or_else(|| record.verdict.sentence());
    let mut fields = vec![
        harmless(results.id(record)),
        record.trial.to_string(),
        outcome.to_owned(),
        verdict.to_owned(),
        harmless(&reason),
    ];
    let cell = results.cells.get(record.cell);
    let value = |axis: &str| match axis {
        "target" => cell.map(|cell| cell.target.clone()),
        "workload" => cell.map(|cell| cell.workload.clone()),
        _ => cell.and_then(|cell| cell.text(axis)),
    };
    fields.extend(axes.iter().map(|axis| value(axis).map(|it| harmless(&it)).unwrap_or_default()));
    fields.extend(FIGURES.iter().map(|(_, figure)| record.measured.as_ref().map(figure).unwrap_or_default()));
    let spent = record.cost.as_ref().map(|cost| [cost.server.cpu_ns, cost.client.cpu_ns]).unwrap_or_default();
    fields.extend(spent.map(|cpu| cpu.map(|ns| ns.to_string()).unwrap_or_default()));
    let capacity = record.search.as_ref().and_then(|search| search.capacity);
    fields.push(capacity.map(|rate| rate.to_string()).unwrap_or_default());
    fields
}

/// A time of a trial that has any.
fn time(measured: &Measured, of: fn(&Distribution) -> u64) -> String {
    let times = &measured.response_time;
    if times.count > 0 { of(times).to_string() } else { String::new() }
}

/// A quantile of a trial, where calls enough lie beyond it.
fn quantile(measured: &Measured, at: f64, of: fn(&Distribution) -> u64) -> String {
    if enough(measured.response_time.count, at) { time(measured, of) } else { String::new() }
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    let text = clean(text);
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_field_is_a_formula() {
        assert_eq!(harmless("=1+1"), "'=1+1");
        assert_eq!(harmless("tcp-threaded/latency"), "tcp-threaded/latency");
    }
}
