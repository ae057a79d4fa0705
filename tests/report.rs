//! The same results give the same report, and what they hold is shown rightly and harmlessly.

mod reports;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use engine::document::tree::written;
use engine::key::setting::Setting;
use engine::report::template::render;
use engine::report::view::View;
use engine::report::words::Remark;
use engine::results::file::RESULTS;
use engine::results::{Outcome, Reason, ReasonKind, Results, State};
use serde_json::json;
use tempfile::TempDir;

use reports::{Effect, TRIALS, fail, give_up, golden, results};

/// What the report of every kind of call draws and tells of each workload: endings of its pictures, words of its tables.
const PARTS: [(&str, &[&str], &[&str]); 5] = [
    ("connect", &["response", "percentiles", "cost"], &["Connecting:", "part by part"]),
    ("latency", &["response", "percentiles", "cost"], &["Response time", "failed"]),
    ("bandwidth", &["bandwidth", "cost"], &["Bandwidth"]),
    ("concurrent", &["response", "rate", "percentiles", "cost"], &["Response time"]),
    ("offered", &["response", "percentiles", "timeline", "cost"], &["Response time"]),
];

fn home() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports")
}

fn engine(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Results in a folder of their own.
fn folder(results: &Results) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    results.write(&folder.path().join(RESULTS)).expect("results are written");
    folder
}

fn ping(target: &str, ns: u64, calls: u64) -> Effect {
    Effect::new(target, "latency", json!({"call": "ping", "clients": 1}), ns, calls)
}

/// The texts of one row of a table, by the words of its caption and target.
fn row(results: &Results, caption: &str, target: &str) -> Vec<(String, String)> {
    let view = View::of(results).expect("a view");
    let workload = &view.workloads[0];
    let table =
        workload.tables.iter().chain([&workload.cost]).find(|table| table.caption.contains(caption)).expect(caption);
    let at = table.columns.iter().position(|column| column.label == "target").expect("a target column");
    let row = table.rows.iter().find(|row| row.texts[at] == target).expect(target);
    table.columns.iter().map(|column| column.label.clone()).zip(row.texts.iter().cloned()).collect()
}

fn shown(row: &[(String, String)], label: &str) -> String {
    row.iter().find(|(name, _)| name == label).expect(label).1.clone()
}

/// Results of few records, which a person can read: two targets under one load, of which one trial broke and one is
/// invalid.
fn small() -> Results {
    let mut results = results(&[ping("rpyc-threaded", 141_000, 60), ping("http", 296_000, 60)]);
    let record = reports::of(&mut results, "rpyc-threaded/").next().expect("a trial of rpyc");
    record.verdict.state = State::Invalid;
    record.verdict.reasons = vec![Reason::new(ReasonKind::HeldUp, "the machine was asleep for 2 s")];
    let record = reports::of(&mut results, "http/").last().expect("a trial of http");
    fail(record, "the server ended with signal 9");
    results
}

/// A page without what is the same on each, and without the insides of its pictures.
fn content(page: &str) -> String {
    let mut rest = page;
    let mut content = String::new();
    while let Some((at, end)) = ["<style", "<script", "<svg"]
        .iter()
        .zip(["</style>", "</script>", "</svg>"])
        .filter_map(|(begin, end)| Some((rest.find(begin)?, end)))
        .min()
    {
        content.push_str(&rest[..at]);
        let length = rest[at..].find(end).expect("what begins ends");
        let tag: String = rest[at..].chars().take_while(|c| c.is_ascii_alphabetic() || *c == '<').collect();
        content.push_str(&format!("{tag}…{end}"));
        rest = &rest[at + length + end.len()..];
    }
    content.push_str(rest);
    // It tells what style and script hash to.
    let told = |line: &&str| !line.contains("Content-Security-Policy");
    content.lines().filter(told).map(|line| format!("{line}\n")).collect()
}

/// The files of the small report that are kept, by their names.
fn kept() -> Vec<(&'static str, String)> {
    let made = folder(&small());
    assert!(engine(&["report", text(made.path())]).status.success());
    let read = |name: &str| fs::read_to_string(made.path().join(name)).expect(name);
    vec![
        (RESULTS, serde_json::to_string_pretty(&small()).expect("results") + "\n"),
        ("report.md", read("report.md")),
        ("page.html", content(&read("report.html"))),
        ("response.svg", read("charts/latency-response.svg")),
    ]
}

