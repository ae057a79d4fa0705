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
    venv("grpcio", "grpc.txt", "grpc_reflection")
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

fn peer(python: &PathBuf, args: &[&str]) {
    let output = Command::new(python).arg(system("grpc_peer.py")).args(args).output().expect("Python starts");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn grpcio_is_told_by_the_right_status_what_is_wrong() {
    let Some(python) = python() else { return };
    for model in ["threaded", "async"] {
        let server = Server::launch("grpc", model, &[]);
        peer(&python, &["statuses", server.address()]);
        assert!(server.stop());
    }
    for (fault, code) in [
        ("status=400", "INVALID_ARGUMENT"),
        ("status=404", "UNIMPLEMENTED"),
        ("status=429", "RESOURCE_EXHAUSTED"),
        ("status=500", "INTERNAL"),
        ("status=503", "UNAVAILABLE"),
        ("status=504", "DEADLINE_EXCEEDED"),
        ("abort", "UNAVAILABLE"),
    ] {
        let server = Server::launch("grpc", "threaded", &["--fault", fault]);
        peer(&python, &["status", server.address(), code]);
    }
}

/// The head of what a server replies to curl.
fn head(server: &Server, path: &str, args: &[&str]) -> Option<String> {
    let mut command = Command::new("curl");
    command.args(["--http2-prior-knowledge", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
    command.args(["--dump-header", "-", "--output", "/dev/null"]).args(args);
    let Ok(output) = command.arg(format!("http://{}/{path}", server.address())).output() else {
        assert!(std::env::var_os("CI").is_none(), "in CI curl must be there");
        eprintln!("not run: this test needs curl");
        return None;
    };
    Some(String::from_utf8(output.stdout).expect("heads are text"))
}

#[test]
fn what_is_not_grpc_is_refused_by_http() {
    let server = Server::launch("grpc", "threaded", &[]);
    let Some(got) = head(&server, "engine.Engine/Ping", &[]) else { return };
    assert!(got.starts_with("HTTP/2 405") && got.contains("allow: POST"), "{got}");
    let json = head(&server, "engine.Engine/Ping", &["-H", "Content-Type: application/json", "-d", "{}"]);
    assert!(json.expect("curl is there").starts_with("HTTP/2 415"));
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    fs::write(&file, [1, 0, 0, 0, 0]).expect("the file can be written");
    let compressed = format!("@{}", file.path().display());
    let ours = ["-H", "Content-Type: application/grpc", "--data-binary", &compressed];
    for (more, status) in [(&["-H", "grpc-encoding: gzip"][..], "grpc-status: 12"), (&[], "grpc-status: 13")] {
        let got = head(&server, "engine.Engine/Upload", &[&ours[..], more].concat()).expect("curl is there");
        assert!(got.contains(status) && got.contains("grpc-accept-encoding: identity"), "{got}");
    }
}

#[test]
fn a_client_that_writes_before_it_reads_gets_its_echo() {
    for (model, clients) in [("threaded", 1), ("threaded", 3), ("async", 1)] {
        let server = Server::launch("grpc", model, &[]);
        for chunk in [1000, 65_536, 3_000_000] {
            let ask = json!({"call": "echo", "payload": 16_000_000, "chunk": chunk, "fill": "random",
                "verify": "content", "clients": clients, "iterations": 2});
            let got = measure(&server, "grpc", ask).expect("it can be measured");
            assert_eq!(got.counts.ok, 2 * clients, "{model}, {chunk}: {:?}", got.failures);
        }
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
