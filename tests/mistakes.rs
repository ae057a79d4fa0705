//! Wrong scenarios, and what `engine check` says about each: exit code 2 and the text beside the file.
//!
//! `UPDATE=1 cargo test --test mistakes` writes the texts anew, for reading before they are committed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use engine::call::SplitMix;
use engine::scenario::read;
use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes")
}

fn wrong_scenarios() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder is part of the project")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    assert!(files.len() >= 12, "only {} wrong scenarios", files.len());
    files
}

fn engine(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(arguments)
        .current_dir(folder())
        .output()
        .expect("the engine starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("messages are text")
}

#[test]
fn each_is_told_where_it_is() {
    for file in wrong_scenarios() {
        let name = file.file_name().and_then(|name| name.to_str()).expect("names are text");
        let output = engine(&["check", name]);
        // Wherever the project lies, the text is the same.
        let told = stderr(&output).replace(&folder().display().to_string(), "FOLDER");
        let golden = file.with_extension("txt");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, &told).expect("the text can be written");
        }
        assert_eq!(output.status.code(), Some(2), "{name}");
        assert!(output.stdout.is_empty(), "{name}: diagnostics belong on stderr");
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(told, expected, "{name}");
    }
}

#[test]
fn what_a_schema_can_know_fails_the_schema_too() {
    // These need more than one value at a time, or never become a value at all.
    const BEYOND: [&str; 24] = [
        "asked",
        "compared",
        "data-columns",
        "data-few",
        "duplicate-key",
        "duplicate-name",
        "exploding-anchors",
        "link-without-links",
        "not-yaml",
        "own-grpc-messages",
        "own-grpc-unknown",
        "own-nowhere",
        "own-service-keys",
        "own-unaskable",
        "own-where",
        "places-unknown",
        "refused-only",
        "search",
        "tab",
        "too-large",
        "too-many",
        "two-documents",
        "unused-axis",
        "words",
    ];
    let schema = engine(&["schema", "scenario"]).stdout;
    let schema: Value = serde_json::from_slice(&schema).expect("a schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for file in wrong_scenarios() {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("names are text");
        if BEYOND.contains(&name) {
            continue;
        }
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let value: Value = serde_yaml::from_str(&text).expect("it is YAML");
        assert!(!schema.is_valid(&value), "{name} satisfies the schema");
    }
}

