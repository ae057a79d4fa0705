//! Every transport on every server model that can host it: all calls are answered, and bad peers hurt only themselves.

mod ends;

use std::io::{ErrorKind, Read};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use ends::Server;
use engine::call::{Ask, Driver, Fill, FillKind, SplitMix, Stack};
use engine::drive::connection::take_rest;
use engine::server::MODELS;
use engine::server::pairing::Pairing;
use engine::transport::TRANSPORTS;
use engine::transport::contract::{ClientCodec, ClientContext, Options, Reply, Seam, StreamProtocol};
use engine::transport::outbox::Outbox;
use engine::transport::socket::{Address, Socket, flush};
use nix::sys::socket::{Shutdown, setsockopt, shutdown, sockopt::ReceiveTimeout};
use nix::sys::time::{TimeVal, TimeValLike};

const CHUNK: u64 = 64 * 1024;
const SEED: u64 = 42;
/// How long a server may keep its client waiting.
const PATIENCE: Duration = Duration::from_secs(30);

/// A socket whose server may be slow, but not for ever.
fn dial(address: &Address) -> Socket {
    let socket = Socket::dial_within(address, PATIENCE).expect("the server listens");
    setsockopt(&socket, ReceiveTimeout, &TimeVal::seconds(PATIENCE.as_secs() as i64)).expect("the time is not zero");
    socket
}

/// A client that waits for each reply.
struct Caller {
    socket: Socket,
    codec: Box<dyn ClientCodec>,
    out: Outbox,
    buffer: Vec<u8>,
}

impl Caller {
    fn dial(protocol: &dyn StreamProtocol, address: &Address, fill: &Arc<Fill>) -> Self {
        let context = ClientContext { fill: fill.clone(), options: Options::default(), authority: address.to_string() };
        let codec = protocol.client(&context);
        let mut caller = Caller { socket: dial(address), codec, out: Outbox::new(), buffer: vec![0; 256 * 1024] };
        if caller.codec.open(&mut caller.out) {
            caller.reply().verdict.expect("the greeting is answered");
        }
        caller
    }

    fn call(&mut self, ask: Ask) -> Reply {
        self.codec.call(&ask, true, &mut self.out);
        self.reply()
    }

    fn reply(&mut self) -> Reply {
        loop {
            flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut 0).expect("the server reads");
            let n = self.socket.read(&mut self.buffer).expect("the server writes");
            assert!(n > 0, "the server has closed the connection: {:?}", self.codec.hung_up());
            let mut input = &self.buffer[..n];
            if let Some(reply) = self.codec.receive(&mut input, &mut self.out).expect("the reply is well formed") {
                take_rest(&mut *self.codec, input, &mut self.out).expect("one reply to a call");
                return reply;
            }
        }
    }

    /// Ends the connection in the way of its protocol.
    fn close(mut self) {
        self.codec.close(&mut self.out);
        flush(&mut self.socket, &mut self.out, &mut *self.codec, &mut 0).expect("the server reads to the end");
    }
}

/// Every pair of ours that fits.
fn pairings() -> impl Iterator<Item = Pairing> {
    TRANSPORTS.iter().flat_map(|transport| {
        MODELS.iter().filter_map(|model| Pairing::of(*transport, *model, Stack::Native, Driver::Native).ok())
    })
}

fn protocol(pairing: &Pairing) -> &'static dyn StreamProtocol {
    let Seam::Stream(protocol) = pairing.transport().seam();
    protocol
}

fn launch(pairing: &Pairing) -> (Server, Address) {
    let fill = ["--fill", "random", "--seed", &SEED.to_string()];
    let server = Server::launch(pairing.transport().name(), pairing.model().name(), &fill);
    let address = server.address().parse().expect("the ready line has an address");
    (server, address)
}

