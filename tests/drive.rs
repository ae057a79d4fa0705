//! The client process says what happened: known impairments are looked for in its figures.

mod ends;

use ends::{Drive, Server, assignment, measure};
use engine::place::observer::contract::{Evidence, Group, Observer};
use engine::place::observer::cpu::Cpu;
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

/// The keys of an assignment, with the certificate by which `server` is known.
fn with_ca(mut more: Value, server: &Server) -> Value {
    more["ca"] = server.ready["ca"].clone();
    more
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
        assert!(got.service().min_ns >= 20 * MS);
    }
}

#[test]
fn giving_way_lies_between_two_calls_and_is_no_part_of_either() {
    let of = |calls: u64, gives_way: u64| measured(&[], json!({"iterations": calls, "gives_way_ns": gives_way * MS}));
    assert!(of(1, 5_000).elapsed_ns < 5_000 * MS, "nothing is to come after the only call");
    let two = of(2, 1_000);
    assert!(two.elapsed_ns >= 1_000 * MS && two.response_time.max_ns < 1_000 * MS, "{:?}", two.response_time);
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
    // Each failed call dialled anew, and the parent forked for it: it still lives, and says at its end what it lost.
    assert_eq!(server.processes(), 1);
    assert!(!server.stop());
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
fn a_handshake_is_a_part_of_its_own_and_a_plain_connect_has_none() {
    for transport in ["tcp", "rpyc", "http1"] {
        for (tls, clients) in [(false, 1), (false, 4), (true, 1), (true, 4)] {
            let server = Server::launch(transport, "threaded", &["--option", &format!("tls={tls}")]);
            let more = json!({"call": "connect", "iterations": 5, "clients": clients, "options": {"tls": tls}});
            let got = measure(&server, transport, with_ca(more, &server)).expect("it can be measured");
            let parts = got.connect.expect("connecting was measured");
            assert_eq!((got.counts.ok, got.counts.scheduled), (5 * clients, 5 * clients), "{:?}", got.failures);
            assert_eq!(parts.tls.as_ref().map(|tls| tls.count), tls.then_some(5 * clients), "{transport}");
            assert_eq!(parts.first_answer.count, 5 * clients);
            if let Some(tls) = parts.tls {
                // The parts follow each other: none is counted twice.
                let sum = parts.dial.mean_ns + tls.mean_ns + parts.first_answer.mean_ns;
                let whole = got.response_time.mean_ns;
                assert!(tls.min_ns > 0 && sum.abs_diff(whole) <= whole / 50, "{sum} against {whole}");
            }
        }
    }
}

#[test]
fn calls_in_tls_are_counted_for_every_client() {
    let server = Server::launch("tcp", "async", &["--option", "tls=true", "--fill", "random", "--seed", "0"]);
    for clients in [1, 7] {
        let more = json!({"clients": clients, "warmup": 1, "iterations": 10, "call": "download", "payload": 100_000,
            "fill": "random", "verify": "content", "options": {"tls": true}});
        let got = measure(&server, "tcp", with_ca(more, &server)).expect("it can be measured");
        assert_eq!((got.counts.ok, got.counts.scheduled), (10 * clients, 10 * clients), "{:?}", got.failures);
        // A record holds 16 KiB at most and adds 22 bytes.
        let records = 100_009_u64.div_ceil(1 << 14);
        assert!(got.bytes.wire_down >= 10 * clients * (100_009 + 22 * records), "{:?}", got.bytes);
    }
}

#[test]
fn a_server_that_another_authority_vouches_for_is_not_believed() {
    let secure = ["--option", "tls=true"];
    let (ours, other) = (Server::launch("tcp", "threaded", &secure), Server::launch("tcp", "threaded", &secure));
    for clients in [1, 3] {
        let more = with_ca(json!({"options": {"tls": true}, "clients": clients}), &other);
        let failed = measure(&ours, "tcp", more).expect_err("its certificate is not by that authority");
        assert_eq!(failed["failed"]["class"], "connect");
        let reason = failed["failed"]["reason"].as_str().expect("a reason");
        assert!(reason.starts_with("the TLS handshake failed: invalid peer certificate"), "{reason}");
    }
    let failed =
        measure(&ours, "tcp", json!({"options": {"tls": true}, "ca": null})).expect_err("it cannot be verified");
    assert!(failed["failed"]["reason"].as_str().expect("a reason").contains("TLS needs `ca`"));
}

#[test]
fn a_resumed_handshake_spares_the_certificate() {
    let wire_down = |model: &str, resumption: bool| {
        let options = ["--option", "tls=true", "--option", &format!("resumption={resumption}")];
        let server = Server::launch("tcp", model, &options);
        let more = json!({"call": "connect", "warmup": 1, "options": {"tls": true, "resumption": resumption}});
        let got = measure(&server, "tcp", with_ca(more, &server)).expect("it can be measured");
        assert_eq!(got.counts.ok, 100, "{:?}", got.failures);
        got.bytes.wire_down
    };
    for model in ["threaded", "forking"] {
        let (full, resumed) = (wire_down(model, false), wire_down(model, true));
        assert!(resumed < full, "{model}: {resumed} bytes against {full}");
    }
}

#[test]
fn what_the_kernel_has_not_is_refused_at_both_ends() {
    let server = Server::launch("tcp", "threaded", &["--option", "nodelay=false", "--option", "congestion=reno"]);
    let with = |congestion: &str| {
        measure(&server, "tcp", json!({"options": {"nodelay": false, "congestion": congestion}, "clients": 2}))
    };
    assert_eq!(with("reno").expect("every kernel has reno").counts.ok, 200);
    let failed = with("rene").expect_err("no kernel has rene");
    assert!(failed["failed"]["reason"].as_str().expect("a reason").contains("no congestion control `rene`"));

    let mut serve = Command::new(env!("CARGO_BIN_EXE_engine"));
    serve.args(["serve", "--transport", "tcp", "--server", "async", "--option", "congestion=rene"]);
    let output = serve.output().expect("the server can be started");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no congestion control `rene`\n  = help: it has "), "{told}");
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
        (json!({"options": {"nodelya": true}}), "unknown option `nodelya`: did you mean `nodelay`?"),
        (json!({"options": {"streams": 2}}), "unknown option `streams`"),
        (json!({"options": {"nodelay": "perhaps"}}), "option `nodelay` takes true or false, not `perhaps`"),
        (json!({"options": {"nodelay": "true"}}), "option `nodelay` takes true or false, and not as text"),
        (
            json!({"transport": "http2", "options": {"streams": 0}}),
            "option `streams` takes a whole number from 1 to 100000, not `0`",
        ),
        (json!({"call": "upload", "payload": 10, "chunk": 0}), "`chunk` must be at least 1 byte"),
        (json!({"call": "upload", "payload": 10, "chunk": 0, "split": "calls"}), "`chunk` must be at least 1 byte"),
    ] {
        let failed = measure(&server, "tcp", more).expect_err(expected);
        assert_eq!(failed["failed"]["class"], "assignment");
        assert!(failed["failed"]["reason"].as_str().expect("a reason").contains(expected), "{failed}");
    }
    // What only the server's model knows goes along with a target's options.
    let got = measure(&server, "tcp", json!({"options": {"workers": 2}})).expect("it can be measured");
    assert_eq!(got.counts.ok, 100);
}

