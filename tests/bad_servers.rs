//! Servers that break their protocol, hang or hang up: our client counts what happened, in time and under its class.

mod ends;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ends::{Drive, Server, assignment};
use engine::call::SplitMix;
use engine::results::Measured;
use engine::transport::TRANSPORTS;
use engine::transport::contract::{Family, IoModel, Transport};
use engine::transport::options::TLS;
use nix::sys::socket::{setsockopt, sockopt::Linger};
use serde_json::{Value, json};
use std::process::Command;

const MS: u64 = 1_000_000;

/// What a bad server does with whoever connects.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Deed {
    /// Sends what no protocol has, and closes.
    Garbage,
    /// Sends the beginning of something, and closes.
    Half,
    /// Announces more than any memory holds, and waits.
    Huge,
    /// Reads and never answers.
    Stall,
    /// Takes the first bytes of a call and resets the connection.
    Reset,
    /// Answers with a frame of rpyc in which text announces text, on and on, and waits.
    Deep,
}

const DEEDS: [Deed; 6] = [Deed::Garbage, Deed::Half, Deed::Huge, Deed::Stall, Deed::Reset, Deed::Deep];
/// How many times: a byte each, and more than any stack has room for a step each.
const DEEP: u32 = 1 << 18;

/// A stream that a bad server has accepted.
trait Victim: Read + Write + Send {
    /// Makes closing it a reset, where its kind has that.
    fn reset_at_close(&self) {}
}

impl Victim for TcpStream {
    fn reset_at_close(&self) {
        setsockopt(self, Linger, &libc::linger { l_onoff: 1, l_linger: 0 }).expect("a socket can be told to reset");
    }
}

impl Victim for UnixStream {}

/// Streams that are kept open.
type Kept = Arc<Mutex<Vec<Box<dyn Victim>>>>;

/// Does the deed to everybody who comes; the address, and the streams that are kept open meanwhile.
fn bad_server(family: Family, deed: Deed) -> (String, Kept) {
    let kept = Kept::default();
    let keep = kept.clone();
    let treat = move |mut victim: Box<dyn Victim>| {
        let keep = keep.clone();
        thread::spawn(move || {
            let mut random = SplitMix::new(3);
            let garbage: Vec<u8> = (0..512).flat_map(|_| random.next().to_le_bytes()).collect();
            // Whoever has gone already needs no more treatment.
            let _ = victim.read(&mut [0; 1]);
            let _ = match deed {
                Deed::Garbage => victim.write_all(&garbage),
                Deed::Half => victim.write_all(&[0, 0, 0]),
                Deed::Huge => victim.write_all(&[0xff; 64]),
                Deed::Deep => {
                    // With bytes left unread, closing would be a reset, which loses what was sent.
                    let _ = victim.read(&mut [0; 4096]);
                    let text = vec![0x08; DEEP as usize - 1];
                    victim.write_all(&[&DEEP.to_be_bytes()[..], &[0, 2], &text, b"\n"].concat())
                }
                Deed::Stall => Ok(()),
                Deed::Reset => {
                    victim.reset_at_close();
                    Ok(())
                }
            };
            if matches!(deed, Deed::Huge | Deed::Stall | Deed::Deep) {
                keep.lock().expect("no thread panics with it").push(victim);
            }
        });
    };
    let address = match family {
        Family::Unix => {
            let name = format!("engine-bad-{}-{deed:?}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).expect("a short name");
            let listener = UnixListener::bind_addr(&address).expect("the name is ours");
            thread::spawn(move || listener.incoming().flatten().for_each(|stream| treat(Box::new(stream))));
            format!("unix:@{name}")
        }
        _ => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
            let address = listener.local_addr().expect("it listens").to_string();
            thread::spawn(move || listener.incoming().flatten().for_each(|stream| treat(Box::new(stream))));
            address
        }
    };
    (address, kept)
}

/// Three clients, or one, who call that server; what was measured, or the line that says why nothing was.
fn calls(transport: &dyn Transport, address: &str, good: &Server, clients: u32, tls: bool) -> Result<Measured, Value> {
    let more = json!({
        "clients": clients, "iterations": 2, "timeout_ns": 200 * MS, "drain_ns": 200 * MS, "nonce": null,
        "address": address, "options": if tls { json!({"tls": true}) } else { json!({}) }, "ca": good.ready["ca"],
    });
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command).measure(&assignment(good, transport.name(), more))
}

#[test]
fn a_bad_server_costs_its_clients_errors_of_a_class_and_nothing_else() {
    for transport in TRANSPORTS.iter().filter(|transport| matches!(transport.io_model(), IoModel::Stream(_))) {
        let can_tls = transport.options().iter().any(|option| option.name == TLS.name);
        for tls in [false, true].into_iter().filter(|tls| !tls || can_tls) {
            // Only its certificate is needed.
            let good = Server::launch(transport.name(), "threaded", if tls { &["--option", "tls=true"] } else { &[] });
            for deed in DEEDS {
                let (address, kept) = bad_server(transport.family(), deed);
                for clients in [1, 3] {
                    let what = format!("{} tls={tls} {deed:?} {clients}", transport.name());
                    let classes: Vec<String> = match calls(*transport, &address, &good, clients, tls) {
                        Err(line) => vec![line["failed"]["class"].as_str().expect("a class").to_owned()],
                        Ok(got) => {
                            let (counts, errors) = (got.counts, got.counts.error);
                            assert!(counts.conserved() && counts.ok == 0, "{what}: {counts:?}");
                            assert_eq!(counts.scheduled, 2 * u64::from(clients), "{what}");
                            let kinds = [
                                ("connect", errors.connect),
                                ("protocol", errors.protocol),
                                ("timeout", counts.timeout + counts.censored),
                                ("status, short or corrupt", errors.status + errors.short + errors.corrupt),
                            ];
                            kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, _)| (*kind).to_owned()).collect()
                        }
                    };
                    let right: &[&str] = match deed {
                        Deed::Stall => &["timeout"],
                        Deed::Reset => &["connect"],
                        Deed::Half => &["connect", "protocol"],
                        Deed::Garbage => &["protocol", "connect"],
                        // Four bytes of length are too many at once in some protocols, and awaited in others.
                        Deed::Huge | Deed::Deep => &["protocol", "timeout", "connect"],
                    };
                    assert!(!classes.is_empty(), "{what}");
                    assert!(classes.iter().all(|class| right.contains(&class.as_str())), "{what}: {classes:?}");
                }
                drop(kept);
            }
            assert!(good.stop());
        }
    }
}
