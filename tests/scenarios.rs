//! The scenarios that come with the engine: each reads, plans, satisfies its schema and has its header.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Those of our servers, then those of the example services, which lie beside them.
fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let entries = [folder.clone(), folder.join("own")]
        .map(|folder| std::fs::read_dir(folder).expect("it is part of the project"));
    let entries = entries.into_iter().flatten().map(|entry| entry.expect("it can be listed").path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "yaml")).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn engine(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("it prints JSON")
}

#[test]
fn each_reads_plans_and_satisfies_its_schema() {
    let schema = jsonschema::validator_for(&engine(&["schema", "scenario"])).expect("a schema");
    for file in scenarios() {
        let path = file.to_str().expect("paths are text");
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let up = if path.contains("/own/") { "../.." } else { ".." };
        let header = format!("# yaml-language-server: $schema={up}/schemas/scenario.schema.json\n");
        assert!(text.starts_with(&header), "{path} does not tell editors its schema");
        let written: Value = serde_yaml::from_str(&text).expect("it is YAML");
        for quick in [false, true] {
            let mut arguments = vec!["plan", path, "--json"];
            arguments.extend(quick.then_some("--quick"));
            let plan = engine(&arguments);
            assert!(plan["cells"].as_array().is_some_and(|cells| !cells.is_empty()), "{path} plans nothing");
            // Of calls of one's own lengths stand in results, and no more a scenario.
            let as_read = Some(("as read", &plan["scenario"])).filter(|_| written.get("calls").is_none());
            for (what, scenario) in [("as written", &written)].into_iter().chain(as_read) {
                let wrong: Vec<String> = schema.iter_errors(scenario).map(|error| error.to_string()).collect();
                assert!(wrong.is_empty(), "{path} {what}: {wrong:?}");
            }
        }
    }
}

/// The example of that page, as a file.
fn example(folder: &Path, page: &str) -> PathBuf {
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let text = std::fs::read_to_string(text).expect("the page is part of the project");
    let (_, rest) = text.split_once("```yaml\n").expect("the page has an example");
    let (example, _) = rest.split_once("```").expect("its example ends");
    let file = folder.join(page.replace('/', "-")).with_extension("yaml");
    std::fs::write(&file, example).expect("it can be written");
    file
}

/// What a command that succeeds writes to stdout and to stderr.
fn told(arguments: &[&Path]) -> (String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts");
    let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{arguments:?}: {stderr}");
    (stdout, stderr)
}

#[test]
fn what_is_shipped_gives_no_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut files = scenarios();
    files.extend(["README.md", "docs/scenarios.md", "docs/ci.md"].map(|page| example(folder.path(), page)));
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let warnings = |arguments: &[&Path]| -> Vec<String> {
        let (_, stderr) = told(arguments);
        // What is only to be known is a note, with its help below.
        stderr
            .lines()
            .filter(|line| !line.starts_with("note: ") && !line.starts_with("  = "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(warnings(&[&[Path::new("check")], &files[..]].concat()), [""; 0]);
    for file in files {
        assert_eq!(warnings(&[Path::new("plan"), file]), [""; 0], "{}", file.display());
    }
}

#[test]
fn the_example_of_the_reference_can_rank_in_a_minute() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = example(folder.path(), "docs/scenarios.md");
    let file = file.to_str().expect("paths are text");
    let whole = engine(&["plan", file, "--json"]);
    let quick = engine(&["plan", file, "--json", "--quick"]);
    let seconds = |plan: &Value| plan["estimate_s"].as_f64().expect("an estimate");
    assert!(seconds(&quick) <= 60.0 && seconds(&whole) > 600.0, "{} of {}", seconds(&quick), seconds(&whole));
    let cells = |plan: &Value| plan["cells"].as_array().expect("a list of cells").len();
    assert_eq!(cells(&quick), cells(&whole), "every question is still asked");
    // That no difference could show would be a warning.
    let (text, warnings) = told(&[Path::new("plan"), Path::new("--quick"), Path::new(file)]);
    assert_eq!(warnings, "");
    for untold in ["a target is ahead only where each of its trials is", "capacities that are less than 20 % apart"] {
        assert!(text.contains(untold), "{text}");
    }
    assert_eq!(quick["untold"].as_array().map(Vec::len), Some(text.matches("cannot tell, being quick: ").count()));
}

#[test]
fn a_warning_names_its_file_and_the_line_of_its_workload() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, workload: &str| {
        let file = folder.path().join(name);
        let text = format!(
            "title: t\nquestion: q\ntargets:\n- {{transport: [rpyc, http1], server: threaded}}\nworkloads:\n\
             - name: first\n  call: ping\n  iterations: 1\n- iterations: 1\n  {workload}\n  name: second\n"
        );
        std::fs::write(&file, text).expect("it can be written");
        file
    };
    let calm = write("calm.yaml", "call: ping");
    let mixed = write("mixed.yaml", "call: upload\n  payload: 1MiB\n  trials: 2");
    let (_, stderr) = told(&[Path::new("check"), &calm, &mixed]);
    let warnings: Vec<&str> = stderr.lines().filter(|line| line.starts_with("warning: ")).collect();
    let place = format!("warning: {}:13: ", mixed.display());
    assert_eq!(warnings.len(), 2, "{stderr}");
    assert!(warnings.iter().all(|warning| warning.starts_with(&place)), "{stderr}");
    assert!(warnings[0].contains("in second compressed bodies") && warnings[1].contains("`trials: 2`"), "{stderr}");
}

