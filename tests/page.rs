//! The page says what is in the results: its map finds what was put there, its pictures and tables hold together.

mod reports;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use engine::report::comparison::Outcome;
use engine::report::template::render;
use engine::report::view::View;
use engine::report::workload::Workload;
use engine::report::write;
use engine::results::Results;
use engine::results::file::RESULTS;
use serde_json::json;
use tempfile::TempDir;

use reports::{Effect, golden, open_loop, results};

fn engine(arguments: &[&Path]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts")
}

fn written(results: &Results) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    results.write(&folder.path().join(RESULTS)).expect("results are written");
    write(results, folder.path()).expect("a report is written");
    folder
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Results with as many trials as seven comparisons of two targets take.
fn repeated(effects: &[Effect]) -> Results {
    reports::repeated(effects, 9)
}

/// Uploads whose time is so many nanoseconds and so many more for each KiB.
fn uploads(target: &str, base: u64, for_each_kib: u64) -> impl Iterator<Item = Effect> {
    [1u64, 4, 16, 32, 128, 256, 1024].into_iter().map(move |kib| {
        let axes = json!({"call": "upload", "payload": format!("{kib}KiB"), "fill": "random", "clients": 1});
        Effect::new(target, "bandwidth", axes, base + for_each_kib * kib, 20)
    })
}

#[test]
fn the_map_finds_where_the_lead_changes() {
    // 100 + 2 a KiB and 228 + 0 a KiB: equal at 64 KiB.
    let effects: Vec<Effect> = uploads("nimble", 100_000, 2_000).chain(uploads("steady", 228_000, 0)).collect();
    let view = Arc::new(View::of(&repeated(&effects)).expect("a view"));
    let [change] = view.workloads[0].map.changes.as_slice() else { panic!("{:?}", view.workloads[0].map.changes) };
    assert_eq!([&change.before, &change.after], ["nimble", "steady"]);
    assert_eq!([change.from.as_str(), change.to.as_str()], ["32KiB", "128KiB"]);
    let kib = change.near / 1024.0;
    assert!((51.2..76.8).contains(&kib), "within a fifth of 64 KiB, drawn straight between them: {kib}");
    let page = render(&view, "own.md", "{{ workloads[0].map.changes[0].sentence }}").expect("a sentence");
    assert!(page.contains("up to payload 32KiB nimble is ahead, from 128KiB on steady"), "{page}");
}

#[test]
fn two_of_the_same_have_no_winner() {
    let ping = |target: &str, ns: u64| Effect::new(target, "latency", json!({"call": "ping", "clients": 1}), ns, 200);
    let alike =
        uploads("a", 100_000, 2_000).chain(uploads("b", 100_070, 2_000)).chain([ping("a", 90_000), ping("b", 90_050)]);
    let view = View::of(&repeated(&alike.collect::<Vec<_>>())).expect("a view");
    assert!(view.answer[0].contains("no difference is shown"), "{:?}", view.answer);
    let comparisons = || view.workloads.iter().flat_map(|workload| &workload.comparisons);
    assert_eq!(comparisons().count(), 8);
    assert!(comparisons().all(|comparison| comparison.outcome == Outcome::Tie), "{:?}", view.workloads);
    let alone = view.advice.iter().filter_map(|advice| advice.when.as_ref()).find(|when| when.contains(" before "));
    assert_eq!(alone, None);
    assert!(view.workloads.iter().all(|workload| workload.map.changes.is_empty()));
}

#[test]
fn each_target_is_advised_where_it_is_ahead() {
    let effects: Vec<Effect> = uploads("nimble", 100_000, 2_000).chain(uploads("steady", 228_000, 0)).collect();
    let view = View::of(&repeated(&effects)).expect("a view");
    // Over the seven sizes together steady is ahead by 1.19, and nimble for nothing: so nothing is said of it.
    let [steady] = view.advice.as_slice() else { panic!("{:?}", view.advice) };
    assert_eq!(steady.target, "steady");
    let when = steady.when.as_deref().expect("a reason");
    assert!(when.starts_with("bandwidth, upload (bandwidth) ") && when.ends_with(" × before nimble"), "{when}");
}

#[test]
fn the_same_results_give_the_same_bytes() {
    let (a, b) = (written(&golden()), written(&golden()));
    let charts = fs::read_dir(a.path().join("charts")).expect("pictures");
    let names = charts.map(|entry| format!("charts/{}", entry.expect("an entry").file_name().display()));
    let names: Vec<String> = names.chain(["report.md", "report.html"].map(str::to_owned)).collect();
    assert!(names.len() > 10, "{names:?}");
    for name in names {
        assert!(read(&a, &name) == read(&b, &name), "{name}");
    }
}

