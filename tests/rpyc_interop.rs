//! Real rpyc against ours, in both directions.

mod ends;
mod systems;

use std::io::Read;
use std::process::Command;
use std::time::Duration;

use ends::{Server, measure};
use engine::call::{CallSpec, Fill, SQUARES};
use engine::stack::contract::Wanted;
use engine::stack::python_systems::system;
use engine::transport::contract::{ClientContext, StreamProtocol};
use engine::transport::option::{OptionValue, Options};
use engine::transport::outbox::Outbox;
use engine::transport::rpyc::Rpyc;
use engine::transport::socket::{Socket, SocketOptions, Stream, flush};
use serde_json::{Value, json};

fn script(name: &str, args: &[&str]) -> Option<Command> {
    let mut command = Command::new(systems::python()?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systems/").to_owned() + name).args(args);
    Some(command)
}

fn real_clients_against(model: &str) {
    let server = Server::launch("rpyc", model, &[]);
    let Some(mut command) = script("rpyc_client.py", &[server.address()]) else { return };
    let output = command.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.ends_with(" ok")).count(), 8, "{said}");
    assert!(server.stop());
}

#[test]
fn real_clients_use_the_threaded_server() {
    real_clients_against("threaded");
}

#[test]
fn real_clients_use_the_forking_server() {
    real_clients_against("forking");
}

#[test]
fn real_clients_use_the_async_server() {
    real_clients_against("async");
}

/// A real ThreadedServer with the service of the reference suite.
fn real_server() -> Option<Server> {
    let environment = systems::environment()?;
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
    Some(Server::start(system.command(&environment, &launch)))
}

/// What passes between a server and whoever calls it in `call`.
fn overheard(server: &Server, call: impl FnOnce(&str)) -> Value {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("a path that is text");
    let relay = Server::start(script("rpyc_relay.py", &[server.address(), path]).expect("python is there"));
    call(relay.address());
    assert!(relay.stop(), "the relay ends well");
    serde_json::from_reader(file).expect("the relay writes JSON")
}

