//! The rules of the house: arrows point down, each file says what it is, nothing comes in unnamed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The floors from the ground up; a room may say only what is below it, or in itself.
const FLOORS: [&[&str]; 13] = [
    &["call", "figures", "registry", "units", "error", "lack", "mutant", "page_offset", "secret", "template", "words"],
    &["statistics"],
    &["transport"],
    &["server"],
    &["stack"],
    &["document"],
    &["key"],
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

/// Every path that code names behind `crate::`, lists in braces taken apart.
fn paths(code: &str) -> Vec<String> {
    fn names(text: &str, before: &str, found: &mut Vec<String>) {
        let name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        let text = text.trim_start();
        let (path, rest) = text.split_at(text.find(|c| !name(c)).unwrap_or(text.len()));
        let path = format!("{before}{path}");
        match rest.strip_prefix('{') {
            None => found.push(path),
            Some(list) => {
                let (mut depth, mut from) = (0, 0);
                for (at, c) in list.char_indices() {
                    match c {
                        '{' => depth += 1,
                        ',' | '}' if depth == 0 => {
                            names(&list[from..at], &path, found);
                            from = at + 1;
                        }
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if c == '}' && from == at + 1 {
                        return;
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    for (at, prefix) in code.match_indices("crate::") {
        names(&code[at + prefix.len()..], "", &mut found);
    }
    found
}

/// Which files each file names: by `a::b::C` the file `a/b.rs`, or `a/b/mod.rs`, or `a.rs` where there is no nearer one.
fn arrows(house: &[(String, String)]) -> BTreeMap<String, BTreeSet<String>> {
    let files: BTreeSet<&str> = house.iter().map(|(path, _)| path.as_str()).collect();
    let file = |path: &str| {
        let mut parts: Vec<&str> = path.split("::").collect();
        while !parts.is_empty() {
            let near = parts.join("/");
            for file in [format!("{near}.rs"), format!("{near}/mod.rs")] {
                if files.contains(file.as_str()) {
                    return Some(file);
                }
            }
            parts.pop();
        }
        None
    };
    let named = |(path, text): &(String, String)| {
        let code = code(text).collect::<Vec<_>>().join("\n");
        let there = paths(&code).iter().filter_map(|named| file(named)).filter(|there| there != path).collect();
        (path.clone(), there)
    };
    house.iter().map(named).collect()
}

/// The shortest way from a file back to itself, where there is one.
fn circle(from: &str, arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut ways = vec![vec![from.to_owned()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in &arrows[way.last()?] {
                let way = [way.as_slice(), std::slice::from_ref(next)].concat();
                if next == from {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[test]
fn no_files_go_round_in_circles() {
    let arrows = arrows(&house());
    let circles: Vec<Vec<String>> = arrows.keys().filter_map(|file| circle(file, &arrows)).collect();
    let told: Vec<String> = circles.iter().map(|circle| circle.join(" → ")).collect();
    assert!(told.is_empty(), "files go round in circles: {}", told.join("; "));
}

#[test]
fn circles_are_found() {
    let house = |files: &[(&str, &str)]| {
        files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect::<Vec<_>>()
    };
    let round = house(&[
        ("a/mod.rs", "mod b;\nmod c;\nuse crate::a::{\n    b::{B, One},\n    c::C,\n};"),
        ("a/b.rs", "// crate::a::c::C is said in a comment only.\nfn b() -> crate::d::D {}"),
        ("a/c.rs", "use crate::a::Word;\n#[cfg(test)]\nmod tests {\n    use crate::a::b::B;\n}"),
        ("d.rs", ""),
    ]);
    let arrows = arrows(&round);
    let of = |file: &str| arrows[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(of("a/mod.rs"), ["a/b.rs", "a/c.rs"]);
    assert_eq!((of("a/b.rs"), of("a/c.rs")), (vec!["d.rs"], vec!["a/mod.rs"]));
    assert_eq!(circle("a/c.rs", &arrows), Some(["a/c.rs", "a/mod.rs", "a/c.rs"].map(str::to_owned).to_vec()));
    assert_eq!(circle("a/b.rs", &arrows), None);
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
    assert_eq!(named, ["document/tree.rs"]);
}
