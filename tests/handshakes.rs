//! Handshakes over datagrams that are begun and never finished: how much of them a server keeps, and for how long.

mod ends;

use std::collections::HashSet;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ends::{Server, measure, until};
use engine::transport::TRANSPORTS;
use engine::transport::contract::{AsyncProtocol, IoModel};
use engine::transport::tls::Trust;
use quinn::crypto::rustls::QuicClientConfig;
use serde_json::json;
use tokio::runtime::Builder;

/// How many are begun: twice as many as a server goes on with unproven.
const BEGUN: usize = 2000;
/// How long a server goes on with one.
const KEPT: Duration = Duration::from_secs(10);
/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an answer may take before it counts as lost.
const LOST: Duration = Duration::from_secs(2);

/// The ids that a first datagram gives to the server and to the client (RFC 9000, 17.2).
fn ids(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = datagram.get(5..)?;
    let (len, rest) = rest.split_first()?;
    let (to, rest) = rest.split_at_checked(usize::from(*len))?;
    let (len, rest) = rest.split_first()?;
    Some((to, rest.get(..usize::from(*len))?))
}

/// The first datagrams of so many clients, who dial somebody that never answers.
fn greetings(server: &Server, protocol: &dyn AsyncProtocol, count: usize) -> Vec<Vec<u8>> {
    let address = server.address().parse().expect("an address");
    let trust = Trust::with_ca(false, Some(protocol.alpn()), server.ready["ca"].as_str(), &address);
    let tls = QuicClientConfig::try_from(trust.expect("a certificate").config()).expect("TLS 1.3");
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let nobody = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a port");
        let address = nobody.local_addr().expect("an address");
        let endpoint = quinn::Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a port");
        let (mut greetings, mut known, mut buffer) = (Vec::new(), HashSet::new(), [0; 2048]);
        // Who stops dialling says so, which would be no greeting.
        let mut dialling = Vec::new();
        while greetings.len() < count {
            dialling.push(endpoint.connect_with(config.clone(), address, "127.0.0.1").expect("a dial can be begun"));
            let n = nobody.recv(&mut buffer).await.expect("the client dials");
            // Not another try of the one before.
            let greeting = buffer[..n].to_vec();
            if known.insert(ids(&greeting).expect("it is a first datagram").1.to_vec()) {
                greetings.push(greeting);
            }
        }
        greetings
    })
}

/// What a server says to a first datagram.
#[derive(Debug, PartialEq)]
enum Said {
    /// It goes on with the handshake.
    On,
    /// The client shall prove where it is.
    Retry,
}

/// Begins a handshake, and says what comes of it.
fn begin(socket: &UdpSocket, greeting: &[u8]) -> Said {
    let (_, own) = ids(greeting).expect("it is a first datagram");
    let (mut buffer, mut sent, since) = ([0; 2048], None::<Instant>, Instant::now());
    loop {
        assert!(since.elapsed() < PATIENCE, "the server never answers");
        // What is lost is said again; a server that knows it already says no more than before.
        if sent.is_none_or(|sent| sent.elapsed() > LOST) {
            socket.send(greeting).expect("it can be sent");
            sent = Some(Instant::now());
        }
        let Ok(n) = socket.recv(&mut buffer) else { continue };
        // Others are told again and again what they never acknowledge.
        if n > 7 && buffer[0] & 0x80 != 0 && ids(&buffer[..n]).is_some_and(|(to, _)| to == own) {
            return if buffer[0] & 0x30 == 0x30 { Said::Retry } else { Said::On };
        }
    }
}

#[test]
fn handshakes_that_never_end_are_few_and_given_up() {
    let protocols = TRANSPORTS.iter().filter_map(|transport| match transport.io_model() {
        IoModel::Async(protocol) => Some((transport.name(), protocol)),
        IoModel::Stream(_) => None,
    });
    for (transport, protocol) in protocols {
        let server = Server::launch(transport, "async", &[]);
        let greetings = greetings(&server, protocol, BEGUN + 1);
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        socket.connect(server.address()).expect("an address");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("it is not zero");
        let (before, since) = (server.peak_memory(), Instant::now());
        let (last, greetings) = greetings.split_last().expect("there are some");
        let retries = greetings.iter().filter(|greeting| begin(&socket, greeting) == Said::Retry).count();
        // Who needs longer than a handshake may take finds that the first ones are gone again.
        assert!(retries > 0 || since.elapsed() > KEPT, "{transport} goes on with {BEGUN} handshakes");
        let grown = server.peak_memory() - before;
        assert!(grown < 96 << 10, "{transport}: {grown} KiB for {BEGUN} handshakes");
        let got = measure(&server, transport, json!({"iterations": 5, "clients": 2})).expect("who means it gets in");
        assert_eq!(got.counts.ok, 10, "{transport}: {:?}", got.failures);
        let given_up = until(|| (begin(&socket, last) == Said::On).then_some(()));
        assert!(given_up.is_some(), "{transport} never gives up a handshake");
        assert!(server.stop(), "{transport}");
    }
}