fn real_calls(address: &str) {
    let output = script("rpyc_calls.py", &[address]).expect("python is there").output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Our client's end on a socket of its own; whether it asked for quick acknowledgements throughout.
fn our_calls(address: &str, options: Options, asks: &[CallSpec]) -> bool {
    let fill = Fill::constant(0);
    let mut codec = Rpyc.client(&ClientContext::of_service(fill, options, address));
    let address = address.parse().expect("an address");
    let options = SocketOptions::default();
    let mut socket = Socket::dial_within(&address, Duration::from_secs(30), &options).expect("the server listens");
    let (mut out, mut buffer, mut quick) = (Outbox::new(), vec![0; 1 << 16], true);
    assert!(codec.open(&mut out));
    let mut asks = asks.iter();
    loop {
        let reply = loop {
            flush(&mut socket, &mut out, &mut *codec, &mut 0).expect("the server reads");
            let n = socket.read(&mut buffer).expect("the server writes");
            assert!(n > 0, "the server closed: {:?}", codec.hung_up());
            let reply = codec.receive(&mut &buffer[..n], &mut out).expect("the server keeps to the protocol");
            quick &= codec.quick_ack();
            socket.quick_ack();
            if let Some(reply) = reply {
                break reply;
            }
        };
        assert_eq!(reply.verdict, Ok(()));
        match asks.next() {
            Some(ask) => codec.call(0, ask, matches!(ask, CallSpec::Echo { .. }), &mut out),
            None => break,
        }
    }
    codec.close(&mut out);
    flush(&mut socket, &mut out, &mut *codec, &mut 0).expect("the server reads to the end");
    while socket.read(&mut buffer).is_ok_and(|n| n > 0) {}
    quick
}

/// The calls of `rpyc_calls.py`.
const CALLS: [CallSpec; 16] = [
    CallSpec::Nonce,
    CallSpec::Ping,
    CallSpec::Ping,
    CallSpec::Echo { len: 0, chunk: None },
    CallSpec::Echo { len: 300, chunk: None },
    CallSpec::Echo { len: 4000, chunk: None },
    CallSpec::Upload { len: 10, chunk: None },
    CallSpec::Upload { len: 10_240, chunk: None },
    CallSpec::Upload { len: 70_000, chunk: None },
    CallSpec::Upload { len: 800, chunk: Some(100) },
    CallSpec::Upload { len: 4001, chunk: Some(4000) },
    CallSpec::Download { len: 10, chunk: None },
    CallSpec::Download { len: 10_240, chunk: None },
    CallSpec::Download { len: 800, chunk: Some(100) },
    CallSpec::Download { len: 4001, chunk: Some(4000) },
    CallSpec::Compute { what: &SQUARES, n: 1000 },
];
const SLEEP: CallSpec = CallSpec::Sleep { ns: 1_500_000 };

fn same_frames(left: &Value, right: &Value) {
    for (way, frames) in left.as_object().expect("ways") {
        let (frames, others) = (frames.as_array().expect("frames"), right[way].as_array().expect("frames"));
        for (frame, other) in frames.iter().zip(others) {
            // What a class tells of its methods names those of another class.
            let inspection = way == "down reply" && frame[0] == 1;
            assert!(frame == other || inspection, "{way}: {frame}\n{other}");
        }
        assert_eq!(frames.len(), others.len(), "{way}");
    }
}

#[test]
fn each_kind_of_call_is_made_and_answered_in_real_frames() {
    let Some(real) = real_server() else { return };
    let both_real = overheard(&real, real_calls);
    assert!(both_real["up request"].as_array().is_some_and(|frames| frames.len() > 60), "{both_real}");

    let ours = Server::launch("rpyc", "threaded", &["--nonce", "token"]);
    same_frames(&both_real, &overheard(&ours, real_calls));

    let asks: Vec<CallSpec> = CALLS.into_iter().chain([SLEEP]).collect();
    let our_client = |address: &str| {
        our_calls(address, Options::default(), &asks);
    };
    same_frames(&both_real, &overheard(&real, our_client));
    same_frames(&both_real, &overheard(&ours, our_client));
}

#[test]
fn our_client_hastens_the_acknowledgements_that_a_real_server_waits_for() {
    let Some(real) = real_server() else { return };
    let asks: Vec<CallSpec> = CALLS.iter().copied().cycle().take(200).collect();
    assert!(our_calls(real.address(), Options::default(), &asks));
    let options = [("method", OptionValue::Word("bound".into())), ("compress", OptionValue::Flag(false))];
    let options = Options(options.map(|(name, value)| (name.to_owned(), value)).into());
    assert!(our_calls(real.address(), options, &asks));
    let ours = Server::launch("rpyc", "threaded", &[]);
    assert!(!our_calls(ours.address(), Options::default(), &asks));
}

#[test]
fn real_clients_find_no_difference_between_a_real_server_and_ours() {
    let Some(real) = real_server() else { return };
    let ours = Server::launch("rpyc", "threaded", &["--nonce", "token"]);
    let mut command = script("rpyc_differential.py", &[real.address(), ours.address()]).expect("python is there");
    let output = command.output().expect("python runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("it writes JSON");
    assert!(said["compared"].as_u64() >= Some(300), "{}", said["compared"]);
    assert_eq!(said["differences"], json!([]), "{:#}", said["differences"]);
    assert!(ours.stop());
}

#[test]
fn what_sets_are_told_by_does_not_depend_on_the_seed_of_hashes() {
    let server = Server::launch("rpyc", "threaded", &[]);
    // Of 1 to 50 the one whose sets came back in another order than they went.
    for seed in ["14", "1"] {
        let Some(mut command) = script("rpyc_client.py", &[server.address()]) else { return };
        let output = command.env("PYTHONHASHSEED", seed).output().expect("python runs");
        assert!(output.status.success(), "seed {seed}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Python with the last release of rpyc that speaks the older form.
fn older(args: &[&str]) -> Option<Command> {
    let mut command = Command::new(systems::venv("rpyc5", "rpyc5.txt", "rpyc")?);
    command.arg(systems::system("rpyc_older.py")).args(args);
    Some(command)
}

#[test]
fn an_older_client_is_told_why_it_is_not_served() {
    for model in ["threaded", "forking", "async"] {
        let server = Server::launch("rpyc", model, &[]);
        let Some(mut command) = older(&["call", server.address()]) else { return };
        let said = command.output().expect("python runs");
        let said = String::from_utf8_lossy(&said.stdout);
        assert!(said.starts_with("RuntimeError this server speaks as rpyc 6 does"), "{model}: {said}");
        assert!(server.stop());
    }
}

#[test]
fn our_client_says_which_release_an_older_server_is_of() {
    let Some(command) = older(&["serve"]) else { return };
    let server = Server::start(command);
    for clients in [1, 3] {
        let failed =
            measure(&server, "rpyc", json!({"nonce": null, "clients": clients})).expect_err("it cannot be called");
        let reason = failed["failed"]["reason"].as_str().expect("a reason");
        assert!(reason.contains("rpyc 5 or older") && reason.contains("rpyc 6"), "{reason}");
    }
}