#[test]
fn one_run_tells_the_mistakes_of_every_file() {
    let output = engine(&["check", "zero-clients.yaml", "empty-list.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("zero-clients.yaml:9:15") && told.contains("empty-list.yaml:8:11"), "{told}");
}

#[test]
fn an_edit_is_told_at_its_own_text() {
    let scenario = "../../scenarios/quickstart.yaml";
    for (edit, place, what) in [
        ("trials=ten", "--set:1:8", "`trials` takes a whole number"),
        ("workloads.nowhere.clients=1", "--set:1:11", "nothing here is called `nowhere`"),
        ("targets.0.options.speed=2", "--set:1:19", "unknown option `speed`"),
        ("trials.deep=1", "--set:1:8", "leads nowhere"),
        ("trials=[", "--set:1:8", "cannot be read"),
        ("trials", "--set:1:1", "not an edit"),
        ("trials=", "--set:1:1", "`trials` has no value"),
    ] {
        let output = engine(&["plan", scenario, "--set", edit]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{edit}: {told}");
        assert!(told.contains(place) && told.contains(what), "{edit}: {told}");
        assert!(told.ends_with("1 mistake in --set\n"), "{edit}: {told}");
    }
}

#[test]
fn a_file_that_is_no_scenario_is_refused_before_it_is_parsed() {
    let folder = tempfile::tempdir().expect("a folder");
    let large = folder.path().join("large.yaml");
    std::fs::write(&large, "# much\n".repeat(200_000)).expect("it can be written");
    let binary = folder.path().join("binary.yaml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).expect("it can be written");
    let missing = folder.path().join("missing.yaml");
    for (file, what) in
        [(large, "the most is 1048576 bytes"), (binary, "not text in UTF-8"), (missing, "cannot be read")]
    {
        let output = engine(&["check", file.to_str().expect("paths are text")]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
    }
}

#[test]
fn a_scenario_or_a_stranger_where_results_are_wanted_is_told_so() {
    let scenario = "../../scenarios/quickstart.yaml";
    for arguments in [&["report", scenario][..], &["compare", scenario, scenario]] {
        let output = engine(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = format!(
            "error: {scenario} is a scenario, and results are wanted\n  = help: `engine run {scenario}` measures it; \
             name the folder that it then writes\n"
        );
        assert_eq!(stderr(&output), said);
    }
    for (file, what) in [("tab.txt", "tab.txt: not JSON"), ("nowhere", "nowhere cannot be read")] {
        let told = stderr(&engine(&["report", file]));
        assert!(told.contains(what) && told.contains("help: name a results.json that `engine run` wrote"), "{told}");
    }
}

#[test]
fn no_slip_of_the_pen_breaks_the_reader() {
    let files = ["../../scenarios/rpyc-vs-http.yaml", "wrong-type.yaml", "duplicate-name.yaml"];
    let mut random = SplitMix::new(1);
    let mut wrong = 0;
    for file in files {
        let text = std::fs::read_to_string(folder().join(file)).expect("it can be read");
        let lines: Vec<&str> = text.lines().collect();
        for _ in 0..500 {
            let mut changed = text.clone();
            for _ in 0..=random.below(3) {
                let at = changed.floor_char_boundary(random.below(changed.len() as u64) as usize);
                let pieces = [
                    "é", "\t", "\n", "-", ": ", "[", "}", "*a", "&a ", "'", "\"", "|\n", "0", "~", "\r\n", "!!x ",
                    "\u{feff}",
                ];
                match random.below(3) {
                    0 => changed.insert_str(at, pieces[random.below(pieces.len() as u64) as usize]),
                    1 => changed.insert_str(at, lines[random.below(lines.len() as u64) as usize]),
                    _ => changed.truncate(changed.floor_char_boundary(at.max(20))),
                }
            }
            let sets = if random.below(4) == 0 { vec![changed.clone(), "trials=é[".to_owned()] } else { Vec::new() };
            if let Err(mistakes) = read(file, &changed, &sets) {
                assert!(mistakes.count() > 0);
                assert!(mistakes.render(true).contains(file) || !sets.is_empty());
                wrong += 1;
            }
        }
    }
    assert!(wrong > 500, "only {wrong} texts were wrong");
}

#[test]
fn a_wrong_command_line_is_told_too() {
    for arguments in [&["check"][..], &["plan"], &["nonsense"], &["schema", "cat"]] {
        assert_eq!(engine(arguments).status.code(), Some(2), "{arguments:?}");
    }
    let output = engine(&["plan", "../../scenarios/quickstart.yaml", "--only", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no cell's id contains `nonsense`"), "{}", stderr(&output));
}

#[test]
fn an_unfair_comparison_is_warned_of_and_a_mistake_where_fairness_is_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("unfair.yaml");
    let text = "title: t\nquestion: q\ntargets:\n  - {transport: tcp, server: threaded, options: {tls: true}}\n  \
                - {transport: unix, server: [threaded, async]}\nworkloads:\n  - {name: w, call: ping, iterations: 1}\n  \
                - {name: c, call: connect, iterations: 1}\ntrials: 4\n";
    std::fs::write(&file, text).expect("it can be written");
    let file = file.to_str().expect("paths are text");
    let said = format!(
        "{file}:7: in w, c encrypted targets are compared with plain ones (encrypted: tcp-threaded; plain: \
         unix-threaded, unix-async)\n  = help: make `tls` the same for all of them; where the difference is \
         the question, write its values out\n"
    );
    let out = folder.path().join("out");
    let out = ["--out", out.to_str().expect("paths are text")];
    for (command, more) in [("check", &[][..]), ("plan", &[]), ("run", &out)] {
        let ask = |strict: &[&str]| engine(&[&[command, file], more, strict].concat());
        let strict = ask(&["--strict"]);
        assert_eq!((strict.status.code(), stderr(&strict)), (Some(2), format!("error: {said}")), "{command}");
        assert!(strict.stdout.is_empty(), "{command}");
        let lenient = ask(&[]);
        assert_eq!(lenient.status.code(), Some(0), "{command}");
        assert_eq!(stderr(&lenient).matches(&format!("warning: {said}")).count(), 1, "{command}: {}", stderr(&lenient));
    }
    let report = std::fs::read_to_string(Path::new(out[1]).join("report.md")).expect("a report");
    assert!(report.contains("- In w and c encrypted targets are compared with plain ones"), "{report}");
    let asked = engine(&["check", file, "../../scenarios/what-tls-costs.yaml"]);
    assert_eq!(
        stderr(&asked).matches("are compared with").count(),
        1,
        "a scenario that asks about TLS: {}",
        stderr(&asked)
    );
}
