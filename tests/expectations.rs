//! What a scenario expects is judged after the run, and what is not so is named and ends in exit code 1.

mod reports;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use engine::call::Word;
use engine::key::KEYS;
use engine::key::contract::Of;
use engine::key::settings::is_axis;
use engine::plan::Plan;
use engine::report::relative::Judgement;
use engine::report::view::View;
use engine::results::calls::{CallBytes, CallFigures};
use engine::results::{Record, Results};
use engine::scenario::expect::{Figure, Unit};
use engine::scenario::read;

use reports::{Effect, TRIALS, results};

/// What becomes of a scenario that is run.
fn ran(text: &str) -> (Output, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = folder.path().join("scenario.yaml");
    fs::write(&scenario, format!("title: t\nquestion: q\ntrials: 1\n{text}")).expect("a scenario");
    let (mut command, out) = (Command::new(env!("CARGO_BIN_EXE_engine")), folder.path().join("out"));
    let output = command
        .env("ENGINE_BESIDE_OTHERS", "1")
        .arg("run")
        .arg(&scenario)
        .arg("--out")
        .arg(&out)
        .output()
        .expect("the engine starts");
    let report = fs::read_to_string(out.join("report.md")).expect("a report");
    (output, report)
}

fn run(expect: &str) -> (Output, String) {
    ran(&format!(
        "targets: [{{transport: tcp, server: threaded, expect: \"errors == 0\"}}]\n\
         workloads: [{{name: wait, call: sleep, hold: 20ms, iterations: 5, expect: [{expect}]}}]\n"
    ))
}

/// Made-up results of every cell that a scenario plans, so many calls of each client in each trial.
fn planned(text: &str, calls: u64) -> Results {
    let text = format!("title: t\nquestion: q\n{text}");
    let scenario = read("test.yaml", &text, &[]).unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
    let mut results = results(&[]);
    results.scenario = serde_json::to_value(&scenario).expect("a scenario is JSON");
    for cell in Plan::of(&scenario).cells {
        let (clients, payload) = (u64::from(cell.load.clients), cell.load.payload.unwrap_or(0));
        let coordinates = serde_json::to_value(&cell.planned.settings).expect("settings are JSON");
        let coordinates = coordinates.as_object().expect("an object").clone();
        let effect = Effect { coordinates, ns: 100_000, calls, clients, payload };
        let of = results.cells.len();
        results.records.extend((1..=TRIALS).map(|trial| Record { cell: of, ..effect.trial(trial) }));
        results.cells.push(cell.planned);
    }
    results
}

/// An expectation of a figure that no cell keeps, or that every cell with this figure does.
fn expectation(figure: Figure, kept: bool) -> String {
    let (little, much) = match figure.unit() {
        Unit::Time => ("1ns", "1h"),
        Unit::Count => ("0", "1000000"),
        Unit::Rate => ("0", "1000000000"),
        Unit::Bandwidth => ("1B/s", "1000GiB/s"),
        Unit::Size => ("1B", "1000GiB"),
    };
    match (kept, little) {
        (true, _) => format!("{figure} <= {much}"),
        (false, "0") => format!("{figure} > {much}"),
        (false, little) => format!("{figure} < {little}"),
    }
}

const EVERY_AXIS: &str = "
places: [{name: web, by: ssh, hosts: web-1}]
links:
  - {name: far, delay: [1ms, 2ms], jitter: [0ms, 1ms], loss: [0%, 1%], rate: [1Mbit, 2Mbit], queue: [1KB, 2KB]}
targets:
  - {transport: tcp, server: threaded, name: a}
  - {transport: tcp, server: threaded, name: ab, expect: p50 < 1ns}
  - {transport: tcp, server: [forking, pooled]}
  - {transport: tcp, server: forking, name: strict, expect: [p99 < 1ns, mean < 1ns]}
workloads:
  - {name: calls, call: [ping, connect], clients: [1, 2], iterations: 10}
  - name: bodies
    call: [upload, download]
    payload: [1KiB, 2KiB]
    fill: [zeros, random]
    chunk: [whole, 64B]
    split: [body, calls]
    iterations: 10
    expect: max < 2ns
  - {name: compute, call: compute, work: [10, 20], iterations: 10}
  - {name: sleep, call: sleep, hold: [1ms, 2ms], iterations: 10}
  - {name: offered, call: ping, rate: [100, 200], arrivals: [constant, poisson], wait: [block, spin], duration: 1s}
  - {name: over, call: ping, iterations: 10, link: [none, far]}
  - {name: shared, call: ping, clients: 2, iterations: 10, processes: [1, 2]}
  - {name: afar, call: ping, iterations: 10, from: [here, web]}
  - {name: mixed, mix: {ping: 80, upload: 20}, payload: 1KiB, iterations: 10}
  - {name: stepped, steps: [ping, upload], before: [ping], think: 1ms, payload: 1KiB, iterations: 10}
  - {name: rising, call: ping, ramp: [{rate: 100, for: 1s}, {rate: 200, for: 1s}]}
