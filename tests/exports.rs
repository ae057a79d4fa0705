//! What other tools are given is what the results hold, as those tools read it.

mod reports;

use std::path::{Path, PathBuf};
use std::process::Command;

use engine::results::Results;
use engine::results::file::RESULTS;
use serde_json::Value;

use reports::{fail, golden};

fn exported(results: &Results, format: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    results.write(&folder.path().join(RESULTS)).expect("results are written");
    let command = ["report", folder.path().to_str().expect("UTF-8"), "--export", format];
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(command).output().expect("the engine starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// The fields of each line of comma-separated text, quotes and line ends in them obeyed.
fn parsed(text: &str) -> Vec<Vec<String>> {
    let (mut lines, mut line, mut field, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut field));
                lines.push(std::mem::take(&mut line));
            }
            c => field.push(c),
        }
    }
    lines
}

/// The golden results with a text that every format has to keep from being obeyed.
fn hostile() -> Results {
    let mut results = golden();
    let evil = format!("=1+\"<script>\",|`x`\n{}", "n".repeat(300));
    results.scenario["title"] = evil.clone().into();
    for cell in results.cells.iter_mut().filter(|cell| cell.id.starts_with("rpyc-forking")) {
        cell.id = format!("{evil}{}", cell.id);
        cell.target.clone_from(&evil);
    }
    fail(&mut results.records[0], &evil);
    results
}

#[test]
fn csv_has_a_line_for_each_trial() {
    for results in [golden(), hostile()] {
        let lines = parsed(&exported(&results, "csv"));
        assert_eq!(lines.len(), results.records.len() + 1);
        let at = |name: &str| lines[0].iter().position(|head| head == name).expect(name);
        for (line, record) in lines[1..].iter().zip(&results.records) {
            assert_eq!(line.len(), lines[0].len(), "{line:?}");
            assert!(!line.iter().any(|field| field.starts_with('=')), "{line:?}");
            assert!(line[at("cell")].ends_with(results.id(record)), "{line:?}");
            let times = record.measured.as_ref().map(|measured| &measured.response_time);
            let p50 = times.filter(|times| times.count >= 20).map(|times| times.p50_ns.to_string());
            assert_eq!(line[at("p50_ns")], p50.unwrap_or_default());
        }
    }
}

#[test]
fn csv_has_no_quantile_that_too_few_calls_support() {
    let mut results = golden();
    let times = |results: &mut Results, count| {
        let measured =
            results.records.iter_mut().find_map(|record| record.measured.as_mut()).expect("a measured trial");
        measured.response_time.count = count;
    };
    for (count, known) in [(0, 0), (9, 3), (20, 4), (100, 5), (200, 6), (1_000, 7), (10_000, 8)] {
        times(&mut results, count);
        let lines = parsed(&exported(&results, "csv"));
        let at = |name: &str| lines[0].iter().position(|head| head == name).expect(name);
        let line = lines.iter().find(|line| line[at("outcome")] == "measured").expect("it is there");
        let names = ["min_ns", "mean_ns", "max_ns", "p50_ns", "p90_ns", "p95_ns", "p99_ns", "p999_ns"];
        let given: Vec<&str> = names.into_iter().filter(|name| !line[at(name)].is_empty()).collect();
        assert_eq!(given, names[..known], "of {count} calls");
    }
}

#[test]
fn junit_fails_the_cells_that_failed_or_are_invalid() {
    let results = golden();
    let xml = exported(&results, "junit");
    let document = roxmltree::Document::parse(&xml).expect("it is XML");
    let named = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).collect::<Vec<_>>();
    let wrong = named("error");
    let case = |at: usize| wrong[at].parent_element().and_then(|case| case.attribute("name")).expect("a case");
    assert_eq!(wrong.len(), 2, "{xml}");
    let message = |at: usize| wrong[at].attribute("message").expect("a message");
    assert!(case(0) == "http/bandwidth/call=upload/payload=1MiB/clients=1" && message(0).contains("asleep"), "{xml}");
    assert!(message(1).contains("the server ended with signal 9"), "{xml}");
    assert!(wrong.iter().all(|error| error.text().is_some_and(|text| !text.is_empty())), "reasons stand in it too");
    let cells: std::collections::BTreeSet<&str> = results.cells.iter().map(|cell| cell.id.as_str()).collect();
    let cases = named("testcase");
    assert_eq!(cases.len(), cells.len());
    let time = |case: &roxmltree::Node<'_, '_>| case.attribute("time").and_then(|time| time.parse::<f64>().ok());
    assert!(cases.iter().filter_map(time).filter(|time| *time > 0.0).count() > cells.len() / 2, "{xml}");
    let doubts = named("property");
    assert!(doubts.iter().any(|doubt| doubt.attribute("name").is_some_and(|name| name.contains(": suspect"))), "{xml}");
    assert!(!exported(&hostile(), "junit").contains("<script"));
}

