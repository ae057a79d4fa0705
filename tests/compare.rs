//! Two runs are compared cell by cell: what is slower is named, what is not shown is not.

mod reports;

use std::path::Path;
use std::process::{Command, Output};

use engine::key::setting::Setting;
use engine::report::changes::Changes;
use engine::report::changes::by::By;
use engine::report::view::View;
use engine::results::file::RESULTS;
use engine::results::machine::Yardstick;
use engine::results::{Errors, Record, Refused, Results, State};
use serde_json::{Value, json};

use reports::{Effect, fail, give_up, results};

/// A ping by three targets and an upload, each so many times as long as it was.
fn run(factors: [f64; 4]) -> Results {
    let ns = |base: f64, at: usize| (base * factors[at]) as u64;
    let ping = |target: &str, ns: u64| Effect::new(target, "latency", json!({"call": "ping", "clients": 1}), ns, 100);
    let upload = json!({"call": "upload", "payload": "1MiB", "clients": 1});
    let mut run = results(&[
        ping("tcp-threaded", ns(100_000.0, 0)),
        ping("tcp-async", ns(120_000.0, 1)),
        ping("rpyc-threaded", ns(300_000.0, 2)),
        Effect::new("tcp-threaded", "bandwidth", upload, ns(1_000_000.0, 3), 100),
    ]);
    run.manifest.yardsticks = yardsticks(1.0, 1.0);
    run
}

/// What a machine that is so many times slower measures of itself, one hold-up among it.
fn yardsticks(exchange: f64, arithmetic: f64) -> Vec<Yardstick> {
    let one = |at: u64, held_up: f64| Yardstick {
        at_ns: at * 1_000_000_000,
        exchange_ns: (10_000.0 * exchange * held_up) as u64,
        arithmetic_ns: (500_000.0 * arithmetic * held_up) as u64,
    };
    vec![one(0, 1.0), one(30, 3.0), one(60, 1.01), one(90, 0.99), one(120, 1.0)]
}

/// Asks something else of the cells of a workload; of all where none is named.
fn ask(run: &mut Results, workload: &str, key: &str, value: Setting) {
    // What the scenario does not tell about has no scalars.
    let planned = run.cells.iter_mut().filter(|cell| key != "iterations" || cell.settings.get(key).is_some());
    let cells = planned.filter(|cell| workload.is_empty() || cell.workload == workload);
    cells.for_each(|cell| cell.settings.put(key, value.clone()));
}

