//! The user's own calls over gRPC, against a real grpcio server: by `.proto` and by what it says of itself, in whole runs
//! and by hand-written assignments. What it was asked is what is counted.

mod ends;
mod systems;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ends::{Drive, Server, measure};
use engine::results::{Measured, Results};
use prost::Message;
use serde_json::{Value, json};
use systems::{system, venv};

/// What must be found nowhere.
const MARKER: &str = "s3cret-marker";

fn python() -> Option<PathBuf> {
    venv("grpcio", "grpc.txt", "grpc_reflection")
}

/// The shop's server, which describes itself as `how` says, and where it writes what it was asked.
fn shop(python: &Path, how: &str, folder: &Path) -> (Server, PathBuf) {
    let file = folder.join(format!("asked-{how}.json"));
    let mut command = Command::new(python);
    command.arg(system("grpc_own.py")).args(["serve", how]).arg(&file);
    (Server::start(command), file)
}

fn proto() -> PathBuf {
    system("proto").join("shop/v1/orders.proto")
}

/// The descriptors of the shop, as an assignment has them.
fn described() -> Value {
    let set = protox::compile(["shop/v1/orders.proto"], [system("proto")]).expect("it compiles");
    json!({"files": {"names": ["orders.proto"], "descriptors": STANDARD.encode(set.encode_to_vec())}})
}

fn call(name: &str, method: &str, message: Value, more: Value) -> Value {
    let mut call = json!({"name": name, "grpc": {"service": "shop.v1.Orders", "method": method, "message": message}});
    for (key, value) in more.as_object().expect("an object") {
        match key.as_str() {
            "contains" | "size" => call[key] = value.clone(),
            key => call["grpc"][key] = value.clone(),
        }
    }
    call
}

fn calls() -> Vec<Value> {
    let order = json!({
        "note": "from ${client}, ${unique}", "items": [{"sku": "a"}, {"sku": "k${number}", "quantity": 2}],
        "labels": {"who": "${client}"}, "token": "${unique}", "state": "STATE_OPEN", "due": "2024-01-31T12:00:00Z",
        "card": "1", "sizes": [1, 300], "before": {"note": "n${number}", "quantity": 7}
    });
    vec![
        call(
            "place",
            "Place",
            order,
            json!({"contains": "\"state\":\"STATE_PAID\"", "metadata": [["x-tenant", "t-${client}"]]}),
        ),
        call("plain", "Place", json!({"quantity": 3}), json!({"contains": "\"id\":\"o-\""})),
        call("list", "List", json!({"count": 5}), json!({"contains": "a-4", "size": 35})),
        call("none", "List", json!({}), json!({"size": 0})),
        call("gone", "Refuse", json!({"note": MARKER}), json!({"status": ["NOT_FOUND"]})),
    ]
}

fn asked(server: Server, file: &Path) -> Value {
    assert!(server.stop(), "the server ends well");
    serde_json::from_str(&fs::read_to_string(file).expect("what it was asked")).expect("JSON")
}

#[test]
fn what_a_server_was_asked_is_counted_however_it_is_described() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (how, proto) in [("none", described()), ("v1", json!("reflection")), ("v1alpha", json!("reflection"))] {
        let (server, file) = shop(&python, how, folder.path());
        let calls = calls();
        let mix: Vec<Value> = calls.iter().map(|call| json!({"call": call["name"], "weight": 1})).collect();
        let (mut place, mut list, mut gone) = (0, 0, 0);
        for (clients, options) in [(1, json!({})), (3, json!({"streams": 3})), (2, json!({}))] {
            let load = json!({
                "nonce": null, "own": true, "call": "place", "calls": calls, "proto": proto, "mix": mix, "clients": clients,
                "iterations": 40, "options": options, "verify": "content"
            });
            let got = measure(&server, "grpc", load).unwrap_or_else(|failed| panic!("{how}: {failed:?}"));
            assert_eq!(
                (got.counts.ok, got.counts.scheduled),
                (40 * clients, 40 * clients),
                "{how}: {:?}",
                got.failures
            );
            assert!(got.counts.conserved() && got.reconnects == 0);
            let made = |name: &str| got.calls[name].counts.scheduled;
            place += made("place") + made("plain");
            list += made("list") + made("none");
            gone += made("gone");
            assert_eq!(got.calls["list"].bytes.payload_down, 35 * made("list"), "{how}: its messages");
            assert_eq!(got.calls["list"].bytes.payload_up, 2 * made("list"));
        }
        let asked = asked(server, &file);
        assert_eq!(asked["asked"], json!({"Place": place, "List": list, "Refuse": gone}), "{how}");
        assert_eq!(asked["tenants"], json!(["t-0", "t-1", "t-2"]));
        let notes = asked["notes"].as_array().expect("a list");
        let first = notes.iter().filter_map(Value::as_str).any(|note| note.starts_with("from 0, 0-"));
        assert!(first, "{notes:?}");
    }
}

