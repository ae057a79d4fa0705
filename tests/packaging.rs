//! What people download: the tree of the tarball and of the .deb, made of the program that these tests are of.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn ended(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

fn said(command: &mut Command) -> String {
    String::from_utf8(ended(command).stdout).expect("it is text")
}

/// A folder with what `packaging/pack` makes of the program under test.
fn packed() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("notices"), "what is linked\n").expect("a file");
    // As it is downloaded, it has no symbols.
    let engine = folder.path().join("engine");
    ended(Command::new("strip").arg("-o").arg(&engine).arg(env!("CARGO_BIN_EXE_engine")));
    let mut pack = Command::new(home().join("packaging/pack"));
    pack.arg(&engine).arg(folder.path().join("dist")).arg(folder.path().join("notices"));
    ended(pack.env("SOURCE_DATE_EPOCH", "1700000000").env("COMPRESSION", "none"));
    folder
}

/// The only file of a folder whose name ends like that.
fn one(folder: &Path, end: &str) -> PathBuf {
    let files = fs::read_dir(folder).expect("a folder").flatten().map(|file| file.path());
    let found: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found[0].clone()
}

#[test]
fn the_tarball_holds_what_an_installation_needs_and_its_sum() {
    let folder = packed();
    let dist = folder.path().join("dist");
    let tarball = one(&dist, ".tar.gz");
    let name = tarball.file_name().and_then(|name| name.to_str()).expect("a name");
    assert_eq!(name, format!("engine-{VERSION}-{}-linux.tar.gz", std::env::consts::ARCH));
    assert!(said(Command::new("sha256sum").args(["--check", "SHA256SUMS"]).current_dir(&dist)).contains(": OK"));

    let prefix = folder.path().join("prefix");
    fs::create_dir(&prefix).expect("a folder");
    ended(Command::new("tar").arg("xzf").arg(&tarball).arg("-C").arg(&prefix).arg("--strip-components=1"));
    let engine = prefix.join("bin/engine");
    assert_eq!(said(Command::new(&engine).arg("--version")), format!("engine {VERSION}\n"));
    // A scenario of the tarball is planned where nothing else is, and finds its schema.
    let quickstart = prefix.join("share/engine/scenarios/quickstart.yaml");
    assert!(said(Command::new(&engine).arg("check").arg(&quickstart)).contains("quickstart.yaml: "));
    assert!(quickstart.with_file_name("../schemas/scenario.schema.json").exists());
    for file in [
        "share/man/man1/engine.1",
        "share/man/man1/engine-run.1",
        "share/bash-completion/completions/engine",
        "share/zsh/site-functions/_engine",
        "share/fish/vendor_completions.d/engine.fish",
        "share/engine/schemas/results.schema.json",
        "share/engine/templates/pull-request.md.jinja",
        "share/doc/engine/LICENSE",
        "share/doc/engine/LICENSE-APACHE",
        "share/doc/engine/NOTICES",
        "share/doc/engine/CHANGELOG.md",
    ] {
        let length = fs::metadata(prefix.join(file)).map(|it| it.len());
        assert!(length.as_ref().is_ok_and(|length| *length > 0), "{file}: {length:?}");
    }
    let again = packed();
    let same =
        fs::read(&tarball).expect("a file") == fs::read(one(&again.path().join("dist"), ".tar.gz")).expect("a file");
    assert!(same, "two packings of one program differ");
}

#[test]
fn the_package_of_debian_has_its_files_where_debian_looks() {
    if Command::new("dpkg-deb").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "in CI dpkg-deb must be there");
        eprintln!("not run for want of dpkg-deb");
        return;
    }
    let folder = packed();
    let package = one(&folder.path().join("dist"), ".deb");
    let field = |name: &str| said(Command::new("dpkg-deb").arg("--field").arg(&package).arg(name)).trim().to_owned();
    assert_eq!((field("Package"), field("Version")), ("engine".to_owned(), VERSION.to_owned()));
    assert_eq!(field("Depends"), "", "the program needs nothing");
    let listed = said(Command::new("dpkg-deb").arg("--contents").arg(&package));
    let files: BTreeSet<&str> = listed.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    for file in [
        "./usr/bin/engine",
        "./usr/share/man/man1/engine.1.gz",
        "./usr/share/man/man1/engine-try.1.gz",
        "./usr/share/bash-completion/completions/engine",
        "./usr/share/zsh/vendor-completions/_engine",
        "./usr/share/fish/vendor_completions.d/engine.fish",
        "./usr/share/engine/schemas/scenario.schema.json",
        "./usr/share/doc/engine/copyright",
        "./usr/share/doc/engine/changelog.gz",
    ] {
        assert!(files.contains(file), "{file} is not in {files:?}");
    }
    assert!(listed.lines().all(|line| line.contains(" root/root ")), "{listed}");
}

#[test]
fn the_notices_name_what_is_linked_and_nothing_that_only_tests_need() {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let notices = said(Command::new(home().join("packaging/notices")).arg(target).current_dir(home()));
    for linked in ["quinn ", "rustls ", "ring ", "hdrhistogram ", "The GNU C Library "] {
        assert!(notices.contains(&format!("\n{linked}")), "{linked} is linked");
    }
    for other in ["jsonschema ", "proptest ", "serde_derive "] {
        assert!(!notices.contains(&format!("\n{other}")), "{other} is not linked");
    }
    assert!(notices.contains("Permission is hereby granted") && notices.contains("Apache License"));
}

#[test]
fn the_changelog_tells_of_this_version() {
    let changelog = fs::read_to_string(home().join("CHANGELOG.md")).expect("there is one");
    let first = changelog.lines().find_map(|line| line.strip_prefix("## ")).expect("a version");
    assert_eq!(first.split(' ').next(), Some(VERSION), "the newest entry of CHANGELOG.md");
}

#[test]
fn the_pages_name_the_files_of_this_version() {
    for page in ["README.md", "docs/install.md", "docs/ci.md"] {
        let text = fs::read_to_string(home().join(page)).expect("the page is part of the project");
        let named: Vec<&str> = ["engine-", "engine_", "engine@v"]
            .into_iter()
            .flat_map(|before| text.split(before).skip(1))
            .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert!(!named.is_empty(), "{page} names no file");
        for rest in named {
            assert!(rest.starts_with(VERSION), "{page} names another version: {}", &rest[..rest.len().min(20)]);
        }
    }
}
