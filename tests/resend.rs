//! What a server never took is asked again, dials are counted, and what this machine lacks is nobody else's fault.

mod ends;
mod systems;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ends::{Drive, Server, assignment, measure};
use engine::drive::messages::FromDrive;
use engine::lack::Lack;
use engine::results::Measured;
use engine::stack::driver::python::command as driver_command;
use nix::sys::socket::{MsgFlags, send};
use serde_json::{Value, json};
use systems::{environment, system, venv};

const MS: u64 = 1_000_000;

/// What a server of these tests has seen: what the kernel accepted for it, and what it answered.
#[derive(Default)]
struct Seen {
    accepted: AtomicU64,
    answered: AtomicU64,
    /// The connections on which nothing is under way.
    idle: Mutex<Vec<TcpStream>>,
}

impl Seen {
    fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }
    fn answered(&self) -> u64 {
        self.answered.load(Ordering::SeqCst)
    }
}

/// Serves every connection of a listener on a thread of its own; its address, and what it sees.
fn serving(serve: impl Fn(TcpStream, &Seen) -> Option<()> + Send + Sync + 'static) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it listens").to_string();
    let (seen, serve) = (Arc::new(Seen::default()), Arc::new(serve));
    let theirs = seen.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            theirs.accepted.fetch_add(1, Ordering::SeqCst);
            let (seen, serve) = (theirs.clone(), serve.clone());
            // A client that has gone has ended its connection; that is all there is to do.
            thread::spawn(move || serve(stream, &seen));
        }
    });
    (address, seen)
}

fn drive() -> Drive {
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("drive");
    Drive::start(command)
}

/// The keys of an assignment to a server that is none of ours.
fn to(address: &str, transport: &str, more: Value) -> Value {
    let mut all = json!({
        "version": 1, "address": address, "transport": transport, "call": "ping", "clients": 1, "iterations": 60,
        "timeout_ns": 60_000 * MS, "drain_ns": 60_000 * MS,
    });
    all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    all
}

/// The whole exchange; `between` is called between warm-up and `go`, `before_go` gives a count to compare with after it.
fn measured_between(assignment: &Value, between: impl FnOnce()) -> Measured {
    let mut drive = drive();
    drive.say(&json!({"assignment": assignment}));
    assert!(drive.hear().get("armed").is_some());
    between();
    drive.say(&json!({"go": {}}));
    assert!(drive.hear().get("done").is_some());
    drive.say(&json!({"report": {}}));
    match drive.hear().to_string().parse().expect("a measured line has every figure") {
        FromDrive::Measured(measured) => {
            assert!(measured.counts.conserved(), "{:?}", measured.counts);
            *measured
        }
        other => panic!("{other:?} came where `measured` was due"),
    }
}

/// What was measured, and how many connections the kernel accepted and calls the server answered meanwhile; `armed` were
/// accepted before, the proof's among them.
fn measured(assignment: &Value, seen: &Seen, armed: u64) -> (Measured, u64, u64) {
    let mut before = (0, 0);
    let got = measured_between(assignment, || {
        ends::until(|| (seen.accepted() >= armed).then_some(())).expect("they were dialled");
        before = (seen.accepted(), seen.answered());
        assert_eq!(before.0, armed);
    });
    (got, seen.accepted() - before.0, seen.answered() - before.1)
}

const PONG: &str = "HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}";
const LAST_PONG: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 19\r\n\r\n{\"response\":\"pong\"}";

/// Answers pings of HTTP/1.1; a connection is closed after so many, in silence or with a word, its end on the same
/// segment as the last reply so that it comes before the next request can be sent.
fn web_server(each: u64, word: bool) -> (String, Arc<Seen>) {
    serving(move |stream, seen| {
        let mut requests = BufReader::new(stream.try_clone().ok()?);
        for left in (0..each).rev() {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if requests.read_line(&mut line).ok()? == 0 {
                    return None;
                }
            }
            let reply = if left == 0 && word { LAST_PONG } else { PONG };
            let flags = if left == 0 { MsgFlags::from_bits_retain(libc::MSG_MORE) } else { MsgFlags::empty() };
            seen.answered.fetch_add(1, Ordering::SeqCst);
            send(stream.as_raw_fd(), reply.as_bytes(), flags).ok()?;
        }
        Some(())
    })
}

