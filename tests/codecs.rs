//! Both ends of every stream transport, in memory: bytes in, bytes out, however they are cut or broken.

use std::sync::Arc;

use engine::call::{Answer, Ask, Asked, Fill, FillKind, SplitMix};
use engine::server::service::Service;
use engine::transport::TRANSPORTS;
use engine::transport::contract::{
    ClientCodec, ClientContext, Family, Next, OptionValue, Options, Reply, Seam, ServerCodec, ServerContext, Step,
    StreamProtocol,
};
use engine::transport::options::TLS;
use engine::transport::outbox::Outbox;
use engine::transport::socket::Address;
use engine::transport::tls::{Identity, Trust};

const CHUNK: u64 = 1000;
const SEED: u64 = 42;
const LIMIT: u64 = 1 << 22;

/// A stream protocol, as it is or in TLS.
struct Wire {
    protocol: &'static dyn StreamProtocol,
    tls: Option<(Identity, Trust)>,
}

impl Wire {
    fn plain(protocol: &'static dyn StreamProtocol) -> Self {
        Wire { protocol, tls: None }
    }

    fn secure(protocol: &'static dyn StreamProtocol) -> Self {
        let options = Options([(TLS.name.to_owned(), OptionValue::Flag(true))].into());
        let address = Address::any(Family::Tcp);
        let identity = Identity::of(&options, &protocol.alpn_served(), &address).expect("a certificate").expect("TLS");
        let trust = Trust::of(&options, protocol.alpn(), Some(identity.ca()), &address).expect("a certificate");
        Wire { protocol, tls: Some((identity, trust.expect("TLS"))) }
    }

    fn ends(&self) -> (Box<dyn ClientCodec>, Box<dyn ServerCodec>) {
        let fill = Fill::new(FillKind::Random, SEED);
        let options = Options::default();
        let authority = "127.0.0.1:1".to_owned();
        let client = self.protocol.client(&ClientContext { fill, options: options.clone(), authority });
        let server = self.protocol.server(&ServerContext { options, body_limit: LIMIT });
        match &self.tls {
            None => (client, server),
            Some((identity, trust)) => (trust.secure(client).expect("a handshake"), identity.secure(server)),
        }
    }
}

fn service() -> Service {
    Service::new("the-token".into(), Some((FillKind::Random, SEED)), None)
}

/// Two ends with a wire between them that delivers `step` bytes at a time.
struct Pair {
    client: Box<dyn ClientCodec>,
    server: Box<dyn ServerCodec>,
    service: Service,
    step: usize,
    up: Vec<u8>,
    down: Vec<u8>,
}

impl Pair {
    fn new(wire: &Wire, step: usize) -> Self {
        let (client, server) = wire.ends();
        let mut pair = Pair { client, server, service: service(), step, up: Vec::new(), down: Vec::new() };
        let mut out = Outbox::new();
        while pair.client.open(&mut out) {
            pair.until_reply(&mut out).verdict.expect("the greeting is answered");
        }
        pair
    }

    fn call(&mut self, ask: Ask) -> Reply {
        let mut out = Outbox::new();
        self.client.call(0, &ask, true, &mut out);
        self.until_reply(&mut out)
    }

    /// Lets bytes go to and fro until the client has its reply and both ends have said what they had to.
    fn until_reply(&mut self, out: &mut Outbox) -> Reply {
        let mut reply = None;
        loop {
            let up = written(out, |out| self.client.produce(out));
            let down = self.serve(&up);
            if up.is_empty() && down.is_empty() {
                return reply.expect("a reply before both ends fall silent");
            }
            for mut input in down.chunks(self.step) {
                if let Some(came) = self.client.receive(&mut input, out).expect("the reply is well formed") {
                    assert!(reply.replace(came).is_none(), "one reply to a call");
                }
                assert!(input.is_empty(), "bytes came after the reply");
            }
            self.up.extend(up);
            self.down.extend(down);
        }
    }

    /// What the server writes when these bytes come.
    fn serve(&mut self, bytes: &[u8]) -> Vec<u8> {
        let (mut out, mut all) = (Outbox::new(), Vec::new());
        for piece in bytes.chunks(self.step) {
            let mut input = piece;
            loop {
                let step = self.server.receive(&mut input, &mut out).expect("the call is well formed");
                all.extend(written(&mut out, |out| self.server.produce(out)));
                match step {
                    Step::Read => break,
                    Step::Write => {}
                    Step::Close => panic!("the server closes"),
                    Step::Execute { call, asked } => {
                        let next = self.server.answer(call, self.service.execute(asked).answer, &mut out);
                        assert_eq!(next, Next::Continue);
                        all.extend(written(&mut out, |out| self.server.produce(out)));
                    }
                }
            }
        }
        all
    }
}

/// Everything that one end has to write.
fn written(out: &mut Outbox, mut produce: impl FnMut(&mut Outbox)) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        all.extend(out.drain());
        produce(out);
        if out.is_empty() {
            return all;
        }
    }
}