/// What a schema says of one element: its attributes, those first that it must have, and what stands in it.
struct Rule {
    element: &'static str,
    must: &'static [&'static str],
    may: &'static [&'static str],
    inside: Inside,
}

enum Inside {
    /// Any of these, in any number and order.
    Any(&'static [&'static str]),
    /// These in this order, each at least and at most so often.
    Row(&'static [(&'static str, usize, usize)]),
    /// At most one of these.
    One(&'static [&'static str]),
    /// Text alone.
    Text,
}

/// `junit-10.xsd` of Jenkins' xUnit plugin, as far as what we write could break it.
const JENKINS: &[Rule] = &[
    Rule {
        element: "testsuites",
        must: &[],
        may: &["name", "time", "tests", "failures", "errors"],
        inside: Inside::Any(&["testsuite"]),
    },
    Rule {
        element: "testsuite",
        must: &["name", "tests", "failures", "errors"],
        may: &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url", "version"],
        inside: Inside::Any(&["testsuite", "properties", "testcase", "system-out", "system-err"]),
    },
    Rule { element: "properties", must: &[], may: &[], inside: Inside::Any(&["property"]) },
    Rule { element: "property", must: &["name", "value"], may: &[], inside: Inside::Text },
    Rule {
        element: "testcase",
        must: &["name"],
        may: &["time", "classname", "group"],
        inside: Inside::Any(&["skipped", "error", "failure", "system-out", "system-err"]),
    },
    Rule { element: "error", must: &[], may: &["type", "message"], inside: Inside::Text },
    Rule { element: "failure", must: &[], may: &["type", "message"], inside: Inside::Text },
    Rule { element: "system-out", must: &[], may: &[], inside: Inside::Text },
    Rule { element: "system-err", must: &[], may: &[], inside: Inside::Text },
];

/// `JUnit.xsd` of Ant's tasks, as far as what we write could break it.
const ANT: &[Rule] = &[
    Rule { element: "testsuites", must: &[], may: &[], inside: Inside::Any(&["testsuite"]) },
    Rule {
        element: "testsuite",
        must: &["name", "tests", "failures", "errors", "time", "timestamp", "hostname", "id", "package"],
        may: &["skipped"],
        inside: Inside::Row(&[
            ("properties", 1, 1),
            ("testcase", 0, usize::MAX),
            ("system-out", 1, 1),
            ("system-err", 1, 1),
        ]),
    },
    Rule { element: "properties", must: &[], may: &[], inside: Inside::Any(&["property"]) },
    Rule { element: "property", must: &["name", "value"], may: &[], inside: Inside::Text },
    Rule {
        element: "testcase",
        must: &["name", "classname", "time"],
        may: &[],
        inside: Inside::One(&["skipped", "error", "failure"]),
    },
    Rule { element: "error", must: &["type"], may: &["message"], inside: Inside::Text },
    Rule { element: "failure", must: &["type"], may: &["message"], inside: Inside::Text },
    Rule { element: "system-out", must: &[], may: &[], inside: Inside::Text },
    Rule { element: "system-err", must: &[], may: &[], inside: Inside::Text },
];

/// True for what both schemas take as the value of that attribute.
fn fits(attribute: &str, value: &str) -> bool {
    let digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|byte| byte.is_ascii_digit());
    match attribute {
        // A decimal to Ant; to Jenkins one with three decimals at most.
        "time" => {
            value.split_once('.').is_some_and(|(whole, part)| !whole.is_empty() && digits(whole, 12) && digits(part, 3))
        }
        "id" | "tests" | "failures" | "errors" | "skipped" => !value.is_empty() && digits(value, 9),
        "timestamp" => {
            let form: String = value.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            form == "0000-00-00T00:00:00"
        }
        "value" | "message" => true,
        _ => !value.trim().is_empty(),
    }
}

/// What breaks the rules in an element and all that stands in it.
fn breaches(node: roxmltree::Node<'_, '_>, rules: &[Rule], found: &mut Vec<String>) {
    let name = node.tag_name().name();
    let Some(rule) = rules.iter().find(|rule| rule.element == name) else {
        return found.push(format!("no element {name}"));
    };
    let missing = rule.must.iter().filter(|name| node.attribute(**name).is_none());
    found.extend(missing.map(|attribute| format!("{name} without {attribute}")));
    for attribute in node.attributes() {
        let known = rule.must.iter().chain(rule.may).any(|known| *known == attribute.name());
        if !known || !fits(attribute.name(), attribute.value()) {
            found.push(format!("{name} {}={:?}", attribute.name(), attribute.value()));
        }
    }
    let inside: Vec<&str> = node.children().filter(|it| it.is_element()).map(|it| it.tag_name().name()).collect();
    let right = match rule.inside {
        Inside::Any(names) => inside.iter().all(|it| names.contains(it)),
        Inside::One(names) => inside.len() <= 1 && inside.iter().all(|it| names.contains(it)),
        Inside::Text => inside.is_empty(),
        Inside::Row(row) => {
            let mut rest = &inside[..];
            row.iter().all(|(name, least, most)| {
                let count = rest.iter().take_while(|it| *it == name).count();
                rest = &rest[count..];
                (*least..=*most).contains(&count)
            }) && rest.is_empty()
        }
    };
    if !right {
        found.push(format!("{name} holds {inside:?}"));
    }
    if !matches!(rule.inside, Inside::Text)
        && node.children().any(|it| it.is_text() && !it.text().unwrap_or_default().trim().is_empty())
    {
        found.push(format!("{name} holds text"));
    }
    node.children().filter(|it| it.is_element()).for_each(|it| breaches(it, rules, found));
}

