//! Both ends of every stream transport, in memory: bytes in, bytes out, however they are cut or broken.

mod pairs;
mod slips;

use std::sync::Arc;

use engine::call::{CallRequest, CallResponse, CallSpec, Fill, FillKind, SplitMix};
use engine::server::service::Service;
use engine::transport::contract::{ClientContext, Next, ServerContext, Step, StreamProtocol};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::Options;
use engine::transport::outbox::Outbox;
use pairs::{CHUNK, Pair, SEED, Wire, every_call, service, stream_transports, written};
use slips::broken;

#[test]
fn every_call_is_answered_however_its_bytes_are_cut() {
    for (name, protocol) in stream_transports() {
        let ways = [Wire::plain(protocol), Wire::secure(protocol)];
        for (wire, step) in ways.iter().flat_map(|wire| [1, 7, 1460, usize::MAX].map(|step| (wire, step))) {
            let mut pair = Pair::new(wire, step);
            assert_eq!(pair.client.is_encrypted(), wire.tls.is_some(), "{name}");
            // Two records are enough to be cut byte by byte.
            let most = if wire.tls.is_some() && step == 1 { 20_000 } else { 1 << 20 };
            for ask in every_call(&[0, 1, CHUNK - 1, CHUNK, CHUNK + 1, most]) {
                let reply = pair.call(ask);
                assert_eq!(reply.verdict, Ok(()), "{name}: {ask:?} in steps of {step}");
                assert!(reply.reusable, "{name}: {ask:?}");
                assert_eq!(reply.nonce.as_deref(), (ask == CallSpec::Nonce).then_some("the-token"));
                pair.up.clear();
                pair.down.clear();
            }
            assert!(pair.client.messages() >= 41);
        }
    }
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
            refused += u64::from(server_refuses(protocol, &broken(&streams[which].0, &mut random), step));
            let down = broken(&streams[which].1, &mut random);
            wrong += u64::from(client_is_not_content(protocol, asks[which], &fill, &down, step));
        }
        // Some slips change nothing that matters, and most change something.
        assert!(refused > ROUNDS / 20 && wrong > ROUNDS / 3, "{name}: {refused} refused, {wrong} wrong of {ROUNDS}");
    }
}

/// True where the server ends the connection at these bytes.
fn server_refuses(protocol: &dyn StreamProtocol, bytes: &[u8], step: usize) -> bool {
    let mut server = protocol.server(&ServerContext {
        options: Options::default(),
        body_limit: 4096,
        hold: Hold::new(HELD).expect("a page"),
    });
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
                        CallRequest::Compute { .. } => CallResponse::Number(0),
                        asked => service.execute(asked).answer,
                    };
                    if server.answer(call, answer, &mut out) == Next::Close {
                        return true;
                    }
                    out.clear();
                    server.fill_output(&mut out);
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
fn client_is_not_content(
    protocol: &dyn StreamProtocol,
    ask: CallSpec,
    fill: &Arc<Fill>,
    bytes: &[u8],
    step: usize,
) -> bool {
    let authority = "127.0.0.1:1".to_owned();
    let mut client = protocol.client(&ClientContext::of_service(fill.clone(), Options::default(), authority));
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
            for ask in
                [CallSpec::Upload { len: 100_000, chunk: None }, CallSpec::Download { len: 100_000, chunk: None }]
            {
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
        let mut bytes = written(&mut out, |out| client.fill_output(out));
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
        let mut bytes = written(&mut back, |out| server.fill_output(out));
        slipped(&mut bytes, 1);
        match client.receive(&mut &bytes[..], &mut out) {
            Err(_) => return false,
            Ok(None) => {}
            Ok(Some(reply)) if !opening => return reply.verdict.is_ok(),
            Ok(Some(_)) => {
                opening = client.open(&mut out);
                if !opening {
                    client.call(0, &CallSpec::Ping, true, &mut out);
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
    assert_eq!(pair.call(CallSpec::Ping).verdict, Ok(()));
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
    pair.client.call(0, &CallSpec::Upload { len: LEN, chunk: None }, false, &mut out);
    while !out.is_empty() {
        assert!(out.len() < 1 << 20, "{} bytes are sealed before anybody writes them", out.len());
        sealed += out.len();
        out.clear();
        pair.client.fill_output(&mut out);
    }
    assert!(sealed > LEN, "a body of {LEN} bytes was sealed as {sealed}");
}
