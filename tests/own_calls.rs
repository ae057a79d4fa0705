//! The user's own calls over HTTP, by hand-written assignments: against a server of scripted replies, which counts what it
//! was asked, and against our own servers as any others.

mod ends;
mod scripted;
mod systems;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::process::Command;
use std::thread;
use std::time::Duration;

use ends::{Drive, Server, assignment, measure};
use engine::results::Measured;
use engine::stack::contract::Wanted;
use engine::stack::python_systems::system;
use engine::transport::option::Options;
use scripted::Scripted;
use serde_json::{Value, json};

const MS: u64 = 1_000_000;

/// One call over HTTP, with what `more` says of it.
fn call(name: &str, line: &str, more: Value) -> Value {
    let (method, path) = line.split_once(' ').expect("a method and a path");
    let mut call = json!({"name": name, "http": {"method": method, "path": path}});
    for (key, value) in more.as_object().expect("an object") {
        match key.as_str() {
            "contains" | "size" => call[key] = value.clone(),
            key => call["http"][key] = value.clone(),
        }
    }
    call
}

/// What a load of these calls measures at an address.
fn drive(address: &str, transport: &str, calls: &[Value], more: Value) -> Result<Measured, Value> {
    let mut assignment = json!({
        "version": 1, "address": address, "transport": transport, "calls": calls, "call": calls[0]["name"],
        "clients": 1, "iterations": 10, "timeout_ns": 10_000 * MS, "drain_ns": 10_000 * MS,
    });
    assignment.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command).measure(&assignment)
}

/// Ten calls of one kind, each right.
fn right(server: &Scripted, line: &str, more: Value) -> Measured {
    let got = drive(&server.address(), "http1", &[call("it", line, more)], json!({})).expect("it can be measured");
    assert_eq!((got.counts.ok, got.counts.scheduled), (10, 10), "{line}: {:?}", got.failures);
    got
}

/// Ten calls of one kind, each wrong for this reason.
fn wrong(server: &Scripted, line: &str, more: Value) -> (Measured, String) {
    let got = drive(&server.address(), "http1", &[call("it", line, more)], json!({})).expect("it can be measured");
    assert_eq!((got.counts.ok, got.counts.error.total()), (0, 10), "{line}: {:?}", got.failures);
    let reason = got.failures.first().expect("a reason").clone();
    (got, reason)
}

#[test]
fn whatever_ends_a_reply_it_is_read_to_its_end() {
    let server = Scripted::start();
    for (line, dials, down) in [
        ("GET /fast", 0, 40),
        ("GET /chunked", 0, 110),
        ("GET /old", 10, 30),
        ("GET /close", 10, 50),
        ("GET /until-close", 10, 60),
        ("GET /empty", 0, 0),
        ("HEAD /head", 0, 0),
        ("GET /interim", 0, 40),
    ] {
        let before = server.asked(line);
        let got = right(&server, line, json!({}));
        assert_eq!(server.asked(line) - before, 10, "{line}");
        // The first call has the connection that was opened ahead.
        assert_eq!(got.dials.map(|dials| dials + 1), Some(if dials == 0 { 1 } else { dials }), "{line}");
        assert_eq!((got.bytes.payload_down, got.reconnects), (down, 0), "{line}");
    }
}

#[test]
fn a_connection_that_is_closed_without_a_word_costs_no_call() {
    let server = Scripted::start();
    let got = right(&server, "GET /hang-up", json!({}));
    assert_eq!(server.asked("GET /hang-up"), 10, "none was asked twice: {got:?}");
}

#[test]
fn what_a_reply_has_to_be_is_looked_at() {
    let server = Scripted::start();
    right(&server, "GET /fast", json!({"contains": "as", "size": 4}));
    right(&server, "GET /chunked", json!({"contains": "hello, chun"}));
    right(&server, "GET /missing", json!({"status": [404]}));
    right(&server, "GET /moved", json!({"status": [302]}));
    let (got, reason) = wrong(&server, "GET /fast", json!({"contains": "slow"}));
    assert_eq!(
        (got.counts.error.corrupt, reason.as_str()),
        (10, "corrupt: the body does not hold what `contains` says")
    );
    let (got, reason) = wrong(&server, "GET /fast", json!({"size": 5}));
    assert_eq!((got.counts.error.short, reason.as_str()), (10, "short: the body has 4 bytes where `size` says 5"));
    let (got, reason) = wrong(&server, "GET /missing", json!({}));
    assert_eq!((got.counts.error.status, reason.as_str()), (10, "status: status 404"), "not what its page says");
    let (_, reason) = wrong(&server, "GET /moved", json!({}));
    assert_eq!(reason, "status: status 302: redirects are not followed");
    assert_eq!(server.asked("GET /elsewhere"), 0);
    let (_, reason) = wrong(&server, "GET /fast", json!({"status": [201]}));
    assert_eq!(reason, "status: status 200");
}

