//! A relay between a real client and a real server that changes, cuts, holds up and repeats what passes.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use engine::call::SplitMix;
use serde_json::{Value, json};

use crate::ends::{Drive, Server, assignment};

const MS: u64 = 1_000_000;

const STREAMS: [&str; 5] = ["tcp", "rpyc", "http1", "http2", "grpc"];
const MODELS: [&str; 6] = ["threaded", "forking", "pooled", "preforked", "per-request", "async"];

const CALLS: [(&str, u64); 5] =
    [("ping", 0), ("connect", 0), ("echo", 3000), ("upload", 100_000), ("download", 100_000)];

/// A server behind a relay, its clients, and a look at both afterwards.
pub(crate) fn over_streams(random: &mut SplitMix) -> Result<(), String> {
    let transport = STREAMS[random.below(STREAMS.len() as u64) as usize];
    let model = MODELS[random.below(MODELS.len() as u64) as usize];
    let tls = random.below(3) == 0;
    let option: &[&str] = if tls { &["--option", "tls=true"] } else { &[] };
    let server = Server::launch(transport, model, option);
    let relay = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = relay.local_addr().expect("it listens").to_string();
    let (to, seed) = (server.address().to_owned(), random.next());
    thread::spawn(move || {
        for (at, client) in (0..).zip(relay.incoming().flatten()) {
            let Ok(server) = TcpStream::connect(&to) else { return };
            for (way, from, to) in [(0, &client, &server), (1, &server, &client)] {
                let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { continue };
                thread::spawn(move || pump(from, to, SplitMix::new(seed ^ (at << 1 | way))));
            }
        }
    });
    attacked(random, server, transport, &address, tls).map_err(|why| format!("{transport} {model} tls={tls}: {why}"))
}

/// The same for what comes in datagrams.
pub(crate) fn over_datagrams(random: &mut SplitMix) -> Result<(), String> {
    let transport = if random.below(2) == 0 { "quic" } else { "http3" };
    let server = Server::launch(transport, "async", &[]);
    let relay = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    relay.set_read_timeout(Some(Duration::from_millis(100))).expect("a socket can time out");
    let address = relay.local_addr().expect("it is bound").to_string();
    let (to, mut chance) = (server.address().to_owned(), SplitMix::new(random.next()));
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let relaying = thread::spawn(move || {
        let server: std::net::SocketAddr = to.parse().expect("an address");
        let (mut client, mut buffer) = (None, [0; 65536]);
        while !stopped.load(Ordering::Relaxed) {
            let Ok((len, from)) = relay.recv_from(&mut buffer) else { continue };
            let to = if from == server { client } else { client.replace(from).map(|_| server).or(Some(server)) };
            let Some(to) = to else { continue };
            let times = match chance.below(12) {
                0 => 0,
                1 => 2,
                2 => {
                    buffer[chance.below(len.max(1) as u64) as usize] ^= 1 << chance.below(8);
                    1
                }
                _ => 1,
            };
            for _ in 0..times {
                let _ = relay.send_to(&buffer[..len], to);
            }
        }
    });
    let found = attacked(random, server, transport, &address, false).map_err(|why| format!("{transport}: {why}"));
    stop.store(true, Ordering::Relaxed);
    relaying.join().map_err(|_| "the relay panicked".to_owned())?;
    found
}

/// Passes bytes on until one side ends, and breaks some of them.
fn pump(mut from: TcpStream, mut to: TcpStream, mut random: SplitMix) {
    let mut buffer = [0; 16384];
    // The first bytes of most connections pass, or nobody would get beyond a handshake.
    let mut calm = random.below(6);
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        let bytes = &mut buffer[..len];
        let attack = if calm > 0 { 9 } else { random.below(12) };
        calm = calm.saturating_sub(1);
        let at = random.below(len as u64) as usize;
        let sent = match attack {
            0 => {
                bytes[at] ^= 1 << random.below(8);
                to.write_all(bytes)
            }
            1 => {
                bytes[at..].fill(random.next() as u8);
                to.write_all(bytes)
            }
            2 => to.write_all(&bytes[..at]).and_then(|()| to.shutdown(Shutdown::Both)),
            3 => to.write_all(bytes).and_then(|()| to.write_all(&bytes[at..])),
            4 => {
                thread::sleep(Duration::from_millis(400));
                to.write_all(bytes)
            }
            5 => bytes.chunks(3).take(2000).try_for_each(|piece| to.write_all(piece)),
            _ => to.write_all(bytes),
        };
        if sent.is_err() {
            break;
        }
    }
    for stream in [&from, &to] {
        // Whoever has closed already needs no more.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Clients call through the relay; then a calm one is served, and the server ends well.
fn attacked(random: &mut SplitMix, server: Server, transport: &str, relay: &str, tls: bool) -> Result<(), String> {
    let (call, payload) = CALLS[random.below(CALLS.len() as u64) as usize];
    let mut more = json!({
        "address": relay, "call": call, "clients": 1 + random.below(5), "iterations": 8, "verify": "content",
        "timeout_ns": 300 * MS, "drain_ns": 300 * MS,
    });
    if payload > 0 {
        more["payload"] = json!(payload);
    }
    let mut calm = json!({"iterations": 3});
    if tls {
        more["options"] = json!({"tls": true});
        calm["options"] = json!({"tls": true});
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    match Drive::start(command).measure(&assignment(&server, transport, more)) {
        Ok(measured) if measured.counts.conserved() => {}
        Ok(measured) => return Err(format!("calls are lost: {:?}", measured.counts)),
        Err(Value::Object(line)) if line.contains_key("failed") => {}
        Err(other) => return Err(format!("the client said {other}")),
    }
    let after = crate::ends::measure(&server, transport, calm).map_err(|line| format!("a calm client: {line}"))?;
    if after.counts.ok != 3 {
        return Err(format!("a calm client was not served: {:?} {:?}", after.counts, after.failures));
    }
    if server.stop() { Ok(()) } else { Err("the server did not end well".to_owned()) }
}