#[test]
fn small_results_give_the_report_that_is_kept() {
    for (name, made) in kept() {
        let file = home().join(name);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&file, &made).expect("it can be written");
        }
        let kept = fs::read_to_string(&file).unwrap_or_default();
        let line = (1..).zip(kept.lines().zip(made.lines())).find(|(_, (old, new))| old != new);
        assert!(kept == made, "{name} is another: {line:?}; `UPDATE=1 cargo test --test report` writes it anew");
    }
}

#[test]
fn a_report_of_every_kind_of_call_and_trouble_has_its_parts() {
    let view = View::of(&golden()).expect("a view");
    let of = |view: &View, workload: &str| -> (Vec<String>, Vec<String>) {
        let workload = view.workloads.iter().find(|it| it.name == workload).expect(workload);
        let captions = workload.tables.iter().chain([&workload.cost]).map(|table| table.caption.clone());
        (workload.clone().pictures().map(|chart| chart.file).collect(), captions.collect())
    };
    for (workload, charts, tables) in PARTS {
        let (drawn, captions) = of(&view, workload);
        assert_eq!(
            drawn,
            charts.iter().map(|name| format!("charts/{workload}-{name}.svg")).collect::<Vec<_>>(),
            "{workload}"
        );
        for table in tables {
            assert!(captions.iter().any(|caption| caption.contains(table)), "{workload}: {table} of {captions:?}");
        }
    }
    let said = |remarks: &[Remark]| -> Vec<String> {
        remarks.iter().map(|remark| format!("{} ({}): {}", remark.of, remark.which, remark.reason)).collect()
    };
    let failures = said(&view.failures);
    for expected in [
        "http/bandwidth/call=download/payload=1MiB/clients=1 (trial 4): the server ended with signal 9",
        "http/concurrent/call=ping/clients=16 (calls): timeout: no reply within 30.000 s",
        "http/latency/call=ping/clients=1 (calls): status: 503 Service Unavailable",
    ] {
        assert!(failures.iter().any(|said| said == expected), "{expected}: {failures:#?}");
    }
    let doubts = said(&view.doubts);
    for expected in [
        "http/concurrent/call=ping/clients=4 (suspect: trial 2): the client used 97 % of a core",
        "http/bandwidth/call=upload/payload=1MiB/clients=1 (invalid: trials 1 and 2): the machine was asleep for 2 s",
    ] {
        assert!(doubts.iter().any(|said| said == expected), "{expected}: {doubts:#?}");
    }
    assert_eq!(
        said(&view.refusals),
        ["transport http1, server pooled (): no adapter takes this transport to that model"]
    );
    assert_eq!(
        (view.differences.len(), view.answer.is_empty(), view.headline.rows.len(), view.advice.len()),
        (2, false, 3, 2),
        "{:?}",
        view.differences
    );
}

#[test]
fn a_report_that_does_not_match_is_named_with_its_line() {
    let folder = folder(&small());
    let dir = text(folder.path());
    assert!(engine(&["report", dir]).status.success());
    assert!(engine(&["report", dir, "--check", dir]).status.success());
    let path = folder.path().join("report.md");
    let report = fs::read_to_string(&path).expect("the report");
    fs::write(&path, report.replacen("Which answers", "Who answers", 1)).expect("a forgery");
    let output = engine(&["report", dir, "--check", dir]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("report.md:4: is `Who answers"), "{}", said(&output));
    fs::remove_file(&path).expect("no report");
    assert_eq!(engine(&["report", dir, "--check", dir]).status.code(), Some(1));
}

#[test]
fn the_order_of_records_does_not_matter() {
    let (given, mut reversed) = (golden(), golden());
    reversed.records.reverse();
    let (a, b) = (folder(&given), folder(&reversed));
    for dir in [&a, &b] {
        assert!(engine(&["report", text(dir.path())]).status.success());
    }
    for name in ["report.md", "report.html", "charts/latency-response.svg", "charts/latency-percentiles.svg"] {
        let read = |dir: &TempDir| fs::read_to_string(dir.path().join(name)).expect(name);
        assert_eq!(read(&a), read(&b));
    }
}