/// One reply to one call of the shop, checked in full.
fn once(server: &Server, call: Value, more: Value) -> Measured {
    let mut load = json!({
        "nonce": null, "own": true, "call": call["name"], "calls": [call], "proto": described(), "iterations": 3
    });
    load.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    measure(server, "grpc", load).expect("it can be measured")
}

#[test]
fn what_a_reply_has_to_be_is_looked_at() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (server, _) = shop(&python, "none", folder.path());
    for (call, class, reason) in [
        (call("a", "Refuse", json!({"note": MARKER}), json!({})), "status", "status: status NOT_FOUND"),
        (call("b", "Place", json!({}), json!({"status": ["NOT_FOUND"]})), "status", "status: status OK"),
        (
            call("c", "Place", json!({}), json!({"contains": "STATE_OPEN"})),
            "corrupt",
            "corrupt: the reply does not hold what `contains` says",
        ),
        (
            call("d", "List", json!({"count": 2}), json!({"size": 13})),
            "short",
            "short: the reply has 14 bytes of messages where `size` says 13",
        ),
    ] {
        let got = once(&server, call.clone(), json!({}));
        let error = json!(got.counts.error);
        // Only each client's first reply is looked into, until one was right.
        assert_eq!((error[class].as_u64(), got.failures.as_slice()), (Some(3), &[reason.to_owned()][..]), "{call}");
    }
}

#[test]
fn what_cannot_be_asked_is_told_before_any_call() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let told = |how: &str, proto: Value, call: Value| {
        let (server, file) = shop(&python, how, folder.path());
        let load =
            json!({"nonce": null, "own": true, "call": call["name"], "calls": [call], "proto": proto, "iterations": 1});
        let failed = measure(&server, "grpc", load).expect_err("it cannot be asked");
        assert_eq!(asked(server, &file)["asked"], json!({}), "nothing was asked");
        failed["failed"]["reason"].as_str().expect("a reason").to_owned()
    };
    let place = |message: Value| call("place", "Place", message, json!({}));
    let lacking = "this server does not describe itself by reflection; give `proto:`";
    assert_eq!(told("none", json!("reflection"), place(json!({}))), lacking);
    let broken = told("broken", json!("reflection"), place(json!({})));
    assert!(broken.starts_with("this server's reflection is broken (Go: grpc-go#6770); give `proto:`"), "{broken}");
    for proto in [json!("reflection"), described()] {
        let wrong = |call: Value| told("v1", proto.clone(), call);
        assert_eq!(
            wrong(place(json!({"items": [{"sku": "a"}, {"amount": 1}]}))),
            "`place`: message.items[1].amount: `shop.v1.Item` has no field `amount`; known: `sku`, `quantity`"
        );
        let reason = wrong(place(json!({"quantity": MARKER})));
        assert_eq!(reason, "`place`: message.quantity: `quantity` takes a whole number of 32 bits, not text");
        let reason = wrong(call("up", "Upload", json!({}), json!({})));
        assert!(
            reason.contains("`shop.v1.Orders/Upload` cannot be asked: the client streams its messages"),
            "{reason}"
        );
    }
    let unknown =
        told("v1", json!("reflection"), json!({"name": "x", "grpc": {"service": "shop.v1.Shop", "method": "Place"}}));
    assert_eq!(unknown, "by its reflection this server has no service `shop.v1.Shop`");
}