fn stream_transports() -> impl Iterator<Item = (&'static str, &'static dyn StreamProtocol)> {
    TRANSPORTS.iter().filter_map(|transport| match transport.seam() {
        Seam::Stream(protocol) => Some((transport.name(), protocol)),
        Seam::Async(_) => None,
    })
}

fn every_call(payloads: &[u64]) -> Vec<Ask> {
    let mut asks = vec![Ask::Ping, Ask::Compute { n: 1000 }, Ask::Sleep { ns: 1_500_000 }, Ask::Nonce, Ask::Ping];
    for &len in payloads {
        for chunk in [None, Some(CHUNK)] {
            asks.extend([Ask::Echo { len, chunk }, Ask::Upload { len, chunk }, Ask::Download { len, chunk }]);
        }
    }
    asks
}

#[test]
fn every_call_is_answered_however_its_bytes_are_cut() {
    for (name, protocol) in stream_transports() {
        let ways = [Wire::plain(protocol), Wire::secure(protocol)];
        for (wire, step) in ways.iter().flat_map(|wire| [1, 7, 1460, usize::MAX].map(|step| (wire, step))) {
            let mut pair = Pair::new(wire, step);
            assert_eq!(pair.client.secured(), wire.tls.is_some(), "{name}");
            // Two records are enough to be cut byte by byte.
            let most = if wire.tls.is_some() && step == 1 { 20_000 } else { 1 << 20 };
            for ask in every_call(&[0, 1, CHUNK - 1, CHUNK, CHUNK + 1, most]) {
                let reply = pair.call(ask);
                assert_eq!(reply.verdict, Ok(()), "{name}: {ask:?} in steps of {step}");
                assert!(reply.reusable, "{name}: {ask:?}");
                assert_eq!(reply.nonce.as_deref(), (ask == Ask::Nonce).then_some("the-token"));
                pair.up.clear();
                pair.down.clear();
            }
            assert!(pair.client.messages() >= 41);
        }
    }
}

