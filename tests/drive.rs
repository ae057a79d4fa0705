//! The client process says what happened: known impairments are looked for in its figures.

mod ends;

use ends::{Drive, Server, assignment, measure};
use engine::results::Measured;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

const MS: u64 = 1_000_000;

fn measured(fault: &[&str], more: Value) -> Measured {
    let server = Server::launch("tcp", "threaded", fault);
    let measured = measure(&server, "tcp", more).expect("it can be measured");
    assert!(measured.counts.conserved(), "{:?}", measured.counts);
    measured
}

#[test]
fn every_call_is_counted_for_every_client_under_every_model() {
    for model in ["threaded", "forking", "async"] {
        let server = Server::launch("tcp", model, &[]);
        for clients in [1, 7] {
            let got = measure(&server, "tcp", json!({"clients": clients, "warmup": 3})).expect("it can be measured");
            assert_eq!((got.counts.scheduled, got.counts.ok), (100 * clients, 100 * clients));
            assert_eq!(got.clients.len() as u64, clients);
            assert!(got.clients.iter().all(|client| client.ok == 100));
            assert_eq!(got.messages_per_call, Some(1.0));
            // 9 bytes ask, 13 answer; warm-up and proof are not charged.
            assert_eq!((got.bytes.wire_up, got.bytes.wire_down), (900 * clients, 1300 * clients));
        }
        assert!(server.stop());
    }
}

#[test]
fn a_delay_of_the_server_is_in_every_quantile() {
    for clients in [1, 3] {
        let got = measured(&["--fault", "delay=20ms"], json!({"iterations": 10, "clients": clients}));
        assert!(got.response_time.min_ns >= 20 * MS, "{:?}", got.response_time);
        assert!(got.service_time.min_ns >= 20 * MS);
    }
}

#[test]
fn a_sleep_lasts_as_long_as_it_was_held() {
    let got = measured(&[], json!({"call": "sleep", "hold_ns": 30 * MS, "iterations": 3}));
    assert!(got.response_time.min_ns >= 30 * MS && got.counts.ok == 3);
}

#[test]
fn dropped_replies_are_timeouts_and_none_is_lost() {
    for clients in [1, 2] {
        let got = measured(
            &["--fault", "drop=0.25"],
            json!({"iterations": 8 / clients, "clients": clients, "timeout_ns": 1_000 * MS}),
        );
        assert_eq!((got.counts.scheduled, got.counts.ok, got.counts.timeout), (8, 6, 2), "{:?}", got.failures);
        assert_eq!(got.reconnects, 2);
        // A time-out is a sample of at least its length, and figures from it on are lower bounds.
        assert!(got.response_time.max_ns >= 999 * MS, "{:?}", got.response_time);
        assert_eq!(got.response_time.count, 8);
        assert!(got.response_time.at_least_from.is_some_and(|from| (0.7..=0.875).contains(&from)));
    }
}

#[test]
fn wrong_replies_are_failures_of_their_class() {
    let download = json!({"call": "download", "payload": 5000, "iterations": 4, "fill": "random"});
    let fill = ["--fill", "random", "--seed", "0"];
    let with = |fault: &[&str]| measured(&[&fill[..], fault].concat(), download.clone());
    assert_eq!(with(&[]).counts.ok, 4);
    assert_eq!(with(&["--fault", "short"]).counts.error.short, 4);
    assert_eq!(with(&["--fault", "status=500"]).counts.error.status, 4);
    // Content is compared for a client's first reply; that never being right, for all of them.
    assert_eq!(with(&["--fault", "corrupt"]).counts.error.corrupt, 4);
    let got = measured(&["--fault", "short"], json!({"call": "upload", "payload": 100, "iterations": 2}));
    assert_eq!(got.counts.error.short, 2);
    assert!(got.failures[0].contains("99 came where 100 was right"), "{:?}", got.failures);
}

#[test]
fn a_server_that_aborts_fails_its_clients_by_connection() {
    let got = measured(&["--fault", "abort"], json!({"iterations": 5, "clients": 3}));
    assert_eq!(got.counts.error.connect, 15, "{:?}", got.failures);
    assert_eq!(got.calls_per_s, 0.0);
}

#[test]
fn an_abort_in_a_forked_child_spares_the_others() {
    let server = Server::launch("tcp", "forking", &["--fault", "abort"]);
    let got = measure(&server, "tcp", json!({"iterations": 5, "clients": 3})).expect("it can be measured");
    assert_eq!(got.counts.error.connect, 15);
    // Each failed call dialled anew, and the parent forked for it: it still lives.
    assert!(server.stop());
}