";

#[test]
fn each_axis_of_a_plan_is_one_of_the_report_and_no_target_meets_itself() {
    let results = planned(EVERY_AXIS, 1_000);
    let view = View::of(&results).expect("a view");
    let (mut varying, mut named) = (Vec::new(), Vec::new());
    for workload in &view.workloads {
        varying.extend(workload.axes.iter().map(String::as_str));
        named.extend(workload.setting.iter().map(|setting| setting.name.as_str()));
        let points = workload.cells.len() / view.headline.rows.len();
        let settings: BTreeSet<&Vec<String>> = workload.comparisons.iter().map(|it| &it.setting).collect();
        assert_eq!(settings.len(), points, "{}: {settings:?}", workload.name);
        for comparison in &workload.comparisons {
            let mut met: Vec<&str> = comparison.standings.iter().map(|own| own.target.as_str()).collect();
            met.sort_unstable();
            assert_eq!(met, ["a", "ab", "strict", "tcp-forking", "tcp-pooled"], "{}", workload.name);
        }
    }
    let axes: Vec<&str> = KEYS
        .iter()
        .filter(|key| key.of().side() == Of::Workload && is_axis(key.name()))
        .map(|key| key.name())
        .collect();
    for &axis in &axes {
        let known = if ["ramp", "mix", "steps", "before", "think"].contains(&axis) { &named } else { &varying };
        assert!(known.contains(&axis), "the report does not know {axis}");
    }
    assert!(varying.iter().all(|axis| axes.contains(axis)), "{varying:?}");
}

#[test]
fn each_expectation_is_judged_for_the_cells_of_its_own_target_and_workload() {
    let results = planned(EVERY_AXIS, 1_000);
    let view = View::of(&results).expect("a view");
    for cell in view.workloads.iter().flat_map(|workload| &workload.cells) {
        let judged = view.expectations.iter().filter(|one| one.cell == cell.id);
        let judged: Vec<&str> = judged.map(|one| one.expected.as_str()).collect();
        let mut expected = match cell.target.as_str() {
            "ab" => vec!["p50 < 1ns"],
            "strict" => vec!["p99 < 1ns", "mean < 1ns"],
            _ => Vec::new(),
        };
        if cell.workload == "bodies" {
            expected.push("max < 2ns");
        }
        assert_eq!(judged, expected, "{}", cell.id);
    }
    assert!(view.expectations.iter().all(|one| one.judgement == Judgement::Missed));
}

#[test]
fn every_figure_can_be_expected_of_a_target_and_of_a_workload() {
    for figure in Figure::ALL {
        for (kept, of_target) in [(true, true), (true, false), (false, true), (false, false)] {
            let expect = format!(", expect: \"{}\"", expectation(*figure, kept));
            let (target, workload) = if of_target { (expect.as_str(), "") } else { ("", expect.as_str()) };
            let text = format!(
                "targets: [{{transport: tcp, server: threaded, name: first}}, {{transport: tcp, server: threaded, \
                 name: firstborn{target}}}]\n\
                 workloads: [{{name: w, call: upload, payload: 1KiB, iterations: 10000{workload}}}, {{name: v, call: \
                 ping, iterations: 1}}]\n"
            );
            let view = View::of(&planned(&text, 10_000)).expect("a view");
            let judged = view.expectations.iter().filter(|one| one.cell == "firstborn/w");
            let judged: Vec<(bool, &str)> =
                judged.map(|one| (one.judgement == Judgement::Met, one.found.as_str())).collect();
            assert!(matches!(judged.as_slice(), [(met, _)] if *met == kept), "{expect}: {judged:?}");
            let of_first = view.expectations.iter().any(|one| one.cell == "first/w");
            assert_eq!(of_first, !of_target, "{expect}");
        }
    }
}

