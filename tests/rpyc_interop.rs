//! Real rpyc against ours, in both directions.

mod ends;
mod systems;

use std::process::Command;

use ends::Server;

fn script(name: &str, args: &[&str]) -> Option<Command> {
    let mut command = Command::new(systems::python()?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systems/").to_owned() + name).args(args);
    Some(command)
}

fn real_clients_against(model: &str) {
    let server = Server::launch("rpyc", model, &[]);
    let Some(mut command) = script("rpyc_client.py", &[server.address()]) else { return };
    let output = command.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.ends_with(" ok")).count(), 8, "{said}");
    assert!(server.stop());
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
