//! The two ends of a measurement as tests launch them by hand.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use engine::results::Measured;
use serde_json::{Value, json};

/// A server launched by hand; killed when dropped.
pub(crate) struct Server {
    process: Child,
    stdin: Option<ChildStdin>,
    pub(crate) ready: Value,
}

impl Server {
    pub(crate) fn launch(transport: &str, model: &str, more: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.args(["serve", "--transport", transport, "--server", model]).args(more);
        Server::start(command)
    }

    /// Starts a command that prints a ready line.
    pub(crate) fn start(mut command: Command) -> Server {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server can be started");
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout is a pipe")).read_line(&mut line).expect("a ready line");
        let line: Value = serde_json::from_str(&line).expect("the ready line is JSON");
        Server { stdin: process.stdin.take(), ready: line["ready"].clone(), process }
    }

    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) fn address(&self) -> &str {
        self.ready["address"].as_str().expect("an address")
    }

    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Closes stdin and waits; true where the server ended well.
    #[allow(dead_code, reason = "not every test file needs it")]
    pub(crate) fn stop(mut self) -> bool {
        drop(self.stdin.take());
        self.process.wait().expect("the server can be waited for").success()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A client process that speaks the lines.
pub(crate) struct Drive {
    process: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Drive {
    pub(crate) fn start(mut command: Command) -> Drive {
        let mut process =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the client can be started");
        Drive {
            stdin: process.stdin.take().expect("stdin is a pipe"),
            stdout: BufReader::new(process.stdout.take().expect("stdout is a pipe")),
            process,
        }
    }

    pub(crate) fn say(&mut self, line: &Value) {
        writeln!(self.stdin, "{line}").expect("the client listens");
    }

    /// The next line that is not progress.
    pub(crate) fn hear(&mut self) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).expect("the client speaks") > 0, "the client said no more");
            let line: Value = serde_json::from_str(&line).expect("a line is JSON");
            if line.get("progress").is_none() {
                return line;
            }
        }
    }

    /// The whole exchange: what was measured, or the line that says why not.
    pub(crate) fn measure(&mut self, assignment: &Value) -> Result<Measured, Value> {
        self.measure_while(assignment, || {})
    }

    /// The same; `begun` is called once the client has been told to go.
    pub(crate) fn measure_while(&mut self, assignment: &Value, begun: impl FnOnce()) -> Result<Measured, Value> {
        self.say(&json!({"assignment": assignment}));
        let armed = self.hear();
        if armed.get("armed").is_none() {
            return Err(armed);
        }
        self.say(&json!({"go": {}}));
        begun();
        assert_eq!(self.hear(), json!({"done": {}}));
        self.say(&json!({"report": {}}));
        let mut line = self.hear();
        Ok(serde_json::from_value(line["measured"].take()).expect("a measured line has every figure"))
    }
}

impl Drop for Drive {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// An assignment to `server`, with `more` keys set.
pub(crate) fn assignment(server: &Server, transport: &str, more: Value) -> Value {
    let mut assignment = json!({
        "version": 1, "address": server.ready["address"], "transport": transport, "nonce": server.ready["nonce"],
        "call": "ping", "clients": 1, "iterations": 100,
        "timeout_ns": 10_000_000_000u64, "drain_ns": 10_000_000_000u64,
    });
    for (key, value) in more.as_object().expect("an object of keys") {
        if value.is_null() {
            assignment.as_object_mut().expect("an object").remove(key);
        } else {
            assignment[key] = value.clone();
        }
    }
    assignment
}

/// Measures with our own client process.
pub(crate) fn measure(server: &Server, transport: &str, more: Value) -> Result<Measured, Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command).measure(&assignment(server, transport, more))
}