#[test]
fn gzip_is_looked_into_where_it_was_asked_for() {
    let server = Scripted::start();
    let accepts = json!([["Accept-Encoding", "gzip"]]);
    let got = right(&server, "GET /gzip", json!({"headers": accepts, "contains": "the end of it"}));
    assert!(got.bytes.payload_down < 10_000, "it is counted as it came: {}", got.bytes.payload_down);
    right(&server, "GET /gzip", json!({"contains": "the end of it"}));
    let (_, reason) = wrong(&server, "GET /gzip", json!({"headers": accepts, "contains": "nothing of the kind"}));
    assert_eq!(reason, "corrupt: the body does not hold what `contains` says");
    let (_, reason) = wrong(&server, "GET /brotli", json!({"contains": "x"}));
    assert_eq!(reason, "corrupt: `contains` cannot look into a body in the coding `br`");
    let (_, reason) = wrong(&server, "GET /no-gzip", json!({"contains": "x"}));
    assert_eq!(reason, "corrupt: the body is called gzip and is none");
}

#[test]
fn a_request_says_what_was_written_and_its_words_differ() {
    let server = Scripted::start();
    let more = json!({"headers": [["X-Tenant", "t-${client}"]], "body": {"text": "call ${number} is ${unique}"}});
    let calls = [call("it", "POST /items/${number}?by=${client}", more)];
    let load = json!({"clients": 2, "iterations": 2, "warmup": 1});
    let got = drive(&server.address(), "http1", &calls, load).expect("it can be measured");
    assert_eq!(got.counts.ok, 4, "{:?}", got.failures);
    for client in 0..2 {
        for number in 0..3 {
            let line = format!("POST /items/{number}?by={client}");
            assert_eq!(server.asked(&line), 1, "{line}");
            let (head, body) = server.last(&line);
            assert!(head.contains(&format!("\r\nX-Tenant: t-{client}\r\n")), "{head}");
            assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())), "{head}");
            assert_eq!(body, format!("call {number} is {client}-{number}"));
        }
    }
    assert_eq!(got.bytes.payload_up, 4 * "call 1 is 0-1".len() as u64);
}

#[test]
fn bodies_of_files_and_of_any_length_arrive() {
    let server = Scripted::start();
    let file = json!({"body": {"file": "AAECAw=="}, "contains": "\u{0}\u{1}\u{2}\u{3}"});
    right(&server, "PUT /echo", file);
    for len in [0u64, 1, 300_000, 5 << 20] {
        let got = right(&server, "PUT /echo", json!({"body": {"fill": len}, "size": len}));
        assert_eq!((got.bytes.payload_up, got.bytes.payload_down), (10 * len, 10 * len));
    }
    // A body that may be refused early is sent all the same, and what comes is the answer.
    let headers = json!([["Expect", "100-continue"]]);
    right(&server, "POST /continue", json!({"headers": headers, "body": {"text": "now"}, "size": 3}));
}

