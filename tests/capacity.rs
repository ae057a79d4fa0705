//! The highest rate that holds is found where it is known by construction, and only said to be a bound where it is.

mod reports;

use std::fs;
use std::process::{Command, Output};

use engine::report::changes::by::By;
use engine::report::changes::{Changes, Verdict};
use engine::report::comparison::Outcome as Standing;
use engine::report::view::View;
use engine::report::workload::Workload;
use engine::results::measure::Measure;
use engine::results::search::{Limit, Probe, Search};
use engine::results::{Outcome, Reason, ReasonKind, Record, Results, State};
use reports::Effect;
use serde_json::json;
use tempfile::TempDir;

/// One thread serves one call after the other for 10 ms each: at most 100 calls a second, on any machine.
fn search(expect: &str) -> (Output, Record, String) {
    let folder: TempDir = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("known.yaml");
    let text = format!(
        "title: t\nquestion: q\ntrials: 1\ntargets: [{{transport: tcp, server: pooled, options: {{workers: 1}}}}]\n\
         workloads: [{{name: w, call: sleep, hold: 10ms, clients: 8, rate: search, duration: 1s, expect: [{expect}]}}]\n"
    );
    fs::write(&file, text).expect("a scenario");
    let mut engine = Command::new(env!("CARGO_BIN_EXE_engine"));
    let output = engine
        .env("ENGINE_BESIDE_OTHERS", "1")
        .arg("run")
        .arg(&file)
        .arg("--out")
        .arg(folder.path())
        .output()
        .expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stderr);
    let results = Results::read(folder.path()).unwrap_or_else(|error| panic!("{error}: {told}"));
    assert_eq!(results.records.len(), 1, "one record for one trial: {told}");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect("a report");
    let report = read("report.md") + &read("report.html");
    (output, results.records[0].clone(), report)
}

#[test]
fn a_known_capacity_is_found() {
    let (output, record, report) = search("\"p99 < 25ms\", \"calls_per_s > 1\"");
    let found = record.search.as_ref().expect("it was searched");
    assert_eq!((output.status.code(), record.outcome), (Some(0), Outcome::Measured), "{found:?}");
    let capacity = found.capacity.expect("some rate holds");
    // A second at 103/s leaves three calls waiting, the last of them for more than 30 ms.
    assert!(capacity < 103.0, "{found:?}");
    match found.limited_by {
        Limit::Expectation => assert!(capacity > 85.0, "{found:?}"),
        // A machine that is busy with other things cannot tell, and has to say so.
        Limit::Generator => assert!(record.verdict.state == State::Suspect && report.contains("| ≥ "), "{record:?}"),
        Limit::Highest => panic!("{found:?}"),
    }
    // The record is that of the highest rate that held.
    let best = found.probes.iter().filter(|probe| probe.held).max_by(|a, b| a.rate.total_cmp(&b.rate));
    let best = best.expect("a probe held");
    let measured = record.measured.as_ref().expect("it was measured");
    assert_eq!((best.rate, best.scheduled, best.ok), (capacity, measured.counts.scheduled, measured.counts.ok));
    assert_eq!(measured.counts.scheduled, capacity.ceil() as u64);
    // Whoever was too high is in the report, with the reason.
    let failed = found.probes.iter().find(|probe| !probe.held).expect("some rate was too high");
    assert!(failed.why.is_some() && report.contains("Every probe of tcp-pooled&#x2f;w"), "{report}");
    assert_eq!(report.matches("<td>no: ").count(), found.probes.iter().filter(|probe| !probe.held).count());
    assert_eq!(report.matches("| met |").count(), 2, "{report}");
}

#[test]
fn where_no_rate_holds_the_trial_failed_with_the_reason() {
    let (output, record, report) = search("\"p50 < 5ms\"");
    let told = String::from_utf8_lossy(&output.stderr);
    let found = record.search.as_ref().expect("it was searched");
    assert_eq!((output.status.code(), record.outcome), (Some(1), Outcome::Failed), "{told}");
    assert_eq!((found.capacity, found.limited_by), (None, Limit::Expectation));
    let reason = record.reason.as_deref().expect("a reason");
    assert!(reason.starts_with("no rate holds: at 10.0/s, p50 1") && reason.contains("expected p50 < 5ms"), "{reason}");
    assert!(record.measured.is_some_and(|measured| measured.counts.ok > 0), "the lowest rate was measured");
    assert!(told.contains("expected p50 < 5ms, found at no rate"), "{told}");
    assert!(report.contains("| **not met** |"), "{report}");
}