#[test]
fn what_is_expected_of_one_target_ends_in_an_exit_code_whatever_the_others_are_called() {
    let workloads = "workloads: [{name: w, call: ping, iterations: 30}]\n";
    for (targets, missed) in [
        (
            "[{transport: tcp, server: threaded, name: a}, {transport: tcp, server: threaded, name: ab, expect: p50 < 1ns}]",
            "ab/w",
        ),
        (
            "[{transport: tcp, server: threaded}, {transport: tcp, server: threaded, name: strict, expect: p50 < 1ns}]",
            "strict/w",
        ),
    ] {
        let (output, _) = ran(&format!("targets: {targets}\n{workloads}"));
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
        assert!(
            matches!(errors.as_slice(), [one] if one.starts_with(&format!("error: {missed}: expected p50 < 1ns"))),
            "{told}"
        );
        let (output, _) = ran(&format!("targets: {}\n{workloads}", targets.replace("< 1ns", "< 1h")));
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn what_is_as_expected_ends_well() {
    let (output, report) = run("mean >= 20ms, timeouts == 0, censored == 0, calls_per_s < 50");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(report.matches("| met |").count(), 5, "{report}");
}

#[test]
fn what_is_not_is_named_with_its_cell_its_figure_and_its_bound() {
    let (output, report) = run("mean < 5ms, mean > 5ms, p99 < 1h");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{told}");
    assert!(errors[0].starts_with("error: tcp-threaded/wait: expected mean < 5ms, found "), "{told}");
    assert!(errors[1].contains("expected p99 < 1h, found no such figure: too few calls"), "{told}");
    assert_eq!(report.matches("| **not met** |").count(), 2, "{report}");
}

/// Made-up results of a scenario in which each target takes its time for a call, about 1 % more or less in each trial.
fn taking(text: &str, times: &[(&str, u64)]) -> Results {
    let mut results = planned(text, 2_000);
    for record in &mut results.records {
        let target = results.cells[record.cell].target.as_str();
        let (_, ns) = times.iter().find(|(name, _)| *name == target).expect(target);
        let effect = Effect::new("tcp", "w", serde_json::json!({"call": "ping"}), *ns, 2_000);
        *record = Record { cell: record.cell, ..effect.trial(record.trial) };
    }
    results
}

/// A branch beside `main`, and what is expected of it.
fn branch(expect: &str, ns: u64) -> Results {
    let text = format!(
        "baseline: main\ntargets: [{{transport: tcp, server: threaded, name: main}}, {{transport: tcp, server: threaded, \
         name: branch, expect: \"{expect}\"}}]\nworkloads: [{{name: w, call: ping, iterations: 2000}}]\n"
    );
    taking(&text, &[("main", 100_000), ("branch", ns)])
}

#[test]
fn a_figure_is_held_against_that_of_another_target_by_the_whole_interval_of_their_ratio() {
    use Judgement::{Met, Missed, Undecided};
    for (expect, ns, judgement, ratio) in [
        ("p99 < 110% of main", 105_000, Met, 1.05),
        ("p99 < 110% of main", 130_000, Missed, 1.3),
        ("p99 < 110% of main", 110_000, Undecided, 1.1),
        ("p50 <= 110% of baseline", 105_000, Met, 1.05),
        ("p50 > 120% of main", 130_000, Met, 1.3),
        ("p50 >= 120% of main", 105_000, Missed, 1.05),
        ("calls_per_s > 90% of main", 105_000, Met, 1.0 / 1.05),
        ("calls_per_s > 90% of main", 130_000, Missed, 1.0 / 1.3),
        ("cpu_per_call < 110% of main", 130_000, Missed, 1.3),
        ("mean < 100.5% of main", 130_000, Missed, 1.3),
    ] {
        let results = branch(expect, ns);
        let view = View::of(&results).expect("a view");
        let [judged] = view.expectations.as_slice() else {
            panic!("main is held against nothing: {:?}", view.expectations)
        };
        assert_eq!((judged.cell.as_str(), judged.judgement), ("branch/w", judgement), "{expect}: {judged:?}");
        let (percent, rest) = judged.found.split_once(" % of main (").expect("a ratio with its interval");
        assert!(
            (percent.parse::<f64>().expect("a number") / 100.0 / ratio - 1.0).abs() < 0.02,
            "{expect}: {}",
            judged.found
        );
        assert!(rest.contains(" % – "), "{expect}: {}", judged.found);
        let decides = judged.found.contains(" trials of each would decide");
        assert_eq!(decides, judgement == Undecided, "{expect}: {}", judged.found);
    }
}

#[test]
fn where_there_is_no_figure_nothing_is_met() {
    let found = |results: &Results| {
        let view = View::of(results).expect("a view");
        let judged = view.expectations.first().expect("it is judged").clone();
        (judged.judgement, judged.found)
    };
    let mut failed = branch("p99 < 110% of main", 90_000);
    let of_main = failed.cells.iter().position(|cell| cell.target == "main").expect("a cell");
    let record = failed.records.iter_mut().find(|record| record.cell == of_main).expect("a trial");
    reports::fail(record, "the server ended with signal 9");
    let (judgement, told) = found(&failed);
    assert_eq!(
        (judgement, told.as_str()),
        (Judgement::Missed, "no such ratio: a trial of main failed, or gives only a bound")
    );
    let mut alone = branch("p99 < 110% of main", 90_000);
    alone.records.retain(|record| record.cell != of_main);
    let (judgement, told) = found(&alone);
    assert_eq!(judgement, Judgement::Missed, "{told}");
    assert!(told.starts_with("nothing to compare with"), "{told}");
    let mut once = branch("p99 < 110% of main", 90_000);
    once.records.retain(|record| record.trial == 1);
    let (judgement, told) = found(&once);
    assert_eq!(judgement, Judgement::Undecided, "{told}");
    assert!(told.ends_with(" % of main, and an interval takes two trials of each"), "{told}");
}

#[test]
fn a_call_of_a_mix_has_expectations_of_its_own() {
    let text = "targets: [{transport: http1, at: \"127.0.0.1:1\", name: main}, {transport: http1, at: \"127.0.0.1:2\", name: branch}]\n\
         calls: [{name: quick, http: GET /q}, {name: slow, http: GET /s}]\n\
         workloads:\n  - {name: m, mix: {quick: 9, slow: 1}, iterations: 2000, expect: [\"slow.p50 < 110% of main\", \
         \"quick.p50 < 110% of main\", \"quick.p99 < 1ms\", \"slow.errors == 0\", \"slow.max < 1ns\"]}\n";
    let mut results = taking(text, &[("main", 100_000), ("branch", 100_000)]);
    for record in &mut results.records {
        let branch = results.cells[record.cell].target == "branch";
        let trial = record.trial;
        let measured = record.measured.as_mut().expect("it is measured");
        for (name, ns) in [("quick", 100_000), ("slow", if branch { 480_000 } else { 400_000 })] {
            let alone = Effect::new("tcp", "w", serde_json::json!({"call": "ping"}), ns, 1_000).trial(trial);
            let alone = alone.measured.expect("it is measured");
            measured.calls.insert(
                name.to_owned(),
                CallFigures {
                    counts: alone.counts,
                    response_time: alone.response_time,
                    service_time: None,
                    bytes: CallBytes::default(),
                },
            );
        }
    }
    let view = View::of(&results).expect("a view");
    let told: Vec<(&str, &str, Judgement)> =
        view.expectations.iter().map(|it| (it.cell.as_str(), it.expected.as_str(), it.judgement)).collect();
    use Judgement::{Met, Missed};
    for (cell, expected, judgement) in [
        ("branch/m", "slow.p50 < 110% of main", Missed),
        ("branch/m", "quick.p50 < 110% of main", Met),
        ("branch/m", "quick.p99 < 1ms", Met),
        ("branch/m", "slow.errors == 0", Met),
        ("main/m", "slow.max < 1ns", Missed),
    ] {
        assert!(told.contains(&(cell, expected, judgement)), "{cell}: {expected}: {told:?}");
    }
    assert_eq!(told.len(), 8, "main is held against nothing: {told:?}");
}

#[test]
fn what_is_met_missed_or_undecided_ends_in_its_exit_code_and_is_printed() {
    let scenario = |expect: &str, trials: u32| {
        format!(
            "targets: [{{transport: tcp, server: threaded, name: main}}, {{transport: tcp, server: threaded, name: branch, \
             expect: \"{expect}\"}}]\nworkloads: [{{name: w, call: ping, iterations: 50, trials: {trials}}}]\n"
        )
    };
    for (expect, trials, code, told, row) in [
        ("p50 < 999999% of main", 3, 0, None, "| met |"),
        (
            "p50 > 999999% of main",
            3,
            1,
            Some("error: branch/w: expected p50 > 999999% of main, found "),
            "| **not met** |",
        ),
        (
            "p50 < 110% of main",
            1,
            0,
            Some("warning: branch/w: undecided: expected p50 < 110% of main, found "),
            "| *undecided* |",
        ),
    ] {
        let (output, report) = ran(&scenario(expect, trials));
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{expect}: {said}");
        let lines: Vec<&str> =
            said.lines().filter(|line| line.contains(": expected ") || line.contains(" expected p50")).collect();
        assert_eq!(lines.len(), usize::from(told.is_some()), "{said}");
        assert!(told.is_none_or(|told| lines[0].starts_with(told)), "{said}");
        assert_eq!(report.matches(row).count(), 1, "{expect}: {report}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("strict.yaml");
    fs::write(&file, format!("title: t\nquestion: q\n{}", scenario("p50 < 110% of main", 1))).expect("a scenario");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env("ENGINE_BESIDE_OTHERS", "1").arg("run").arg(&file).arg("--out").arg(folder.path().join("out"));
    let output = command.args(["--strict", "--json", "--quiet"]).output().expect("the engine starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("error: branch/w: undecided: expected p50 < 110% of main"), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert_eq!(summary["undecided"][0]["judgement"], "undecided", "{summary}");
    assert_eq!(summary["unmet"], serde_json::json!([]), "{summary}");
}
