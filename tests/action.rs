//! The action, played by a runner of our own: two builds of a small service, what is told of them, and to whom.

mod forge;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use forge::{Forge, Runner, action, home, yaml};
use serde_json::{Value, json};

const SCENARIO: &str = r#"title: Orders
question: Has this change made orders slower?
answer: [target]
baseline: base
targets:
  - {name: base, transport: http1, launch: "python3 builds/base/service.py ${address}"}
  - {name: head, transport: http1, launch: "python3 builds/head/service.py ${address}", expect: ["p50 < 200% of base"]}
calls:
  - {name: order, http: GET /order}
workloads:
  - {name: orders, call: order, warmup: 2, iterations: 30}
trials: 5
"#;

/// A small service that takes so long for each call.
fn service(seconds: &str) -> String {
    format!(
        r#"import socketserver
import sys
import time


class Orders(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            time.sleep({seconds})
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


socketserver.ThreadingTCPServer.daemon_threads = True
host, port = sys.argv[1].rsplit(":", 1)
socketserver.ThreadingTCPServer((host, int(port)), Orders).serve_forever()
"#
    )
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=me", "-c", "user.email=me@shop.example", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("git starts");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Commits that service and gives the commit.
fn commit(repository: &Path, seconds: &str) -> String {
    fs::write(repository.join("service.py"), service(seconds)).expect("a file");
    git(repository, &["add", "--all"]);
    git(repository, &["commit", "--quiet", "--allow-empty", "--message", "a service"]);
    git(repository, &["rev-parse", "HEAD"])
}

/// A checkout of the newest commit alone, as a runner has it.
fn checkout(repository: &Path, to: &Path) -> PathBuf {
    let url = format!("file://{}", repository.display());
    let target = to.to_str().expect("a path");
    git(repository, &["clone", "--quiet", "--depth=1", &url, target]);
    to.to_owned()
}

fn pull_request(base: &str) -> Value {
    json!({"pull_request": {"number": 7, "base": {"sha": base}}})
}

#[test]
fn two_builds_are_measured_in_turn_and_told_in_one_comment_that_is_renewed() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let repository = at("repository");
    fs::create_dir_all(repository.join("bench")).expect("a folder");
    git(&repository, &["init", "--quiet"]);
    fs::write(repository.join("bench/orders.yaml"), SCENARIO).expect("a file");
    let base = commit(&repository, "0");
    commit(&repository, "0.05");
    let forge = Forge::start(folder.path(), folder.path());
    let engine = env!("CARGO_BIN_EXE_engine");
    let build = "cp service.py \"$OUT\"";
    let inputs = [("scenario", "bench/orders.yaml"), ("build", build), ("engine", engine)];

    // The head is slower than the scenario expects: the job fails, and says so in a comment and in its summary.
    let workspace = checkout(&repository, &at("slower"));
    let event = pull_request(&base);
    let runner =
        Runner { forge: &forge, workspace: &workspace, temp: &at("t1"), event: event.clone(), token: "writer" };
    let job = runner.play(&inputs);
    assert_eq!(job.failed, Some(("Pass or fail".to_owned(), 1)), "{}", job.log);
    assert!(job.log.contains("::error::an expectation was not met"), "{}", job.log);
    let (comments, done) = forge.ours();
    assert_eq!((comments.len(), done.as_slice()), (1, ["POST".to_owned()].as_slice()));
    eprintln!("{}", comments[0]);
    assert!(comments[0].starts_with("<!-- engine: bench/orders.yaml -->\n### Orders\n"), "{}", comments[0]);
    assert!(comments[0].contains("base") && comments[0].contains("head/orders"), "{}", comments[0]);
    assert_eq!(job.summary.trim(), comments[0].split_once('\n').expect("lines").1.trim());
    assert_eq!(job.outputs["code"], "1");
    assert!(Path::new(&job.outputs["results"]).join("report.html").exists());
    // Each trial of the one stands beside one of the other.
    let results = engine::results::Results::read(Path::new(&job.outputs["results"])).expect("results");
    let cells: Vec<usize> = results.records.iter().map(|record| record.cell).collect();
    assert!(cells.len() == 10 && cells.chunks(2).all(|pair| pair[0] != pair[1]), "{cells:?}");

    // It is mended: the job passes, and the same comment says that.
    commit(&repository, "0");
    let workspace = checkout(&repository, &at("mended"));
    let runner =
        Runner { forge: &forge, workspace: &workspace, temp: &at("t2"), event: event.clone(), token: "writer" };
    let job = runner.play(&inputs);
    assert_eq!(job.failed, None, "{}", job.log);
    let (renewed, done) = forge.ours();
    assert_eq!((renewed.len(), done.len(), done[1].as_str()), (1, 2, "PATCH"));
    assert!(renewed[0] != comments[0], "{}", renewed[0]);

    // From a fork the token may only read: the summary has it, and nothing fails.
    let runner = Runner { temp: &at("t3"), token: "reader", ..runner };
    let job = runner.play(&inputs);
    assert_eq!(job.failed, None, "{}", job.log);
    assert!(job.log.contains("::notice::this token may not comment (status 403)"), "{}", job.log);
    assert!(job.summary.starts_with("### Orders\n"), "{}", job.summary);
    assert_eq!(forge.ours(), (renewed, done));
    assert!(!job.log.contains("Bearer"), "{}", job.log);
}

#[test]
fn what_cannot_be_compared_is_told_before_anything_is_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let repository = folder.path().join("repository");
    fs::create_dir_all(&repository).expect("a folder");
    git(&repository, &["init", "--quiet"]);
    fs::write(repository.join("orders.yaml"), SCENARIO).expect("a file");
    let base = commit(&repository, "0");
    let forge = Forge::start(folder.path(), folder.path());
    let temp = folder.path().join("temp");
    let played = |event: Value, scenario: &str, build: &str| {
        let runner = Runner { forge: &forge, workspace: &repository, temp: &temp, event, token: "writer" };
        runner.play(&[("scenario", scenario), ("build", build), ("engine", env!("CARGO_BIN_EXE_engine"))])
    };
    for (event, scenario, build, wanted) in [
        (pull_request(&base), "gone.yaml", "true", "there is no scenario gone.yaml"),
        (json!({}), "orders.yaml", "true", "names no revision to compare with"),
        (json!({"before": "0000000000"}), "orders.yaml", "true", "names no revision to compare with"),
        (pull_request(&base), "orders.yaml", "true", "the build of base left nothing in $OUT"),
        (pull_request(&base), "orders.yaml", "echo no compiler here; exit 7", "no compiler here"),
    ] {
        let job = played(event, scenario, build);
        let failed = job.failed.as_ref().map(|(step, _)| step.as_str());
        assert!(failed == Some("Build base and head") && job.log.contains(wanted), "{wanted}: {job:?}");
    }
    assert_eq!(forge.ours().1, [""; 0]);
}

