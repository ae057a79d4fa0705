//! Peers of transports over datagrams that break the rules, fall silent or die: who else is hurt, and what is counted.

mod ends;

use std::net::{SocketAddr, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ends::{Drive, Server, assignment, measure};
use engine::call::SplitMix;
use engine::transport::TRANSPORTS;
use engine::transport::contract::{AsyncProtocol, IoModel};
use engine::transport::tls::Trust;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use quinn::crypto::rustls::QuicClientConfig;
use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

const MS: u64 = 1_000_000;
/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);
const MODELS: [&str; 2] = ["threaded", "async"];

fn transports() -> impl Iterator<Item = (&'static str, &'static dyn AsyncProtocol)> {
    TRANSPORTS.iter().filter_map(|transport| match transport.io_model() {
        IoModel::Async(protocol) => Some((transport.name(), protocol)),
        IoModel::Stream(_) => None,
    })
}

fn drive() -> Drive {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command)
}

/// A fresh client is answered.
fn serves(server: &Server, transport: &str, after: &str) {
    let got = measure(server, transport, json!({"iterations": 5, "clients": 2})).expect(after);
    assert_eq!(got.counts.ok, 10, "{transport} after {after}: {:?}", got.failures);
}

/// A connection of the library itself, on which anything can be said.
fn raw(runtime: &Runtime, server: &Server, protocol: &dyn AsyncProtocol) -> quinn::Connection {
    let address = server.address().parse().expect("an address");
    let trust = Trust::with_ca(false, Some(protocol.alpn()), server.ready["ca"].as_str(), &address);
    let tls = QuicClientConfig::try_from(trust.expect("a certificate").config()).expect("TLS 1.3");
    let address: SocketAddr = server.address().parse().expect("an address");
    runtime.block_on(async {
        let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let dialling = endpoint.connect_with(config, address, "127.0.0.1").expect("a dial can be begun");
        timeout(PATIENCE, dialling).await.expect("the server answers").expect("the handshake succeeds")
    })
}

/// The first datagram of a client that dials.
fn greeting(transport: &str, server: &Server) -> Vec<u8> {
    let trap = UdpSocket::bind("127.0.0.1:0").expect("a port");
    trap.set_read_timeout(Some(PATIENCE)).expect("it is not zero");
    let mut drive = drive();
    let address = trap.local_addr().expect("an address").to_string();
    drive.say(&json!({"assignment": assignment(server, transport, json!({"address": address}))}));
    let mut datagram = vec![0; 2048];
    let n = trap.recv(&mut datagram).expect("the client dials");
    datagram.truncate(n);
    datagram
}

#[test]
fn datagrams_that_lead_to_no_connection_hurt_nobody() {
    for (transport, _) in transports() {
        for model in MODELS {
            let server = Server::launch(transport, model, &[]);
            let greeting = greeting(transport, &server);
            let before = server.status("VmPeak");
            let mut random = SplitMix::new(7);
            let stranger = || UdpSocket::bind("127.0.0.1:0").expect("a port");
            let garbage = stranger();
            for round in 0..3000u64 {
                let mut datagram: Vec<u8> = (0..random.below(1500)).map(|_| random.next() as u8).collect();
                if round % 2 == 0 {
                    // The head of a first datagram, with nonsense behind it.
                    datagram.splice(..datagram.len().min(40), greeting[..40].iter().copied());
                }
                garbage.send_to(&datagram, server.address()).expect("it can be sent");
            }
            serves(&server, transport, "garbage");
            // Handshakes that are begun and never go on, each from another port.
            let stalled: Vec<UdpSocket> = (0..200).map(|_| stranger()).collect();
            for socket in &stalled {
                socket.send_to(&greeting, server.address()).expect("it can be sent");
            }
            serves(&server, transport, "stalled handshakes");
            assert!(server.status("VmPeak") - before < 1 << 20, "{transport}: {} KiB", server.status("VmPeak"));
            assert!(server.stop(), "{transport} {model}");
        }
    }
}

