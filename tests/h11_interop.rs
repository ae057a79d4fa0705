//! HTTP/1.1 of ours against h11, a library that raises where its peer breaks a rule, at either end.

mod ends;
mod systems;

use std::process::Command;

use ends::{Server, measure};
use engine::server::MODELS;
use serde_json::{Value, json};
use systems::{system, venv};

#[test]
fn every_reply_of_ours_is_one_to_h11() {
    let Some(python) = venv("h11", "h11.txt", "h11") else { return };
    for model in MODELS {
        let server = Server::launch("http1", model.name(), &[]);
        let output = Command::new(&python).arg(system("h11_peer.py")).args(["client", server.address()]).output();
        let output = output.expect("python is there");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        assert_eq!(told["wrong"], json!([]), "{}", model.name());
        assert!(told["made"].as_u64() > Some(50), "{told}");
        assert!(server.stop());
    }
}

#[test]
fn every_request_of_ours_is_one_to_h11() {
    let Some(python) = venv("h11", "h11.txt", "h11") else { return };
    let found = tempfile::NamedTempFile::new().expect("there is room for a file");
    let mut command = Command::new(&python);
    command.arg(system("h11_peer.py")).arg("server").arg(found.path());
    let server = Server::start(command);
    let mut made = 0;
    for clients in [1, 3] {
        for call in [
            json!({"call": "ping"}),
            json!({"call": "ping", "options": {"keep-alive": false}}),
            json!({"call": "echo", "payload": 0}),
            json!({"call": "echo", "payload": 70_000}),
            json!({"call": "upload", "payload": 70_000}),
            json!({"call": "connect"}),
        ] {
            let mut more = json!({"nonce": null, "clients": clients, "iterations": 5});
            more.as_object_mut().expect("an object").extend(call.as_object().expect("an object").clone());
            let got = measure(&server, "http1", more).expect("it can be measured");
            assert_eq!(got.counts.ok, 5 * clients, "{call}: {:?}", got.failures);
            // The proof is a ping of its own.
            made += 5 * clients + 1;
        }
    }
    assert!(server.stop());
    let told: Value = serde_json::from_reader(found).expect("it wrote JSON");
    assert_eq!(told, json!({"read": made, "wrong": []}));
}