#[test]
fn every_pair_that_fits_answers_every_call() {
    let fill = Fill::new(FillKind::Random, SEED);
    let mut pairs = 0;
    for pairing in pairings() {
        let (server, address) = launch(&pairing);
        assert_eq!(server.status("Threads"), 1, "{pairing}: a server that is ready has one thread");
        let caller = || Caller::dial(protocol(&pairing), &address, &fill);
        let (mut one, mut other) = (caller(), caller());
        let check = |caller: &mut Caller, ask: Ask| {
            let reply = caller.call(ask);
            assert_eq!(reply.verdict, Ok(()), "{pairing}: {ask:?}");
            assert!(reply.reusable, "{pairing}: {ask:?}");
            reply.nonce
        };
        assert_eq!(check(&mut one, Ask::Nonce).as_deref(), Some(server.nonce()), "{pairing}");
        for ask in [Ask::Ping, Ask::Compute { n: 0 }, Ask::Compute { n: 1000 }, Ask::Sleep { ns: 1_000_000 }] {
            check(&mut one, ask);
            check(&mut other, ask);
        }
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 1 << 20] {
            for chunk in [None, Some(CHUNK)] {
                for ask in [Ask::Echo { len, chunk }, Ask::Upload { len, chunk }, Ask::Download { len, chunk }] {
                    check(&mut one, ask);
                    check(&mut other, ask);
                }
            }
        }
        one.close();
        // The other connection is still open: whoever serves it must not outlive the server.
        check(&mut other, Ask::Ping);
        assert!(server.stop(), "{pairing}: closing stdin ends it well, children included");
        pairs += 1;
    }
    assert!(pairs >= TRANSPORTS.len(), "every transport fits some model");
}

/// Writes what the server is willing to take, says that nothing more comes, and reads to the end.
fn send_only(address: &Address, bytes: &[u8]) {
    let (mut socket, mut out) = (dial(address), Outbox::new());
    out.put(bytes);
    // A server may close before it has read all.
    while !out.is_empty() && socket.write_from(&mut out).is_ok() {}
    let _ = shutdown(socket.as_raw_fd(), Shutdown::Write);
    let mut scrap = [0; 4096];
    loop {
        match socket.read(&mut scrap) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => return,
            Err(error) => panic!("the server keeps a broken connection open: {error}"),
        }
    }
}

/// Writes a call and goes away in the middle of its reply, which resets the connection.
fn abandon(address: &Address, call: &[u8]) {
    let (mut socket, mut out) = (dial(address), Outbox::new());
    out.put(call);
    while !out.is_empty() {
        socket.write_from(&mut out).expect("the server reads");
    }
    assert!(socket.read(&mut [0]).expect("the server replies") > 0);
}

/// What a client sends from its first byte to the end of one call that no reply of the server interrupts.
fn sent(protocol: &dyn StreamProtocol, ask: Ask, fill: &Arc<Fill>) -> Vec<u8> {
    let context = ClientContext { fill: fill.clone(), options: Options::default(), authority: "a".into() };
    let (mut codec, mut out, mut bytes) = (protocol.client(&context), Outbox::new(), Vec::new());
    if !codec.open(&mut out) {
        codec.call(&ask, false, &mut out);
    }
    while !out.is_empty() {
        bytes.extend(out.drain());
        codec.produce(&mut out);
    }
    bytes
}

#[test]
fn a_bad_peer_ends_its_own_connection_and_no_other() {
    let fill = Fill::new(FillKind::Random, SEED);
    let mut random = SplitMix::new(SEED);
    let garbage: Vec<u8> = (0..100_000).map(|_| random.next() as u8).collect();
    for pairing in pairings() {
        let (server, address) = launch(&pairing);
        let caller = || Caller::dial(protocol(&pairing), &address, &fill);
        let mut bystander = caller();
        let upload = sent(protocol(&pairing), Ask::Upload { len: 10_000, chunk: None }, &fill);
        let huge = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615\r\n\r\n";
        let before = server.status("VmPeak");
        for bytes in [
            &b""[..],
            &b"\0"[..],
            &garbage,
            &[0xff; 100],
            &[0x7f; 100],
            huge.as_bytes(),
            &upload[..1],
            &upload[..upload.len() / 2],
            &upload[..upload.len() - 1],
        ] {
            send_only(&address, bytes);
            assert_eq!(bystander.call(Ask::Ping).verdict, Ok(()), "{pairing}: a bystander is served");
            assert_eq!(caller().call(Ask::Ping).verdict, Ok(()), "{pairing}: a new client is served");
        }
        // In KiB: nobody makes room for what a length only announces.
        assert!(server.status("VmPeak") - before < 1 << 20, "{pairing} grew to {} KiB", server.status("VmPeak"));
        abandon(&address, &sent(protocol(&pairing), Ask::Download { len: 1 << 24, chunk: None }, &fill));
        assert_eq!(bystander.call(Ask::Echo { len: 1000, chunk: None }).verdict, Ok(()), "{pairing}");
        assert_eq!(caller().call(Ask::Ping).verdict, Ok(()), "{pairing}: a new client is served after a reset");
        assert!(server.stop(), "{pairing}: closing stdin ends it well, children included");
    }
}
