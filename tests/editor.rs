//! What an editor makes of our schema: the language server of YAML completes, diagnoses, and inserts what is complete.

mod systems;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// The language server's answers to these tasks under our schema; none where it cannot be had.
fn asked(tasks: &[Value]) -> Option<Vec<Value>> {
    answers(tasks, Some(&Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/scenario.schema.json")))
}

/// The same under that schema, else under those that the texts name.
fn answers(tasks: &[Value], schema: Option<&Path>) -> Option<Vec<Value>> {
    let server = systems::node_modules()?.join("yaml-language-server/bin/yaml-language-server");
    let mut node = Command::new("node")
        .args([&systems::system("editor.js"), &server])
        .args(schema)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts, for its packages are there");
    let given = serde_json::to_vec(tasks).expect("JSON");
    node.stdin.take().expect("a pipe").write_all(&given).expect("node reads");
    let output = node.wait_with_output().expect("node ends");
    assert!(output.status.success(), "node ended with {}", output.status);
    Some(serde_json::from_slice(&output.stdout).expect("it prints JSON"))
}

/// What is to be said where the cursor stands, which a `|` marks.
fn at_cursor(text: &str) -> Value {
    let (before, after) = text.split_once('|').expect("a cursor");
    let line = before.matches('\n').count();
    let character = before.rsplit('\n').next().map_or(0, |line| line.chars().count());
    json!({"text": format!("{before}{after}"), "position": {"line": line, "character": character}})
}

fn diagnosed(answer: &Value) -> Vec<String> {
    let all = answer["diagnostics"].as_array().expect("a list").iter();
    all.map(|one| one["text"].as_str().expect("a text").to_owned()).collect()
}

fn completions(answer: &Value) -> impl Iterator<Item = (&str, &str)> {
    let all = answer["completions"].as_array().expect("a list").iter();
    all.map(|one| (one["label"].as_str().expect("a label"), one["text"].as_str().expect("a text")))
}

fn scenario(target: &str, workload: &str) -> String {
    format!(
        "title: t\nquestion: q\ntargets:\n  - {}\nworkloads:\n  - {}\n",
        target.replace("; ", "\n    "),
        workload.replace("; ", "\n    ")
    )
}

const TARGET: &str = "transport: http1; server: threaded";
const WORKLOAD: &str = "name: a; call: ping; iterations: 1";

#[test]
fn options_are_those_of_the_transport_and_the_model() {
    let options = |target: &str| at_cursor(&scenario(&format!("{target}; options:; \u{20} |"), WORKLOAD));
    let targets = [
        "transport: http1; server: threaded",
        "transport: quic; server: pooled",
        "transport: [tcp, http1]; server: [forking, async]",
        "transport: rpyc",
    ];
    let Some(answers) = asked(&targets.map(options)) else { return };
    let offered = |at: usize| -> Vec<&str> { completions(&answers[at]).map(|(label, _)| label).collect() };
    assert_eq!(
        offered(0),
        ["tls", "resumption", "nodelay", "congestion", "keep-alive", "pool", "retries", "encoding", "ballast"]
    );
    assert_eq!(offered(1), ["resumption", "congestion", "streams", "ballast", "workers"]);
    assert_eq!(offered(2), ["tls", "resumption", "nodelay", "congestion", "ballast"]);
    assert!(offered(3).contains(&"method") && !offered(3).contains(&"keep-alive"), "{:?}", offered(3));
}

#[test]
fn what_cannot_be_is_diagnosed_in_plain_words() {
    let cases = [
        ("transport: quic; server: forking", WORKLOAD, "quic and http3 can be served by threaded"),
        (
            "transport: grpc; server: threaded; stack: python",
            WORKLOAD,
            "servers of the stack `python` speak rpyc, http1",
        ),
        ("transport: grpc; server: threaded; driver: python", WORKLOAD, "the driver `python` speaks rpyc, http1"),
        (
            "transport: tcp; server: threaded; options: {keep-alive: false}",
            WORKLOAD,
            "`keep-alive` is an option of http1",
        ),
        ("transport: tcp; server: threaded; options: {workers: 2}", WORKLOAD, "`workers` is an option of pooled"),
        ("transport: tcp; server: threaded; options: {strems: 2}", WORKLOAD, "Property strems is not allowed"),
        ("transport: tcp", WORKLOAD, "Missing property \"server\""),
        (TARGET, "name: a; call: ping", "Missing property \"iterations\""),
        (TARGET, "name: a; call: ping; iterations: 1; duration: 1s", "has `iterations` or `duration`, not both"),
        (TARGET, "name: a; call: upload; iterations: 1", "Missing property \"payload\""),
        (
            TARGET,
            "name: a; call: ping; iterations: 1; payload: 1KiB",
            "`payload` is used by echo, upload, download only",
        ),
        (TARGET, "name: a; call: ping; iterations: 1; arrivals: poisson", "`arrivals` is not used by"),
        (TARGET, "name: a; call: ping; duration: 1s; rate: search", "Missing property \"expect\""),
    ];
    let tasks = cases.map(|(target, workload, _)| json!({"text": scenario(target, workload)}));
    let Some(answers) = asked(&tasks) else { return };
    for ((target, workload, wanted), answer) in cases.iter().zip(&answers) {
        let said = diagnosed(answer);
        assert!(said.iter().any(|text| text.contains(wanted)), "{target}, {workload}: {said:?}");
        assert_eq!(said.len(), 1, "{target}, {workload}: {said:?}");
    }
}

#[test]
fn what_engine_check_accepts_is_not_diagnosed() {
    let sound = [
        (TARGET, WORKLOAD),
        ("transport: [quic, tcp]; server: [forking, async]", WORKLOAD),
        ("transport: [http1, quic]; server: forking; options: {keep-alive: false}", WORKLOAD),
        (
            "transport: rpyc; server: [threaded, forking]; stack: [native, python]; options: {tls: [true, false]}",
            WORKLOAD,
        ),
        ("transport: tcp; server: [pooled, preforked]; options: {workers: [1, 2]}", WORKLOAD),
        (TARGET, "name: a; call: [ping, upload]; payload: [1KiB, 1MiB]; chunk: [whole, 1KiB]; iterations: 1"),
        (TARGET, "name: a; call: ping; rate: search; duration: 1s; expect: p99 < 5ms"),
        ("transport: tcp; server: threaded; expect: p99 < 5ms", "name: a; call: ping; rate: search; duration: 1s"),
        (TARGET, "name: a; call: ping; ramp: [{rate: 1, for: 1s}]; arrivals: poisson"),
    ];
    let folder = tempfile::tempdir().expect("a folder");
    let texts = sound.map(|(target, workload)| scenario(target, workload));
    for text in &texts {
        assert!(checks(folder.path(), text), "a sound scenario is one:\n{text}");
    }
    let Some(answers) = asked(&texts.each_ref().map(|text| json!({"text": text}))) else { return };
    for (text, answer) in texts.iter().zip(&answers) {
        assert_eq!(diagnosed(answer), Vec::<String>::new(), "{text}");
    }
}

/// Whether `engine check` takes a scenario.
fn checks(folder: &Path, text: &str) -> bool {
    let file = folder.join("inserted.yaml");
    fs::write(&file, text).expect("a file");
    let output =
        Command::new(env!("CARGO_BIN_EXE_engine")).arg("check").arg(&file).output().expect("the engine starts");
    output.status.success()
}

/// A scenario of a server of the user's own, with a call of theirs.
fn own(target: &str) -> String {
    let calls = "question: q\ncalls:\n  - {name: health, http: GET /health}\n";
    let target = format!("transport: http1; name: own; {target}");
    scenario(&target, "name: a; call: health; iterations: 1").replace("question: q\n", calls)
}

#[test]
fn whatever_is_inserted_passes_engine_check() {
    let whole = scenario(TARGET, WORKLOAD);
    let places = [
        // The whole file, its lists, an item of each, and each key of its top, of a target and of workloads of each kind.
        "|".to_owned(),
        "title: t\nquestion: q\nworkloads:\n  - {name: a, call: ping, iterations: 1}\n|".to_owned(),
        "title: t\nquestion: q\ntargets:\n  - {transport: tcp, server: threaded}\n|".to_owned(),
        whole.replace("title: t", "|"),
        whole.replace("question: q", "|"),
        format!("{whole}|"),
        format!("{whole}  |"),
        whole.replace("workloads:", "  |\nworkloads:"),
        scenario(&format!("{TARGET}; |"), WORKLOAD),
        scenario("transport: tcp; |", WORKLOAD),
        scenario(TARGET, &format!("{WORKLOAD}; |")),
        scenario(TARGET, "name: a; call: upload; payload: 1KiB; chunk: 1B; iterations: 1; |"),
        scenario(TARGET, "name: a; call: upload; payload: 1KiB; iterations: 1; |"),
        scenario(TARGET, "name: a; call: upload; iterations: 1; |"),
        scenario(TARGET, "name: a; call: compute; iterations: 1; |"),
        scenario(TARGET, "name: a; call: sleep; iterations: 1; |"),
        scenario(TARGET, "name: a; call: ping; duration: 1s; rate: 100; |"),
        format!("{}|", scenario("transport: tcp; server: threaded", WORKLOAD)),
        format!("{}|", own("at: localhost:8000").replace("calls:\n  - {name: health, http: GET /health}\n", "")),
        own("|"),
        own("at: localhost:8000; |"),
        own("launch: ./own ${address}; |"),
        scenario("transport: grpc; name: own; at: localhost:8000; |", "name: a; call: connect; iterations: 1"),
        own("launch: ./own ${address} ${workers}; |"),
        own("launch: ./own; |"),
        scenario(TARGET, "name: a; payload: 1KiB; iterations: 1; |"),
        scenario(TARGET, "name: a; call: ping; |"),
        scenario(TARGET, "name: a; iterations: 1; |"),
        scenario(TARGET, "name: a; payload: 1KiB; iterations: 1; |"),
        scenario(TARGET, "call: ping; iterations: 1; |"),
        scenario(TARGET, "name: a; call: ping; iterations: 1; |")
            .replace("question: q\n", "question: q\nlinks:\n  - {name: wan, delay: 10ms}\n"),
        scenario("transport: tcp; server: threaded; |", WORKLOAD)
            .replace("question: q\n", "question: q\nplaces:\n  - {name: web, by: ssh, hosts: web-1}\n"),
        scenario(TARGET, "name: a; call: ping; iterations: 1; |")
            .replace("question: q\n", "question: q\nplaces:\n  - {name: farm, by: ssh, hosts: load-1}\n"),
    ];
    let Some(answers) = asked(&places.each_ref().map(|text| at_cursor(text))) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    // Each thing that is offered has a place where it makes a sound scenario: what it inserts lacks nothing.
    let mut offered: Vec<(&str, bool, &str)> = Vec::new();
    for (label, text) in answers.iter().flat_map(completions) {
        assert!(!text.contains("[object Object]"), "{text}");
        // In place of a map that has yet to be filled there is nothing to check; a call, a link or a place has yet to be named
        // by others, and a file of rows has yet to be there.
        if ["options", "calls", "links", "places", "data"].contains(&label) {
            continue;
        }
        let sound = checks(folder.path(), text);
        match offered.iter_mut().find(|(known, ..)| *known == label) {
            Some((_, once, _)) => *once |= sound,
            None => offered.push((label, sound, text)),
        }
    }
    let wrong: Vec<_> = offered.iter().filter(|(_, sound, _)| !sound).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let labels: Vec<&str> = offered.iter().map(|(label, ..)| *label).collect();
    for wanted in ["Scenario", "- (array item) Workload", "- (array item) Target", "pin", "ramp", "payload", "rate"] {
        assert!(labels.contains(&wanted), "{wanted} is not offered: {labels:?}");
    }
}

#[test]
fn the_line_that_installing_the_schemas_prints_has_an_editor_find_them() {
    // A data folder with a space, and a folder that is named.
    let home = tempfile::tempdir().expect("a folder");
    let data = home.path().join("my data");
    let named = home.path().join("schemas");
    let installed = |arguments: &[&Path]| {
        let output = Command::new(env!("CARGO_BIN_EXE_engine"))
            .args(["schema", "--install"])
            .args(arguments)
            .env("XDG_DATA_HOME", &data)
            .output()
            .expect("the engine starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).expect("it is text");
        said.lines().last().expect("a line").to_owned()
    };
    let headers = [installed(&[]), installed(&[&named]), installed(&[&named])];
    assert!(
        data.join("engine/schemas/scenario.schema.json").exists() && headers[0].contains("my%20data"),
        "{headers:?}"
    );
    let wrong = scenario("transport: http1; server: thraeded", WORKLOAD);
    let mut tasks: Vec<Value> = headers.iter().map(|header| json!({"text": format!("{header}\n{wrong}")})).collect();
    tasks.push(json!({ "text": wrong }));
    let Some(answers) = answers(&tasks, None) else { return };
    for (header, answer) in headers.iter().zip(&answers) {
        let said = diagnosed(answer);
        assert!(said.iter().any(|text| text.contains("threaded")), "{header}: {said:?}");
    }
    assert_eq!(diagnosed(&answers[3]), [""; 0], "without the line there is no schema to go by");
}