#[test]
fn the_calls_of_a_mix_are_counted_as_the_server_counts_them() {
    let server = Scripted::start();
    let calls = [
        call("fast", "GET /fast", json!({})),
        call("slow", "GET /slow", json!({})),
        call("item", "GET /items/${number}", json!({})),
        call("gone", "GET /missing", json!({})),
    ];
    let mix = json!([
        {"call": "fast", "weight": 60}, {"call": "slow", "weight": 10}, {"call": "item", "weight": 25},
        {"call": "gone", "weight": 5}
    ]);
    let load = json!({"mix": mix, "clients": 4, "iterations": 100, "warmup": 20, "seed": 3});
    let got = drive(&server.address(), "http1", &calls, load).expect("it can be measured");
    let count = |name: &str| got.calls[name].counts;
    assert_eq!(got.untimed.expect("it warmed up").warmup, 80);
    let timed: u64 = ["fast", "slow", "item", "gone"].iter().map(|name| count(name).scheduled).sum();
    assert_eq!((timed, got.counts.scheduled), (400, 400));
    assert_eq!(server.all(), 480, "those that are timed and those that are not");
    assert_eq!((count("gone").error.status, count("gone").ok), (count("gone").scheduled, 0));
    assert_eq!(got.counts.error.status, count("gone").scheduled);
    // Only the slow one takes the 20 ms that it takes.
    assert!(got.calls["slow"].response_time.min_ns >= 20 * MS);
    assert!(got.calls["fast"].response_time.min_ns < 20 * MS && got.calls["item"].response_time.min_ns < 20 * MS);
    for call in got.calls.values() {
        assert!(call.counts.conserved(), "{call:?}");
    }
}

#[test]
fn each_version_of_http_asks_the_same() {
    for transport in ["http1", "http2", "http3"] {
        let server = Server::launch(transport, "async", &[]);
        let calls = [
            call("a-ping", "GET /ping", json!({"contains": "pong"})),
            call("put", "POST /upload", json!({"body": {"fill": 70_000}, "contains": "{\"size\":70000}"})),
            call(
                "back",
                "POST /echo",
                json!({"body": {"text": "from ${client}"}, "headers": [["X-One", "${unique}"]], "size": 6}),
            ),
            call("gone", "GET /nowhere/${number}", json!({"status": [404]})),
            call("head", "HEAD /download/1000", json!({"size": 0})),
        ];
        let mix: Vec<Value> = calls.iter().map(|call| json!({"call": call["name"], "weight": 1})).collect();
        let load = json!({
            "nonce": null, "call": "a-ping", "calls": calls, "mix": mix, "clients": 3, "iterations": 40, "verify": "content"
        });
        let got = measure(&server, transport, load).expect("it can be measured");
        assert_eq!((got.counts.ok, got.counts.scheduled), (120, 120), "{transport}: {:?}", got.failures);
        assert_eq!(got.calls.len(), 5);
        let upload = &got.calls["put"];
        assert_eq!(upload.bytes.payload_up, 70_000 * upload.counts.ok, "{transport}");
        let (_, reason) = {
            let load = json!({"nonce": null, "call": "gone", "calls": [call("gone", "GET /nowhere", json!({}))], "iterations": 1});
            let got = measure(&server, transport, load).expect("it can be measured");
            (got.counts.error.status, got.failures[0].clone())
        };
        assert_eq!(reason, "status: status 404", "{transport}");
    }
}

#[test]
fn an_assignment_that_cannot_be_asked_says_why() {
    let refused = |transport: &str, more: Value| {
        let server = Server::launch("tcp", "threaded", &[]);
        let mut told =
            assignment(&server, transport, json!({"nonce": null, "calls": [call("it", "GET /", json!({}))]}));
        told.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.arg("drive");
        let failed = Drive::start(command).measure(&told).expect_err("it cannot be asked");
        failed["failed"]["reason"].as_str().expect("a reason").to_owned()
    };
    assert_eq!(refused("tcp", json!({"call": "it"})), "`it` cannot be asked over tcp");
    assert!(refused("http1", json!({"call": "its"})).starts_with("unknown call `its`"));
    assert!(refused("http1", json!({"call": "ping"})).contains("is a call of the service"));
    let mix = json!([{"call": "it", "weight": 0}]);
    assert!(refused("http1", json!({"call": "it", "mix": mix})).contains("a mix needs weights"));
}

/// A server of lines: it answers `PING` and `SET`, and says the rest back with its length before it.
fn lines(mut stream: impl Read + Write) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") {
            let line: Vec<u8> = bytes.drain(..end + 2).collect();
            let reply = match &line[..3] {
                b"PIN" => b"+PONG\r\n".to_vec(),
                b"SET" => b"+OK\r\n".to_vec(),
                b"LEN" => [&(line.len() as u16).to_be_bytes(), &line[..]].concat(),
                _ => b"-ERR\r\n".to_vec(),
            };
            if stream.write_all(&reply).is_err() {
                return;
            }
        }
        match stream.read(&mut buffer) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&buffer[..n]),
            _ => return,
        }
    }
}