#[test]
fn a_connection_that_was_closed_without_a_word_costs_no_call() {
    for (word, transport) in [(false, "http1"), (true, "http1")] {
        for clients in [1, 3] {
            let (address, seen) = web_server(10, word);
            let (got, accepted, answered) =
                measured(&to(&address, transport, json!({"clients": clients})), &seen, clients + 1);
            let what = format!("word={word} {clients}: {:?}", got.failures);
            assert_eq!((got.counts.ok, answered), (60 * clients, 60 * clients), "{what}");
            assert_eq!(got.dials, Some(accepted), "{what}");
            assert!(accepted >= 5 * clients && got.dial_ns.is_some_and(|ns| ns > 0), "{what}");
            assert_eq!((got.reconnects, got.retries), (0, 0), "{what}");
            // Who was told dials anew before it calls; who was not finds out by its call.
            let most = if word { 0 } else { 5 * clients };
            assert!(got.resent <= most && (clients > 1 || got.resent == most), "{what} {}", got.resent);
        }
    }
}

#[test]
fn dials_are_counted_as_the_kernel_counts_them() {
    for clients in [1, 3] {
        for (more, each) in [
            (json!({"options": {"keep-alive": false}}), u64::MAX),
            (json!({"call": "connect"}), u64::MAX),
            (json!({}), 1),
            (json!({"rate": 2000.0}), 10),
            (json!({}), u64::MAX),
        ] {
            let (address, seen) = web_server(each, true);
            let mut more = more;
            more["clients"] = json!(clients);
            // Who dials for each call has nothing open beforehand.
            let kept = each > 1 && more["options"].is_null() && more["call"].is_null();
            let armed = if kept { clients + 1 } else { 1 };
            let (got, accepted, answered) = measured(&to(&address, "http1", more.clone()), &seen, armed);
            assert_eq!((got.counts.ok, answered), (60 * clients, 60 * clients), "{more}: {:?}", got.failures);
            assert_eq!((got.dials, got.resent), (Some(accepted), 0), "{more}");
            assert_eq!(got.facts["connections"] == clients.to_string(), accepted == 0, "{more}: {:?}", got.facts);
        }
    }
}