#[test]
fn a_stream_that_breaks_the_rules_ends_alone_or_with_its_connection() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    // A frame of `quic` and a HEADERS frame of `http3` that announce more than anyone can hold, and less.
    let (huge, long) = ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2], [1, 0xff, 0xff, 0xff, 0xff, 0xff]);
    let upload = [0, 0, 0, 0, 0, 0, 0x10, 0, 3, 1, 2, 3];
    for (transport, protocol) in transports() {
        for model in MODELS {
            let server = Server::launch(transport, model, &[]);
            let before = server.status("VmPeak");
            for bytes in [&b""[..], b"\0", &[0x7f; 3000], &huge, &long, &upload] {
                for finish in [true, false] {
                    let connection = raw(&runtime, &server, protocol);
                    runtime.block_on(async {
                        let (mut send, mut recv) = connection.open_bi().await.expect("a stream");
                        send.write_all(bytes).await.expect("the server takes it");
                        match finish {
                            true => send.finish().expect("it is not closed"),
                            false => send.reset(7u32.into()).expect("it is not closed"),
                        }
                        let ended = timeout(PATIENCE, recv.read_to_end(4096)).await;
                        // A reset may have come before a byte, and then there never was a stream to answer.
                        assert!(ended.is_ok() || !finish, "{transport} {model}: {bytes:?} is left without an end");
                    });
                }
            }
            serves(&server, transport, "broken streams");
            assert!(server.status("VmPeak") - before < 1 << 20, "{transport}: {} KiB", server.status("VmPeak"));
            assert!(server.stop(), "{transport} {model}");
        }
    }
}

#[test]
fn a_client_that_vanishes_in_the_middle_of_a_call_leaves_the_server_well() {
    for (transport, _) in transports() {
        for model in MODELS {
            let server = Server::launch(transport, model, &[]);
            for more in [
                json!({"call": "sleep", "hold_ns": 200 * MS, "clients": 3}),
                json!({"call": "upload", "payload": 1u64 << 30}),
                json!({"call": "download", "payload": 1u64 << 30}),
            ] {
                let mut drive = drive();
                drive.say(&json!({"assignment": assignment(&server, transport, more.clone())}));
                assert_eq!(drive.hear()["armed"]["clients"], more.get("clients").unwrap_or(&json!(1)).clone());
                drive.say(&json!({"go": {}}));
                // Killed, without a goodbye.
                drop(drive);
                serves(&server, transport, "a client died");
            }
            assert!(server.stop(), "{transport} {model}");
        }
    }
}

#[test]
fn calls_to_a_server_that_has_died_are_counted_and_end() {
    for (transport, _) in transports() {
        for options in [json!({}), json!({"streams": 2})] {
            let server = Server::launch(transport, "async", &[]);
            let kill = || kill(Pid::from_raw(server.pid() as i32), Signal::SIGKILL).expect("it runs");
            let more = json!({"call": "sleep", "hold_ns": 5_000 * MS, "clients": 2, "iterations": 2,
                "timeout_ns": 400 * MS, "options": options});
            let asked = assignment(&server, transport, more);
            let got = drive().measure_while(&asked, kill).expect("it can be measured");
            assert!(got.counts.conserved(), "{:?}", got.counts);
            assert_eq!((got.counts.scheduled, got.counts.ok), (4, 0), "{transport}: {:?}", got.failures);
            assert_eq!(got.counts.timeout + got.counts.error.connect, 4, "{transport}: {:?}", got.counts);
        }
    }
}

#[test]
fn a_window_that_ends_over_unanswered_calls_censors_them() {
    for (transport, _) in transports() {
        let server = Server::launch(transport, "async", &[]);
        let more = json!({"call": "sleep", "hold_ns": 20_000 * MS, "clients": 3, "iterations": Value::Null,
            "duration_ns": 200 * MS, "drain_ns": 100 * MS});
        let got = measure(&server, transport, more).expect("it can be measured");
        assert_eq!((got.counts.scheduled, got.counts.censored), (3, 3), "{transport}: {:?}", got.counts);
        assert!(got.response_time.min_ns >= 300 * MS, "{:?}", got.response_time);
    }
}