#[test]
fn bytes_are_sent_and_their_replies_end_where_a_call_says() {
    let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
    let tcp_address = tcp.local_addr().expect("an address").to_string();
    thread::spawn(move || tcp.incoming().flatten().for_each(|stream| drop(thread::spawn(|| lines(stream)))));
    let name = format!("own-calls-{}", std::process::id());
    let unix = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name).expect("a name")).expect("a socket");
    thread::spawn(move || unix.incoming().flatten().for_each(|stream| drop(thread::spawn(|| lines(stream)))));
    let until = json!({"until": "DQo="});
    let calls = [
        json!({"name": "pong", "send": {"message": {"text": "PING\r\n"}, "reply": until}, "contains": "PONG", "size": 5}),
        json!({"name": "set", "send": {"message": {"text": "SET k${client} ${unique}\r\n"}, "reply": until}, "contains": "OK"}),
        json!({"name": "bad", "send": {"message": {"bytes": "Pw0K"}, "reply": until}, "contains": "OK"}),
    ];
    let mix = json!([{"call": "pong", "weight": 2}, {"call": "set", "weight": 1}, {"call": "bad", "weight": 1}]);
    for (transport, address) in [("tcp", tcp_address), ("unix", format!("unix:@{name}"))] {
        for clients in [1, 3] {
            let load = json!({"mix": mix, "clients": clients, "iterations": 50, "verify": "content"});
            let got = drive(&address, transport, &calls, load).expect("it can be measured");
            let counts = |name: &str| got.calls[name].counts;
            assert_eq!(counts("pong").ok + counts("set").ok + counts("bad").error.corrupt, 50 * clients, "{transport}");
            assert_eq!(got.calls["pong"].bytes.payload_up, 6 * counts("pong").ok);
            assert_eq!(got.reconnects, 0);
        }
    }
}

/// Our server, and a real ThreadedServer where Python has rpyc, both with the service of the reference suite.
fn rpyc_servers() -> Vec<Server> {
    let mut servers = vec![Server::launch("rpyc", "threaded", &[])];
    if let Some(environment) = systems::environment() {
        let (timeout, options) = (Duration::from_secs(30), Options::default());
        let launch = Wanted {
            nonce: "token",
            fill: None,
            timeout,
            options: &options,
            host: std::net::Ipv4Addr::LOCALHOST.into(),
            only: &[],
            cores: 1,
        };
        let system = system("rpyc", "threaded").expect("there is such a system");
        servers.push(Server::start(system.command(&environment, &launch)));
    }
    servers
}

#[test]
fn methods_are_called_with_values_and_references_are_let_go() {
    let calls = [
        json!({"name": "sum", "rpyc": {"method": "compute", "args": [{"int": 10}]}}),
        json!({"name": "words", "rpyc": {"method": "echo", "args": [{"text": "from ${client}"}]}, "contains": "from", "size": 6}),
        json!({"name": "named", "rpyc": {"method": "echo", "kwargs": [["data", {"bytes": 70_000}]]}, "size": 70_000}),
        json!({"name": "list", "rpyc": {"method": "download_file_chunked", "args": [{"int": 10}, {"int": 4}]}}),
        json!({"name": "gone", "rpyc": {"method": "s3cret"}}),
    ];
    for server in rpyc_servers() {
        for (method, messages) in [("attribute", 3.0), ("bound", 1.0)] {
            let run = |name: &str, more: Value| {
                let mut load = json!({
                    "nonce": null, "calls": calls, "call": name, "iterations": 20, "options": {"method": method},
                    "verify": "content"
                });
                load.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
                measure(&server, "rpyc", load).expect("it can be measured")
            };
            for (name, more) in [("sum", 0.0), ("words", 0.0), ("named", 0.0), ("list", 1.0)] {
                let got = run(name, json!({}));
                assert_eq!(got.counts.ok, 20, "{name}, {method}: {:?}", got.failures);
                // A reference that comes back costs the message that lets it go.
                assert_eq!(got.messages_per_call, Some(messages + more), "{name}, {method}");
            }
            let named = run("named", json!({"clients": 3}));
            assert_eq!((named.bytes.payload_up, named.bytes.payload_down), (60 * 70_000, 60 * 70_000));
            let gone = run("gone", json!({}));
            assert_eq!((gone.counts.error.status, gone.failures[0].as_str()), (20, "status: builtins.AttributeError"));
            let mix: Vec<Value> = ["sum", "words", "gone"].map(|name| json!({"call": name, "weight": 1})).into();
            let mixed = run("sum", json!({"mix": mix, "clients": 2}));
            assert_eq!(mixed.counts.error.status, mixed.calls["gone"].counts.scheduled);
            assert_eq!(mixed.counts.ok + mixed.counts.error.status, 40);
        }
    }
}

