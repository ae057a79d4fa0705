//! A runner of a forge's actions, and the forge that they speak to, as far as our action needs them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The root of the project, which is the folder of the action.
pub(crate) fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of YAML as the value that it is.
pub(crate) fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).expect("it is YAML")
}

/// The action's own description.
pub(crate) fn action() -> Value {
    yaml(&fs::read_to_string(home().join("action.yml")).expect("there is an action"))
}

/// A forge with one pull request, 7 of `me/shop`, under which 120 others have commented, and the release of `me/engine`.
pub(crate) struct Forge {
    address: String,
    state: PathBuf,
    server: Child,
}

impl Forge {
    /// Starts it; what it holds lies in `folder`, and so do the files of the release.
    pub(crate) fn start(folder: &Path, releases: &Path) -> Self {
        let state = folder.join("forge.json");
        let mut server = Command::new("python3")
            .arg(home().join("tests/systems/forge.py"))
            .args([&state, releases])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let mut address = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut address).expect("its address");
        Forge { address: address.trim().to_owned(), state, server }
    }

    /// The comments that begin with a mark of ours, and what was done to them, in turn.
    pub(crate) fn ours(&self) -> (Vec<String>, Vec<String>) {
        let state: Value = serde_json::from_slice(&fs::read(&self.state).expect("a state")).expect("it is JSON");
        let texts = |list: &Value, of: fn(&Value) -> &Value| -> Vec<String> {
            let list = list.as_array().expect("a list").iter();
            list.map(|one| of(one).as_str().expect("a text").to_owned()).collect()
        };
        let mut comments = texts(&state["comments"], |comment| &comment["body"]);
        comments.retain(|body| body.starts_with("<!-- engine: "));
        (comments, texts(&state["done"], |done| done))
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        // It ends with its stdin.
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

/// How a job ended: what its steps wrote to the log, the summary, and the step that failed with its exit code.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) log: String,
    pub(crate) summary: String,
    pub(crate) failed: Option<(String, i32)>,
    pub(crate) outputs: BTreeMap<String, String>,
}

/// One event in one workspace.
pub(crate) struct Runner<'a> {
    pub(crate) forge: &'a Forge,
    pub(crate) workspace: &'a Path,
    pub(crate) temp: &'a Path,
    pub(crate) event: Value,
    pub(crate) token: &'a str,
}

impl Runner<'_> {
    /// Plays the steps of our action with those inputs, as a runner does: in turn, each with files of its own for what it
    /// tells, until one fails.
    pub(crate) fn play(&self, inputs: &[(&str, &str)]) -> Job {
        let action = action();
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        known.insert("github.token".to_owned(), self.token.to_owned());
        known.insert("github.action_repository".to_owned(), "me/engine".to_owned());
        for (name, input) in action["inputs"].as_object().expect("a map") {
            let default = input["default"].as_str().map(|default| filled(default, &known));
            let value = inputs.iter().find(|(given, _)| given == name).map(|(_, value)| (*value).to_owned());
            let value = value.or(default).unwrap_or_else(|| panic!("the input `{name}` is required"));
            known.insert(format!("inputs.{name}"), value);
        }
        fs::create_dir_all(self.temp).expect("a folder");
        let event = self.temp.join("event.json");
        fs::write(&event, self.event.to_string()).expect("a file");
        let mut job = Job { log: String::new(), summary: String::new(), failed: None, outputs: BTreeMap::new() };
        for (at, step) in action["runs"]["steps"].as_array().expect("a list").iter().enumerate() {
            let name = step["name"].as_str().expect("a step has a name");
            assert_eq!(step["shell"], "bash", "{name}");
            let [script, output, summary] =
                ["step.sh", "output", "summary"].map(|file| self.temp.join(format!("{at}.{file}")));
            fs::write(&script, step["run"].as_str().expect("a script")).expect("a file");
            for file in [&output, &summary] {
                fs::write(file, "").expect("a file");
            }
            let mut bash = Command::new("bash");
            bash.args(["--noprofile", "--norc", "-eo", "pipefail"])
                .arg(&script)
                .current_dir(self.workspace)
                .env_clear();
            for name in ["PATH", "HOME", "TMPDIR"] {
                bash.envs(std::env::var_os(name).map(|value| (name, value)));
            }
            bash.env("ENGINE_BESIDE_OTHERS", "1")
                .env("GITHUB_ACTIONS", "true")
                .env("GITHUB_ACTION_PATH", home())
                .env("GITHUB_API_URL", &self.forge.address)
                .env("GITHUB_SERVER_URL", &self.forge.address)
                .env("GITHUB_REPOSITORY", "me/shop")
                .env("GITHUB_WORKSPACE", self.workspace)
                .env("GITHUB_EVENT_PATH", &event)
                .env("GITHUB_OUTPUT", &output)
                .env("GITHUB_STEP_SUMMARY", &summary)
                .env("RUNNER_TEMP", self.temp);
            for (name, value) in step["env"].as_object().into_iter().flatten() {
                bash.env(name, filled(value.as_str().expect("a text"), &known));
            }
            let ended = bash.stdin(Stdio::null()).output().expect("bash starts");
            for bytes in [&ended.stdout, &ended.stderr] {
                job.log.push_str(&String::from_utf8_lossy(bytes));
            }
            job.summary.push_str(&fs::read_to_string(&summary).expect("a summary"));
            for (name, value) in
                fs::read_to_string(&output).expect("outputs").lines().filter_map(|line| line.split_once('='))
            {
                if let Some(id) = step["id"].as_str() {
                    known.insert(format!("steps.{id}.outputs.{name}"), value.to_owned());
                }
            }
            if !ended.status.success() {
                job.failed = Some((name.to_owned(), ended.status.code().unwrap_or(-1)));
                break;
            }
        }
        for (name, output) in action["outputs"].as_object().expect("a map") {
            job.outputs.insert(name.clone(), filled(output["value"].as_str().expect("a text"), &known));
        }
        job
    }
}

/// A text with its `${{ … }}` replaced; what nothing has told is empty, as a runner has it.
fn filled(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut rest = text;
    let mut whole = String::new();
    while let Some((before, after)) = rest.split_once("${{") {
        let (word, after) = after.split_once("}}").expect("an expression ends");
        let word = word.trim();
        let sayable = ["inputs.", "steps.", "github."].iter().any(|room| word.starts_with(room));
        assert!(sayable && !word.contains(' '), "this runner does not know `{word}`");
        whole.push_str(before);
        whole.push_str(known.get(word).map_or("", String::as_str));
        rest = after;
    }
    whole + rest
}