#[test]
fn hostile_texts_are_shown_and_not_obeyed() {
    let evil = "</pre></title><script>alert(1)</script>|`x`\n# h\n```\n<img src=x onerror=alert(1)>\u{1b}[2J";
    let mut results = golden();
    for key in ["title", "question"] {
        results.scenario[key] = evil.into();
    }
    results.scenario["workloads"][0]["name"] = evil.into();
    results.manifest.machine.insert(evil.to_owned(), evil.to_owned());
    results.refusals[0].reason = evil.to_owned();
    for cell in &mut results.cells {
        cell.target = format!("{evil}{}", cell.id);
        cell.id.push_str(evil);
        cell.workload = if cell.workload == "connect" { evil.to_owned() } else { cell.workload.clone() };
    }
    for record in &mut results.records {
        if record.trial == 1 {
            fail(record, evil);
        } else {
            record.verdict.state = State::Suspect;
            record.verdict.reasons = vec![Reason::new(ReasonKind::Other, evil)];
            record.measured.iter_mut().for_each(|measured| measured.failures = vec![evil.to_owned()]);
        }
    }
    let folder = folder(&results);
    assert!(engine(&["report", text(folder.path())]).status.success());

    let html = fs::read_to_string(folder.path().join("report.html")).expect("html");
    for harm in ["<script>alert", "<img", "\u{1b}"] {
        assert!(!html.contains(harm), "{harm}");
    }
    assert_eq!(html.matches("<script").count(), 1, "the page's own script and no other");
    assert_eq!(html.matches("</title>").count(), 1);
    assert_eq!(html.matches("</pre>").count(), 1);

    let markdown = fs::read_to_string(folder.path().join("report.md")).expect("markdown");
    assert!(!markdown.contains('\u{1b}'));
    let (prose, scenario) = markdown.split_once("<summary>The scenario</summary>").expect("the scenario is last");
    let charts = fs::read_dir(folder.path().join("charts")).expect("pictures");
    for chart in charts.map(|entry| fs::read_to_string(entry.expect("an entry").path()).expect("a picture")) {
        assert!(!chart.contains("<script") && !chart.contains("<img") && !chart.contains('\u{1b}'), "{chart}");
    }
    assert!(
        scenario.trim_start().starts_with("````yaml\n") && scenario.trim_end().ends_with("\n````\n\n</details>"),
        "{scenario}"
    );
    let mut width = None;
    for line in prose.lines() {
        assert!(!line.replace("\\<", "").contains("<script"), "{line}");
        assert!(!line.starts_with("# h") && !line.starts_with("```"), "{line}");
        // Every row of a table has as many cells as its head.
        let cells = line.starts_with('|').then(|| line.replace("\\|", "").matches('|').count());
        assert!(width.is_none() || cells.is_none() || width == cells, "{line}");
        width = cells;
    }
}

#[test]
fn a_quantile_needs_ten_calls_beyond_it() {
    // 5 trials of 1000 calls: in each 10 beyond p99, in all 5 beyond p99.9.
    let latency = row(&results(&[ping("tcp-threaded", 100_000, 1_000)]), "Response time", "tcp-threaded");
    assert_ne!(shown(&latency, "p99"), "–");
    assert_eq!(shown(&latency, "p99.9"), "–");
    assert!(!latency.iter().any(|(label, _)| label.starts_with("pooled")), "{latency:?}");
    // 5 trials of 200 calls: in each 2 beyond p99, in all of them together 10.
    let pooled = row(&results(&[ping("tcp-threaded", 100_000, 200)]), "Response time", "tcp-threaded");
    assert!(!pooled.iter().any(|(label, _)| label == "p99"), "{pooled:?}");
    assert_ne!([shown(&pooled, "p95"), shown(&pooled, "pooled p99")], ["–", "–"]);
    // 5 trials of 3 calls: not even a median, but a mean and a longest.
    let few = row(&results(&[ping("tcp-threaded", 100_000, 3)]), "Response time", "tcp-threaded");
    assert_eq!([shown(&few, "p50"), shown(&few, "p90")], ["–", "–"]);
    assert!(shown(&few, "mean").ends_with(" µs"), "{few:?}");
    assert!(shown(&few, "max").ends_with(" µs"), "{few:?}");
}

#[test]
fn what_was_given_up_is_shown_as_a_lower_bound() {
    let mut results = results(&[ping("tcp-threaded", 100_000, 1_000)]);
    results.records.iter_mut().for_each(|record| give_up(record, 20));
    let latency = row(&results, "Response time", "tcp-threaded");
    // In each trial 20 of 1000 calls were given up: p95 is known, p99 and all that is made from the whole are not.
    assert!(shown(&latency, "p95").ends_with(" µs") && !shown(&latency, "p95").contains('≥'), "{latency:?}");
    assert_eq!(shown(&latency, "p99"), "≥ 30.0 s");
    assert_eq!(shown(&latency, "max"), "≥ 30.0 s");
    assert!(shown(&latency, "mean").starts_with("≥ "), "{latency:?}");
    assert_eq!(shown(&latency, "success"), "98.00 %");
}