/// Users of the portal, each with its password.
fn users(each: &str, names: &[&str]) -> Value {
    let passwords: Vec<String> = names.iter().map(|name| format!("pw \"{name}\",")).collect();
    let columns = json!([{"name": "user", "values": names}, {"name": "password", "values": passwords}]);
    json!({"each": each, "rows": "file", "columns": columns})
}

/// The calls of a morning at the portal.
fn portal() -> [Value; 4] {
    let bearer = json!([["Authorization", "Bearer ${token}"]]);
    let mut login =
        call("login", "POST /login", json!({"body": {"json": "{\"user\":\"${user}\",\"password\":\"${password}\"}"}}));
    login["take"] = json!([{"name": "token", "from": {"json": "/access_token"}}]);
    let mut inbox = call("inbox", "GET /inbox", json!({"headers": bearer}));
    inbox["take"] = json!([{"name": "message", "from": {"json": "/items/0/id"}}]);
    let read = call("read", "GET /messages/${message}", json!({"headers": bearer, "contains": "to "}));
    let mut empty = call("empty", "GET /inbox/empty", json!({"headers": bearer}));
    empty["take"] = json!([{"name": "message", "from": {"json": "/items/0/id"}}]);
    [login, inbox, read, empty]
}

#[test]
fn clients_log_in_once_and_use_what_they_are_given() {
    let server = Scripted::start();
    let calls = portal();
    let load = json!({
        "call": "inbox", "before": ["login"], "steps": ["inbox", "read"], "clients": 3, "warmup": 2, "iterations": 5,
        "options": {"cookies": true}, "data": [users("client", &["ann", "b&o", "cy"])],
        "think": {"least_ns": MS, "most_ns": 2 * MS},
    });
    let got = drive(&server.address(), "http1", &calls, load.clone()).expect("it can be measured");
    assert_eq!((got.counts.ok, got.counts.scheduled), (3 * 5 * 2, 3 * 5 * 2), "{:?}", got.failures);
    let untimed = got.untimed.expect("there are untimed calls");
    assert_eq!((untimed.before, untimed.warmup), (3, 3 * 2 * 2));
    assert_eq!((server.asked("POST /login"), server.asked("GET /inbox")), (3, 3 * 7));
    assert_eq!(server.all(), got.counts.scheduled + untimed.before + untimed.warmup, "to the call");
    let passes = got.passes.expect("there are passes");
    assert_eq!((passes.count, passes.skipped_steps), (15, 0));
    let (head, body) = server.last("POST /login");
    assert!(!head.contains("ookie") && body.contains("pw \\\""), "{head}{body}");
    let (head, _) = server.last("GET /inbox");
    assert!(head.contains("\r\nCookie: sid=c-") && !head.contains("old=1") && !head.contains("hint"), "{head}");
    // Without cookies nobody is let in.
    let mut without = load;
    without["options"] = json!({});
    let got = drive(&server.address(), "http1", &calls, without).expect("it can be measured");
    assert_eq!((got.counts.ok, got.counts.error.status, got.passes.expect("passes").skipped_steps), (0, 15, 15));
}

#[test]
fn a_client_that_cannot_log_in_fails_the_trial_with_its_name_and_reason() {
    let server = Scripted::start();
    let mut wrong = users("client", &["ann", "bob", "cy"]);
    wrong["columns"][1]["values"][1] = "s3cret".into();
    let load = json!({
        "call": "inbox", "before": ["login"], "clients": 3, "iterations": 5, "options": {"cookies": true}, "data": [wrong],
    });
    let failed = drive(&server.address(), "http1", &portal(), load).expect_err("nobody may");
    assert_eq!(failed["failed"]["class"], "before");
    assert_eq!(failed["failed"]["reason"], "client 1: login: status 401");
    assert_eq!(server.asked("GET /inbox"), 0, "nothing is timed");
}