#[test]
fn a_close_between_warm_up_and_go_costs_no_call() {
    for clients in [1, 3] {
        let (address, seen) = serving(|stream, seen| {
            seen.idle.lock().expect("no thread panics with it").push(stream.try_clone().ok()?);
            let mut requests = BufReader::new(stream.try_clone().ok()?);
            let mut line = String::new();
            while requests.read_line(&mut line).ok()? > 0 {
                if std::mem::take(&mut line) == "\r\n" {
                    (&stream).write_all(PONG.as_bytes()).ok()?;
                }
            }
            Some(())
        });
        let got = measured_between(&to(&address, "http1", json!({"clients": clients, "warmup": 2})), || {
            for stream in seen.idle.lock().expect("no thread panics with it").drain(..) {
                // The proof's connection has gone already.
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
        assert_eq!((got.counts.ok, got.counts.scheduled), (60 * clients, 60 * clients), "{:?}", got.failures);
        assert_eq!((got.dials, got.reconnects), (Some(clients), 0));
    }
}

#[test]
fn a_close_between_warm_up_and_go_costs_no_call_in_tls() {
    let server = Server::launch("tcp", "threaded", &["--option", "tls=true"]);
    for clients in [1, 3] {
        // In front of a good server, whose connections it can close in order while that lives.
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens").to_string();
        let gate = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
        let (kept, theirs) = (gate.clone(), server.address().to_owned());
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(&theirs).expect("it listens");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        to.shutdown(std::net::Shutdown::Write)
                    });
                }
                kept.lock().expect("no thread panics with it").push(client);
            }
        });
        let more = json!({"address": address, "clients": clients, "iterations": 60, "warmup": 2,
            "options": {"tls": true}, "ca": server.ready["ca"], "timeout_ns": 60_000 * MS});
        let got = measured_between(&assignment(&server, "tcp", more), || {
            for stream in gate.lock().expect("no thread panics with it").drain(..) {
                // The proof's connection has gone already.
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
        assert_eq!((got.counts.ok, got.counts.scheduled), (60 * clients, 60 * clients), "{:?}", got.failures);
        assert_eq!((got.dials, got.reconnects), (Some(clients), 0));
    }
}

#[test]
fn a_server_that_takes_nothing_is_asked_three_times_more_and_not_for_ever() {
    for clients in [1, 2] {
        // Closed before anything can be sent: a client's first byte is not acknowledged any more.
        let (address, seen) = serving(|stream, seen| match seen.accepted() {
            1 => {
                let asked = (&stream).read(&mut [0; 1024]).ok()?;
                assert!(asked > 0);
                (&stream).write_all(PONG.as_bytes()).ok()
            }
            _ => stream.shutdown(std::net::Shutdown::Both).ok(),
        });
        let asked = to(&address, "http1", json!({"clients": clients, "iterations": 2}));
        let (got, accepted, _) = measured(&asked, &seen, clients + 1);
        assert_eq!((got.counts.ok, got.counts.error.connect), (0, 2 * clients), "{:?}", got.failures);
        assert_eq!(got.dials, Some(accepted));
        // A reset that overtakes the close does not tell what was taken.
        assert!(got.resent <= 6 * clients, "{}", got.resent);
    }
}

/// A frame of HTTP/2 (RFC 9113, 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// How a server of HTTP/2 gets rid of calls.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rid {
    /// Some streams of a connection are refused, and it goes on (RFC 9113, 8.7).
    Refuses,
    /// After five streams it goes away: the sixth is answered afterwards where another follows it, the rest never is.
    GoesAway,
    /// The same, and it closes the connection at once.
    Hangs,
}

/// Answers pings of HTTP/2 and gets rid of some.
fn h2_server(rid: Rid, together: bool) -> (String, Arc<Seen>) {
    serving(move |mut stream, seen| {
        stream.read_exact(&mut [0; 24]).ok()?;
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).ok()?;
        let pong = |stream: u32| {
            seen.answered.fetch_add(1, Ordering::SeqCst);
            let mut reply = frame(HEADERS, END_HEADERS, stream, &[0x88]);
            reply.extend(frame(DATA, END_STREAM, stream, b"{\"response\":\"pong\"}"));
            reply
        };
        let (mut calls, mut last) = (0, 0);
        loop {
            let mut head = [0; 9];
            if last > 0 {
                // It may be that no other call is left to be made.
                stream.set_read_timeout(Some(std::time::Duration::from_millis(500))).ok()?;
                if stream.peek(&mut head).is_err() {
                    stream.write_all(&pong(std::mem::take(&mut last))).ok()?;
                    calls = 0;
                }
                stream.set_read_timeout(None).ok()?;
            }
            stream.read_exact(&mut head).ok()?;
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            stream.read_exact(&mut payload).ok()?;
            if head[3] == SETTINGS && head[4] == 0 {
                stream.write_all(&frame(SETTINGS, 1, 0, &[])).ok()?;
            }
            if head[3] != HEADERS {
                continue;
            }
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            calls += 1;
            // The last stream that it takes is answered after the GOAWAY, where others are under way beside it.
            let reply = match (rid, calls) {
                (Rid::Refuses, 3 | 9 | 17) => frame(RST_STREAM, 0, id, &7u32.to_be_bytes()),
                (Rid::Refuses, _) | (_, ..=5) => pong(id),
                (_, 6) if together => {
                    last = id;
                    continue;
                }
                (_, 6 | 7) if last == 0 || calls == 7 => {
                    let until = if last == 0 { id - 2 } else { last };
                    let mut away = frame(GOAWAY, 0, 0, &[until.to_be_bytes(), [0; 4]].concat());
                    if last > 0 {
                        away.extend(pong(last));
                    }
                    if rid == Rid::Hangs {
                        stream.write_all(&away).ok()?;
                        // Whatever was sent meanwhile is read, so that the end is no reset.
                        stream.shutdown(std::net::Shutdown::Write).ok()?;
                        std::io::copy(&mut stream, &mut std::io::sink()).ok()?;
                        return None;
                    }
                    away
                }
                // It never looks at the rest.
                _ => continue,
            };
            stream.write_all(&reply).ok()?;
        }
    })
}