#[test]
fn who_is_ahead_is_decided_by_trials() {
    let ranked = |effects: &[Effect], change: fn(&mut Results)| {
        let mut results = results(effects);
        change(&mut results);
        View::of(&results).expect("a view").workloads[0].summary.clone()
    };
    let (quick, slow) = (ping("a", 100_000, 50), ping("b", 200_000, 50));
    let summary = ranked(&[quick.clone(), slow.clone()], |_| ());
    assert!(summary.starts_with("by response time (p50), a is ahead with 10"), "{summary}");
    assert!(summary.contains(", of b by 1.9") || summary.contains(", of b by 2.0"), "{summary}");
    let alike = ranked(&[quick.clone(), ping("b", 100_100, 50)], |_| ());
    assert!(alike.contains(" are tied (minimum detectable difference: 1.0"), "{alike}");
    let short = ranked(&[quick.clone(), slow.clone()], |results| results.records.retain(|record| record.trial < 4));
    assert!(short.contains("not ranked, which takes 4 trials of each target"), "{short}");
    let invalid = ranked(&[quick.clone(), slow.clone()], |results| {
        reports::of(results, "a/").take(3).for_each(|record| record.verdict.state = State::Invalid);
    });
    assert!(invalid.contains("not ranked"), "{invalid}");
    let broken = ranked(&[quick, slow], |results| {
        let record = reports::of(results, "a/").next().expect("a trial of a");
        fail(record, "it broke");
    });
    assert!(broken.ends_with("a and b are tied"), "{broken}");
}

#[test]
fn what_the_client_limited_is_a_lower_bound_that_ranks_nobody() {
    let of = |target: &str, axes: serde_json::Value| Effect::new(target, "load", axes, 100_000, 50);
    let limited = |axes: serde_json::Value| {
        let mut results = results(&[of("a", axes.clone()), of("b", axes.clone()), of("c", axes)]);
        let record = reports::of(&mut results, "a/").next().expect("a trial of a");
        record.verdict.state = State::Suspect;
        record.verdict.reasons = vec![Reason::new(ReasonKind::Client, "generator-bound")];
        results
    };
    let pings = limited(json!({"call": "ping", "clients": 2}));
    let (a, b) = (row(&pings, "Response time", "a"), row(&pings, "Response time", "b"));
    assert!(shown(&a, "calls/s").starts_with("≥ ") && !shown(&b, "calls/s").contains('≥'), "{a:?}");
    assert_eq!((shown(&a, "95 % of calls/s").as_str(), shown(&a, "p50").contains('≥')), ("–", false));
    let view = View::of(&pings).expect("a view");
    let comparisons = &view.workloads[0].comparisons;
    let ranked = |by: &str, target: &str| {
        let comparison = comparisons.iter().find(|comparison| comparison.measured_by == by).expect(by);
        comparison.standings.iter().find(|standing| standing.target == target).expect(target).ranked
    };
    assert!(ranked("response time (p50)", "a") && !ranked("calls/s", "a") && ranked("calls/s", "b"));
    assert!(comparisons[1].sentence.ends_with("; not ranked by this, for the client was the limit: a"));
    assert!(view.method.iter().any(|said| said.contains("rank nobody")), "{:?}", view.method);

    let uploads = limited(json!({"call": "upload", "payload": "1KiB", "clients": 1}));
    let a = row(&uploads, "Bandwidth", "a");
    assert!(shown(&a, "MB/s").starts_with("≥ ") && shown(&a, "MiB/s").starts_with("≥ "), "{a:?}");
    let view = View::of(&uploads).expect("a view");
    let by = view.workloads[0].comparisons.iter().map(|comparison| comparison.measured_by);
    assert_eq!(by.collect::<Vec<_>>(), ["response time (p50)", "bandwidth"]);
}