#[test]
fn pictures_are_checked_with_the_report() {
    let folder = written(&golden());
    let check = || engine(&[Path::new("report"), folder.path(), Path::new("--check"), folder.path()]);
    assert!(check().status.success());
    let said = |output: Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let picture = folder.path().join("charts/latency-response.svg");
    let old = folder.path().join("charts/gone-response.svg");
    fs::copy(&picture, &old).expect("a copy");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(output).contains("gone-response.svg is of no report"));
    fs::write(folder.path().join("charts/own.svg"), "<svg/>").expect("a picture of somebody else's");
    write(&golden(), folder.path()).expect("written anew");
    assert!(!old.exists() && folder.path().join("charts/own.svg").exists());
    assert!(check().status.success());

    fs::write(&picture, read(&folder, "charts/latency-response.svg").replacen("p50", "p51", 1)).expect("a forgery");
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(output).contains("latency-response.svg:"));
}

#[test]
fn tables_and_pictures_survive_a_renderer_of_github_markdown() {
    let folder = written(&golden());
    let markdown = read(&folder, "report.md");
    let mut options = comrak::Options::default();
    options.extension.table = true;
    let html = comrak::markdown_to_html(&markdown, &options);
    let view = View::of(&golden()).expect("a view");
    let mut pictures: Vec<&str> = html.split("<img src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    // That of the first screen, and the first of each workload; the page has them all.
    let firsts = view.workloads.iter().map(|workload| workload.charts[0].file.clone());
    let mut files: Vec<String> = view.picture.iter().map(|picture| picture.file.clone()).chain(firsts).collect();
    pictures.sort_unstable();
    files.sort_unstable();
    // What the first screen shows is not shown again.
    files.dedup();
    assert_eq!(pictures, files);
    for picture in pictures {
        assert!(folder.path().join(picture).exists(), "{picture}");
    }
    // The first screen's, the figures of each workload, and the machine's.
    assert_eq!(html.matches("<table>").count(), view.workloads.len() + 2);
    assert!(!html.contains(">|") && !html.contains("| ---"), "a table was not seen as one");
}

#[test]
fn a_report_of_a_hundred_cells_is_short_and_narrow_on_a_forge() {
    let targets = ["http1-threaded", "http1-pooled", "rpyc-threaded", "rpyc-forking", "grpc-async"];
    let mut effects = Vec::new();
    for (at, target) in (0..).zip(targets) {
        for payload in ["1KiB", "16KiB", "64KiB", "256KiB", "1MiB"] {
            for clients in [1, 16] {
                for call in ["upload", "download"] {
                    let axes = json!({"call": call, "payload": payload, "fill": "random", "clients": clients});
                    effects.push(Effect::new(target, "transfer", axes, 90_000 + 40_000 * at, 200));
                }
            }
        }
    }
    let folder = written(&results(&effects));
    let view = View::of(&results(&effects)).expect("a view");
    assert_eq!(view.workloads.iter().map(|workload| workload.cells.len()).sum::<usize>(), 100);
    let markdown = read(&folder, "report.md");
    assert!(markdown.len() < 25_000, "{} bytes", markdown.len());
    for line in markdown.lines().filter(|line| line.starts_with('|')) {
        let columns = line.replace("\\|", "").matches('|').count() - 1;
        assert!(columns <= 7, "{columns} columns: {line}");
    }
    assert!(markdown.contains("(report.html)"), "it leads to the page that has everything");
}

#[test]
fn each_picture_is_xml_with_its_units_and_its_samples() {
    let view = View::of(&golden()).expect("a view");
    let mut seen = 0;
    for chart in view.workloads.iter().cloned().flat_map(Workload::pictures) {
        assert!(chart.note.contains("trials") && chart.note.contains("calls a cell"), "{}", chart.note);
        assert!(
            [" ns<", " µs<", " ms<", "/s<"].iter().any(|unit| chart.svg.contains(unit))
                || chart.svg.contains("MB/s<")
                || chart.svg.contains("/s<"),
            "{}",
            chart.file
        );
        assert!(chart.svg.contains("prefers-color-scheme: dark"), "{}", chart.file);
        let opened = |tag: &str| chart.svg.matches(&format!("<{tag}")).count();
        assert_eq!(opened("g "), chart.svg.matches("</g>").count(), "{}", chart.file);
        assert_eq!(opened("text"), chart.svg.matches("</text>").count(), "{}", chart.file);
        assert!(!chart.svg.contains("NaN") && !chart.svg.contains("inf"), "{}", chart.file);
        assert!(chart.drawings.iter().all(|drawing| !drawing.svg.contains("<style")), "{}", chart.file);
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// The points of the line of that class in the first field of a picture.
fn line(svg: &str, class: &str) -> Vec<(f64, f64)> {
    let path = svg.lines().rfind(|line| line.contains(&format!("class=\"{class}\""))).expect("a line of that class");
    let path = path.split('"').nth(1).expect("its points").trim_start_matches('M');
    let point = |text: &str| text.split_once(' ').and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
    path.split('L').map(|text| point(text).expect("two numbers")).collect()
}

const MS: u64 = 1_000_000;

#[test]
fn a_stall_is_seen_in_the_time_line_of_the_trial_that_had_it() {
    let axes = json!({"call": "ping", "clients": 10, "rate": 100});
    let mut results = results(&[Effect::new("tcp-threaded", "load", axes, MS, 300)]);
    for record in &mut results.records {
        let stall = (record.trial == 3).then_some((5_200 * MS, 1_500 * MS));
        open_loop(record, MS, stall);
    }
    let view = View::of(&results).expect("a view");
    let timeline = view.workloads[0].timeline.as_ref().expect("an open loop is shown over time");
    let [row] = timeline.table.rows.as_slice() else { panic!("{:?}", timeline.table.rows) };
    let shown = |label: &str| {
        let at = timeline.table.columns.iter().position(|column| column.label == label).expect(label);
        row.texts[at].as_str()
    };
    assert_eq!(
        [shown("trial"), shown("usual"), shown("longest"), shown("due at")],
        ["3", "1.00 ms", "1.50 s", "5.20 s"]
    );
    assert!(shown("shown for").contains("took far longer"), "{}", shown("shown for"));

    let longest = line(&timeline.chart.svg, "s0 line d2 thin");
    assert_eq!(longest.len(), 188);
    let (first, last) = (longest[0].0, longest[187].0);
    let highest = longest.iter().min_by(|a, b| a.1.total_cmp(&b.1)).expect("points");
    // Points stand in the middles of slices of 80 ms.
    let second = 0.04 + (highest.0 - first) / (last - first) * 187.0 * 0.08;
    assert!((second - 5.24).abs() < 0.05, "the highest point stands at {second} s");
    assert!(
        timeline.chart.svg.contains("<title>trial 3: half of the calls within 1.00 ms, the longest 1.50 s, due 5.20 s")
    );
    assert!(timeline.chart.drawings[0].svg.contains("data-told=\"trial 3: half"), "a page tells it too");
}

#[test]
fn a_change_of_pace_is_shown_and_a_steady_closed_loop_is_not() {
    let ping = |target: &str| Effect::new(target, "latency", json!({"call": "ping", "clients": 1}), MS, 300);
    let mut results = results(&[ping("steady"), ping("cold")]);
    let cold = results.cells.iter().position(|cell| cell.id.starts_with("cold/")).expect("a cell");
    for record in &mut results.records {
        open_loop(record, MS, None);
        let measured = record.measured.as_mut().expect("measured");
        measured.facts.insert("loop".to_owned(), "closed".to_owned());
        let warm = u64::from(record.trial) * 10;
        for slice in measured.timeline.iter_mut().take(60).filter(|_| cold == record.cell) {
            (slice.p50_ns, slice.p99_ns, slice.max_ns) = (2 * MS + warm, 2 * MS, 2 * MS);
        }
    }
    let view = View::of(&results).expect("a view");
    let timeline = view.workloads[0].timeline.as_ref().expect("what was not steady is shown");
    let targets: Vec<&str> = timeline.table.rows.iter().map(|row| row.texts[0].as_str()).collect();
    assert_eq!(targets, ["cold"]);
    assert_eq!(timeline.table.rows[0].texts[1], "5", "the trial whose pace changed most");
    assert!(timeline.table.rows[0].texts.last().is_some_and(|why| why.starts_with("not steady")));
}

#[test]
fn a_line_is_broken_where_no_call_was_answered() {
    let axes = json!({"call": "ping", "clients": 10, "rate": 100});
    let mut results = results(&[Effect::new("tcp-threaded", "load", axes, MS, 300)]);
    for record in &mut results.records {
        open_loop(record, MS, None);
        for slice in &mut record.measured.as_mut().expect("measured").timeline[50..60] {
            *slice = engine::results::Slice {
                ok: 0,
                failed: 8,
                mean_ns: 0,
                p50_ns: 0,
                p99_ns: 0,
                max_ns: 0,
                ..slice.clone()
            };
        }
    }
    let view = View::of(&results).expect("a view");
    let timeline = view.workloads[0].timeline.as_ref().expect("shown");
    assert_eq!(timeline.chart.svg.matches("class=\"s0 line d0\"").count(), 3, "the key, and two parts of a line");
    assert_eq!(line(&timeline.chart.svg, "s0 line d0").len(), 128);
    let told = &timeline.table.rows[0].texts;
    assert!(told.contains(&"800 ms".to_owned()) && told.contains(&"80".to_owned()), "{told:?}");
    assert!(timeline.chart.svg.contains(">×</text>"));
}