/// Changes every record of the cells whose id begins so.
fn change(run: &mut Results, id: &str, mut how: impl FnMut(&mut Record)) {
    assert!(reports::of(run, id).map(&mut how).count() > 0, "{id}");
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn compare(old: &Results, new: &Results, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    for (name, results) in [("old", old), ("new", new)] {
        std::fs::create_dir(path(name)).expect("a folder");
        results.write(&path(name).join(RESULTS)).expect("results are written");
    }
    let text = |path: &Path| path.to_str().expect("a path of ours is UTF-8").to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.args(["compare", &text(&path("old")), &text(&path("new"))]).args(more).output().expect("the engine starts")
}

fn verdicts(output: &Output) -> Vec<(String, String)> {
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let changes = told["changes"].as_array().expect("a list");
    changes.iter().map(|change| (text(&change["cell"]), text(&change["verdict"]))).collect()
}

#[test]
fn alike_is_not_called_different() {
    let output = compare(&run([1.0; 4]), &run([1.000_01, 0.999_9, 1.000_1, 1.000_03]), &["--tolerance", "5%"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert_eq!(told.matches("no difference shown").count(), 4, "{told}");
    assert!(told.starts_with("cell ") && told.lines().count() == 5, "{told}");
}

#[test]
fn exactly_what_is_slower_by_more_than_the_tolerance_is_named() {
    let (old, new) = (run([1.0; 4]), run([1.1, 1.0, 0.8, 1.1]));
    let output = compare(&old, &new, &["--tolerance", "5%", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr);
    let named = "2 cells slower by more than 5 %: ";
    assert!(told.contains(named) && !told.contains("tcp-async"), "{told}");
    let verdict = |cell: &str| {
        let found = verdicts(&output).into_iter().find(|(id, _)| id.starts_with(cell));
        found.expect(cell).1
    };
    assert_eq!(verdict("tcp-threaded/latency"), "slower");
    assert_eq!(verdict("tcp-threaded/bandwidth"), "slower", "less bandwidth is slower");
    assert_eq!(verdict("tcp-async/latency"), "no difference shown");
    assert_eq!(verdict("rpyc-threaded/latency"), "faster");

    let patient = compare(&old, &new, &["--tolerance", "15%"]);
    assert_eq!(patient.status.code(), Some(0), "{}", String::from_utf8_lossy(&patient.stderr));
}

#[test]
fn what_cannot_be_compared_says_why() {
    let (old, mut new) = (run([1.0; 4]), run([2.0; 4]));
    let ids: Vec<String> = new.cells.iter().map(|cell| cell.id.clone()).collect();
    new.records.retain(|record| {
        let id = &ids[record.cell];
        !id.starts_with("tcp-async") && (record.trial == 1 || !id.contains("bandwidth"))
    });
    let broken = reports::of(&mut new, "rpyc").next().expect("a record");
    fail(broken, "it broke");
    let output = compare(&old, &new, &["--format", "markdown"]);
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("missing: the new run has no such cell"), "{told}");
    assert!(told.contains("not comparable: the new run has 1 trial that count, and it takes two"), "{told}");
    assert!(told.contains("fails: 1 of 5 trials failed: it broke"), "{told}");
    assert!(told.contains("The new run does not pass:\n\n- 1 cell with trials that fail now: rpyc-threaded"), "{told}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        told.contains("2 cells slower by more than 10 %: rpyc-threaded/latency"),
        "the trials that are whole: {told}"
    );
}

#[test]
fn runs_of_different_machines_are_told() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    new.manifest.machine.insert("kernel".to_owned(), "Linux 9".to_owned());
    new.manifest.machine.insert("load before".to_owned(), "7.0".to_owned());
    let output = compare(&old, &new, &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("warning: kernel was ") && told.contains("and is Linux 9"), "{told}");
    assert_eq!(told.matches("warning").count(), 1, "{told}");
}

#[test]
fn a_tolerance_has_its_percent() {
    let output = compare(&run([1.0; 4]), &run([1.0; 4]), &["--tolerance", "0.1"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("write it like 10%"));
}

#[test]
fn the_same_results_pass() {
    for more in [&[][..], &["--by", "p50,p90,p95,p99,errors,calls_per_s,bandwidth,cpu_per_call,memory"]] {
        let output = compare(&run([1.0; 4]), &run([1.0; 4]), more);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        assert!(output.stderr.is_empty(), "{}", told(&output));
    }
}

#[test]
fn a_target_that_is_missing_does_not_pass() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    let gone = new.cells.iter().position(|cell| cell.id.starts_with("rpyc-threaded")).expect("a cell");
    new.records.retain(|record| record.cell != gone);
    let output = compare(&old, &new, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("error: 1 cell missing in the new run: rpyc-threaded/latency"), "{}", told(&output));
    // One that came is no fault, and one that is refused now is told with its reason.
    assert_eq!(compare(&new, &old, &[]).status.code(), Some(0));
    let refused = reports::settings(json!({"transport": "rpyc", "server": "threaded"}));
    new.refusals.push(Refused { settings: refused, reason: "it is not built in".to_owned() });
    assert!(told(&compare(&old, &new, &[])).contains("missing: the new run refuses it: it is not built in"));
}

#[test]
fn runs_without_a_common_cell_do_not_pass() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    new.cells.iter_mut().for_each(|cell| {
        reports::renamed(cell, &cell.target.replacen("threaded", "other", 1).replacen("async", "other", 1))
    });
    let output = compare(&old, &new, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("error: the two runs have no cell in common"), "{}", told(&output));
    // The same id, and another question.
    let mut new = run([1.0; 4]);
    new.cells.iter_mut().for_each(|cell| cell.settings.put("fill", Setting::word("text")));
    let output = compare(&old, &new, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("it is asked something else: fill was absent, and is text"), "{}", told(&output));
    // No cell at all.
    new.records.clear();
    assert_eq!(compare(&new, &new, &[]).status.code(), Some(1));
}

/// Makes this part of the calls of a trial errors.
fn err(record: &mut Record, share: f64) {
    let counts = &mut record.measured.as_mut().expect("a measured record").counts;
    let failed = (counts.scheduled as f64 * share) as u64;
    counts.ok -= failed;
    counts.error = Errors { status: failed, ..Errors::default() };
}

#[test]
fn more_failed_calls_do_not_pass_however_few_trials_there_are() {
    for trials in [1, 2, 3, 5] {
        let (mut old, mut new) = (run([1.0; 4]), run([1.0; 4]));
        change(&mut new, "tcp-async", |record| err(record, 0.3));
        for run in [&mut old, &mut new] {
            run.records.retain(|record| record.trial <= trials);
        }
        for more in [&[][..], &["--by", "p99"], &["--by", "errors"]] {
            let output = compare(&old, &new, more);
            assert_eq!(output.status.code(), Some(1), "{}", told(&output));
            let named = "error: 1 cell with more failed calls, by more than 10 %: tcp-async/latency";
            assert!(told(&output).contains(named), "{}", told(&output));
        }
        let back = compare(&new, &old, &["--by", "errors", "--format", "json"]);
        assert_eq!(back.status.code(), Some(0), "{}", told(&back));
        assert!(verdicts(&back).iter().any(|(cell, verdict)| cell.starts_with("tcp-async") && verdict == "less"));
        assert_eq!(compare(&new, &new, &["--by", "errors"]).status.code(), Some(0), "as many as before");
    }
    // One failed call of 500 is no proof, and time-outs are failures too.
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    change(&mut new, "tcp-async", |record| {
        if record.trial == 2 {
            err(record, 0.01)
        }
    });
    assert_eq!(compare(&old, &new, &[]).status.code(), Some(0), "{}", told(&compare(&old, &new, &[])));
    let mut new = run([1.0; 4]);
    change(&mut new, "tcp-async", |record| give_up(record, 5));
    assert!(told(&compare(&old, &new, &[])).contains("1 cell with more failed calls"));
}

#[test]
fn a_cell_that_fails_now_does_not_pass_and_one_that_failed_before_may_go_on_to() {
    let (old, mut broken) = (run([1.0; 4]), run([1.0; 4]));
    change(&mut broken, "tcp-async", |record| fail(record, "it does not start"));
    let output = compare(&old, &broken, &[]);
    assert_eq!(output.status.code(), Some(1));
    let named = "error: 1 cell with trials that fail now: tcp-async/latency";
    assert!(told(&output).contains(named), "{}", told(&output));
    assert!(told(&output).contains("fails: 5 of 5 trials failed: it does not start"), "{}", told(&output));
    assert_eq!(compare(&broken, &broken, &[]).status.code(), Some(0));
    assert_eq!(compare(&broken, &old, &[]).status.code(), Some(0));
    let mut all = broken;
    change(&mut all, "", |record| fail(record, "it does not start"));
    let output = compare(&all, &all, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("error: nothing could be compared: "), "{}", told(&output));
    assert_eq!(compare(&old, &all, &[]).status.code(), Some(1));
    // Trials that were spoiled are neither: nobody can say.
    let mut spoiled = run([1.0; 4]);
    change(&mut spoiled, "", |record| record.verdict.state = State::Invalid);
    let output = compare(&old, &spoiled, &[]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("nothing could be compared: the new run has 0 trials that count"));
}

#[test]
fn what_a_server_spends_is_compared_where_that_is_asked_for() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    change(&mut new, "tcp-async", |record| {
        let server = &mut record.cost.as_mut().expect("costs").server;
        server.cpu_ns = server.cpu_ns.map(|ns| 2 * ns);
        server.peak_memory = server.peak_memory.map(|bytes| 3 * bytes);
    });
    assert_eq!(compare(&old, &new, &[]).status.code(), Some(0));
    for (by, words) in [("cpu_per_call", "CPU time per call"), ("memory", "memory")] {
        let output = compare(&old, &new, &["--by", by]);
        assert_eq!(output.status.code(), Some(1), "{}", told(&output));
        let named = format!("error: 1 cell with more {words}, by more than 10 %: tcp-async/latency");
        assert!(told(&output).contains(&named), "{}", told(&output));
        assert_eq!(compare(&new, &old, &["--by", by]).status.code(), Some(0));
    }
    // A counter that is too coarse says so.
    change(&mut new, "", |record| {
        record.cost.as_mut().expect("costs").server.cpu_step_ns = Some(10_000_000_000);
    });
    let output = compare(&old, &new, &["--by", "cpu_per_call"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        told(&output).contains("nothing could be compared: the CPU time is not known, or its counter is too coarse")
    );
}

#[test]
fn a_tail_is_compared_only_where_calls_enough_lie_beyond_it() {
    let ping = |calls: u64, late: bool| {
        let axes = json!({"call": "ping", "clients": 1});
        let mut run = results(&[Effect::new("tcp-threaded", "latency", axes, 100_000, calls)]);
        change(&mut run, "", |record| {
            let measured = record.measured.as_mut().expect("measured");
            measured.response_time.p99_ns *= if late { 3 } else { 1 };
        });
        run
    };
    let output = compare(&ping(1000, false), &ping(1000, true), &["--by", "p50,p99", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert_eq!(verdicts(&output).into_iter().map(|it| it.1).collect::<Vec<_>>(), ["no difference shown", "slower"]);
    let output = compare(&ping(999, false), &ping(999, true), &["--by", "p50,p99"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("not comparable: a trial has too few calls for it"), "{}", told(&output));
    assert_eq!(compare(&ping(999, false), &ping(999, true), &["--by", "p99"]).status.code(), Some(1), "nothing was");
}

#[test]
fn a_bound_proves_in_one_direction_only() {
    // Nearly half of the calls were given up at 30 s: p90 is that or longer.
    let ping = |given_up: u64| {
        let axes = json!({"call": "ping", "clients": 1});
        let mut run = results(&[Effect::new("tcp-threaded", "latency", axes, 100_000, 100)]);
        change(&mut run, "", |record| give_up(record, given_up));
        run
    };
    let output = compare(&ping(0), &ping(90), &["--by", "p90", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(verdicts(&output).iter().any(|it| it.1 == "slower"), "{}", told(&output));
    let bound = compare(&ping(90), &ping(90), &["--by", "p90"]);
    assert!(told(&bound).contains("≥ ") && told(&bound).contains("both figures are only known to be at least that"));
    let back = compare(&ping(90), &ping(0), &["--by", "p90", "--format", "json"]);
    assert!(verdicts(&back).iter().any(|it| it.1 == "faster"), "{}", told(&back));
}

#[test]
fn other_questions_under_the_same_name_are_said() {
    let (old, mut new) = (run([1.0; 4]), run([1.0; 4]));
    ask(&mut new, "latency", "iterations", Setting::Count(10));
    ask(&mut new, "bandwidth", "verify", Setting::word("content"));
    let output = compare(&old, &new, &[]);
    let told = told(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("warning: the workload latency is not the same: iterations was 300, and is 10"), "{told}");
    assert!(told.contains("the workload bandwidth is not the same: verify was length, and is content"), "{told}");
    assert_eq!(told.matches("warning").count(), 2, "{told}");
    ask(&mut new, "", "timeout", Setting::Time("5s".parse().expect("a time")));
    let output = compare(&old, &new, &["--format", "markdown"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("drain was 30s, and is 5s; iterations was 300, and is 10; timeout was 30s, and is 5s"),
        "{told}"
    );
    // What stands there at its default is the same as what does not.
    let mut written = run([1.0; 4]);
    ask(&mut written, "latency", "drain", Setting::Time("30s".parse().expect("a time")));
    assert!(compare(&old, &written, &[]).stderr.is_empty());
}

#[test]
fn figures_of_machines_that_are_not_alike_are_not_judged() {
    let old = run([1.0; 4]);
    for (exchange, arithmetic, word) in
        [(2.0, 2.0, "2.00 × slower"), (1.0, 1.4, "1.40 × slower"), (0.5, 1.0, "2.00 × faster")]
    {
        let mut new = run([2.0; 4]);
        new.manifest.yardsticks = yardsticks(exchange, arithmetic);
        let output = compare(&old, &new, &["--by", "p50,bandwidth,cpu_per_call,memory"]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(&format!("error: not comparable: the machine itself was {word}")), "{told}");
        assert_eq!(told.matches("error").count(), 1, "{told}");
        assert!(!told.contains("cells slower") && !told.contains("cell slower"), "{told}");
        let output = compare(&old, &new, &["--format", "json"]);
        assert!(verdicts(&output).iter().all(|it| it.1 == "not comparable"), "{:?}", verdicts(&output));
        assert_eq!(compare(&old, &new, &["--by", "memory"]).status.code(), Some(0), "memory is not made of time");
    }
    // Within a tenth they are alike, whatever one hold-up said.
    let mut new = run([1.0; 4]);
    new.manifest.yardsticks = yardsticks(1.08, 0.94);
    assert_eq!(compare(&old, &new, &[]).status.code(), Some(0));
    // What fails on a slower machine fails, and is told beside it.
    let mut failing = run([2.0; 4]);
    failing.manifest.yardsticks = yardsticks(2.0, 2.0);
    change(&mut failing, "tcp-async", |record| fail(record, "it broke"));
    let output = compare(&old, &failing, &[]);
    assert!(told(&output).contains("1 cell with trials that fail now") && told(&output).contains("machine itself"));
    // Without yardsticks nobody knows, which is said.
    new.manifest.yardsticks.clear();
    let output = compare(&old, &new, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("warning: whether the machine was as quick is not known"), "{}", told(&output));
}

#[test]
fn a_figure_is_the_one_that_the_report_has() {
    let run = reports::golden();
    let by = [By::P50, By::P99, By::CallsPerS, By::Bandwidth, By::CpuPerCall];
    let changes = Changes::of(&run, &run, 0.1, &by).expect("they can be compared").changes;
    let view = View::of(&run).expect("a report");
    let mut seen = 0;
    for cell in view.workloads.iter().flat_map(|workload| &workload.cells) {
        let response = &cell.response;
        let figures = [response.p50, response.p99, cell.calls_per_s, cell.bandwidth, cell.server.cpu_ns_per_call];
        for (by, figure) in by.into_iter().zip(figures) {
            let change = changes.iter().find(|change| change.cell == cell.id && change.by == by).expect("a row");
            if let (Some(figure), Some(new)) = (figure, change.new) {
                assert!((figure.value / new.value - 1.0).abs() < 1e-9, "{}: {by}: {figure:?} {new:?}", cell.id);
                assert_eq!(figure.at_least, new.at_least, "{}: {by}", cell.id);
                seen += 1;
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn figures_have_their_words() {
    let output = compare(&run([1.0; 4]), &run([1.0; 4]), &["--by", "p50,cpu"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(told(&output).contains("invalid value 'cpu' for '--by <FIGURES>'"), "{}", told(&output));
}
