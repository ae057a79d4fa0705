//! An agent behind a pipe does what one in the run itself does, and leaves nothing running however it ends.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use engine::place::child::Heard;
use engine::place::messages::{Answer, FromAgent, Hello, Launch, Request, VERSION};
use engine::place::piped::Piped;
use engine::stack::native::ENGINE;
use serde_json::Value;

/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);

const SCENARIO: &str = "
title: Two ways
question: Does the way to an agent change what is told of a trial?
targets: [{transport: tcp, server: [threaded, forking]}]
workloads:
  - {name: calls, call: ping, clients: 3, iterations: 200}
  - {name: offered, call: echo, payload: 1KiB, clients: 2, rate: 100, duration: 1500ms}
trials: 1
";

/// The results of a run, with `variable` in its environment.
fn results(folder: &Path, out: &str, variable: Option<&str>) -> Value {
    let file = folder.join("ways.yaml");
    fs::write(&file, SCENARIO).expect("the scenario is written");
    let mut run = Command::new(env!("CARGO_BIN_EXE_engine"));
    run.env("ENGINE_BESIDE_OTHERS", "1").arg("run").arg(&file).arg("--out").arg(folder.join(out)).arg("--quiet");
    if let Some(variable) = variable {
        run.env(variable, "1");
    }
    let run = run.output().expect("the run starts");
    let said = String::from_utf8_lossy(&run.stderr);
    // On a machine that others use a record may be invalid; all of them are there.
    assert!(matches!(run.status.code(), Some(0 | 3)), "{:?}: {said}", run.status);
    let text = fs::read_to_string(folder.join(out).join("results.json")).expect("there are results");
    serde_json::from_str(&text).expect("they are JSON")
}

