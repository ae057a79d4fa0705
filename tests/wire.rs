//! The bytes of a connect are those that its peer counts: a relay between the two ends counts what passes.

mod ends;
mod systems;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ends::{Server, measure, until};
use engine::call::FillKind;
use engine::results::Measured;
use engine::stack::contract::Wanted;
use engine::stack::python_systems::system;
use engine::transport::option::Options;
use serde_json::{Value, json};
use systems::environment;

/// What passed up and down on each connection that is over, in the order in which they were made.
type Passed = Arc<Mutex<Vec<(usize, u64, u64)>>>;

/// Carries bytes one way until they end; how many.
fn carry(mut from: TcpStream, mut to: TcpStream) -> u64 {
    let (mut piece, mut carried) = ([0; 4096], 0);
    while let Ok(n @ 1..) = from.read(&mut piece) {
        carried += n as u64;
        if to.write_all(&piece[..n]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
    carried
}

/// A relay to a server; its address, and what has passed.
fn relay(server: &str) -> (String, Passed) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens").to_string();
    let (passed, server) = (Passed::default(), server.to_owned());
    let theirs = passed.clone();
    thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let (passed, server) = (theirs.clone(), TcpStream::connect(&server).expect("the server listens"));
            let both = || (client.try_clone().expect("a file"), server.try_clone().expect("a file"));
            let ((from_client, to_server), (to_client, from_server)) = (both(), both());
            thread::spawn(move || {
                let up = thread::spawn(move || carry(from_client, to_server));
                let down = carry(from_server, to_client);
                let up = up.join().expect("it only carries");
                passed.lock().expect("nobody panics with it").push((number, up, down));
            });
        }
    });
    (address, passed)
}

/// Connects through a relay; what was measured, and what passed but for the proof's connection.
fn connects(server: &Server, transport: &str, clients: u64, more: Value) -> (Measured, u64, u64) {
    let (address, passed) = relay(server.address());
    let mut all = json!({"address": address, "call": "connect", "clients": clients, "iterations": 5});
    all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let got = measure(server, transport, all).expect("it can be measured");
    assert_eq!(got.counts.ok, 5 * clients, "{:?}", got.failures);
    let ended = || passed.lock().expect("nobody panics with it").clone();
    until(|| (ended().len() as u64 == 1 + 5 * clients).then_some(())).expect("every connection ends");
    let of_calls = || ended().into_iter().filter(|(number, ..)| *number > 0);
    (got, of_calls().map(|(_, up, _)| up).sum(), of_calls().map(|(.., down)| down).sum())
}

#[test]
fn a_connect_counts_what_its_peer_counts_goodbye_and_all() {
    // What a server says to a client that has said goodbye and gone, as clients of HTTP/2 do: a GOAWAY of 17 bytes.
    for (transport, options, unread) in [
        ("tcp", json!({}), 0),
        ("http1", json!({}), 0),
        ("http2", json!({}), 17),
        ("grpc", json!({}), 17),
        ("rpyc", json!({}), 0),
        ("rpyc", json!({"method": "bound"}), 0),
        ("rpyc", json!({"tls": true}), 0),
    ] {
        let flags: &[&str] = if options["tls"] == true { &["--option", "tls=true"] } else { &[] };
        for model in ["threaded", "async"] {
            let server = Server::launch(transport, model, flags);
            let mut said = Vec::new();
            for clients in [1, 3] {
                let (got, up, down) = connects(&server, transport, clients, json!({"options": options}));
                let what = format!("{transport} {options} {model} with {clients}");
                let unread = 5 * clients * unread;
                assert_eq!((got.bytes.wire_up, got.bytes.wire_down + unread), (up, down), "{what}");
                said.push(got.messages_per_call);
            }
            assert_eq!(said[0], said[1], "{transport} {options} {model}: as many messages whatever the driver");
            assert!(server.stop());
        }
    }
}

/// The last word of a server is the reply to the DEL that goes with the goodbye: 12 bytes.
#[test]
fn a_real_rpyc_server_counts_as_much_as_its_clients() {
    let Some(environment) = environment() else { return };
    let rpyc = system("rpyc", "threaded").expect("it is in the list");
    let (fill, timeout, options) = (Some((FillKind::Random, 1)), Duration::from_secs(30), Options::default());
    let launch = Wanted {
        nonce: "the-token",
        fill,
        timeout,
        options: &options,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        only: &[],
        cores: 2,
    };
    let server = Server::start(rpyc.command(&environment, &launch));
    for clients in [1, 3] {
        let (got, up, down) = connects(&server, "rpyc", clients, json!({"nonce": server.nonce()}));
        assert_eq!((got.bytes.wire_up, got.bytes.wire_down), (up, down), "with {clients}");
    }
}

/// A server that is told goodbye and neither answers nor closes costs no more than the time-out, and no call.
#[test]
fn a_server_that_does_not_close_is_left_after_the_time_out() {
    let server = Server::launch("rpyc", "threaded", &[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let (front, back) = (listener.local_addr().expect("it listens").to_string(), server.address().to_owned());
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(&back).expect("the server listens");
            let both = (client.try_clone().expect("a file"), server.try_clone().expect("a file"));
            thread::spawn(move || carry(both.0, both.1));
            // Kept open for the client when the server has closed.
            thread::spawn(move || {
                let (mut from, mut to, mut piece) = (server, client, [0; 4096]);
                while let Ok(n @ 1..) = from.read(&mut piece) {
                    if to.write_all(&piece[..n]).is_err() {
                        return;
                    }
                }
                thread::park();
            });
        }
    });
    for clients in [1, 2] {
        let more = json!({"address": front, "call": "connect", "clients": clients, "iterations": 2,
            "timeout_ns": 300_000_000u64});
        let got = measure(&server, "rpyc", more).expect("it can be measured");
        assert_eq!(got.counts.ok, 2 * clients, "{:?}", got.failures);
        assert_eq!((got.counts.timeout, got.reconnects), (0, 0));
    }
}
