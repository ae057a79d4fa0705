//! Both ends of a stream transport, in memory, with a wire between them.
#![allow(dead_code, reason = "not every test file needs everything")]

use engine::call::{CallSpec, Fill, FillKind, SQUARES};
use engine::server::service::Service;
use engine::transport::TRANSPORTS;
use engine::transport::address::Address;
use engine::transport::contract::{
    ClientCodec, ClientContext, Family, IoModel, Next, Reply, ServerCodec, ServerContext, Step, StreamProtocol,
};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::{OptionValue, Options};
use engine::transport::options::TLS;
use engine::transport::outbox::Outbox;
use engine::transport::tls::{Identity, Trust};

/// The chunk of those calls of [`every_call`] that have chunks.
pub(crate) const CHUNK: u64 = 1000;
/// The seed of all bytes.
pub(crate) const SEED: u64 = 42;
/// The longest body that a server takes in.
const LIMIT: u64 = 1 << 22;

/// A stream protocol, as it is or in TLS.
pub(crate) struct Wire {
    pub(crate) protocol: &'static dyn StreamProtocol,
    pub(crate) tls: Option<(Identity, Trust)>,
}

impl Wire {
    pub(crate) fn plain(protocol: &'static dyn StreamProtocol) -> Self {
        Wire { protocol, tls: None }
    }

    pub(crate) fn secure(protocol: &'static dyn StreamProtocol) -> Self {
        let options = Options([(TLS.name.to_owned(), OptionValue::Flag(true))].into());
        let address = Address::any(Family::Tcp);
        let identity = Identity::of(&options, &protocol.alpn_served(), &address).expect("a certificate").expect("TLS");
        let trust = Trust::of(&options, protocol.alpn(), Some(identity.ca()), &address).expect("a certificate");
        Wire { protocol, tls: Some((identity, trust.expect("TLS"))) }
    }

    pub(crate) fn ends(&self) -> (Box<dyn ClientCodec>, Box<dyn ServerCodec>) {
        let fill = Fill::new(FillKind::Random, SEED);
        let options = Options::default();
        let authority = "127.0.0.1:1".to_owned();
        let client = self.protocol.client(&ClientContext::of_service(fill, options.clone(), authority));
        let server =
            self.protocol.server(&ServerContext { options, body_limit: LIMIT, hold: Hold::new(HELD).expect("a page") });
        match &self.tls {
            None => (client, server),
            Some((identity, trust)) => (trust.secure(client).expect("a handshake"), identity.secure(server)),
        }
    }
}

pub(crate) fn service() -> Service {
    Service::new("the-token".into(), Some((FillKind::Random, SEED)), None)
}

/// Two ends with a wire between them that delivers `step` bytes at a time.
pub(crate) struct Pair {
    pub(crate) client: Box<dyn ClientCodec>,
    pub(crate) server: Box<dyn ServerCodec>,
    service: Service,
    step: usize,
    pub(crate) up: Vec<u8>,
    pub(crate) down: Vec<u8>,
}

impl Pair {
    pub(crate) fn new(wire: &Wire, step: usize) -> Self {
        let (client, server) = wire.ends();
        let mut pair = Pair { client, server, service: service(), step, up: Vec::new(), down: Vec::new() };
        let mut out = Outbox::new();
        while pair.client.open(&mut out) {
            pair.until_reply(&mut out).verdict.expect("the greeting is answered");
        }
        pair
    }

    pub(crate) fn call(&mut self, ask: CallSpec) -> Reply {
        let mut out = Outbox::new();
        self.client.call(0, &ask, true, &mut out);
        self.until_reply(&mut out)
    }

    /// Lets bytes go to and fro until the client has its reply and both ends have said what they had to.
    fn until_reply(&mut self, out: &mut Outbox) -> Reply {
        let mut reply = None;
        loop {
            let up = written(out, |out| self.client.fill_output(out));
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
                all.extend(written(&mut out, |out| self.server.fill_output(out)));
                match step {
                    Step::Read => break,
                    Step::Write => {}
                    Step::Close => panic!("the server closes"),
                    Step::Execute { call, asked } => {
                        let next = self.server.answer(call, self.service.execute(asked).answer, &mut out);
                        assert_eq!(next, Next::Continue);
                        all.extend(written(&mut out, |out| self.server.fill_output(out)));
                    }
                }
            }
        }
        all
    }
}

/// Everything that one end has to write.
pub(crate) fn written(out: &mut Outbox, mut produce: impl FnMut(&mut Outbox)) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        all.extend(out.drain());
        produce(out);
        if out.is_empty() {
            return all;
        }
    }
}

pub(crate) fn stream_transports() -> impl Iterator<Item = (&'static str, &'static dyn StreamProtocol)> {
    TRANSPORTS.iter().filter_map(|transport| match transport.io_model() {
        IoModel::Stream(protocol) => Some((transport.name(), protocol)),
        IoModel::Async(_) => None,
    })
}

pub(crate) fn every_call(payloads: &[u64]) -> Vec<CallSpec> {
    let mut asks = vec![
        CallSpec::Ping,
        CallSpec::Compute { what: &SQUARES, n: 1000 },
        CallSpec::Sleep { ns: 1_500_000 },
        CallSpec::Nonce,
        CallSpec::Ping,
    ];
    for &len in payloads {
        for chunk in [None, Some(CHUNK)] {
            asks.extend([
                CallSpec::Echo { len, chunk },
                CallSpec::Upload { len, chunk },
                CallSpec::Download { len, chunk },
            ]);
        }
    }
    asks
}
