//! Feeds both ends of RPyC whatever the fuzzer thinks of: frames, brine, zlib.
//!
//! `just fuzz` runs it. Neither end may panic, hang, or take memory by a length that a peer merely claims.

#![no_main]

use engine::call::{Answer, Ask, Asked, Fill};
use engine::transport::TRANSPORTS;
use engine::transport::contract::{ClientContext, Next, Options, Seam, ServerContext, Step, StreamProtocol};
use engine::transport::outbox::Outbox;
use libfuzzer_sys::fuzz_target;

/// Far below the fuzzer's memory limit, so that a limit that does not hold is found.
const BODY_LIMIT: u64 = 1 << 20;

fuzz_target!(|input: (u8, u8, Vec<u8>)| {
    let (role, cut, bytes) = input;
    let rpyc = TRANSPORTS.iter().find(|transport| transport.name() == "rpyc").expect("rpyc is in the list");
    let Seam::Stream(protocol) = rpyc.seam() else { unreachable!("rpyc runs over a stream") };
    let pieces = bytes.chunks(usize::from(cut).max(1));
    if role & 1 == 0 { server(protocol, pieces) } else { client(protocol, role, pieces) }
});

fn server<'a>(protocol: &dyn StreamProtocol, pieces: impl Iterator<Item = &'a [u8]>) {
    let mut codec = protocol.server(&ServerContext { options: Options::default(), body_limit: BODY_LIMIT });
    let mut out = Outbox::new();
    for mut piece in pieces {
        loop {
            match codec.receive(&mut piece, &mut out) {
                Ok(Step::Read) => break,
                Ok(Step::Write) => {}
                Ok(Step::Close) | Err(_) => return,
                Ok(Step::Execute { call, asked }) => {
                    // Computing and sleeping as long as a stranger says is the service's matter, not the codec's.
                    let answer = match asked {
                        Asked::Echo(bytes) => Answer::Echo(bytes),
                        Asked::Upload(len) => Answer::Size(len),
                        Asked::Download { len, .. } => Answer::Bytes { fill: Fill::constant(0), len: len.min(1 << 16) },
                        Asked::Compute { .. } => Answer::Number(0),
                        Asked::Sleep { ns } => Answer::Slept(ns),
                        Asked::Ping => Answer::Pong,
                        Asked::Nonce => Answer::Nonce("nonce".into()),
                    };
                    if codec.answer(call, answer, &mut out) == Next::Close {
                        return;
                    }
                }
            }
            codec.produce(&mut out);
            out.clear();
        }
    }
}

fn client<'a>(protocol: &dyn StreamProtocol, role: u8, pieces: impl Iterator<Item = &'a [u8]>) {
    let context = ClientContext { fill: Fill::constant(0), options: Options::default(), authority: "fuzz".into() };
    let mut codec = protocol.client(&context);
    let mut out = Outbox::new();
    codec.open(&mut out);
    let asks = [
        Ask::Ping,
        Ask::Nonce,
        Ask::Echo { len: 10, chunk: None },
        Ask::Upload { len: 100, chunk: Some(10) },
        Ask::Download { len: 100, chunk: None },
        Ask::Download { len: 100, chunk: Some(10) },
        Ask::Compute { n: 10 },
        Ask::Sleep { ns: 10 },
    ];
    for mut piece in pieces {
        while !piece.is_empty() {
            match codec.receive(&mut piece, &mut out) {
                Ok(Some(_)) => codec.call(0, &asks[usize::from(role >> 1) % asks.len()], true, &mut out),
                Ok(None) => {}
                Err(_) => return,
            }
            codec.produce(&mut out);
            out.clear();
        }
    }
}