#[test]
fn what_a_server_of_http2_refuses_or_leaves_is_asked_again_on_another_connection() {
    for rid in [Rid::Refuses, Rid::GoesAway, Rid::Hangs] {
        for (clients, streams) in [(1, 1), (2, 1), (4, 4), (8, 4)] {
            // With one client the seventh call follows the sixth's reply.
            let (address, seen) = h2_server(rid, streams > 1);
            let more = json!({"clients": clients, "options": {"streams": streams}, "iterations": 30});
            let (got, accepted, answered) =
                measured(&to(&address, "http2", more), &seen, (clients / streams).max(1) + 1);
            let what = format!("{rid:?} {clients} {streams}: {:?}", got.failures);
            assert_eq!((got.counts.ok, answered), (30 * clients, 30 * clients), "{what}");
            assert_eq!((got.dials, got.reconnects), (Some(accepted), 0), "{what}");
            let connections = (clients / streams).max(1);
            match rid {
                Rid::Refuses => assert_eq!((got.resent, accepted), (3 * connections, 0), "{what}"),
                _ => assert!(got.resent > 0 && accepted > 0, "{what} {} {accepted}", got.resent),
            }
        }
    }
}

/// grpcio as a server that ends every connection after 400 ms, and counts the pings that it answered.
#[test]
fn grpcio_that_ends_its_connections_costs_no_call() {
    let Some(python) = venv("grpcio", "grpc.txt", "grpc_reflection") else { return };
    for streams in [1, 4, 8] {
        let counted = tempfile::NamedTempFile::new().expect("there is room for a file");
        let mut command = Command::new(&python);
        command.arg(system("grpc_peer.py")).args(["serve-aging", "400"]).arg(counted.path());
        let server = Server::start(command);
        let more = json!({"clients": streams, "iterations": null, "duration_ns": 3_000 * MS,
            "options": {"streams": streams}, "timeout_ns": 60_000 * MS, "drain_ns": 60_000 * MS});
        let got = measure(&server, "grpc", more).expect("it can be measured");
        let (ok, scheduled) = (got.counts.ok, got.counts.scheduled);
        assert!(ok > 0 && ok == scheduled, "{streams}: {:?} {:?}", got.counts, got.failures);
        assert!(got.dials.is_some_and(|dials| dials > 0), "{streams}: {:?}", got.dials);
        assert!(server.stop());
        let counted = std::fs::read_to_string(counted.path()).expect("it was written");
        assert_eq!(counted.trim().parse(), Ok(ok), "{streams} streams");
    }
}

/// nginx as a server that goes away after 20 requests on a connection.
#[test]
fn nginx_that_goes_away_costs_no_call() {
    if Command::new("nginx").arg("-v").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "in CI nginx must be there");
        eprintln!("not run: this test needs nginx");
        return;
    }
    for (transport, clients, streams) in
        [("http2", 1, 1), ("http2", 4, 4), ("http2", 8, 8), ("http1", 1, 1), ("http1", 3, 1)]
    {
        let nginx = Nginx::launch(transport == "http2", 20);
        let options = if transport == "http2" { json!({"streams": streams}) } else { json!({}) };
        let more = json!({"clients": clients, "iterations": 100, "options": options});
        let got = measured_between(&to(&nginx.address, transport, more), || {});
        let what = format!("{transport} {clients} {streams}: {:?}", got.failures);
        assert_eq!((got.counts.ok, got.counts.scheduled), (100 * clients, 100 * clients), "{what}");
        assert!(got.dials.is_some_and(|dials| dials >= 4), "{what} {:?}", got.dials);
    }
}