/// The names of all fields, without what depends on how a trial went.
fn fields(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    const OF_CHANCE: [&str; 7] = ["verdict", "timeline", "failures", "tls", "histogram", "at_least_from", "slowest"];
    match value {
        Value::Object(map) => {
            for (name, value) in map.iter().filter(|(name, _)| !OF_CHANCE.contains(&name.as_str())) {
                found.insert(format!("{path}.{name}"));
                fields(value, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| fields(value, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn a_trial_by_a_pipe_tells_what_one_without_tells() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = |out: &str, variable: Option<&str>| {
        let results = results(folder.path(), out, variable);
        let records = results["records"].as_array().expect("records").clone();
        assert_eq!(records.len(), 4);
        for record in &records {
            assert_eq!(record["outcome"], "measured", "{record}");
            assert!(record["cost"]["server"]["cpu_ns"].as_u64().is_some_and(|cpu| cpu > 0), "{}", record["cost"]);
            assert!(record["cost"]["server"]["most_threads"].as_u64().is_some_and(|most| most > 0));
        }
        let mut found = BTreeSet::new();
        fields(&results["records"], "records", &mut found);
        fields(&results["manifest"]["machine"], "machine", &mut found);
        found
    };
    let directly = told("directly", None);
    assert_eq!(told("by-a-pipe", Some("ENGINE_HERE_BY_PIPE")), directly);
    assert!(directly.len() > 60, "{directly:?}");
}

/// An agent by hand.
struct Agent {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Agent {
    fn start(lease: &str) -> Agent {
        let mut process = Command::new(env!("CARGO_BIN_EXE_engine"))
            .args(["agent", "--lease", lease])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent starts");
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take().expect("a pipe"));
        let mut agent = Agent { process, stdin, stdout: BufReader::new(stdout) };
        let FromAgent::Hello(hello) = agent.hear() else { panic!("the first line is its hello") };
        assert_eq!(hello.version, VERSION);
        assert!(!hello.cores.is_empty() && hello.machine.contains_key("kernel"), "{hello:?}");
        agent
    }

    fn ask(&mut self, request: &Request) {
        let line = serde_json::to_string(request).expect("a line");
        writeln!(self.stdin.as_mut().expect("it is open"), "{line}").expect("the agent listens");
    }

    fn hear(&mut self) -> FromAgent {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the agent talks");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("`{line}`: {error}"))
    }

    /// Has it launch a server of two worker processes; all processes of that.
    fn launch_server(&mut self) -> BTreeSet<i32> {
        let args = ["serve", "--transport", "tcp", "--server", "preforked", "--option", "workers=2"];
        self.ask(&Request::Launch(Launch {
            end: 7,
            what: "the server".to_owned(),
            ..Launch::of(Command::new(ENGINE).args(args))
        }));
        let (mut launched, mut ready) = (false, false);
        while !(launched && ready) {
            match self.hear() {
                FromAgent::Answer(Answer::Done {}) => launched = true,
                FromAgent::Said { end: 7, heard: Heard::Line(line) } => ready = line.contains("\"ready\""),
                other => panic!("{other:?}"),
            }
        }
        self.ask(&Request::Sockets { end: 7 });
        let FromAgent::Answer(Answer::Sockets(processes)) = self.hear() else { panic!("not what was asked") };
        assert_eq!(processes.len(), 3, "a leader and two workers");
        processes.into_keys().collect()
    }

    fn ends(&mut self) -> ExitStatus {
        self.process.wait().expect("it can be waited for")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // It has ended already where the test holds.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until none of these processes is left; a zombie has ended.
fn await_gone(processes: &BTreeSet<i32>) {
    let runs = |pid: &i32| {
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !matches!(stat.rsplit(") ").next().and_then(|rest| rest.chars().next()), Some('Z' | 'X')))
    };
    let deadline = Instant::now() + PATIENCE;
    while processes.iter().any(runs) {
        assert!(Instant::now() < deadline, "left running: {:?}", processes.iter().filter(|pid| runs(pid)));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn an_agent_whose_stdin_ends_takes_everything_along() {
    let mut agent = Agent::start("1h");
    let processes = agent.launch_server();
    agent.stdin = None;
    assert!(agent.ends().success());
    await_gone(&processes);
}

#[test]
fn an_agent_that_is_killed_leaves_nothing() {
    let mut agent = Agent::start("1h");
    let processes = agent.launch_server();
    agent.process.kill().expect("it can be killed");
    assert!(!agent.ends().success());
    await_gone(&processes);
}

#[test]
fn an_agent_whose_lease_has_passed_ends_with_everything_though_its_stdin_is_open() {
    let mut agent = Agent::start("2s");
    // However long the launch takes, it is told all the while that somebody is there.
    let held = agent.stdin.as_ref().expect("it is open").as_fd().try_clone_to_owned().expect("a second end");
    let (stop, stopped) = channel::<()>();
    let beating = std::thread::spawn(move || {
        let mut stdin = fs::File::from(held);
        while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
            writeln!(stdin, "{{\"beat\":{{}}}}").expect("the agent listens");
        }
    });
    let processes = agent.launch_server();
    drop(stop);
    beating.join().expect("it only beats");
    assert!(!agent.ends().success());
    assert!(agent.stdin.is_some());
    await_gone(&processes);
}

#[test]
fn what_an_agent_cannot_do_is_an_answer_and_it_serves_on() {
    let mut agent = Agent::start("1h");
    agent.ask(&Request::Alive { end: 3 });
    let FromAgent::Answer(Answer::Failed(trouble)) = agent.hear() else { panic!("there is no such end") };
    assert_eq!(trouble.message, "no end has the number 3 here");
    let missing = Launch { program: "/nowhere/to/be/found".into(), what: "a ghost".into(), ..Launch::default() };
    agent.ask(&Request::Launch(missing));
    let FromAgent::Answer(Answer::Failed(trouble)) = agent.hear() else { panic!("there is no such program") };
    assert!(trouble.message.starts_with("cannot start a ghost: "), "{}", trouble.message);
    agent.ask(&Request::End {});
    let FromAgent::Answer(Answer::Failed(trouble)) = agent.hear() else { panic!("no window has begun") };
    assert_eq!(trouble.message, "no window has begun that could end");
    assert_eq!(agent.launch_server().len(), 3);
}

/// What comes of an agent that a script plays, to which those lines are given.
fn played(script: &str, lines: &str) -> String {
    let mut other = Command::new("sh");
    other.arg("-c").arg(script).arg(lines);
    match Piped::start("web", other) {
        Ok((agent, _)) => format!("it is understood{}", agent.noise()),
        Err(error) => error.to_string(),
    }
}

/// What comes of an agent whose first lines are those.
fn greeted(lines: &str) -> String {
    played("printf '%s\\n' \"$0\"; read line", lines)
}

#[test]
fn an_agent_tells_its_clock_and_answers_whoever_goes_there_and_back() {
    let mut agent = Agent::start("1h");
    let mut asked = |request: &Request| {
        agent.ask(request);
        let FromAgent::Answer(answer) = agent.hear() else { panic!("not what was asked") };
        answer
    };
    let [Answer::Clock { now_ns: first }, Answer::Clock { now_ns: second }] =
        [(); 2].map(|()| asked(&Request::Clock {}))
    else {
        panic!("there is a clock")
    };
    assert!(first > 0 && first <= second);
    let host = std::net::Ipv4Addr::LOCALHOST.into();
    let Answer::Echo { port } = asked(&Request::Echo { host }) else { panic!("it listens") };
    let went = asked(&Request::Go { address: (host, port).into(), count: 9 });
    assert!(matches!(went, Answer::Went(trips) if trips.shortest_ns <= trips.median_ns), "{went:?}");
    let Answer::Failed(trouble) = asked(&Request::Install { kit: "forth".to_owned(), offline: true }) else {
        panic!("there is no such kit")
    };
    assert_eq!(trouble.message, "there is no kit `forth`");
}

#[test]
fn an_agent_of_another_version_and_one_that_is_none_are_told_clearly() {
    let hello = |version| {
        let hello = Hello { version, engine: "9.9.9".to_owned(), cores: vec![0], ..Hello::default() };
        serde_json::to_string(&FromAgent::Hello(hello)).expect("a line")
    };
    assert_eq!(greeted(&hello(VERSION)), "it is understood");
    let told = greeted(&hello(VERSION + 1));
    assert!(told.starts_with("the agent speaks version 2 of its lines (engine 9.9.9), and this engine"), "{told}");
    assert!(told.ends_with("(help: let the same build of the engine run at both places)"), "{told}");
    let told = greeted("{\"agent\": 7}");
    assert!(told.starts_with("the agent at web said `{\"agent\": 7}` where its `agent` was due"), "{told}");
}

#[test]
fn what_a_shell_prints_before_an_agent_is_borne_and_quoted_where_none_comes() {
    let hello = Hello { version: VERSION, cores: vec![0], ..Hello::default() };
    let hello = serde_json::to_string(&FromAgent::Hello(hello)).expect("a line");
    assert_eq!(greeted(&format!("Welcome to web!\n\n{hello}")), "it is understoodWelcome to web!\n\n");
    let told = played("echo Welcome to web!; echo no such thing >&2; exit 3", "");
    assert!(told.starts_with("the agent at web ended with exit code 3; it wrote: no such thing"), "{told}");
    assert!(told.contains("this was printed there: Welcome to web!"), "{told}");
    let told = played("while echo All work and no play; do :; done", "");
    assert!(told.starts_with("more than 64 KiB were printed at web before the agent spoke: All work"), "{told}");
    let told = played("echo '{\"absent\":{\"machine\":\"sparc\"}}'", "");
    assert_eq!(told, "there is no engine at web");
}

#[test]
fn a_run_whose_agent_is_killed_says_so_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ways.yaml");
    fs::write(&file, SCENARIO.replace("1500ms", "60s").replace("iterations: 200", "duration: 60s")).expect("written");
    let mut run = Command::new(env!("CARGO_BIN_EXE_engine"))
        .envs([("ENGINE_BESIDE_OTHERS", "1"), ("ENGINE_HERE_BY_PIPE", "1")])
        .arg("run")
        .arg(&file)
        .arg("--out")
        .arg(folder.path().join("out"))
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .expect("the run starts");
    let children = |pid: u32| -> Vec<u32> {
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
        text.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
    };
    let deadline = Instant::now() + PATIENCE;
    let (agent, ends) = loop {
        assert!(Instant::now() < deadline, "no two ends are seen");
        let found = children(run.id()).into_iter().find(|agent| children(*agent).len() == 2);
        if let Some(agent) = found {
            break (agent, children(agent).into_iter().map(|pid| pid as i32).collect::<BTreeSet<i32>>());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(agent as i32), nix::sys::signal::Signal::SIGKILL)
        .expect("killed");
    let status = run.wait().expect("the run ends by itself");
    assert!(!status.success());
    await_gone(&ends);
    let told = fs::read_to_string(folder.path().join("out/results.json")).expect("there are results");
    assert!(told.contains("the agent at here was killed by SIGKILL"), "{told}");
}
