//! What is read of the files of a run: results of every schema, journals, and what is neither.

mod reports;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use engine::report::relative::Judgement;
use engine::report::view::View;
use engine::results::Results;
use engine::results::file::RESULTS;
use engine::results::journal::{JOURNAL, Journal};

use reports::golden;

fn engine(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of ours is UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn results_of_schema_1_are_read_as_those_of_schema_2_and_lose_nothing() {
    let old = include_str!("reports/schema1/results.json");
    let of = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(of(old)["schema"], 1);
    let results = Results::parse(old).expect("results of schema 1");
    let new = serde_json::to_string(&results).expect("JSON");
    assert_eq!(of(&new)["schema"], 2);
    assert_eq!(Results::parse(&new).expect("results of schema 2"), results);
    let cells: Vec<&str> = results.cells.iter().map(|cell| cell.id.as_str()).collect();
    assert_eq!(cells, ["tcp-threaded/capacity", "http1-threaded/capacity"], "in the order of the scenario");
    for (cell, transport) in results.cells.iter().zip(["tcp", "http1"]) {
        let told = |key: &str| cell.text(key).unwrap_or_default();
        assert_eq!(
            [told("transport"), told("call"), told("clients"), told("rate")],
            [transport, "compute", "32", "search"]
        );
        assert_eq!(cell.expect.iter().map(ToString::to_string).collect::<Vec<_>>(), ["p99 < 10ms"]);
    }
    assert_eq!(results.records.len(), 4);
    for (record, old) in results.records.iter().zip(of(old)["records"].as_array().expect("records")) {
        let (measured, search) =
            (record.measured.as_ref().expect("figures"), record.search.as_ref().expect("a search"));
        assert_eq!(search.capacity, old["search"]["capacity"].as_f64());
        assert_eq!(measured.response_time.p99_ns, old["response_time"]["p99_ns"]);
        assert_eq!(measured.service().p99_ns, old["service_time"]["p99_ns"]);
    }
    assert_eq!(results.manifest.terms.len(), 2, "what decides is known, though it was told in words");
    let view = View::of(&results).expect("a view");
    assert!(view.expectations.iter().all(|expected| expected.judgement == Judgement::Met), "{:?}", view.expectations);
    assert_eq!(View::of(&Results::parse(&new).expect("results")).expect("a view").answer, view.answer);
}

#[test]
fn results_satisfy_their_schema() {
    let schema = serde_json::to_value(schemars::schema_for!(Results)).expect("a schema");
    let results = serde_json::to_value(golden()).expect("results");
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    let mistakes: Vec<String> = validator.iter_errors(&results).map(|error| error.to_string()).collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    assert_eq!(Results::parse(&results.to_string()).expect("readable"), golden());
    let mut wrong = results;
    wrong["records"][0]["outcome"] = "perhaps".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn the_journal_of_a_killed_run_reads_without_its_half_line() {
    let whole = golden();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(JOURNAL);
    let begun = Results { records: Vec::new(), ..whole.clone() };
    let mut journal = Journal::create(&path, &begun).expect("a journal");
    for record in &whole.records {
        journal.append(record, &whole.manifest).expect("a record is kept");
    }
    let length = fs::metadata(&path).expect("a file").len();
    fs::File::options().write(true).open(&path).expect("a file").set_len(length - 100).expect("cut short");

    let read = Results::read(folder.path()).expect("a journal is read");
    assert_eq!(read.records, whole.records[..whole.records.len() - 1]);
    assert!(read.manifest.interrupted);
    assert!(engine(&["report", text(folder.path())]).status.success());
    let report = fs::read_to_string(folder.path().join("report.md")).expect("a report");
    assert!(report.contains("The run ended early"), "{report}");

    begun.write(&folder.path().join(RESULTS)).expect("older results");
    assert_eq!(Results::read(folder.path()).expect("the longer one"), read);
    whole.write(&folder.path().join(RESULTS)).expect("complete results");
    assert_eq!(Results::read(folder.path()).expect("the longer one"), whole);

    let journal = fs::read_to_string(&path).expect("text").replacen("{\"record\"", "{\"rec", 1);
    fs::write(&path, journal).expect("a broken line");
    let output = engine(&["report", text(&path)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("results.journal: line 3: "), "{}", said(&output));
}

#[test]
fn what_is_not_results_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(RESULTS);
    for (content, wrong) in [
        ("", "not JSON"),
        ("{}", "no `schema` number"),
        ("{\"schema\": 3}", "results of format 3; this engine reads formats 1 and 2"),
        ("{\"schema\": 2}", "not results: missing field"),
        ("{\"schema\": 1}", "not results of schema 1: missing field"),
    ] {
        fs::write(&path, content).expect("a file");
        let output = engine(&["report", text(folder.path())]);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(said(&output).contains(wrong), "{content}: {}", said(&output));
    }
    let mut results = golden();
    results.records[0].measured = None;
    results.write(&path).expect("a file");
    assert!(said(&engine(&["report", text(folder.path())])).contains("is called measured and has no figures"));
    fs::remove_file(&path).expect("a file");
    assert!(said(&engine(&["report", text(folder.path())])).contains("holds neither results.json nor results.journal"));
}