#[test]
fn a_connect_has_its_parts() {
    for clients in [1, 4] {
        let got = measured(&["--fault", "delay=20ms"], json!({"call": "connect", "iterations": 5, "clients": clients}));
        let parts = got.connect.expect("connecting was measured");
        assert_eq!(
            (got.counts.ok, parts.dial.count, parts.first_answer.count),
            (5 * clients, 5 * clients, 5 * clients)
        );
        assert!(parts.first_answer.min_ns >= 20 * MS && parts.dial.p50_ns < 20 * MS, "{parts:?}");
    }
}

#[test]
fn a_listener_that_never_accepts_fails_instead_of_scoring() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = Server::launch("tcp", "threaded", &[]);
    let more = json!({"address": listener.local_addr().expect("an address").to_string(), "timeout_ns": 200 * MS});
    let failed = measure(&server, "tcp", more).expect_err("nobody answers");
    assert_eq!(failed["failed"]["class"], "timeout");
}

#[test]
fn a_foreign_server_is_never_measured() {
    let (ours, foreign) = (Server::launch("tcp", "threaded", &[]), Server::launch("tcp", "threaded", &[]));
    let failed = measure(&ours, "tcp", json!({"address": foreign.ready["address"]})).expect_err("a stranger");
    assert_eq!(failed["failed"]["class"], "nonce");
    assert!(failed["failed"]["reason"].as_str().expect("a reason").contains("not the one that was launched"));

    // Something that speaks another protocol altogether.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let stranger = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut scrap = [0; 64];
        let _ = stream.read(&mut scrap);
        let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
    });
    let failed = measure(&ours, "tcp", json!({"address": address})).expect_err("a stranger");
    assert_eq!(failed["failed"]["class"], "nonce");
    stranger.join().expect("the stranger has ended");
}

#[test]
fn a_duration_ends_by_the_clock_and_settles_what_is_under_way() {
    for clients in [1, 4] {
        let got = measured(
            &["--fault", "delay=20ms"],
            json!({"iterations": null, "duration_ns": 300 * MS, "clients": clients}),
        );
        assert_eq!(got.counts.ok, got.counts.scheduled);
        assert!(got.elapsed_ns >= 300 * MS && got.counts.ok <= 15 * clients, "{:?}", got.counts);
    }
}

#[test]
fn what_a_drain_cannot_settle_is_censored() {
    let got = measured(
        &["--fault", "delay=2s"],
        json!({"iterations": null, "duration_ns": 100 * MS, "drain_ns": 100 * MS, "clients": 3}),
    );
    assert_eq!((got.counts.scheduled, got.counts.censored), (3, 3));
    assert!(got.response_time.at_least_from.is_some());
}

#[test]
fn a_payload_in_calls_is_one_call_for_each_chunk() {
    let got =
        measured(&[], json!({"call": "upload", "payload": 10_000, "chunk": 4096, "split": "calls", "iterations": 2}));
    assert_eq!((got.counts.ok, got.bytes.payload_up), (6, 20_000));
    let got = measured(&[], json!({"call": "upload", "payload": 10_000, "chunk": 4096, "iterations": 2}));
    assert_eq!((got.counts.ok, got.bytes.payload_up, got.messages_per_call), (2, 20_000, Some(3.0)));
}

#[test]
fn a_server_that_stops_for_a_while_is_seen() {
    let server = Server::launch("tcp", "threaded", &[]);
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, &server.pid().to_string()]).status().expect("kill").success())
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    let stall = Duration::from_millis(400);
    let got = Drive::start(command)
        .measure_while(
            &assignment(&server, "tcp", json!({"iterations": null, "duration_ns": 1_500 * MS, "clients": 4})),
            || {
                signal("-STOP");
                // The impairment itself, not a wait for something to become ready.
                std::thread::sleep(stall);
                signal("-CONT");
            },
        )
        .expect("it can be measured");
    assert!(got.response_time.max_ns >= 300 * MS, "{:?}", got.response_time);
    assert_eq!(got.counts.ok, got.counts.scheduled);
}

#[test]
fn a_wrong_assignment_is_told() {
    let server = Server::launch("tcp", "threaded", &[]);
    for (more, expected) in [
        (json!({"version": 9}), "version 9"),
        (json!({"transport": "tcpp"}), "did you mean `tcp`?"),
        (json!({"call": "upload"}), "needs `payload`"),
        (json!({"iterations": null}), "either `iterations` or `duration_ns`"),
        (json!({"address": "nowhere"}), "is not an address"),
        (json!({"surprise": 1}), "unknown field"),
    ] {
        let failed = measure(&server, "tcp", more).expect_err(expected);
        assert_eq!(failed["failed"]["class"], "assignment");
        assert!(failed["failed"]["reason"].as_str().expect("a reason").contains(expected), "{failed}");
    }
}
