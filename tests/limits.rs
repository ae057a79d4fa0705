//! What the machine does not allow is said before anything is launched, and what it allows on request is requested.

mod ends;

use std::fs;
use std::process::{Command, Output};

use ends::Server;

/// Runs the engine after `limit`, a command of the shell.
fn engine_after(limit: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limit} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_engine")])
        .args(arguments)
        .env("ENGINE_BESIDE_OTHERS", "1");
    command.output().expect("there is a shell")
}

#[test]
fn too_few_descriptors_are_an_error_before_anything_is_launched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("many.yaml");
    let text = "title: t\nquestion: q\ntargets:\n  - {transport: tcp, server: [threaded, async]}\nworkloads:\n  \
                - {name: w, call: ping, clients: [2, 100], iterations: 2}\ntrials: 5\n";
    fs::write(&file, text).expect("it can be written");
    let (file, out) = (file.to_str().expect("a path is text"), folder.path().join("out"));
    let run = ["run", file, "--out", out.to_str().expect("a path is text")];
    let said = "tcp-async/w/clients=100 needs 148 file descriptors in one process, which may have 64 here\n  \
                = help: allow more with `ulimit -n 148` in the shell before the command, or ask for fewer clients\n";

    let refused = engine_after("ulimit -n 64", &run);
    assert_eq!(String::from_utf8_lossy(&refused.stderr), format!("error: {said}"));
    assert_eq!((refused.status.code(), out.exists()), (Some(4), false));
    for command in ["check", "plan"] {
        let warned = engine_after("ulimit -n 64", &[command, file]);
        let told = String::from_utf8_lossy(&warned.stderr);
        assert!(told.contains(&format!("warning: {file}: {said}")), "{told}");
        assert_eq!(warned.status.code(), Some(0), "another machine may run it");
    }

    // Both ends raise what they may raise.
    let ran = engine_after("ulimit -Sn 64", &run);
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn a_server_by_hand_raises_its_own_limit() {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -Sn 64 && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_engine")]);
    let server = Server::start({
        command.args(["serve", "--transport", "tcp", "--server", "threaded"]);
        command
    });
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).expect("the server runs");
    let line = limits.lines().find(|line| line.starts_with("Max open files")).expect("there is such a limit");
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(fields[3], fields[4], "{line}");
    assert!(server.stop());
}
