//! aioquic, which is not ours, as client of our servers and as server of our client, over QUIC and HTTP/3.

mod ends;
mod systems;

use std::path::PathBuf;
use std::process::{Command, Output};

use ends::{Server, measure};
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::TRANSPORTS;
use engine::transport::contract::IoModel;
use serde_json::json;
use systems::{system, venv};

fn python() -> Option<PathBuf> {
    venv("aioquic", "quic.txt", "aioquic")
}

#[test]
fn aioquic_can_make_every_call() {
    let Some(python) = python() else { return };
    for transport in TRANSPORTS.iter().filter(|transport| matches!(transport.io_model(), IoModel::Async(_))) {
        for model in MODELS {
            if Pairing::of(*transport, *model, &native::Native, &driver::native::Native).is_err() {
                continue;
            }
            let server = Server::launch(transport.name(), model.name(), &[]);
            let ca = server.ready["ca"].as_str().expect("a certificate");
            let mut command = Command::new(&python);
            let arguments = ["call", transport.name(), server.address(), server.nonce(), ca];
            command.arg(system("quic_peer.py")).args(arguments);
            let Output { status, stderr, .. } = command.output().expect("Python starts");
            let (transport, model, said) = (transport.name(), model.name(), String::from_utf8_lossy(&stderr));
            assert!(status.success(), "{transport} {model}: {said}");
            assert!(server.stop());
        }
    }
}

#[test]
fn our_client_is_understood_by_aioquic() {
    let Some(python) = python() else { return };
    for transport in ["quic", "http3"] {
        let mut command = Command::new(&python);
        command.arg(system("quic_peer.py")).args(["serve", transport]);
        let server = Server::start(command);
        for (clients, streams) in [(1, 1), (6, 3)] {
            let with = |more: serde_json::Value| {
                let mut all = json!({"clients": clients, "iterations": 4, "options": {"streams": streams},
                    "timeout_ns": 60_000_000_000u64});
                all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
                measure(&server, transport, all).expect("it can be measured")
            };
            for more in [
                json!({"call": "ping"}),
                json!({"call": "compute", "work": 1000}),
                json!({"call": "sleep", "hold_ns": 1_000_000}),
                json!({"call": "echo", "payload": 100_000, "fill": "random", "verify": "content"}),
                json!({"call": "echo", "payload": 100_000, "chunk": 30_000, "fill": "random", "verify": "content"}),
                json!({"call": "upload", "payload": 500_000}),
                json!({"call": "upload", "payload": 500_000, "chunk": 65_536}),
                json!({"call": "download", "payload": 500_000, "verify": "content"}),
                json!({"call": "download", "payload": 500_000, "chunk": 65_536, "verify": "content"}),
                json!({"call": "connect"}),
            ] {
                let got = with(more.clone());
                assert_eq!(got.counts.ok, 4 * clients, "{transport} {more}: {:?}", got.failures);
            }
            let got = with(json!({"call": "compute", "work": 13}));
            assert_eq!(got.counts.error.status, 4 * clients);
            assert_eq!(got.failures, ["status: 500 13 is not computed"]);
            assert_eq!(got.reconnects, 0, "the connection lives on");
        }
    }
}
