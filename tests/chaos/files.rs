//! Files that are broken in places of chance, and disks that are full.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use engine::call::SplitMix;
use serde_json::json;

use crate::run::Run;
use crate::slips::broken;

/// The folder of a small run, measured once.
fn measured() -> &'static Path {
    static MEASURED: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = MEASURED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let run = Run::engine(&["run", &tiny(folder.path()), "--out", &text(&folder.path().join("out"))]);
        run.end().expect("it ends").is(&[0, 3]).expect("a small run is measured");
        folder
    });
    folder.path()
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path is text").to_owned()
}

fn tiny(folder: &Path) -> String {
    let file = folder.join("tiny.yaml");
    let scenario = "title: t\nquestion: q\ntargets:\n  - {transport: tcp, server: [threaded, async]}\nworkloads:\n  \
                    - {name: w, call: [upload, download], payload: [1KiB, 4KiB], iterations: 20}\ntrials: 2\n";
    fs::write(&file, scenario).expect("it can be written");
    text(&file)
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn one_of(random: &mut SplitMix, folder: &str, ending: &str) -> Vec<u8> {
    let entries = fs::read_dir(here(folder)).expect("the folder is there").flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| text(path).ends_with(ending)).collect();
    files.sort();
    fs::read(&files[random.below(files.len() as u64) as usize]).expect("it can be read")
}

/// Any file can be checked and planned: it is right, or wrong in words.
pub(crate) fn broken_scenario(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.yaml");
    let whole = one_of(random, "scenarios", ".yaml");
    fs::write(&file, broken(&whole, random)).expect("it can be written");
    let command = if random.below(2) == 0 { "check" } else { "plan" };
    Run::engine(&[command, &text(&file)]).end()?.is(&[0, 2])
}

/// Results that are broken are read as they are, or refused in words, by `report` and by `compare`.
pub(crate) fn broken_results(random: &mut SplitMix) -> Result<(), String> {
    let whole = measured().join("out/results.json");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("results.json");
    fs::write(&file, broken(&fs::read(&whole).expect("it was measured"), random)).expect("it can be written");
    if random.below(2) == 0 {
        Run::engine(&["report", &text(&file), "--out", &text(&folder.path().join("report"))]).end()?.is(&[0, 2])
    } else {
        Run::engine(&["compare", &text(&whole), &text(&file)]).end()?.is(&[0, 1, 2])
    }
}

/// A journal that is broken is read up to where it breaks, or refused in words.
pub(crate) fn broken_journal(random: &mut SplitMix) -> Result<(), String> {
    let whole = fs::read(measured().join("out/results.json")).expect("it was measured");
    let whole: serde_json::Value = serde_json::from_slice(&whole).expect("it is JSON");
    let run = json!({"run": {
        "scenario": whole["scenario"], "manifest": whole["manifest"], "refusals": whole["refusals"]
    }});
    let records = whole["records"].as_array().into_iter().flatten().map(|record| json!({"record": record}));
    let journal: String = std::iter::once(run).chain(records).map(|line| format!("{line}\n")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("results.journal"), broken(journal.as_bytes(), random)).expect("it can be written");
    Run::engine(&["report", &text(folder.path())]).end()?.is(&[0, 2])
}

/// A template that is broken fills or is refused in words, and never goes on for ever.
pub(crate) fn broken_template(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.jinja");
    let whole = one_of(random, "templates", ".jinja");
    fs::write(&file, broken(&whole, random)).expect("it can be written");
    let results = text(&measured().join("out"));
    Run::engine(&["report", &results, "--template", &text(&file)]).end()?.is(&[0, 2])
}

/// A disk that takes no more ends the run with 4, in words; what it took is kept.
pub(crate) fn full_disk(random: &mut SplitMix) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, out) = (tiny(folder.path()), folder.path().join("out"));
    let run = "exec \"$0\" run \"$1\" --out \"$2\"";
    let room = random.below(60);
    let (program, script) = if random.below(2) == 0 {
        ("sh", format!("ulimit -f {room} && {run}"))
    } else {
        fs::create_dir(&out).expect("a folder");
        // Only root may mount; where this process is not, the limit on files stands in.
        let mounted = format!("mount -t tmpfs -o size={}k none \"$2\" && {run}", 4 * (1 + room));
        let may = Command::new("unshare").args(["-m", "true"]).status().is_ok_and(|status| status.success());
        if may { ("unshare", mounted) } else { ("sh", format!("ulimit -f {room} && {run}")) }
    };
    let mut command = Command::new(program);
    if program == "unshare" {
        command.args(["-m", "sh"]);
    }
    command.args(["-c", &script, env!("CARGO_BIN_EXE_engine"), &file, &text(&out)]);
    Run::start(command).end()?.is(&[0, 3, 4])
}
