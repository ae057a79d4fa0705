//! Records are safe: no run overwrites what is there, two never share a folder, and a killed one is gone on with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use engine::call::SplitMix;
use engine::results::file::RESULTS;
use engine::results::folder::{LATEST, LOCK};
use engine::results::journal::JOURNAL;
use engine::results::{Outcome, Results};

/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);

/// A scenario in a folder of its own, from where the engine is started.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new(load: &str, trials: u32) -> Place {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(
            "title: Safe\nquestion: Is anything lost?\ntargets: [{{transport: tcp, server: [threaded, async]}}]\n\
             workloads: [{{name: calls, call: ping, {load}}}]\ntrials: {trials}\n"
        );
        fs::write(folder.path().join("safe.yaml"), text).expect("the scenario is written");
        Place { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn engine(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command
            .env("ENGINE_BESIDE_OTHERS", "1")
            .current_dir(self.folder.path())
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// A run of the scenario to its end.
    fn run(&self, more: &[&str]) -> Output {
        self.engine(&[&["run", "safe.yaml", "--quiet"], more].concat()).output().expect("the engine starts")
    }

    /// A run of the scenario that goes on.
    fn start(&self, more: &[&str]) -> Child {
        let mut command = self.engine(&[&["run", "safe.yaml", "--quiet"], more].concat());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the engine starts")
    }

    fn results(&self, folder: &str) -> Results {
        Results::read(&self.path(folder)).expect("results")
    }

    fn await_records(&self, folder: &str, count: usize) {
        let begun = Instant::now();
        let records = || fs::read_to_string(self.path(folder).join(JOURNAL)).unwrap_or_default();
        while records().matches("{\"record\"").count() < count {
            assert!(begun.elapsed() < PATIENCE, "{count} records never came");
            std::thread::yield_now();
        }
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn kill(run: &mut Child) {
    run.kill().expect("it can be killed");
    run.wait().expect("it ends");
}

/// That all trials of two cells are there, each once and measured.
fn assert_complete(results: &Results, trials: usize) {
    let keys: BTreeSet<(String, u32, u32)> =
        results.records.iter().map(|record| (results.id(record).to_owned(), record.trial, record.attempt)).collect();
    assert_eq!(keys.len(), results.records.len(), "no record is there twice");
    let trials_there = results.counting().count();
    assert_eq!(trials_there, 2 * trials, "none is lost");
    assert!(results.records.iter().all(|record| record.outcome == Outcome::Measured));
    assert!(!results.manifest.interrupted && results.manifest.planned == Some(2 * trials));
    assert_eq!(results.manifest.facts.len(), 2, "what targets told of themselves is kept too");
}

#[test]
fn results_are_replaced_only_where_that_is_asked_for() {
    let place = Place::new("iterations: 20", 2);
    assert_eq!(place.run(&["--out", "out"]).status.code(), Some(0));
    let first = fs::read(place.path("out").join(RESULTS)).expect("results");
    let again = place.run(&["--out", "out"]);
    assert_eq!(again.status.code(), Some(2), "{}", said(&again));
    assert!(said(&again).contains("out holds results already"), "{}", said(&again));
    assert!(said(&again).contains("--out, or let them be replaced by --replace"), "{}", said(&again));
    assert_eq!(fs::read(place.path("out").join(RESULTS)).expect("results"), first);
    let resumed = place.run(&["--out", "out", "--resume"]);
    assert_eq!(resumed.status.code(), Some(2), "{}", said(&resumed));
    assert!(said(&resumed).contains("nothing to resume"), "{}", said(&resumed));
    assert_eq!(place.run(&["--out", "out", "--replace"]).status.code(), Some(0));
    assert_ne!(fs::read(place.path("out").join(RESULTS)).expect("results"), first);
    for gone in [JOURNAL, LOCK] {
        assert!(!place.path("out").join(gone).exists(), "{gone}");
    }
}

#[test]
fn the_second_run_into_a_folder_is_told_who_has_it_and_the_first_is_complete() {
    let place = Place::new("duration: 200ms", 4);
    let mut first = place.start(&["--out", "out"]);
    place.await_records("out", 1);
    for more in [&["--out", "out"][..], &["--out", "out", "--replace"], &["--out", "out", "--resume"]] {
        let second = place.run(more);
        assert_eq!(second.status.code(), Some(2), "{}", said(&second));
        let who = format!("a run writes into out already: process {} since 2", first.id());
        assert!(said(&second).contains(&who), "{}", said(&second));
        assert!(said(&second).contains("`engine run safe.yaml --quiet --out out`"), "{}", said(&second));
    }
    assert_eq!(first.wait().expect("it ends").code(), Some(0));
    assert_complete(&place.results("out"), 4);
}

#[test]
fn a_run_that_is_killed_at_any_moment_is_gone_on_with_to_its_end() {
    const TRIALS: usize = 5;
    let mut random = SplitMix::new(13);
    for moment in 0..10 {
        let place = Place::new("duration: 10ms", TRIALS as u32);
        let mut run = place.start(&["--out", "out"]);
        // Somewhere in the life of that trial, the first moments of the run and its last ones among them.
        let records = match moment {
            0 => 0,
            9 => 2 * TRIALS - 1,
            _ => 1 + random.below(2 * TRIALS as u64 - 2) as usize,
        };
        place.await_records("out", records);
        let spin = Instant::now() + Duration::from_micros(random.below(50_000));
        while Instant::now() < spin {
            std::thread::yield_now();
        }
        kill(&mut run);
        let kept = Results::read(&place.path("out")).map(|results| results.records).unwrap_or_default();
        let whole = place.path("out").join(RESULTS).exists();
        assert!(kept.len() >= records, "{} of {records} records", kept.len());
        // Where nothing was measured nothing is in the way.
        let refused = place.run(&["--out", "out"]);
        if kept.is_empty() {
            assert_eq!(refused.status.code(), Some(0), "{}", said(&refused));
        } else {
            assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
            assert!(whole || said(&refused).contains("go on with it by --resume"), "{}", said(&refused));
            let resumed = place.run(&["--out", "out", "--resume"]);
            let done = whole && said(&resumed).contains("nothing to resume");
            assert!(resumed.status.code() == Some(0) || done, "{}", said(&resumed));
        }
        let results = place.results("out");
        assert_complete(&results, TRIALS);
        assert_eq!(results.records[..kept.len()], kept, "what was there stays as it was");
        if !whole && !kept.is_empty() {
            assert_eq!(results.manifest.resumed.len(), 1);
            assert_eq!(results.manifest.resumed[0].records, kept.len());
        }
        assert!(fs::read_to_string(place.path("out").join("report.md")).is_ok() || whole);
    }
}

#[test]
fn a_run_may_be_killed_again_and_again() {
    const TRIALS: usize = 6;
    let place = Place::new("duration: 100ms", TRIALS as u32);
    for records in [2, 4, 7] {
        let mut run = place.start(&["--out", "out", "--resume"]);
        place.await_records("out", records);
        kill(&mut run);
    }
    let last = place.run(&["--out", "out", "--resume"]);
    assert_eq!(last.status.code(), Some(0), "{}", said(&last));
    let results = place.results("out");
    assert_complete(&results, TRIALS);
    assert_eq!(results.manifest.resumed.len(), 3, "the first began where there was nothing");
    assert!(results.manifest.took_s > 0.1 * 2.0 * TRIALS as f64, "the time of all sessions");
    let report = fs::read_to_string(place.path("out").join("report.md")).expect("a report");
    assert!(report.contains("went on") && !report.contains("ended early"), "{report}");
}

#[test]
fn an_interrupted_run_is_gone_on_with_by_the_same_plan_only() {
    let place = Place::new("duration: 100ms", 8);
    let mut run = place.start(&["--out", "out"]);
    place.await_records("out", 2);
    let pid = run.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("kill runs").success());
    assert_eq!(run.wait().expect("it ends").code(), Some(130));
    let kept = place.results("out");
    for (more, wrong) in [
        (&["--set", "seed=2"][..], "seed was absent, and is 2"),
        (&["--set", "trials=9"], "the number of trials was 16, and is 18"),
        (&["--only", "threaded"], "the number of trials was 16, and is 8"),
        (&["--syscalls"], "--syscalls was false, and is true"),
    ] {
        let other = place.run(&[&["--out", "out", "--resume"], more].concat());
        assert_eq!(other.status.code(), Some(2), "{}", said(&other));
        assert!(said(&other).contains(&format!("not the run to resume: {wrong}")), "{}", said(&other));
    }
    let mut elsewhere = kept.clone();
    elsewhere.manifest.machine.insert("cpu".to_owned(), "another one".to_owned());
    fs::create_dir(place.path("elsewhere")).expect("a folder");
    elsewhere.write(&place.path("elsewhere").join(RESULTS)).expect("results");
    let other = place.run(&["--out", "elsewhere", "--resume"]);
    assert!(said(&other).contains("the machine's cpu was another one, and is "), "{}", said(&other));
    assert_eq!(place.results("elsewhere"), elsewhere);

    assert_eq!(place.results("out"), kept, "nothing was touched");
    let resumed = place.run(&["--out", "out", "--resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    let results = place.results("out");
    assert_complete(&results, 8);
    assert_eq!(results.records[..kept.records.len()], kept.records);
    assert_eq!(results.manifest.started, kept.manifest.started);
}

#[test]
fn without_out_each_run_has_a_folder_of_its_own_and_latest_points_to_the_last() {
    let place = Place::new("duration: 50ms", 3);
    assert_eq!(place.run(&[]).status.code(), Some(0));
    let runs = place.path("results/safe");
    let folders = || -> BTreeSet<PathBuf> {
        let all = fs::read_dir(&runs).expect("a folder").map(|entry| entry.expect("an entry").path());
        all.filter(|path| !path.is_symlink()).collect()
    };
    let latest = || runs.join(fs::read_link(runs.join(LATEST)).expect("a link"));
    let first = latest();
    assert_eq!(folders(), BTreeSet::from([first.clone()]));
    let mut second = place.start(&[]);
    let begun = Instant::now();
    while latest() == first {
        assert!(begun.elapsed() < PATIENCE, "the second run never began");
    }
    place.await_records("results/safe/latest", 1);
    kill(&mut second);
    let resumed = place.run(&["--resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    assert_eq!(folders().len(), 2);
    assert_complete(&place.results("results/safe/latest"), 3);
    assert_complete(&Results::read(&first).expect("the first"), 3);
    let compared = place.engine(&["compare", first.to_str().expect("UTF-8"), "results/safe/latest"]).output();
    assert!(compared.is_ok_and(|output| !output.stdout.is_empty()));
}

#[test]
fn a_report_that_is_not_ours_survives() {
    let place = Place::new("iterations: 20", 2);
    fs::create_dir(place.path("out")).expect("a folder");
    let own = place.path("out/report.md");
    fs::write(&own, "# My own words\n").expect("a file");
    for more in [&["--out", "out"][..], &["--out", "out", "--replace"]] {
        let output = place.run(more);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains("out/report.md was not made by engine"), "{}", said(&output));
        assert!(!place.path("out").join(RESULTS).exists(), "it is told before anything is measured");
    }
    fs::rename(&own, place.path("out/notes.md")).expect("it is moved away");
    assert_eq!(place.run(&["--out", "out"]).status.code(), Some(0));
    let ours = fs::read_to_string(&own).expect("a report");
    assert!(place.engine(&["report", "out"]).status().expect("it runs").success(), "ours is replaced");

    // Each file of the report, and what a template or an export makes, in their turn.
    let line = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    let picture = fs::read_dir(place.path("out/charts")).expect("pictures").next().expect("one").expect("one").path();
    let template = place.path("words.md.jinja");
    fs::write(&template, "{{ title }}").expect("a template");
    fs::write(place.path("out/words.md"), "mine").expect("a file");
    fs::write(place.path("out/results.csv"), "mine").expect("a file");
    let report = ["report", "out"];
    let files: [(PathBuf, Vec<&str>); 5] = [
        (own.clone(), report.to_vec()),
        (place.path("out/report.html"), report.to_vec()),
        (picture, report.to_vec()),
        (place.path("out/words.md"), vec!["report", "out", "--template", "words.md.jinja", "--out", "out"]),
        (place.path("out/results.csv"), vec!["report", "out", "--export", "csv", "--out", "out"]),
    ];
    for (path, arguments) in files {
        let before = fs::read(&path).expect("a file");
        fs::write(&path, "mine").expect("a file");
        let output = place.engine(&arguments).output().expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{}: {}", path.display(), said(&output));
        assert!(said(&output).contains("was not made by engine"), "{}", said(&output));
        assert_eq!(fs::read_to_string(&path).expect("a file"), "mine");
        fs::write(&path, before).expect("a file");
    }
    assert_eq!(fs::read_to_string(&own).expect("a report"), ours);
    assert!(line(&ours).contains("made by engine"));
}

#[test]
fn a_broken_or_older_file_hides_no_whole_one() {
    let place = Place::new("duration: 50ms", 4);
    let mut run = place.start(&["--out", "out"]);
    place.await_records("out", 3);
    kill(&mut run);
    let kept = place.results("out");
    let journal = fs::read(place.path("out").join(JOURNAL)).expect("a journal");
    let report = || place.engine(&["report", "out"]).output().expect("it runs");
    for broken in [&b""[..], b"{", b"\xff\xfe", b"{\"schema\":1}", b"null"] {
        fs::write(place.path("out").join(RESULTS), broken).expect("a broken file");
        let output = report();
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains("results.journal beside it was read"), "{}", said(&output));
        assert_eq!(place.results("out"), kept);
    }
    // A journal that is broken, or is not begun, beside results that are whole.
    kept.write(&place.path("out").join(RESULTS)).expect("results");
    for (broken, noted) in [(&b""[..], false), (b"{\"run\":", false), (b"nonsense\n", true)] {
        fs::write(place.path("out").join(JOURNAL), broken).expect("a broken file");
        let output = report();
        assert!(output.status.success(), "{}", said(&output));
        assert_eq!(said(&output).contains("results.json beside it was read"), noted, "{}", said(&output));
        assert_eq!(place.results("out"), kept);
    }
    // Both broken, which is said of what a reader expects.
    fs::write(place.path("out").join(RESULTS), "{").expect("a broken file");
    let output = report();
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("results.json: not JSON"), "{}", said(&output));
    let refused = place.run(&["--out", "out"]);
    assert_eq!(refused.status.code(), Some(2), "what cannot be read is not overwritten either");
    // The journal of a later run beside results of an earlier one; the later run is gone on with.
    fs::write(place.path("out").join(JOURNAL), &journal).expect("the journal");
    let mut older = kept.clone();
    older.manifest.started = "2020-01-01T00:00:00Z".to_owned();
    older.manifest.interrupted = false;
    older.records.extend(kept.records.clone());
    older.write(&place.path("out").join(RESULTS)).expect("results");
    assert_eq!(place.results("out"), kept);
    let resumed = place.run(&["--out", "out", "--resume"]);
    // A busy machine may make a trial invalid, which is no matter of files.
    assert!(matches!(resumed.status.code(), Some(0 | 3)), "{}", said(&resumed));
    assert_complete(&place.results("out"), 4);
}

#[test]
fn a_lock_that_a_killed_run_left_is_no_lock() {
    let place = Place::new("iterations: 20", 2);
    fs::create_dir(place.path("out")).expect("a folder");
    fs::write(place.path("out").join(LOCK), "{\"pid\":1,\"started\":\"\",\"command\":[]}").expect("a lock");
    let output = place.run(&["--out", "out"]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    assert!(!Path::new(&place.path("out").join(LOCK)).exists());
}

#[test]
fn a_trial_that_others_disturbed_is_tried_again_by_the_run_that_goes_on() {
    let place = Place::new("duration: 50ms", 4);
    let mut run = place.start(&["--out", "out"]);
    place.await_records("out", 3);
    kill(&mut run);
    // The trials of the killed run, the first of them disturbed.
    let path = place.path("out").join(JOURNAL);
    let journal = fs::read_to_string(&path).expect("a journal");
    let disturbed = "\"interference\":{\"share\":0.9,\"stretch_ns\":1000000000},\"verdict\"";
    fs::write(&path, journal.replacen("\"verdict\"", disturbed, 1)).expect("a journal");
    let kept = place.results("out").records;
    assert!(kept[0].disturbed() && !kept[1].disturbed());
    let resumed = place.run(&["--out", "out", "--resume"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", said(&resumed));
    let results = place.results("out");
    assert_complete(&results, 4);
    assert_eq!(results.records[..kept.len()], kept, "the first attempt stays");
    let again: Vec<_> = results.records.iter().filter(|record| record.attempt > 1).collect();
    assert_eq!(again.len(), 1);
    assert_eq!((again[0].cell, again[0].trial, again[0].attempt), (kept[0].cell, kept[0].trial, 2));
    let manifest = &results.manifest;
    assert!(manifest.yardsticks.is_sorted_by_key(|it| it.at_ns), "one clock for all sessions");
}