/// How many connections a server has accepted and not closed: its sockets, but for the one that listens.
fn connections(server: &Server) -> usize {
    let folder = format!("/proc/{}/fd", server.pid());
    let links = std::fs::read_dir(folder).expect("the server runs").flatten();
    let targets = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
}

#[test]
fn clients_share_a_connection_where_streams_say_so() {
    for transport in ["http2", "grpc"] {
        for model in ["threaded", "async"] {
            let server = Server::launch(transport, model, &[]);
            // The listener, and nothing else yet; a runtime may have sockets of its own.
            let idle = connections(&server);
            for (streams, expected) in [(8, 1), (3, 3), (1, 8)] {
                let mut seen = 0;
                let more = json!({"clients": 8, "options": {"streams": streams}, "call": "sleep", "hold_ns": MS,
                    "iterations": 20, "warmup": 1});
                let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
                command.arg("drive");
                let got = Drive::start(command)
                    .measure_while(&assignment(&server, transport, more), || seen = connections(&server))
                    .expect("it can be measured");
                assert_eq!((got.counts.ok, got.counts.scheduled), (160, 160), "{transport} {:?}", got.failures);
                assert_eq!(got.messages_per_call, Some(1.0));
                assert_eq!(got.facts["connections"], expected.to_string());
                // The proof's connection may not have gone yet.
                assert!((expected..=expected + 1).contains(&(seen - idle)), "{transport} {model}: {seen} - {idle}");
            }
            assert!(server.stop());
        }
    }
}