#[test]
fn a_release_is_downloaded_only_where_its_sum_is_right() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("engine-{version}-{}-linux", std::env::consts::ARCH);
    let bin = at(&name).join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    fs::write(bin.join("engine"), "#!/bin/sh\necho the engine of the release\n").expect("a file");
    let releases = at("releases");
    fs::create_dir(&releases).expect("a folder");
    let shell = |script: &str| {
        let output = Command::new("sh").args(["-euc", script]).current_dir(folder.path()).output().expect("sh starts");
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    };
    shell(&format!("chmod +x {name}/bin/engine; tar czf releases/{name}.tar.gz {name}"));
    let forge = Forge::start(folder.path(), &releases);
    let played = |temp: &str| {
        let (workspace, temp) = (folder.path(), at(temp));
        let runner = Runner { forge: &forge, workspace, temp: &temp, event: json!({}), token: "reader" };
        runner.play(&[("scenario", "none.yaml"), ("build", "true")])
    };
    let failed_at_install =
        |job: &forge::Job| job.failed.as_ref().is_some_and(|(step, _)| step == "Install the engine");

    let job = played("none");
    assert!(failed_at_install(&job) && job.log.contains("SHA256SUMS cannot be downloaded"), "{job:?}");
    shell("cd releases; echo '0  other.tar.gz' > SHA256SUMS");
    let job = played("unnamed");
    assert!(failed_at_install(&job) && job.log.contains("does not name"), "{job:?}");
    shell("cd releases; sha256sum *.tar.gz > SHA256SUMS");
    let job = played("right");
    assert!(!failed_at_install(&job) && job.log.contains("the engine of the release"), "{job:?}");
    shell(&format!("echo more >> releases/{name}.tar.gz"));
    let job = played("wrong");
    assert!(failed_at_install(&job) && job.log.contains("is not what SHA256SUMS says"), "{job:?}");
}

/// What anybody can write into a pull request must not become a command, nor meet the rights of the repository.
#[test]
fn nothing_that_is_given_becomes_a_command_and_no_workflow_lends_its_rights() {
    let action = action();
    assert_eq!(action["runs"]["using"], "composite");
    for step in action["runs"]["steps"].as_array().expect("a list") {
        let run = step["run"].as_str().expect("a script of a shell");
        assert!(!run.contains("${{") && step["uses"].is_null(), "{step}");
    }
    let guide = fs::read_to_string(home().join("docs/ci.md")).expect("the guide");
    let mut workflows: Vec<(String, String)> = guide
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(text, _)| text.to_owned()))
        .filter(|text| text.contains("runs-on:"))
        .map(|text| ("docs/ci.md".to_owned(), text))
        .collect();
    assert!(!workflows.is_empty(), "docs/ci.md has no example");
    for file in fs::read_dir(home().join(".github/workflows")).expect("workflows of our own").flatten() {
        let path = file.path();
        workflows.push((path.display().to_string(), fs::read_to_string(&path).expect("it can be read")));
    }
    assert!(workflows.len() >= 3, "{workflows:?}");
    let mut used = 0;
    for (place, text) in &workflows {
        let workflow = yaml(text);
        assert!(workflow["permissions"].is_object(), "{place} takes whatever rights there are");
        let on = workflow["on"].to_string();
        assert!(!on.contains("pull_request_target") && on != "null", "{place}: {on}");
        for (name, job) in workflow["jobs"].as_object().expect("jobs") {
            for step in job["steps"].as_array().expect("steps") {
                let run = step["run"].as_str().unwrap_or_default();
                assert!(!run.contains("${{"), "{place}, {name}: what is given becomes a command: {run}");
                if step["uses"].as_str().is_some_and(|uses| uses.contains("engine@") || uses == "./") {
                    used += 1;
                    let given = step["with"].as_object().expect("inputs");
                    let inputs = action["inputs"].as_object().expect("inputs");
                    assert!(given.keys().all(|key| inputs.contains_key(key)), "{place}: {given:?}");
                    let required = inputs.iter().filter(|(_, input)| input["required"] == true);
                    assert!(required.map(|(key, _)| key).all(|key| given.contains_key(key)), "{place}: {given:?}");
                }
            }
        }
    }
    assert!(used > 0, "no example uses the action");
}