#[test]
fn a_port_where_nobody_listens_fails_in_words_within_the_time_out() {
    for (transport, _) in transports() {
        let server = Server::launch(transport, "async", &[]);
        let nobody = UdpSocket::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
        let more = json!({"address": nobody, "timeout_ns": 300 * MS});
        let failed = measure(&server, transport, more).expect_err("nobody answers");
        assert_eq!(failed["failed"]["class"], "timeout", "{failed}");
        assert_eq!(failed["failed"]["reason"], format!("nobody on {nobody} answered a dial in time"));
    }
}

#[test]
fn a_server_with_another_certificate_or_token_is_a_stranger() {
    for (transport, _) in transports() {
        let (ours, other) = (Server::launch(transport, "async", &[]), Server::launch(transport, "async", &[]));
        let failed = measure(&ours, transport, json!({"address": other.address()})).expect_err("a stranger");
        assert_eq!(failed["failed"]["class"], "connect", "{failed}");
        assert!(failed["failed"]["reason"].to_string().contains("certificate"), "{failed}");
        let more = json!({"address": other.address(), "ca": other.ready["ca"]});
        let failed = measure(&ours, transport, more).expect_err("a stranger");
        assert_eq!(failed["failed"]["class"], "nonce", "{failed}");
    }
}

#[test]
fn known_impairments_are_in_the_figures() {
    for (transport, _) in transports() {
        let measured = |fault: &str, more: Value| {
            let server = Server::launch(transport, "pooled", &["--fault", fault]);
            let got = measure(&server, transport, more).expect("it can be measured");
            assert!(got.counts.conserved(), "{:?}", got.counts);
            got
        };
        let got = measured("delay=20ms", json!({"iterations": 5, "clients": 2}));
        assert!(got.counts.ok == 10 && got.service().min_ns >= 20 * MS, "{:?}", got.service());
        let got = measured("status=503", json!({"iterations": 5}));
        assert_eq!(got.counts.error.status, 5, "{transport}: {:?}", got.failures);
        assert_eq!(got.reconnects, 0, "the connection lives on");
        let got = measured("short", json!({"iterations": 5, "call": "download", "payload": 1000}));
        assert_eq!(got.counts.error.short, 5, "{transport}: {:?}", got.failures);
        let more = json!({"iterations": 3, "call": "echo", "payload": 100_000, "chunk": 30_000, "verify": "content"});
        assert_eq!(measured("corrupt", more).counts.error.corrupt, 3);
        let got = measured("drop=0.5", json!({"iterations": 4, "timeout_ns": 300 * MS}));
        assert_eq!((got.counts.ok, got.counts.timeout, got.reconnects), (2, 2, 2), "{transport}: {:?}", got.failures);
    }
}

#[test]
fn a_connect_has_its_handshake_in_the_dial() {
    for (transport, _) in transports() {
        let server = Server::launch(transport, "threaded", &[]);
        let more = json!({"call": "connect", "iterations": 10, "clients": 3});
        let got = measure(&server, transport, more).expect("it can be measured");
        assert_eq!((got.counts.ok, got.reconnects), (30, 0), "{transport}: {:?}", got.failures);
        let connect = got.connect.expect("its parts");
        assert!(connect.tls.is_none() && connect.dial.count == 30 && connect.first_answer.count == 30);
        // A first datagram is padded to 1200 bytes (RFC 9000, 14.1).
        assert!(got.bytes.wire_up >= 30 * 1200, "{:?}", got.bytes);
    }
}

#[test]
fn an_unknown_congestion_control_is_refused_with_those_there_are() {
    let mut serve = Command::new(env!("CARGO_BIN_EXE_engine"));
    serve.args(["serve", "--transport", "quic", "--server", "async", "--option", "congestion=rene"]);
    let said = serve.output().expect("it ends");
    let stderr = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success() && stderr.contains("`rene` here\n  = help: it has cubic, newreno, bbr"), "{stderr}");
    assert!(said.stdout.is_empty(), "nothing is ready");
    for word in ["cubic", "newreno", "bbr"] {
        let server = Server::launch("quic", "async", &["--option", &format!("congestion={word}")]);
        assert_eq!(server.ready["facts"]["congestion"], word);
        let more = json!({"options": {"congestion": word}, "call": "upload", "payload": 3_000_000, "iterations": 3});
        assert_eq!(measure(&server, "quic", more).expect("it can be measured").counts.ok, 3);
    }
}