/// nghttpd refuses what is more than it takes at a time: what a client asks before it has heard how much that is.
#[test]
fn nghttpd_that_refuses_streams_costs_no_call_and_no_connection() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    std::fs::write(folder.path().join("ping"), "{\"response\":\"pong\"}").expect("the file can be written");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let mut command = Command::new("nghttpd");
    command.args(["--no-tls", "--address", "127.0.0.1", "--max-concurrent-streams", "2", "-d"]);
    let Ok(mut nghttpd) = command.arg(folder.path()).arg(port.to_string()).spawn() else {
        assert!(std::env::var_os("CI").is_none(), "in CI nghttpd must be there");
        eprintln!("not run: this test needs nghttpd");
        return;
    };
    let address = format!("127.0.0.1:{port}");
    ends::until(|| TcpStream::connect(&address).ok()).expect("nghttpd listens");
    let got = measured_between(&to(&address, "http2", json!({"clients": 8, "options": {"streams": 8}})), || {});
    let killed = (nghttpd.kill(), nghttpd.wait());
    assert!(killed.0.is_ok() && killed.1.is_ok());
    assert_eq!((got.counts.ok, got.counts.scheduled, got.dials), (480, 480, Some(0)), "{:?}", got.failures);
}

/// aioquic, which goes away after ten requests on a connection and rejects the rest.
#[test]
fn aioquic_that_goes_away_costs_no_call() {
    let Some(python) = venv("aioquic", "quic.txt", "aioquic") else { return };
    for (clients, streams) in [(1, 1), (4, 4)] {
        let counted = tempfile::NamedTempFile::new().expect("there is room for a file");
        let mut command = Command::new(&python);
        command.arg(system("quic_peer.py")).args(["serve-leaving", "10"]).arg(counted.path());
        let server = Server::start(command);
        let more = json!({"clients": clients, "iterations": 50, "options": {"streams": streams},
            "timeout_ns": 60_000 * MS, "drain_ns": 60_000 * MS});
        let got = measure(&server, "http3", more).expect("it can be measured");
        let what = format!("{clients} {streams}: {:?} {}", got.failures, got.resent);
        assert_eq!((got.counts.ok, got.counts.scheduled), (50 * clients, 50 * clients), "{what}");
        assert!(got.dials.is_some_and(|dials| dials > 0), "{what}");
        assert!(server.stop());
        let counted = std::fs::read_to_string(counted.path()).expect("it was written");
        assert_eq!(counted.trim().parse(), Ok(50 * clients), "{what}");
    }
}

/// Werkzeug speaks HTTP/1.0 and so ends each connection with its reply, whatever driver calls.
#[test]
fn werkzeug_takes_a_connection_for_each_call_and_that_is_what_is_counted() {
    use engine::call::FillKind;
    use engine::stack::contract::Wanted;
    use engine::stack::driver::python::command as driver_command;
    use engine::stack::python_systems::system as stack_system;
    use engine::transport::option::Options;
    let Some(environment) = environment() else { return };
    let flask = stack_system("http1", "threaded").expect("there is Flask");
    let fill = Some((FillKind::Zeros, 0));
    let options = Options::default();
    let launch = Wanted {
        nonce: "the-token",
        fill,
        timeout: std::time::Duration::from_secs(30),
        options: &options,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        only: &[],
        cores: 2,
    };
    let server = Server::start(flask.command(&environment, &launch));
    for clients in [1, 3] {
        let asked = assignment(&server, "http1", json!({"clients": clients, "iterations": 20}));
        for (ours, mut drive) in [(true, drive()), (false, Drive::start(driver_command(&environment)))] {
            let got = drive.measure(&asked).expect("it can be measured");
            assert_eq!(got.counts.ok, 20 * clients, "{:?}", got.failures);
            assert_eq!((got.dials, got.resent), (Some(20 * clients), 0), "ours={ours}");
            assert!(got.dial_ns.is_some_and(|ns| ns > 0), "ours={ours}");
        }
    }
}