#[test]
fn over_tls_it_is_the_same() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("certificate.pem"));
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    fs::write(&key, made.signing_key.serialize_pem()).expect("the file can be written");
    fs::write(&certificate, made.cert.pem()).expect("the file can be written");
    let file = folder.path().join("asked.json");
    let mut command = Command::new(&python);
    command.arg(system("grpc_own.py")).args(["serve", "v1"]).args([&file, &key, &certificate]);
    let server = Server::start(command);
    let with = |call: Value| {
        json!({
            "nonce": null, "own": true, "call": call["name"], "calls": [call], "proto": "reflection", "clients": 2,
            "iterations": 5, "options": {"tls": true}, "ca": made.cert.pem(), "verify": "content"
        })
    };
    let right = measure(&server, "grpc", with(calls()[0].clone())).expect("it can be measured");
    assert_eq!(right.counts.ok, 10, "{:?}", right.failures);
    let wrong = call("wrong", "Place", json!({}), json!({"contains": "nothing of the kind"}));
    let wrong = measure(&server, "grpc", with(wrong)).expect("it can be measured");
    assert_eq!((wrong.counts.error.corrupt, wrong.counts.scheduled), (10, 10), "it is looked into there too");
    assert_eq!(asked(server, &file)["asked"], json!({"Place": 20}));
}

/// A connection that the server ends in order (GOAWAY) costs no call, and none is made twice.
#[test]
fn a_server_that_goes_away_is_asked_what_is_counted() {
    let Some(python) = python() else { return };
    let set = protox::compile(["engine.proto"], [Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/transport/grpc")]);
    let set = set.expect("it compiles").encode_to_vec();
    let proto = json!({"files": {"names": ["engine.proto"], "descriptors": STANDARD.encode(set)}});
    for streams in [1, 4] {
        let counted = tempfile::NamedTempFile::new().expect("there is room for a file");
        let mut command = Command::new(&python);
        command.arg(system("grpc_peer.py")).args(["serve-aging", "300"]).arg(counted.path());
        let server = Server::start(command);
        let ping =
            json!({"name": "ping-it", "grpc": {"service": "engine.Engine", "method": "Ping"}, "contains": "pong"});
        let load = json!({
            "nonce": null, "own": true, "call": "ping-it", "calls": [ping], "proto": proto, "clients": streams,
            "iterations": null, "duration_ns": 2_000_000_000u64, "options": {"streams": streams}
        });
        let got = measure(&server, "grpc", load).expect("it can be measured");
        let (ok, scheduled) = (got.counts.ok, got.counts.scheduled);
        assert!(ok > 0 && ok == scheduled, "{streams}: {:?} {:?}", got.counts, got.failures);
        assert!(got.dials.is_some_and(|dials| dials > 0), "{streams}: {:?}", got.dials);
        assert!(server.stop());
        let counted = fs::read_to_string(counted.path()).expect("it was written");
        assert_eq!(counted.trim().parse(), Ok(ok), "{streams} streams");
    }
}

fn engine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .env("ENGINE_BESIDE_OTHERS", "1")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the engine starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, found),
            path => found.push((path.display().to_string(), fs::read(&path).expect("a file"))),
        }
    }
}