/// One to eight slips of a known stream: bytes changed, taken out, doubled, or the rest cut off.
fn broken(mut bytes: Vec<u8>, random: &mut SplitMix) -> Vec<u8> {
    for _ in 0..=random.below(8) {
        if bytes.is_empty() {
            break;
        }
        let at = random.below(bytes.len() as u64) as usize;
        let end = (at + random.below(20) as usize).min(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => drop(bytes.drain(at..end)),
            3 => drop(bytes.splice(at..at, bytes[at..end].to_vec())),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn broken_bytes_are_a_fault_or_a_refusal_and_never_a_panic() {
    const ROUNDS: u64 = 50_000;
    for (name, protocol) in stream_transports() {
        let mut random = SplitMix::new(7);
        let asks = every_call(&[0, 5, 2100]);
        let streams: Vec<(Vec<u8>, Vec<u8>)> = asks
            .iter()
            .map(|ask| {
                let mut pair = Pair::new(&Wire::plain(protocol), usize::MAX);
                pair.call(*ask);
                (pair.up, pair.down)
            })
            .collect();
        let fill = Fill::new(FillKind::Random, SEED);
        let (mut refused, mut wrong) = (0, 0);
        for round in 0..ROUNDS {
            let which = (round % asks.len() as u64) as usize;
            let step = [1, 13, usize::MAX][(round / 7 % 3) as usize];
            refused += u64::from(server_refuses(protocol, &broken(streams[which].0.clone(), &mut random), step));
            let down = broken(streams[which].1.clone(), &mut random);
            wrong += u64::from(client_is_not_content(protocol, asks[which], &fill, &down, step));
        }
        // Some slips change nothing that matters, and most change something.
        assert!(refused > ROUNDS / 20 && wrong > ROUNDS / 3, "{name}: {refused} refused, {wrong} wrong of {ROUNDS}");
    }
}

/// True where the server ends the connection at these bytes.
fn server_refuses(protocol: &dyn StreamProtocol, bytes: &[u8], step: usize) -> bool {
    let mut server = protocol.server(&ServerContext { options: Options::default(), body_limit: 4096 });
    let service = Service::new("the-token".into(), None, None);
    let mut out = Outbox::new();
    for piece in bytes.chunks(step) {
        let mut input = piece;
        loop {
            match server.receive(&mut input, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Write) => {}
                Ok(Step::Close) | Err(_) => return true,
                Ok(Step::Execute { call, asked }) => {
                    // A slip may ask for years of computing, or for a body that would be made for hours.
                    let answer = match asked {
                        Asked::Compute { .. } => Answer::Number(0),
                        asked => service.execute(asked).answer,
                    };
                    if server.answer(call, answer, &mut out) == Next::Close {
                        return true;
                    }
                    out.clear();
                    server.produce(&mut out);
                    if !out.is_empty() {
                        return false;
                    }
                }
            }
        }
        assert!(input.is_empty(), "a server that wants more has taken all there was");
    }
    false
}

/// True where the client has no good reply after these bytes.
fn client_is_not_content(protocol: &dyn StreamProtocol, ask: Ask, fill: &Arc<Fill>, bytes: &[u8], step: usize) -> bool {
    let authority = "127.0.0.1:1".to_owned();
    let mut client = protocol.client(&ClientContext { fill: fill.clone(), options: Options::default(), authority });
    let mut out = Outbox::new();
    let mut opening = client.open(&mut out);
    if !opening {
        client.call(0, &ask, true, &mut out);
    }
    out.clear();
    for piece in bytes.chunks(step) {
        let mut input = piece;
        loop {
            match client.receive(&mut input, &mut out) {
                Err(_) => return true,
                Ok(None) => break,
                Ok(Some(reply)) if opening && reply.verdict.is_ok() => {
                    opening = false;
                    client.call(0, &ask, true, &mut out);
                }
                Ok(Some(reply)) => return reply.verdict.is_err(),
            }
        }
        out.clear();
    }
    true
}

#[test]
fn no_payload_can_be_read_on_a_secure_wire() {
    let fill = Fill::new(FillKind::Random, SEED);
    let seen = |wire: &[u8]| {
        // Neither end's framing keeps a whole record's worth of payload from view.
        let samples = fill.at(0)[..100_000].chunks_exact(16).step_by(100);
        samples.filter(|sample| wire.windows(16).any(|window| window == *sample)).count()
    };
    for (name, protocol) in stream_transports() {
        for (wire, hidden) in [(Wire::plain(protocol), false), (Wire::secure(protocol), true)] {
            let mut pair = Pair::new(&wire, usize::MAX);
            for ask in [Ask::Upload { len: 100_000, chunk: None }, Ask::Download { len: 100_000, chunk: None }] {
                assert_eq!(pair.call(ask).verdict, Ok(()), "{name}");
            }
            assert_eq!((seen(&pair.up) == 0, seen(&pair.down) == 0), (hidden, hidden), "{name}");
        }
    }
}

/// Pings once where one byte of what goes up or down is changed; true where the ping is answered.
fn answered_despite_a_slip(wire: &Wire, up: bool, at: usize, slip: u8) -> bool {
    let (mut client, mut server) = wire.ends();
    let (service, mut out, mut back) = (service(), Outbox::new(), Outbox::new());
    let mut passed = [0, 0];
    let mut slipped = |bytes: &mut Vec<u8>, way: usize| {
        if way == usize::from(!up) && (passed[way]..passed[way] + bytes.len()).contains(&at) {
            bytes[at - passed[way]] ^= slip;
        }
        passed[way] += bytes.len();
    };
    let mut opening = client.open(&mut out);
    loop {
        let mut bytes = written(&mut out, |out| client.produce(out));
        if bytes.is_empty() {
            return false;
        }
        slipped(&mut bytes, 0);
        let mut input = &bytes[..];
        loop {
            match server.receive(&mut input, &mut back) {
                Ok(Step::Read) => break,
                Ok(Step::Write) => {}
                Ok(Step::Close) | Err(_) => return false,
                Ok(Step::Execute { call, asked }) => {
                    assert_eq!(server.answer(call, service.execute(asked).answer, &mut back), Next::Continue);
                }
            }
        }
        let mut bytes = written(&mut back, |out| server.produce(out));
        slipped(&mut bytes, 1);
        match client.receive(&mut &bytes[..], &mut out) {
            Err(_) => return false,
            Ok(None) => {}
            Ok(Some(reply)) if !opening => return reply.verdict.is_ok(),
            Ok(Some(_)) => {
                opening = client.open(&mut out);
                if !opening {
                    client.call(0, &Ask::Ping, true, &mut out);
                }
            }
        }
    }
}

#[test]
fn a_slip_on_a_secure_wire_ends_the_connection() {
    const ROUNDS: usize = 400;
    let wire = Wire::secure(stream_transports().next().expect("there are transports").1);
    let mut pair = Pair::new(&wire, usize::MAX);
    assert_eq!(pair.call(Ask::Ping).verdict, Ok(()));
    assert!(answered_despite_a_slip(&wire, true, usize::MAX, 1), "without a slip it is answered");
    let mut random = SplitMix::new(11);
    let despite = (0..ROUNDS).filter(|round| {
        let up = round % 2 == 0;
        let at = random.below(if up { pair.up.len() } else { pair.down.len() } as u64) as usize;
        answered_despite_a_slip(&wire, up, at, 1 << random.below(8))
    });
    // RFC 8446 lets the version in the head of the first records be anything, and the dummies of middleboxes.
    assert!(despite.count() < ROUNDS / 20);
}

#[test]
fn a_secure_end_seals_a_long_body_piece_by_piece() {
    const LEN: u64 = 8 << 20;
    let wire = Wire::secure(stream_transports().next().expect("there are transports").1);
    let mut pair = Pair::new(&wire, usize::MAX);
    let (mut out, mut sealed) = (Outbox::new(), 0);
    pair.client.call(0, &Ask::Upload { len: LEN, chunk: None }, false, &mut out);
    while !out.is_empty() {
        assert!(out.len() < 1 << 20, "{} bytes are sealed before anybody writes them", out.len());
        sealed += out.len();
        out.clear();
        pair.client.produce(&mut out);
    }
    assert!(sealed > LEN, "a body of {LEN} bytes was sealed as {sealed}");
}
