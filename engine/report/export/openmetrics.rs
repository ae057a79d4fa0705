//! Each cell's figures over all trials as OpenMetrics text, which Prometheus and its kin read.

use std::fmt::Write;

use crate::error::Result;
use crate::report::cell::Cell;
use crate::report::markup::clean;
use crate::report::view::View;
use crate::results::Results;

/// What one metric has to say of a cell: labels beyond those of the cell, and the value.
type Samples = fn(&Cell) -> Vec<(String, f64)>;

const METRICS: [(&str, &str, &str, Samples); 6] = [
    (
        "engine_response_time_seconds",
        "seconds",
        "Response time by quantile, the geometric mean of the trials.",
        |cell| {
            let times = &cell.response;
            let all = [
                ("0.5", times.p50),
                ("0.9", times.p90),
                ("0.95", times.p95),
                ("0.99", times.p99),
                ("0.999", times.p999),
            ];
            all.into_iter()
                .filter_map(|(quantile, time)| Some((format!(",quantile=\"{quantile}\""), time?.value / 1e9)))
                .collect()
        },
    ),
    ("engine_call_rate", "", "Answered calls for each second.", |cell| one(cell.calls_per_s.map(|rate| rate.value))),
    ("engine_capacity", "", "The highest rate that holds, in calls for each second, where it was searched.", |cell| {
        one(cell.capacity.as_ref().and_then(|capacity| Some(capacity.figure?.value)))
    }),
    ("engine_bandwidth_bytes", "bytes", "Payload bytes for each second.", |cell| {
        one(cell.bandwidth.map(|rate| rate.value))
    }),
    ("engine_calls", "", "Calls by what became of them.", |cell| {
        let counts = &cell.counts;
        let all = [
            ("ok", counts.ok),
            ("error", counts.error.total()),
            ("timeout", counts.timeout),
            ("censored", counts.censored),
        ];
        all.map(|(state, count)| (format!(",state=\"{state}\""), count as f64)).to_vec()
    }),
    ("engine_cpu_seconds", "seconds", "CPU time for each answered call.", |cell| {
        let ends = [("server", cell.server.cpu_ns_per_call), ("client", cell.client.cpu_ns_per_call)];
        ends.into_iter().filter_map(|(end, cpu)| Some((format!(",end=\"{end}\""), cpu?.value / 1e9))).collect()
    }),
];

/// All cells, metric by metric.
pub fn text(results: &Results) -> Result<String> {
    let view = View::of(results)?;
    let mut text = String::new();
    for (name, unit, help, samples) in METRICS {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        for (workload, cell) in view.workloads.iter().flat_map(|it| it.cells.iter().map(move |cell| (it, cell))) {
            let [id, target, workload] = [&cell.id, &cell.target, &workload.name].map(|label| escaped(label));
            for (labels, value) in samples(cell) {
                let _ = writeln!(
                    text,
                    "{name}{{cell=\"{id}\",target=\"{target}\",workload=\"{workload}\"{labels}}} {value}"
                );
            }
        }
    }
    text.push_str("# EOF\n");
    Ok(text)
}

fn one(value: Option<f64>) -> Vec<(String, f64)> {
    value.map(|value| (String::new(), value)).into_iter().collect()
}

/// A text between the quotes of a label.
fn escaped(text: &str) -> String {
    clean(text).replace('\\', "\\\\").replace('"', "\\\"").replace(['\n', '\r'], "\\n")
}
