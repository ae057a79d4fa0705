//! A thousand idle and two hundred active connections on every pair of ours, and nobody is turned away.

mod ends;

use std::io::{ErrorKind, Read};
use std::time::Duration;

use ends::{Server, measure};
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::address::Address;
use engine::transport::contract::IoModel;
use engine::transport::socket::{Socket, SocketOptions};
use engine::transport::{TRANSPORTS, descriptors};
use serde_json::json;

const IDLE: usize = 1000;
const ACTIVE: u64 = 200;
/// How long a server may take to let one client in.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn every_stream_pair_serves_two_hundred_while_a_thousand_are_idle() {
    descriptors::raise();
    let needed = descriptors::needed(IDLE as u64);
    assert!(descriptors::most().is_none_or(|most| most >= needed), "this test needs `ulimit -n {needed}`");
    for transport in TRANSPORTS.iter().filter(|transport| matches!(transport.io_model(), IoModel::Stream(_))) {
        for model in MODELS {
            if Pairing::of(*transport, *model, &native::Native, &driver::native::Native).is_err() {
                continue;
            }
            let (transport, model) = (transport.name(), model.name());
            let server = Server::launch(transport, model, &[]);
            let address: Address = server.address().parse().expect("the ready line has an address");
            let mut idle: Vec<Socket> = (0..IDLE)
                .map(|_| Socket::dial_within(&address, PATIENCE, &SocketOptions::default()).expect("it is let in"))
                .collect();
            let asked = json!({"clients": ACTIVE, "iterations": 3, "timeout_ns": PATIENCE.as_nanos() as u64});
            let got = measure(&server, transport, asked).unwrap_or_else(|line| panic!("{transport} {model}: {line}"));
            assert_eq!((got.counts.scheduled, got.counts.ok), (3 * ACTIVE, 3 * ACTIVE), "{transport} {model}: {got:?}");
            assert_eq!(got.reconnects, 0, "{transport} {model}");
            for socket in &mut idle {
                socket.set_nonblocking(true).expect("a socket of ours");
                let heard = socket.read(&mut [0; 1]);
                let quiet = heard.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
                // Whoever speaks first has still not hung up.
                assert!(
                    quiet || matches!(heard, Ok(1)),
                    "{transport} {model}: an idle client was sent away: {heard:?}"
                );
            }
            drop(idle);
            assert!(server.stop(), "{transport} {model}");
        }
    }
}