#[test]
fn what_is_to_be_said_of_a_valid_trial_is_said() {
    let mut results = results(&[ping("tcp-threaded", 100_000, 50)]);
    results.records[2].verdict.reasons = vec![Reason::new(ReasonKind::BothEnds, "both ends were busy")];
    let view = View::of(&results).expect("a view");
    let said: Vec<&str> = view.doubts.iter().flat_map(|doubt| [doubt.which.as_str(), &doubt.reason]).collect();
    assert_eq!(said, ["valid, but read with care: trial 3", "both ends were busy"]);
    let rate = shown(&row(&results, "Response time", "tcp-threaded"), "calls/s");
    assert!(!rate.contains('≥'), "{rate}");
}

#[test]
fn the_calls_of_a_trial_without_any_answer_count_as_failed() {
    let mut results = results(&[ping("tcp-threaded", 100_000, 100)]);
    let record = &mut results.records[0];
    record.outcome = Outcome::Failed;
    record.reason = Some("no call succeeded".to_owned());
    let measured = record.measured.as_mut().expect("measured");
    (measured.counts.ok, measured.counts.error.connect) = (0, 100);
    let latency = row(&results, "Response time", "tcp-threaded");
    assert_eq!([shown(&latency, "success"), shown(&latency, "trials")], ["80.00 %", "4 of 5"]);
    let failed = row(&results, "failed", "tcp-threaded");
    assert_eq!(shown(&failed, "connect"), "100");
}

#[test]
fn a_trial_is_one_vote_on_bandwidth_however_long_it_took() {
    let axes = json!({"call": "upload", "payload": "1MiB", "clients": 1});
    let mut results = results(&[Effect::new("tcp-threaded", "bandwidth", axes, 1_000_000, 10)]);
    for (record, milliseconds) in results.records.iter_mut().zip([10, 10, 10, 10, 60]) {
        record.measured.as_mut().expect("measured").elapsed_ns = milliseconds * 1_000_000;
    }
    // 10 MiB in 10 ms four times, and once in 60 ms: not 50 MiB in 100 ms, which is 500 MiB/s.
    let transfer = row(&results, "Bandwidth", "tcp-threaded");
    assert_eq!([shown(&transfer, "MB/s"), shown(&transfer, "MiB/s")], ["733", "699"]);
}

#[test]
fn a_cost_is_shown_only_where_the_counter_is_fine_enough() {
    let mut results = results(&[ping("tcp-threaded", 100_000, 100)]);
    for record in &mut results.records {
        let cost = record.cost.as_mut().expect("a cost");
        (cost.server.cpu_ns, cost.server.cpu_step_ns) = (Some(100_000_000), Some(10_000_000));
        (cost.client.cpu_ns, cost.client.cpu_step_ns) = (Some(100_000_000), Some(1_000_000));
    }
    let cost = row(&results, "cost", "tcp-threaded");
    assert_eq!(shown(&cost, "client CPU per call"), "1.00 ms");
    assert!(!cost.iter().any(|(label, _)| label == "server CPU per call"), "{cost:?}");
}

#[test]
fn a_template_of_ones_own_gets_the_view() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = folder.path().join("own.html.jinja");
    fs::write(&template, "{% for w in workloads if w.cells[0].response.p50.value > 1000 %}{{ w.name }} & {% endfor %}")
        .expect("a template");
    let results = self::folder(&golden());
    let report = |arguments: &[&str]| {
        engine(&[&["report", text(results.path()), "--template", text(&template)], arguments].concat())
    };
    let output = report(&[]);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "connect & latency & bandwidth & concurrent & offered & ",
        "{}",
        said(&output)
    );
    assert!(report(&["--out", text(folder.path())]).status.success());
    assert!(folder.path().join("own.html").exists());
    fs::write(&template, "{{ titel }}").expect("a template");
    let output = report(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("own.html"), "{}", said(&output));
}

#[test]
fn the_view_of_a_template_satisfies_its_schema() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../schemas/view.schema.json")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let mut view = serde_json::to_value(View::of(&golden()).expect("a view")).expect("JSON");
    let mistakes: Vec<String> = validator.iter_errors(&view).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    view["workloads"][0]["cells"][0]["number"] = "one".into();
    assert!(!validator.is_valid(&view));
}

#[test]
fn the_template_of_a_comment_says_who_is_ahead_and_what_failed() {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/pull-request.md.jinja");
    let results = folder(&golden());
    let output = engine(&["report", text(results.path()), "--template", text(&template)]);
    assert!(output.status.success(), "{}", said(&output));
    let comment = String::from_utf8_lossy(&output.stdout);
    assert!(comment.contains("### RPyC against HTTP"), "{comment}");
    assert!(comment.contains("signal 9"), "{comment}");
    assert!(comment.contains("| rpyc-threaded/latency/call=ping/clients=1 | 1"), "{comment}");
}

