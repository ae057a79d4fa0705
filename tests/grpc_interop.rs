//! grpcio, which is not ours, as client of our servers and as server of our client.

mod ends;
mod systems;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use ends::{Server, measure};
use engine::server::MODELS;
use serde_json::json;
use systems::{system, venv};

fn python() -> Option<PathBuf> {
    venv("grpcio", "grpc.txt", "grpc_tools")
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
fn grpcio_can_call_every_procedure_over_tls() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for model in MODELS {
        let server = Server::launch("grpc", model.name(), &["--option", "tls=true"]);
        let ca = folder.path().join("ca.pem");
        fs::write(&ca, server.ready["ca"].as_str().expect("a certificate")).expect("the file can be written");
        let mut command = Command::new(&python);
        command.arg(system("grpc_peer.py")).args(["call", server.address(), server.nonce()]).arg(&ca);
        let Output { status, stderr, .. } = command.output().expect("Python starts");
        assert!(status.success(), "{}: {}", model.name(), String::from_utf8_lossy(&stderr));
        assert!(server.stop());
    }
}

#[test]
fn our_client_is_understood_by_grpcio_over_tls() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    fs::write(&key, made.signing_key.serialize_pem()).expect("the file can be written");
    fs::write(&certificate, made.cert.pem()).expect("the file can be written");
    let mut command = Command::new(&python);
    command.arg(system("grpc_peer.py")).arg("serve").arg(&key).arg(&certificate);
    let server = Server::start(command);
    for more in [
        json!({"call": "ping"}),
        json!({"call": "echo", "payload": 300_000, "chunk": 65_536, "fill": "random", "verify": "content"}),
        json!({"call": "connect"}),
    ] {
        let mut all = json!({"clients": 2, "iterations": 4, "options": {"tls": true}, "ca": made.cert.pem()});
        all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let got = measure(&server, "grpc", all).expect("it can be measured");
        assert_eq!(got.counts.ok, 8, "{more}: {:?}", got.failures);
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