#[test]
fn a_run_by_files_and_by_reflection_counts_what_the_server_does_and_hides_what_is_sent() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (how, proto) in [("none", proto().display().to_string()), ("v1alpha", "reflection".to_owned())] {
        let (server, file) = shop(&python, how, folder.path());
        let scenario = format!(
            "title: t\nquestion: q\ntargets:\n  - {{name: shop, transport: grpc, at: \"{}\", ready: place, proto: \"{proto}\"}}\n\
             calls:\n  - name: place\n    grpc: shop.v1.Orders/Place\n    \
             message: {{note: \"{MARKER} ${{unique}}\", items: [{{sku: a, quantity: 2}}]}}\n    \
             metadata: {{x-tenant: {MARKER}}}\n    contains: STATE_PAID\n  - name: list\n    grpc: shop.v1.Orders/List\n    \
             message: {{count: 3}}\n  - name: gone\n    grpc: shop.v1.Orders/Refuse\n    message: {{note: {MARKER}}}\n    \
             status: NOT_FOUND\nworkloads:\n  - {{name: mixed, mix: {{place: 3, list: 2, gone: 1}}, clients: 3, warmup: 2, iterations: 20}}\n  \
             - {{name: each, call: [place, gone], iterations: 10}}\ntrials: 2\n",
            server.address()
        );
        fs::write(folder.path().join(format!("{how}.yaml")), scenario).expect("a file");
        let plan = engine(folder.path(), &["plan", &format!("{how}.yaml")]);
        assert!(plan.status.success(), "{}", said(&plan));
        assert_eq!(said(&plan).contains(&format!("reads {proto}: `proto` of shop")), how == "none", "{}", said(&plan));
        let output = engine(folder.path(), &["run", &format!("{how}.yaml"), "--out", how]);
        let results = Results::read(&folder.path().join(how)).unwrap_or_else(|_| panic!("{}", said(&output)));
        let (mut timed, mut untimed) = (0, 0);
        for record in &results.records {
            let measured = record.measured.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason));
            assert_eq!((measured.counts.ok, measured.counts.conserved()), (measured.counts.scheduled, true));
            timed += measured.counts.scheduled;
            untimed += measured.untimed.map_or(0, |untimed| untimed.ready + untimed.before + untimed.warmup);
        }
        let server = asked(server, &file);
        let all: u64 = server["asked"].as_object().expect("a map").values().filter_map(Value::as_u64).sum();
        assert_eq!(
            (timed, all),
            (2 * (60 + 20), timed + untimed),
            "the server was asked what is counted, and nothing else"
        );
        let mut written = Vec::new();
        files(&folder.path().join(how), &mut written);
        for (name, bytes) in written.iter().chain([&("the terminal".to_owned(), said(&output).into_bytes())]) {
            let found = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
            assert!(!found, "{name} holds the secret");
        }
        let results = String::from_utf8_lossy(
            &written.iter().find(|(name, _)| name.ends_with("results.json")).expect("results").1,
        )
        .into_owned();
        let fact = if how == "none" { "orders.proto" } else { "by the server itself (reflection)" };
        assert!(results.contains(fact), "the results say how messages are known");
    }
}

#[test]
fn a_launched_server_that_lacks_what_is_asked_fails_its_cells_with_the_reason() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let launch = |how: &str| format!("{} {} launch {how} ${{port}}", python.display(), system("grpc_own.py").display());
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: good, transport: grpc, launch: \"{}\", proto: reflection}}\n  \
         - {{name: bad, transport: grpc, launch: \"{}\", proto: reflection}}\n\
         calls:\n  - name: place\n    grpc: shop.v1.Orders/Place\n    message: {{note: a}}\n  - name: wrong\n    \
         grpc: shop.v1.Orders/Place\n    message: {{amount: 1}}\n\
         workloads:\n  - {{name: w, call: [place, wrong], iterations: 5}}\ntrials: 1\n",
        launch("v1"),
        launch("none")
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let results = Results::read(&folder.path().join("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    for record in &results.records {
        let (id, reason) = (results.id(record), record.reason.clone().unwrap_or_default());
        match id {
            "good/w/call=place" => assert_eq!(record.measured.as_ref().expect("figures").counts.ok, 5),
            "good/w/call=wrong" => assert!(reason.contains("`shop.v1.Order` has no field `amount`"), "{reason}"),
            _ => assert!(reason.contains("does not describe itself by reflection; give `proto:`"), "{id}: {reason}"),
        }
    }
}