#[test]
fn quick_is_smaller_and_edits_reach_the_plan() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/quickstart.yaml");
    let whole = engine(&["plan", path, "--json"]);
    let quick = engine(&["plan", path, "--json", "--quick"]);
    let length = |plan: &Value, key: &str| plan[key].as_array().expect("a list").len();
    assert_eq!(quick["quick"], true);
    assert!(length(&quick, "turns") < length(&whole, "turns"));
    assert!(quick["estimate_s"].as_f64() < whole["estimate_s"].as_f64());

    let edited = engine(&[
        "plan",
        path,
        "--json",
        "--set",
        "trials=2",
        "--set",
        "workloads.latency.clients=[1, 3]",
        "--only",
        "clients=3",
    ]);
    assert_eq!(edited["scenario"]["trials"], 2);
    for cell in edited["cells"].as_array().expect("a list") {
        assert_eq!((&cell["trials"], &cell["settings"]["clients"]), (&2.into(), &3.into()), "{cell}");
    }
    assert_eq!(length(&edited, "turns"), 2 * length(&edited, "cells"));
}

#[test]
fn a_reader_who_leaves_early_causes_no_error() {
    for arguments in [&["list"][..], &["schema"], &["schema", "results"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the engine starts");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success() && output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_list_shows_every_square_of_the_grid() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_engine")).args(["list", "--reasons"]).output().expect("the engine starts");
    let text = String::from_utf8(output.stdout).expect("it is text");
    for word in ["tcp", "threaded", "forking", "async", "native", "python"] {
        assert!(text.contains(word), "{word} is not listed");
    }
    // One row for each transport in each of the four grids, with a mark or the number of a reason in every square.
    let (_, grids) = text.split_once("Who fits whom").expect("there is a grid");
    let rows: Vec<Vec<&str>> = grids
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|words| {
            words.len() > 1 && words[1..].iter().all(|square| *square == "x" || square.parse::<u32>().is_ok())
        })
        .collect();
    assert_eq!(rows.iter().filter(|row| row[0] == "tcp").count(), 4, "{grids}");
    let wide = |line: &&str| line.starts_with("  tcp") && line.chars().count() > 80;
    assert_eq!(grids.lines().find(wide), None, "the grid fits a terminal");
    for number in rows.iter().flat_map(|row| &row[1..]).filter(|square| **square != "x") {
        assert!(grids.contains(&format!("\n  {number}: ")), "reason {number} is not told:\n{grids}");
    }
}
