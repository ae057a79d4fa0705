//! The rules of the house: arrows point down, each file says what it is, nothing comes in unnamed.

use std::path::{Path, PathBuf};

/// The floors from the ground up; a room may say only what is below it, or in itself.
const FLOORS: [&[&str]; 11] = [
    &["call", "registry", "units", "error", "lack", "mutant", "placed"],
    &["statistics"],
    &["transport"],
    &["server"],
    &["stack"],
    &["scenario"],
    &["plan", "results"],
    &["drive"],
    &["report"],
    &["place"],
    &["run"],
];

/// The floor of a room; commands are the roof.
fn floor(room: &str) -> usize {
    match room {
        "cli" | "main" | "lib" => FLOORS.len(),
        _ => FLOORS
            .iter()
            .position(|rooms| rooms.contains(&room))
            .unwrap_or_else(|| panic!("the room `{room}` has no floor")),
    }
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is part of the project") {
        let path = entry.expect("it can be listed").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Each source under `engine/` with its path there and its text.
fn house() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine");
    let mut found = Vec::new();
    sources(&folder, &mut found);
    assert!(found.len() > 20, "the house is missing");
    found
        .into_iter()
        .map(|path| {
            let inside = path.strip_prefix(&folder).expect("it is inside").display().to_string();
            (inside, std::fs::read_to_string(&path).expect("it can be read"))
        })
        .collect()
}

/// The room of a file: the first part of its path.
fn room(path: &str) -> &str {
    path.split(['/', '.']).next().unwrap_or(path)
}

/// The lines that are code: neither comments nor the tests at the bottom.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let end = text.find("#[cfg(test)]\nmod tests").unwrap_or(text.len());
    text[..end].lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn arrows_point_down() {
    for (path, text) in house() {
        let here = room(&path);
        if here == "lib" {
            continue;
        }
        for line in code(&text) {
            for (at, _) in line.match_indices("crate::") {
                let rest = &line[at + "crate::".len()..];
                let there = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or(rest);
                let down = there == here || floor(there) < floor(here);
                // Words of the ground may say one another.
                let level = floor(here) == floor(there) && (floor(here) == 0 || here == "plan" && there == "results");
                assert!(down || level, "{path}: `{here}` may not say `{there}`: {line}");
            }
        }
    }
}

#[test]
fn each_file_says_what_it_is_and_names_what_it_takes() {
    for (path, text) in house() {
        let first = text.lines().next().unwrap_or("");
        assert!(first.starts_with("//! ") && first.ends_with(['.', ':']), "{path} does not open with a sentence");
        for line in code(&text) {
            let line = line.trim();
            assert!(!line.contains("::*"), "{path}: {line}");
            assert!(!line.contains("super::"), "{path} goes up by `super`: {line}");
        }
    }
}

#[test]
fn one_file_names_the_yaml_reader() {
    let named: Vec<String> =
        house().into_iter().filter(|(_, text)| text.contains("serde_yaml")).map(|(path, _)| path).collect();
    assert_eq!(named, ["scenario/tree.rs"]);
}