#[test]
fn a_reply_without_what_is_taken_is_corrupt_and_ends_its_pass() {
    let server = Scripted::start();
    let load = json!({
        "call": "empty", "before": ["login"], "steps": ["empty", "read"], "clients": 2, "iterations": 3,
        "options": {"cookies": true}, "data": [users("client", &["ann", "bob"])],
    });
    let got = drive(&server.address(), "http1", &portal(), load).expect("it can be measured");
    assert_eq!((got.counts.scheduled, got.counts.error.corrupt), (6, 6), "{:?}", got.failures);
    assert_eq!(got.failures, ["corrupt: the reply has nothing at `json /items/0/id`"]);
    let passes = got.passes.expect("passes");
    assert_eq!((passes.count, passes.skipped_steps), (0, 6));
    assert_eq!(got.calls["empty"].counts.error.corrupt, 6);
    assert_eq!(got.calls["read"].counts.scheduled, 0, "a step that is skipped is no call");
    assert_eq!(server.all(), 2 + 6);
}

#[test]
fn values_are_taken_from_headers_too_and_stand_where_they_are_written() {
    let server = Scripted::start();
    let mut make = call("make", "POST /items", json!({"status": [201]}));
    make["take"] = json!([{"name": "at", "from": {"header": "Location"}}]);
    let look = call("look", "GET /echo/${at}", json!({"body": {"json": "[\"${at}\", \"${row}\"]"}}));
    let rows = json!({"each": "pass", "rows": "file", "columns": [{"name": "row", "values": ["1", "\"2\"", "3"]}]});
    let load = json!({"call": "make", "steps": ["make", "look"], "clients": 1, "iterations": 4, "data": [rows]});
    let got = drive(&server.address(), "http1", &[make, look], load).expect("it can be measured");
    assert_eq!(got.counts.ok, 8, "{:?}", got.failures);
    let line = "GET /echo//items/9?x=y";
    assert_eq!(server.asked(line), 4);
    assert_eq!(server.last(line).1, "[\"/items/9?x=y\", \"1\"]", "rows go round");
}

#[test]
fn each_version_of_http_takes_steps_with_what_it_was_given() {
    for transport in ["http1", "http2", "http3"] {
        let server = Server::launch(transport, "async", &[]);
        let mut put = call("put", "POST /upload", json!({"body": {"fill": 70_001}}));
        put["take"] = json!([{"name": "size", "from": {"json": "/size"}}]);
        let back = call("back", "POST /echo", json!({"body": {"text": "put ${size}"}, "contains": "put 70001"}));
        let load = json!({
            "nonce": null, "calls": [put, back, call("gone", "GET /nowhere", json!({"status": [404]}))], "call": "put",
            "before": ["gone"], "steps": ["put", "back"], "clients": 3, "warmup": 2, "iterations": 5,
            "think": {"least_ns": MS, "most_ns": 2 * MS}, "verify": "content",
        });
        let got = measure(&server, transport, load).unwrap_or_else(|failed| panic!("{transport}: {failed}"));
        assert_eq!((got.counts.ok, got.counts.scheduled), (30, 30), "{transport}: {:?}", got.failures);
        let (passes, untimed) = (got.passes.expect("passes"), got.untimed.expect("untimed calls"));
        assert_eq!((passes.count, passes.skipped_steps, untimed.before, untimed.warmup), (15, 0, 3, 12), "{transport}");
    }
}

#[test]
fn each_call_has_the_next_row_whoever_makes_it() {
    let server = Scripted::start();
    let calls = [call("it", "GET /rows/${row}", json!({}))];
    let values: Vec<String> = (0..10).map(|row| format!("r{row}")).collect();
    for order in ["file", "random"] {
        let rows = json!({"each": "call", "rows": order, "columns": [{"name": "row", "values": values}]});
        let load = json!({"clients": 2, "iterations": 10, "data": [rows]});
        let got = drive(&server.address(), "http1", &calls, load).expect("it can be measured");
        assert_eq!(got.counts.ok, 20, "{:?}", got.failures);
    }
    for row in &values {
        assert_eq!(server.asked(&format!("GET /rows/{row}")), 4, "each as often as the others");
    }
}