#[test]
fn what_was_tried_over_grpc_is_a_scenario_that_runs() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (server, file) = shop(&python, "v1alpha", folder.path());
    let url = format!("grpc://{}/shop.v1.Orders/Place", server.address());
    let message = r#"{"note": "n${number}", "quantity": 3}"#;
    let tried = engine(folder.path(), &["try", &url, "-d", message, "-H", "x-tenant: t-1", "--for", "1s"]);
    assert!(tried.status.success(), "{}", said(&tried));
    let scenario = fs::read_to_string(folder.path().join("127.0.0.1.yaml")).expect("the scenario was written");
    assert!(
        scenario.contains("proto: reflection") && scenario.contains("grpc: \"shop.v1.Orders/Place\""),
        "{scenario}"
    );
    let proto = proto().display().to_string();
    let again =
        engine(folder.path(), &["try", &url, "-d", message, "--proto", &proto, "--for", "1s", "--out", "again.yaml"]);
    assert!(again.status.success(), "{}", said(&again));
    assert!(engine(folder.path(), &["check", "again.yaml"]).status.success());
    for (arguments, wrong) in [
        (vec!["try", "grpc://h/shop.v1.Orders"], "no service with a method"),
        (vec!["try", &url, "-d", "note"], "no map of JSON"),
        (vec!["try", "http://127.0.0.1:1/", "--proto", &proto], "for grpc:// only"),
    ] {
        let output = engine(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(wrong), "{}", said(&output));
    }
    let asked = asked(server, &file);
    assert!(asked["asked"]["Place"].as_u64().is_some_and(|count| count > 10) && asked["tenants"] == json!(["t-1"]));
}

/// Answers every connection with these bytes, once it has been sent some.
fn canned(reply: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(reply);
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
            });
        }
    });
    address
}

#[test]
fn a_server_that_speaks_something_else_is_told_apart() {
    // SETTINGS; then HEADERS on stream 1: `:status: 404` by its index and the end of the stream.
    const NOT_FOUND: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x8d";
    // The same with `:status: 200` and `content-type: text/html`, both literal but for the name's index.
    const HTML: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x0d\x01\x05\0\0\0\x01\x88\x0f\x10\x09text/html";
    const EMPTY: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\x88";
    for (reply, reason) in [
        (NOT_FOUND, "status: status UNIMPLEMENTED, by status 404 of HTTP"),
        (HTML, "protocol: the reply is none of gRPC, by its content-type"),
        (EMPTY, "protocol: the reply has no grpc-status"),
    ] {
        let assignment = json!({
            "version": 1, "address": canned(reply), "transport": "grpc", "own": true, "call": "plain", "calls": [calls()[1]],
            "proto": described(), "clients": 1, "iterations": 1, "timeout_ns": 10_000_000_000u64, "drain_ns": 1
        });
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.arg("drive");
        let got = Drive::start(command).measure(&assignment).expect("it can be measured");
        assert_eq!(got.failures, [reason]);
    }
}

#[test]
fn rows_and_what_is_taken_from_messages_stand_in_those_that_follow() {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for (how, proto) in [("none", described()), ("v1", json!("reflection"))] {
        let (server, file) = shop(&python, how, folder.path());
        let mut first = call("first", "Place", json!({"note": "of ${sku}"}), json!({}));
        first["take"] = json!([{"name": "id", "from": {"json": "/id"}}, {"name": "all", "from": "all"}]);
        let tenant = json!({"metadata": [["x-tenant", "t-${sku}"]]});
        let next = call("next", "Place", json!({"before": {"note": "n"}, "note": "after ${id}"}), tenant);
        let mut lacks = call("lacks", "Place", json!({}), json!({}));
        lacks["take"] = json!([{"name": "id", "from": {"metadata": "x-nothing"}}]);
        let rows = json!({"each": "client", "rows": "file", "columns": [{"name": "sku", "values": ["a", "b"]}]});
        let load = json!({
            "nonce": null, "own": true, "call": "first", "calls": [first, next, lacks], "proto": proto, "data": [rows],
            "steps": ["first", "next", "lacks", "first"], "clients": 2, "iterations": 3
        });
        let got = measure(&server, "grpc", load).unwrap_or_else(|failed| panic!("{how}: {failed:?}"));
        assert_eq!((got.counts.ok, got.counts.error.corrupt), (12, 6), "{how}: {:?}", got.failures);
        assert_eq!(got.failures, ["corrupt: the reply has nothing at `metadata x-nothing`"]);
        assert_eq!(got.passes.map(|passes| (passes.count, passes.skipped_steps)), Some((0, 6)));
        let asked = asked(server, &file);
        assert_eq!((&asked["asked"]["Place"], &asked["tenants"]), (&json!(18), &json!(["t-a", "t-b"])), "{how}");
        let notes: Vec<&str> = asked["notes"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        for note in ["of a", "of b", "after o-of a", "after o-of b"] {
            assert!(notes.contains(&note), "{how}: {notes:?}");
        }
    }
}