/// Made-up trials of two targets; those of the second find this many times the capacity of the first, about 1,000/s.
fn two(factor: f64) -> Results {
    let axes = || json!({"call": "ping", "clients": 8, "rate": "search"});
    let effect = |target| Effect::new(target, "w", axes(), 100_000, 50);
    let mut results = reports::results(&[effect("tcp-threaded"), effect("tcp-async")]);
    let second = results.cells.iter().position(|cell| cell.id.starts_with("tcp-async")).expect("a cell");
    for record in &mut results.records {
        let times = if record.cell == second { factor } else { 1.0 };
        let capacity = (1_000 + 10 * record.trial) as f64 * times;
        let probe = |rate: f64, why: Option<&str>| Probe {
            rate,
            held: why.is_none(),
            why: why.map(str::to_owned),
            limit: why.map(|_| Limit::Expectation),
            scheduled: 1_000,
            ok: 1_000,
            p50_ns: 100_000,
            p99_ns: 200_000,
            at_least_from: why.map(|_| 0.9),
        };
        let probes = vec![probe(capacity, None), probe(capacity * 1.04, Some("<b>too slow</b>|"))];
        record.search = Some(Search { capacity: Some(capacity), limited_by: Limit::Expectation, probes });
    }
    results
}

fn workload(results: &Results) -> Workload {
    View::of(results).expect("a view").workloads.remove(0)
}

#[test]
fn targets_are_ranked_by_their_capacity_and_by_nothing_else() {
    let workload = workload(&two(1.5));
    let [comparison] = workload.comparisons.as_slice() else { panic!("{:?}", workload.comparisons) };
    assert_eq!((comparison.measure, comparison.outcome), (Measure::Capacity, Standing::Ahead));
    assert_eq!(comparison.leaders, ["tcp-async"]);
    assert!(
        comparison.sentence.starts_with("tcp-async is ahead with 1,545/s, of tcp-threaded by 1.50 ×"),
        "{comparison:?}"
    );
    let drawn: Vec<&str> = workload.charts.iter().filter_map(|chart| chart.file.rsplit('-').next()).collect();
    assert_eq!(drawn, ["capacity.svg", "probes.svg"], "rates that differ have no percentiles to be drawn together");
    let answer = View::of(&two(1.5)).expect("a view").answer.join(" ");
    assert!(
        answer.contains("server threaded instead of async") && answer.contains("1,545 → 1,030 calls/s"),
        "{answer}"
    );
    let probes: Vec<_> = workload.tables.iter().filter(|table| table.caption.starts_with("Every probe")).collect();
    assert_eq!(probes.iter().map(|table| table.rows.len()).collect::<Vec<_>>(), [10, 10]);
    assert!(probes[0].rows[1].texts.iter().any(|text| text == "≥ 200 µs"), "{:?}", probes[0].rows[1]);
    assert_eq!(self::workload(&two(1.0)).comparisons[0].outcome, Standing::Tie);
}

#[test]
fn what_the_client_limited_is_a_lower_bound_and_ranks_nobody() {
    let mut results = two(1.5);
    let limited = reports::of(&mut results, "tcp-async").next().expect("a record");
    limited.verdict.state = State::Suspect;
    limited.verdict.reasons = vec![Reason::new(ReasonKind::Search, "the client was the limit")];
    limited.search.as_mut().expect("it was searched").limited_by = Limit::Generator;
    let workload = workload(&results);
    assert_eq!(workload.comparisons[0].outcome, Standing::Unranked);
    let texts = |target: &str| {
        let rows = &workload.tables[0].rows;
        rows.iter().find(|row| row.texts[0] == target).expect("its row").texts.clone()
    };
    assert!(texts("tcp-async")[1].starts_with("≥ 1,5"), "{:?}", texts("tcp-async"));
    assert_eq!(texts("tcp-async")[5], "the client, what is expected");
    assert_eq!((texts("tcp-threaded")[1].as_str(), texts("tcp-threaded")[5].as_str()), ("1,030", "what is expected"));
}

#[test]
fn a_trial_without_a_capacity_loses_and_leaves_no_interval() {
    let mut results = two(1.5);
    for record in reports::of(&mut results, "tcp-async") {
        record.outcome = Outcome::Failed;
        record.reason = Some("no rate holds".to_owned());
        record.search.as_mut().expect("it was searched").capacity = None;
    }
    let workload = workload(&results);
    assert_eq!(workload.comparisons[0].leaders, ["tcp-threaded"]);
    let cell = workload.cells.iter().find(|cell| cell.target == "tcp-async").expect("its cell");
    let capacity = cell.capacity.as_ref().expect("it was searched");
    assert!(capacity.figure.is_none(), "{capacity:?}");
}

#[test]
fn two_runs_are_compared_by_capacity() {
    let verdicts = |old: f64, new: f64| -> Vec<(By, Verdict)> {
        let changes = Changes::of(&two(old), &two(new), 0.1, &[]).expect("they can be compared").changes;
        changes.iter().map(|change| (change.by, change.verdict)).collect()
    };
    let capacity = |first, second| vec![(By::Capacity, first), (By::Capacity, second)];
    assert_eq!(verdicts(1.0, 1.0), capacity(Verdict::NotShown, Verdict::NotShown));
    assert!(verdicts(1.0, 1.5).contains(&(By::Capacity, Verdict::Faster)));
    assert!(verdicts(1.5, 1.0).contains(&(By::Capacity, Verdict::Slower)));
}