#[test]
fn a_dial_that_fails_at_once_is_a_failed_connection_at_once() {
    let server = Server::launch("unix", "threaded", &[]);
    for clients in [1, 2] {
        let name = format!("engine-resend-{}-{clients}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a short name");
        let listener = UnixListener::bind_addr(&address).expect("the name is ours");
        let theirs = server.address().strip_prefix("unix:@").expect("a Unix address").to_owned();
        // In front of a good server, so that it can be gone while that lives.
        let gate = Arc::new(Mutex::new(Vec::<UnixStream>::new()));
        let kept = gate.clone();
        let front = thread::spawn(move || {
            for client in listener.incoming().take(clients + 1).flatten() {
                let to = SocketAddr::from_abstract_name(&theirs).expect("a short name");
                let server = UnixStream::connect_addr(&to).expect("it listens");
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (mut from, mut to) = (from.try_clone().expect("a copy"), to.try_clone().expect("a copy"));
                    // It ends when either end goes.
                    thread::spawn(move || std::io::copy(&mut from, &mut to));
                }
                kept.lock().expect("no thread panics with it").extend([client, server]);
            }
        });
        let patience = 600_000 * MS;
        let more =
            json!({"address": format!("unix:@{name}"), "clients": clients, "iterations": 5, "timeout_ns": patience});
        let got = measured_between(&assignment(&server, "unix", more), || {
            front.join().expect("the listener is gone");
            for stream in gate.lock().expect("no thread panics with it").drain(..) {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        });
        assert_eq!((got.counts.error.connect, got.counts.scheduled), (5 * clients as u64, 5 * clients as u64));
        assert!(got.elapsed_ns < patience, "one waited for its time-out");
    }
}

#[test]
fn what_the_machine_of_the_client_lacks_is_told_by_its_name() {
    // With a server that answers late all clients are connected at a time, and they have not files enough for that.
    let server = Server::launch("tcp", "threaded", &["--fault", "delay=20ms"]);
    let with_few_files = |more: Value| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n 24; exec '{}' drive", env!("CARGO_BIN_EXE_engine"))]);
        Drive::start(command).measure(&assignment(&server, "tcp", more))
    };
    let got = with_few_files(json!({"call": "connect", "clients": 40, "iterations": 3})).expect("it can be measured");
    let lacked = got.generator.lacked.expect("files were lacking");
    assert_eq!((lacked.what, lacked.calls), (Lack::Descriptors, got.counts.error.connect), "{:?}", got.failures);
    assert!(lacked.calls > 0 && got.counts.conserved() && got.counts.ok > 0, "{:?}", got.counts);
    // Before anything is timed it is told too.
    let failed = with_few_files(json!({"clients": 40})).expect_err("they cannot all connect");
    assert_eq!((&failed["failed"]["class"], &failed["failed"]["lacks"]), (&json!("connect"), &json!("descriptors")));
}

