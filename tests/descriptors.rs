//! A server that is out of descriptors waits for somebody to leave, idle and with an ear for the word to stop.

mod ends;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use ends::{Server, measure, until};
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::TRANSPORTS;
use engine::transport::contract::{Family, Transport};
use nix::sys::time::TimeValLike;
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde_json::json;

/// How many descriptors a process of the server may have.
const LIMIT: usize = 24;
/// More clients than two processes have descriptors.
const CLIENTS: usize = 3 * LIMIT;
/// A call of `tcp` and its answer: `ping` and `pong`.
const PING: [u8; 9] = [0, 0, 0, 0, 0, 0, 0, 0, 1];
const PONG: usize = 9 + 4;

/// A server that may have few descriptors.
fn poor(transport: &str, model: &str) -> Server {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit -n {LIMIT} && exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_engine")]);
    command.args(["serve", "--transport", transport, "--server", model]);
    if matches!(model, "pooled" | "preforked") {
        command.args(["--option", "workers=2"]);
    }
    Server::start(command)
}

/// Clients who have asked; the kernel lets them all in at once, and the server as it can.
fn crowd(server: &Server) -> Vec<TcpStream> {
    let ask = |_| {
        let mut client = TcpStream::connect(server.address()).expect("the server listens");
        client.write_all(&PING).expect("a socket takes a few bytes");
        client.set_nonblocking(true).expect("a socket of ours");
        client
    };
    (0..CLIENTS).map(ask).collect()
}

/// True once a client has its answer.
fn answered(client: &mut TcpStream) -> bool {
    match client.read(&mut [0; PONG]) {
        Ok(0) => panic!("a client was sent away"),
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        Err(error) => panic!("a client was sent away: {error}"),
    }
}

/// Waits until whoever accepts clients has as many descriptors as it may.
fn until_full(server: &Server, model: &str) {
    // A parent of workers accepts nobody.
    let accepts = |pid: &u32| model != "preforked" || *pid != server.pid();
    let taken = |pid: u32, descriptor: usize| fs::symlink_metadata(format!("/proc/{pid}/fd/{descriptor}")).is_ok();
    // What a test's surroundings leave open has higher numbers.
    let out_of = |pid: u32| (0..LIMIT).all(|descriptor| taken(pid, descriptor));
    let full = || server.pids().into_iter().filter(accepts).all(out_of).then_some(());
    until(full).unwrap_or_else(|| panic!("{model} never ran out of descriptors"));
}

/// The CPU time that the living processes of the server have spent.
fn spent(server: &Server) -> Duration {
    let of = |pid: u32| clock_getcpuclockid(Pid::from_raw(pid as i32)).and_then(clock_gettime);
    server.pids().into_iter().filter_map(|pid| Some(Duration::from_nanos(of(pid).ok()?.num_nanoseconds() as u64))).sum()
}

#[test]
fn who_finds_no_room_is_let_in_as_others_leave() {
    for model in MODELS.iter().map(|model| model.name()) {
        let server = poor("tcp", model);
        let mut waiting = crowd(&server);
        // The parent of a process for each connection keeps none of them itself.
        if model != "forking" {
            until_full(&server, model);
            // Idle meanwhile: whoever tries again and again takes a whole core, as far as there is one to be had.
            let (before, since) = (spent(&server), Instant::now());
            thread::sleep(Duration::from_millis(500));
            let (spent, passed) = (spent(&server) - before, since.elapsed());
            assert!(spent < passed / 10, "{model}: {spent:?} of {passed:?} with nothing to do");
        }
        // Each one leaves once it has its answer, which makes room for the next.
        let all = until(|| {
            waiting.retain_mut(|client| !answered(client));
            waiting.is_empty().then_some(())
        });
        assert!(all.is_some(), "{model}: {} clients are never let in", waiting.len());
        let got = measure(&server, "tcp", json!({"clients": 3, "iterations": 5})).expect("it can be measured");
        assert_eq!(got.counts.ok, 15, "{model}: {:?}", got.failures);
        assert!(server.stop(), "{model}");
    }
}

#[test]
fn the_word_to_stop_is_heard_without_a_descriptor_to_spare() {
    for model in MODELS.iter().map(|model| model.name()) {
        let server = poor("tcp", model);
        let clients = crowd(&server);
        if model != "forking" {
            until_full(&server, model);
        }
        assert!(server.stop(), "{model}: deaf while it is full");
        drop(clients);
    }
}

#[test]
fn a_socket_of_datagrams_is_all_that_any_number_of_clients_takes() {
    let datagrams = TRANSPORTS.iter().filter(|transport| transport.family() == Family::Udp);
    for transport in datagrams.map(|transport| transport as &&dyn Transport) {
        for model in MODELS {
            if Pairing::of(*transport, *model, &native::Native, &driver::native::Native).is_err() {
                continue;
            }
            let (transport, model) = (transport.name(), model.name());
            let server = poor(transport, model);
            let more = json!({"clients": CLIENTS, "iterations": 2, "timeout_ns": 60_000_000_000u64});
            let got = measure(&server, transport, more).expect("it can be measured");
            assert_eq!(got.counts.ok, 2 * CLIENTS as u64, "{transport} {model}: {:?}", got.failures);
            assert!(server.stop(), "{transport} {model}");
        }
    }
}
