//! What a server holds of its clients' bodies is bounded as a whole, and given back with every reply.

mod ends;

use ends::{Server, measure};
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::TRANSPORTS;
use serde_json::json;

#[test]
fn bodies_are_held_up_to_a_bound_and_given_back() {
    for transport in TRANSPORTS {
        for model in MODELS {
            let Ok(pairing) = Pairing::of(*transport, *model, &native::Native, &driver::native::Native) else {
                continue;
            };
            let transport = transport.name();
            let server = Server::launch(transport, model.name(), &["--hold", "1MiB"]);
            let echo = |payload: u64, clients: u64, chunk: Option<u64>| {
                let mut more = json!({"call": "echo", "payload": payload, "clients": clients, "iterations": 8});
                if let Some(chunk) = chunk {
                    more["chunk"] = json!(chunk);
                }
                measure(&server, transport, more).expect("it can be measured")
            };
            for chunk in [None, Some(50_000)] {
                let got = echo(2 << 20, 1, chunk);
                assert_eq!((got.counts.ok, got.counts.scheduled), (0, 8), "{pairing} {chunk:?}: more than it may hold");
                // Eight times as much as fits, but never more than that at once.
                let got = echo(300_000, 3, chunk);
                assert_eq!(got.counts.ok, 24, "{pairing} {chunk:?}: {:?}", got.failures);
            }
            assert!(server.stop(), "{pairing}");
        }
    }
}