#[test]
fn calls_that_wait_do_not_hold_up_each_other_on_an_event_loop() {
    for transport in ["http2", "grpc", "quic", "http3"] {
        let hold = |ns: u64| {
            json!({"call": "sleep", "hold_ns": ns, "clients": 8, "iterations": 1, "options": {"streams": 8},
                "timeout_ns": 60_000 * MS})
        };
        let server = Server::launch(transport, "async", &[]);
        let got = measure(&server, transport, hold(1_500 * MS)).expect("it can be measured");
        assert_eq!(got.counts.ok, 8, "{:?}", got.failures);
        // One after the other they cannot take less than 12 s, however fast the machine; together they take 1.5.
        assert!(got.response_time.min_ns >= 1_490 * MS && got.elapsed_ns < 8 * 1_500 * MS, "{}", got.elapsed_ns);
        // A blocking model executes one call at a time on a connection.
        let server = Server::launch(transport, "threaded", &[]);
        let got = measure(&server, transport, hold(100 * MS)).expect("it can be measured");
        assert!(got.counts.ok == 8 && got.elapsed_ns >= 800 * MS, "{}", got.elapsed_ns);
    }
}

#[test]
fn a_call_that_times_out_is_cancelled_and_spares_the_others_on_its_connection() {
    for transport in ["http2", "grpc", "quic", "http3"] {
        for model in ["threaded", "async"] {
            let server = Server::launch(transport, model, &["--fault", "drop=0.25"]);
            let more = json!({"clients": 4, "iterations": 4, "timeout_ns": 300 * MS, "options": {"streams": 4}});
            let got = measure(&server, transport, more).expect("it can be measured");
            assert_eq!((got.counts.ok, got.counts.timeout), (12, 4), "{transport} {model}: {:?}", got.failures);
            assert_eq!(got.reconnects, 0);
        }
    }
}

#[test]
fn a_broken_connection_fails_each_call_on_it_once() {
    for transport in ["http2", "grpc"] {
        let server = Server::launch(transport, "threaded", &[]);
        let kill = || assert!(Command::new("kill").args(["-9", &server.pid().to_string()]).status().is_ok());
        let more =
            json!({"clients": 6, "iterations": 3, "options": {"streams": 3}, "call": "sleep", "hold_ns": 5_000 * MS});
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.arg("drive");
        let got = Drive::start(command)
            .measure_while(&assignment(&server, transport, more), kill)
            .expect("it can be measured");
        assert_eq!((got.counts.scheduled, got.counts.error.connect), (18, 18), "{transport}: {:?}", got.failures);
    }
}

#[test]
fn calls_on_shared_connections_arrive_whole_in_clear_and_in_tls() {
    for (transport, tls) in [("http2", false), ("http2", true), ("grpc", false), ("grpc", true)] {
        let option = format!("tls={tls}");
        let server =
            Server::launch(transport, "threaded", &["--fill", "random", "--seed", "0", "--option", option.as_str()]);
        let streams = |streams: u64| json!({"streams": streams, "tls": tls});
        for (call, chunk) in [("upload", json!(70_000)), ("download", json!(70_000)), ("echo", json!(null))] {
            let more = json!({"call": call, "payload": 5_000_000, "chunk": chunk, "fill": "random", "clients": 4,
                "iterations": 3, "verify": "content", "options": streams(2), "ca": server.ready["ca"]});
            let got = measure(&server, transport, more).expect("it can be measured");
            assert_eq!(got.counts.ok, 12, "{transport} {call} {option}: {:?}", got.failures);
        }
        let more = json!({"clients": 16, "iterations": 200, "options": streams(16), "ca": server.ready["ca"]});
        let got = measure(&server, transport, more).expect("it can be measured");
        assert_eq!(got.counts.ok, 3200, "{transport} {option}: {:?}", got.failures);
    }
}

#[test]
fn what_forked_children_burn_is_charged_to_the_server() {
    let server = Server::launch("tcp", "forking", &["--fault", "burn=50ms"]);
    let leader = nix::unistd::Pid::from_raw(server.pid() as i32);
    let (mut cpu, mut evidence) = (Cpu.attach(leader), Evidence::default());
    cpu.begin(&Group::of(leader));
    let got = measure(&server, "tcp", json!({"call": "connect", "iterations": 20})).expect("it can be measured");
    assert_eq!(got.counts.ok, 20, "{:?}", got.failures);
    // A child counts while it lives, as a zombie, and when it was reaped.
    cpu.end(&Group::of(leader), &mut evidence);
    let spent = evidence.spent;
    let seconds = spent.cpu_ns.expect("CPU time") as f64 / 1e9;
    assert!((0.95..=1.05).contains(&seconds), "{spent:?}");
}
