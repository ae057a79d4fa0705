//! Real rpyc against ours, in both directions.

mod systems;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A server process that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn launch(model: &str, extra: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_engine"))
            .args(["serve", "--transport", "rpyc", "--server", model])
            .args(extra)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the engine starts");
        let address = ready_address(&mut child);
        Server { child, address }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // A server that has ended by itself cannot be waited for twice; either way it is gone.
        let _ = self.child.wait();
    }
}

/// The address in the ready line that a server prints first.
fn ready_address(child: &mut Child) -> String {
    let mut line = String::new();
    let stdout = child.stdout.take().expect("stdout is piped");
    BufReader::new(stdout).read_line(&mut line).expect("a ready line");
    let line: serde_json::Value = serde_json::from_str(&line).expect("the ready line is JSON");
    line["ready"]["address"].as_str().expect("it has an address").to_owned()
}

fn script(name: &str, args: &[&str]) -> Option<Command> {
    let mut command = Command::new(systems::python()?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systems/").to_owned() + name).args(args);
    Some(command)
}

fn real_clients_against(model: &str) {
    let server = Server::launch(model, &[]);
    let Some(mut command) = script("rpyc_client.py", &[&server.address]) else { return };
    let output = command.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.ends_with(" ok")).count(), 8, "{said}");
}

#[test]
fn real_clients_use_the_threaded_server() {
    real_clients_against("threaded");
}

#[test]
fn real_clients_use_the_forking_server() {
    real_clients_against("forking");
}

#[test]
fn real_clients_use_the_async_server() {
    real_clients_against("async");
}
