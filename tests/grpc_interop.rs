//! grpcio, which is not ours, as client of our servers and as server of our client.

mod ends;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ends::{Server, measure};
use engine::server::MODELS;
use serde_json::json;

/// A file next to this one.
fn system(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems").join(name)
}

/// A Python with grpcio, installed once under the target folder, or none where this machine cannot have it.
fn python() -> Option<PathBuf> {
    static ONCE: std::sync::OnceLock<Option<PathBuf>> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grpcio");
        let python = folder.join("bin/python");
        let run = |command: &mut Command| match command.output() {
            Ok(Output { status, .. }) if status.success() => Ok(()),
            Ok(Output { stderr, .. }) => Err(String::from_utf8_lossy(&stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        };
        let installed = run(Command::new(&python).args(["-c", "import grpc_tools"])).or_else(|_| {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r"]).arg(system("grpc.txt")))
        });
        match installed {
            Ok(()) => Some(python),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "in CI grpcio must install: {error}");
                eprintln!("not run for want of grpcio: {error}");
                None
            }
        }
    })
    .clone()
}

#[test]
fn grpcio_can_call_every_procedure() {
    let Some(python) = python() else { return };
    for model in MODELS {
        let server = Server::launch("grpc", model.name(), &[]);
        let mut command = Command::new(&python);
        command.arg(system("grpc_peer.py")).args(["call", server.address(), server.nonce()]);
        let Output { status, stderr, .. } = command.output().expect("Python starts");
        assert!(status.success(), "{}: {}", model.name(), String::from_utf8_lossy(&stderr));
        assert!(server.stop());
    }
}

#[test]
fn our_client_is_understood_by_grpcio() {
    let Some(python) = python() else { return };
    let mut command = Command::new(&python);
    command.arg(system("grpc_peer.py")).arg("serve");
    let server = Server::start(command);
    for (clients, streams) in [(1, 1), (6, 3)] {
        let with = |more: serde_json::Value| {
            let mut all = json!({"clients": clients, "iterations": 4, "options": {"streams": streams}});
            all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            measure(&server, "grpc", all).expect("it can be measured")
        };
        for more in [
            json!({"call": "ping"}),
            json!({"call": "compute", "work": 1000}),
            json!({"call": "sleep", "hold_ns": 1_000_000}),
            json!({"call": "echo", "payload": 300_000, "fill": "random", "verify": "content"}),
            json!({"call": "echo", "payload": 300_000, "chunk": 65_536, "fill": "random", "verify": "content"}),
            json!({"call": "upload", "payload": 3_000_000}),
            json!({"call": "upload", "payload": 3_000_000, "chunk": 65_536}),
            json!({"call": "download", "payload": 3_000_000}),
            json!({"call": "download", "payload": 3_000_000, "chunk": 65_536}),
            json!({"call": "connect"}),
        ] {
            let got = with(more.clone());
            assert_eq!(got.counts.ok, 4 * clients, "{more}: {:?}", got.failures);
        }
        let got = with(json!({"call": "compute", "work": 13}));
        assert_eq!(got.counts.error.status, 4 * clients);
        assert_eq!(got.failures, ["status: 11 13 is not computed"]);
    }
}