/// What the libraries of the Python driver wrap an error in hides it from nobody.
#[test]
fn what_the_machine_of_a_python_client_lacks_is_told_by_its_name() {
    let Some(environment) = environment() else { return };
    for transport in ["rpyc", "http1"] {
        let server = Server::launch(transport, "threaded", &["--fault", "delay=20ms"]);
        let with_few_files = |more: Value| {
            let driver = driver_command(&environment);
            let mut command = Command::new("sh");
            command.args(["-c", "ulimit -n 24; exec \"$@\"", "sh"]).arg(driver.get_program()).args(driver.get_args());
            driver.get_envs().for_each(|(name, value)| match value {
                Some(value) => drop(command.env(name, value)),
                None => drop(command.env_remove(name)),
            });
            Drive::start(command).measure(&assignment(&server, transport, more))
        };
        let failed = with_few_files(json!({"clients": 40})).expect_err("they cannot all connect");
        let told = (&failed["failed"]["class"], &failed["failed"]["lacks"]);
        assert_eq!(told, (&json!("connect"), &json!("descriptors")), "{transport} {failed}");
        // One at a time is proven, and all at once have not files enough.
        let more = json!({"call": "connect", "clients": 40, "iterations": 3});
        let Ok(got) = with_few_files(more) else { continue };
        let lacked = got.generator.lacked.expect("files were lacking");
        assert_eq!((lacked.what, lacked.calls), (Lack::Descriptors, got.counts.error.connect), "{:?}", got.failures);
        assert!(lacked.calls > 0 && got.counts.conserved(), "{:?}", got.counts);
        assert_eq!(got.resent, 0);
    }
}

#[test]
fn a_connect_has_its_time_from_its_first_dial() {
    let (handshake, time_out) = (std::time::Duration::from_millis(2_500), 3_000 * MS);
    for clients in [1, 2] {
        let server = Server::launch("tcp", "threaded", &["--option", "tls=true"]);
        let address = server.address().to_owned();
        // All but the first connection have a handshake that takes most of the time, and then no answer to their call.
        let (front, _) = serving(move |client, seen| {
            let first = seen.accepted() == 1;
            let server = TcpStream::connect(&address).ok()?;
            let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
            thread::spawn(move || std::io::copy(&mut from, &mut to));
            let (mut from, mut to) = (server, client);
            if first {
                return std::io::copy(&mut from, &mut to).ok().map(|_| ());
            }
            let mut flight = [0; 1 << 14];
            let n = from.read(&mut flight).ok()?;
            // The slow server itself, and no wait for anything to become ready.
            thread::sleep(handshake);
            to.write_all(&flight[..n]).ok()?;
            std::io::copy(&mut from, &mut std::io::sink()).ok().map(|_| ())
        });
        let more = json!({"address": front, "call": "connect", "clients": clients, "iterations": 1,
            "options": {"tls": true}, "timeout_ns": time_out, "ca": server.ready["ca"]});
        let got = measure(&server, "tcp", more).expect("it can be measured");
        assert_eq!(got.counts.timeout, clients, "{:?} {:?}", got.counts, got.failures);
        let lasted = got.response_time.max_ns;
        // Counted from the end of the handshake it would be 5.5 s.
        assert!((2_990 * MS..5_400 * MS).contains(&lasted), "{clients}: {lasted}");
    }
}

/// nginx with the endpoint of a ping, in a folder of its own; ended when dropped.
struct Nginx {
    process: std::process::Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn launch(http2: bool, each: u64) -> Nginx {
        let folder = tempfile::tempdir().expect("there is room for a folder");
        let at = folder.path().display();
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let http2 = if http2 { " http2" } else { "" };
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log stderr crit; worker_rlimit_nofile 256;\n\
             events {{ worker_connections 128; }}\n\
             http {{ access_log off; keepalive_requests {each};\n\
             client_body_temp_path {at}; proxy_temp_path {at}; fastcgi_temp_path {at}; uwsgi_temp_path {at};\n\
             scgi_temp_path {at};\n\
             server {{ listen 127.0.0.1:{port}{http2}; location /ping {{ return 200 '{{\"response\":\"pong\"}}'; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).expect("the file can be written");
        let process = Command::new("nginx").arg("-p").arg(folder.path()).arg("-c").arg(&file).spawn();
        let address = format!("127.0.0.1:{port}");
        let nginx = Nginx { process: process.expect("nginx starts"), address, _folder: folder };
        ends::until(|| TcpStream::connect(&nginx.address).ok()).expect("nginx listens");
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It may have gone by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