fn breaches_of(xml: &str, rules: &[Rule]) -> Vec<String> {
    let document = roxmltree::Document::parse(xml).expect("it is XML");
    let mut found = Vec::new();
    breaches(document.root_element(), rules, &mut found);
    found
}

#[test]
fn junit_keeps_the_schemas_of_jenkins_and_of_ant() {
    let mut unmet = golden();
    unmet.cells[0].expect.push("p50 < 1ns".parse().expect("an expectation"));
    assert!(
        exported(&unmet, "junit").contains("<failure type=\"expectation\" message=\"expected p50 &lt; 1ns, found ")
    );
    for results in [golden(), hostile(), unmet] {
        let xml = exported(&results, "junit");
        assert_eq!((breaches_of(&xml, JENKINS), breaches_of(&xml, ANT)), (Vec::new(), Vec::new()), "{xml}");
        let document = roxmltree::Document::parse(&xml).expect("it is XML");
        for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
            for (attribute, element) in [("tests", "testcase"), ("failures", "failure"), ("errors", "error")] {
                let count = suite.descendants().filter(|node| node.has_tag_name(element)).count();
                assert_eq!(suite.attribute(attribute), Some(count.to_string().as_str()), "{xml}");
            }
        }
    }
    // The rules find what they are there for, the form of before this test among it.
    let xml = exported(&golden(), "junit");
    for (from, to, jenkins, ant) in [
        (" errors=", " wrong=", true, true),
        (" hostname=\"localhost\"", "", false, true),
        ("<testsuites>", "<testsuites name=\"t\">", false, true),
        ("<system-out></system-out>\n", "", false, true),
        ("<properties>", "<properties><testcase name=\"a\"/>", true, true),
        (" type=\"measurement\"", "", false, true),
        (" time=\"0", " time=\"1e3", true, true),
    ] {
        let broken = xml.replace(from, to);
        assert_ne!(broken, xml, "{from} is there");
        let (by_jenkins, by_ant) = (breaches_of(&broken, JENKINS), breaches_of(&broken, ANT));
        assert_eq!((!by_jenkins.is_empty(), !by_ant.is_empty()), (jenkins, ant), "{from}: {by_jenkins:?} {by_ant:?}");
    }
}

#[test]
fn openmetrics_ends_as_it_must_and_every_sample_is_a_number() {
    for results in [golden(), hostile()] {
        let text = exported(&results, "openmetrics");
        assert!(text.ends_with("\n# EOF\n"));
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(samples.len() > 50, "{}", samples.len());
        for sample in samples {
            let (labels, value) = sample.rsplit_once(' ').expect("a value");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{sample}");
            assert!(labels.starts_with("engine_") && labels.ends_with('}'), "{sample}");
        }
    }
}

/// A Python with HdrHistogram, installed once under the target folder, or none where this machine cannot have it.
fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hdrhistogram");
    let python = folder.join("bin/python");
    let ran = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/hdrhistogram.txt");
    let ready = ran(Command::new(&python).args(["-c", "import hdrh"]))
        || ran(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))
            && ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(list));
    assert!(ready || std::env::var_os("CI").is_none(), "in CI hdrhistogram must install");
    if !ready {
        eprintln!("not run for want of hdrhistogram");
    }
    ready.then_some(python)
}

#[test]
fn another_hdrhistogram_reads_the_log_back() {
    let Some(python) = python() else { return };
    let results = golden();
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("results.hlog");
    std::fs::write(&log, exported(&results, "hlog")).expect("a file");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/read_hlog.py");
    let output = Command::new(python).arg(script).arg(&log).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    let measured: Vec<_> =
        results.records.iter().filter_map(|record| Some((record, record.measured.as_ref()?))).collect();
    assert_eq!(lines.len(), measured.len());
    for (line, (record, measured)) in lines.iter().zip(measured) {
        let times = &measured.response_time;
        assert_eq!(line[0], results.id(record));
        assert_eq!(line[1], times.count, "{}", results.id(record));
        for (read, ours) in [(&line[2], times.p50_ns), (&line[3], times.p99_ns), (&line[4], times.max_ns)] {
            let read = read.as_f64().expect("a number");
            assert!((read / ours as f64 - 1.0).abs() < 0.001, "{}: {read} {ours}", results.id(record));
        }
    }
}