#[test]
fn a_template_finds_a_cell_by_its_id_or_says_that_there_is_none() {
    let view = Arc::new(View::of(&results(&[ping("a", 100_000, 50), ping("b", 400_000, 50)])).expect("a view"));
    let id = view.workloads[0].cells[0].id.clone();
    let made = |template: &str| render(&view, "own.md", &template.replace("ID", &id));
    let standing = "{% set c = cell(\"ID\") %}{{ c.target }} {{ c.standings.response_time.ahead_of | join }} {{ c.counts.ok | share(c.counts.scheduled) }}";
    assert_eq!(made(standing).expect("a page"), "a b 100 %");
    assert_eq!(
        made("{{ 1500 | time }}, {{ 2048 | size }}, {{ 0.5 | factor }}").expect("a page"),
        "1.50 µs, 2.00 KiB, 0.500 ×"
    );
    for (template, wrong) in [
        ("{{ cell(\"nobody/latency\").id }}", "the results hold no cell `nobody/latency`"),
        ("{{ cell(\"ID\").standings.bandwidth.figure }}", "undefined value"),
        ("{{ cell(\"ID\").server.cpu_ns_per_call | time }}{{ none | time }}", "cannot convert"),
    ] {
        let error = made(template).expect_err(template).to_string();
        assert!(error.contains(wrong), "{template}: {error}");
    }
}

#[test]
fn a_template_writes_a_lower_bound_as_one() {
    let mut results = results(&[ping("tcp-threaded", 100_000, 1_000)]);
    results.records.iter_mut().for_each(|record| give_up(record, 20));
    let view = Arc::new(View::of(&results).expect("a view"));
    let made = render(&view, "own.md", "{{ workloads[0].cells[0].response.p99 | time }}").expect("a page");
    assert_eq!(made, "≥ 30.0 s");
}

#[test]
fn every_trial_is_accounted_for() {
    let view = View::of(&golden()).expect("a view");
    for cell in view.workloads.iter().flat_map(|workload| &workload.cells) {
        let trials = cell.trials;
        assert_eq!(trials.all, TRIALS as usize, "{}", cell.id);
        assert_eq!(trials.counted + trials.invalid + trials.failed, trials.all, "{}", cell.id);
        assert!(cell.counts.conserved(), "{}", cell.id);
    }
}

#[test]
fn the_scenario_is_printed_as_yaml_that_reads_back() {
    let scenario = json!({
        "title": "RPyC: against \"HTTP\"\n# not a comment",
        "targets": [
            {"transport": "rpyc", "server": ["threaded", "no"]},
            {"name": "- x", "options": {"keep-alive": false}},
        ],
        "empty": {}, "none": [], "matrix": [["a, b", "1e3"], []],
        "size": "1.5MiB", "spaced": " 3B", "number": "0x1f", "trials": 10,
    });
    let text = written(&scenario);
    let read: serde_json::Value = serde_yaml::from_str(&text).expect(&text);
    assert_eq!(read, scenario, "{text}");
    assert!(text.contains("\n  - transport: rpyc\n    server: [threaded, \"no\"]\n"), "{text}");
}

#[test]
fn a_certificate_that_nobody_looked_at_is_said_on_the_first_screen() {
    let mut results = results(&[ping("http", 100_000, 60), ping("rpyc-threaded", 141_000, 60)]);
    let of_http = results.cells.iter_mut().find(|cell| cell.target == "http").expect("a cell");
    of_http.settings.put("insecure", Setting::Flag(true));
    let said = "any certificate was taken for that of http";
    let chip =
        View::of(&results).expect("a view").chips.into_iter().find(|chip| chip.name == "insecure").expect("a chip");
    assert_eq!((chip.value.as_str(), chip.warns), (said, true));
    let made = folder(&results);
    assert!(engine(&["report", text(made.path())]).status.success());
    for name in ["report.md", "report.html"] {
        let report = fs::read_to_string(made.path().join(name)).expect(name);
        assert!(report.contains(said), "{name} does not say it");
        assert!(name != "report.md" || report.lines().take(40).any(|line| line.contains(said)), "{report}");
    }
    assert!(View::of(&small()).expect("a view").chips.iter().all(|chip| chip.name != "insecure"));
}
