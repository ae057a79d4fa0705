//! The scenarios that `engine new` writes: each is right as it stands, and none is written over another file.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn engine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).current_dir(folder).output().expect("the engine starts")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What it can write, by the templates that there are.
fn kinds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/new");
    let entries = fs::read_dir(folder).expect("the folder is part of the project");
    let mut kinds: Vec<String> = entries
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    kinds.sort();
    assert!(kinds.len() >= 7, "{kinds:?}");
    kinds
}

#[test]
fn each_kind_is_right_as_it_is_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let schema = engine(folder.path(), &["schema", "scenario"]).stdout;
    let schema: Value = serde_json::from_slice(&schema).expect("a schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    for kind in kinds() {
        let written = engine(folder.path(), &["new", &kind]);
        assert!(written.status.success(), "{kind}: {}", stderr(&written));
        let file = format!("{kind}.yaml");
        assert!(stderr(&written).contains(&format!("wrote {file}")), "{kind}: {}", stderr(&written));
        let checked = engine(folder.path(), &["check", &file]);
        assert_eq!((checked.status.code(), stderr(&checked).as_str()), (Some(0), ""), "{kind}");
        let text = fs::read_to_string(folder.path().join(&file)).expect("it is there");
        assert!(text.starts_with("# yaml-language-server: $schema="), "{kind} does not tell editors its schema");
        assert!(text.lines().filter(|line| line.contains(" # ")).count() >= 4, "{kind} explains nothing");
        let scenario: Value = serde_yaml::from_str(&text).expect("it is YAML");
        let wrong: Vec<String> = schema.iter_errors(&scenario).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{kind}: {wrong:?}");
    }
}

#[test]
fn nothing_is_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("http.yaml"), "mine").expect("a file");
    let refused = engine(folder.path(), &["new", "http"]);
    assert_eq!(refused.status.code(), Some(2), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("http.yaml is there already"), "{}", stderr(&refused));
    assert_eq!(fs::read_to_string(folder.path().join("http.yaml")).expect("it is there"), "mine");
    fs::write(folder.path().join("users.csv"), "mine").expect("a file");
    let refused = engine(folder.path(), &["new", "steps"]);
    assert!(stderr(&refused).contains("users.csv is there already"), "{}", stderr(&refused));
    assert!(!folder.path().join("steps.yaml").exists(), "all of it or nothing");
    let elsewhere = engine(folder.path(), &["new", "http", "--out", "shop.yaml"]);
    assert!(elsewhere.status.success() && folder.path().join("shop.yaml").exists(), "{}", stderr(&elsewhere));
    let unknown = engine(folder.path(), &["new", "carrier-pigeon"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(kinds().iter().all(|kind| stderr(&unknown).contains(kind.as_str())), "{}", stderr(&unknown));
}
