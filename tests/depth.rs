//! No decoder goes as deep as a peer says: both ends of every protocol, on the smallest stack that they are ever given.

use std::io::Write;
use std::thread;

use engine::call::{CallResponse, CallSpec, Fill};
use engine::server::threaded::STACK;
use engine::transport::TRANSPORTS;
use engine::transport::contract::{ClientContext, IoModel, Next, ServerContext, Step, StreamProtocol};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::Options;
use engine::transport::outbox::Outbox;
use flate2::Compression;
use flate2::write::ZlibEncoder;

/// How deep what comes claims to nest: a step of the stack for each would take far more than there is.
const DEPTH: usize = 50_000;

/// A frame of rpyc around a message.
fn frame(message: &[u8]) -> Vec<u8> {
    [&(message.len() as u32).to_be_bytes()[..], &[0], message, b"\n"].concat()
}

/// The same, compressed.
fn pressed(message: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(message).expect("memory takes it");
    let message = zlib.finish().expect("memory takes it");
    [&(message.len() as u32).to_be_bytes()[..], &[1], &message, b"\n"].concat()
}

/// Request, reply and exception of rpyc with `inside` where each of them has a value of any kind.
fn messages(inside: &[u8]) -> Vec<Vec<u8>> {
    let whole = [[&[1][..], inside].concat(), [&[2][..], inside].concat(), [&[3][..], inside].concat()];
    let request = |handler: u8, label: u8| [&[1, 0x11, 0x50, 0x11, handler, 0x11, label][..], inside].concat();
    // Handlers 1, 4 and 7: ping, getattr, call. Labels 1 and 2: a value, a tuple of boxes.
    let requests = [0x51, 0x54, 0x57].into_iter().flat_map(|handler| [0x51, 0x52].map(|label| request(handler, label)));
    let replies = [0x51, 0x52].map(|label| [&[2, 0x11, 0x50, 0x11, label][..], inside].concat());
    let exception = [&[3, 0x11, 0x50][..], inside].concat();
    whole.into_iter().chain(requests).chain(replies).chain([exception]).collect()
}

/// What nests as deep as its length allows, in the words of every protocol that has any.
fn deep() -> Vec<Vec<u8>> {
    let repeated = |unit: &[u8]| unit.repeat(DEPTH);
    // Every tag of brine by itself; a tuple of one box that is a tuple of boxes, and the like by value.
    let brine = (0..=0x1f).map(|tag| repeated(&[tag]));
    let brine = brine.chain([repeated(&[0x11, 0x52, 0x10]), repeated(&[0x14, 1]), repeated(&[0x1a, 0x10])]);
    let framed = brine.flat_map(|inside| messages(&inside)).flat_map(|message| [frame(&message), pressed(&message)]);
    let json = ["[", "{\"a\":", "{\"chunks\":[", "\""].map(|unit| {
        let body = unit.repeat(DEPTH);
        let head = "POST /upload-file-chunked HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
        format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
    });
    let heads = ["GET ", "/", ";", "(", "\r\n", "1;"].map(|unit| unit.repeat(DEPTH).into_bytes());
    let coded =
        format!("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;{}", "a=\"".repeat(DEPTH));
    let replies = ["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"];
    let replies = replies.map(|unit| unit.repeat(DEPTH / 10).into_bytes());
    let bytes = [0x00, 0x0a, 0x7f, 0xff].map(|byte| repeated(&[byte]));
    framed.chain(json).chain(heads).chain([coded.into_bytes()]).chain(replies).chain(bytes).collect()
}

/// Gives a server what a client sends, until it has had enough.
fn serve(protocol: &dyn StreamProtocol, mut input: &[u8]) {
    let mut server = protocol.server(&ServerContext {
        options: Options::default(),
        body_limit: 1 << 32,
        hold: Hold::new(HELD).expect("a page"),
    });
    let mut out = Outbox::new();
    loop {
        match server.receive(&mut input, &mut out) {
            Ok(Step::Read) if input.is_empty() => return,
            Ok(Step::Read | Step::Write) => {}
            Ok(Step::Close) | Err(_) => return,
            Ok(Step::Execute { call, .. }) => {
                if server.answer(call, CallResponse::Pong, &mut out) == Next::Close {
                    return;
                }
            }
        }
        server.fill_output(&mut out);
        out.clear();
    }
}

/// Gives a client what a server sends, until it has had enough.
fn call(protocol: &dyn StreamProtocol, mut input: &[u8]) {
    let context = ClientContext::of_service(Fill::constant(0), Options::default(), "deep");
    let mut client = protocol.client(&context);
    let mut out = Outbox::new();
    if !client.open(&mut out) {
        client.call(0, &CallSpec::Ping, true, &mut out);
    }
    while !input.is_empty() {
        match client.receive(&mut input, &mut out) {
            Ok(Some(_)) => client.call(0, &CallSpec::Ping, true, &mut out),
            Ok(None) => {}
            Err(_) => return,
        }
        out.clear();
    }
}

#[test]
fn no_decoder_goes_as_deep_as_a_peer_says() {
    let inputs = deep();
    let on_the_smallest_stack = move || {
        for transport in TRANSPORTS {
            let IoModel::Stream(protocol) = transport.io_model() else { continue };
            for input in &inputs {
                serve(protocol, input);
                call(protocol, input);
            }
        }
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(on_the_smallest_stack).expect("a thread");
    thread.join().expect("nobody panics");
}
