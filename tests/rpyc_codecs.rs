//! Both ends of rpyc in memory, joined without a network: every call, however the bytes are cut.

use std::sync::Arc;

use engine::call::{CallSpec, ErrorClass, Fill, FillKind, SQUARES, SplitMix};
use engine::server::service::Service;
use engine::transport::contract::{
    ClientCodec, ClientContext, Reply, ServerCodec, ServerContext, Step, StreamProtocol,
};
use engine::transport::held::{HELD, Hold};
use engine::transport::option::{OptionValue, Options};
use engine::transport::outbox::Outbox;
use engine::transport::rpyc::Rpyc;
use engine::transport::rpyc::brine::{Token, put};

const SEED: u64 = 11;

/// A client and a server, and how many bytes at a time pass between them.
struct Pair {
    client: Box<dyn ClientCodec>,
    server: Box<dyn ServerCodec>,
    service: Service,
    cut: usize,
    up: u64,
    down: u64,
}

fn options(pairs: &[(&str, OptionValue)]) -> Options {
    Options(pairs.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
}

impl Pair {
    fn new(kind: FillKind, cut: usize, options: Options, fault: Option<&str>) -> Self {
        let fill = Fill::new(kind, SEED);
        let context = ClientContext::of_service(fill, options.clone(), "memory");
        let fault = fault.map(|fault| fault.parse().expect("a known fault"));
        Pair {
            client: Rpyc.client(&context),
            server: Rpyc.server(&ServerContext {
                options,
                body_limit: 1 << 32,
                hold: Hold::new(HELD).expect("a page"),
            }),
            service: Service::new("token".into(), Some((kind, SEED)), fault),
            cut,
            up: 0,
            down: 0,
        }
    }

    /// Carries bytes to and fro until a reply comes.
    fn reply(&mut self, mut out: Outbox) -> Reply {
        let mut back = Outbox::new();
        let mut reply = None;
        loop {
            let up = out.drain();
            self.up += up.len() as u64;
            for mut piece in up.chunks(self.cut) {
                loop {
                    match self.server.receive(&mut piece, &mut back).expect("the server understands") {
                        Step::Read => break,
                        Step::Write => {}
                        Step::Execute { asked, .. } => {
                            let answer = self.service.execute_blocking(asked);
                            self.server.answer(0, answer, &mut back);
                        }
                        Step::Close => panic!("nobody said goodbye"),
                    }
                }
                assert!(piece.is_empty());
            }
            let down = back.drain();
            self.down += down.len() as u64;
            for mut piece in down.chunks(self.cut) {
                while !piece.is_empty() {
                    match self.client.receive(&mut piece, &mut out).expect("the client understands") {
                        Some(came) => assert!(reply.replace(came).is_none(), "one reply to a call"),
                        None => assert!(piece.is_empty()),
                    }
                }
            }
            if out.is_empty() {
                // What is still underway when the reply has come (DEL and its reply) has been carried too.
                return reply.expect("a reply before both ends fall silent");
            }
        }
    }

    fn open(&mut self) {
        let mut out = Outbox::new();
        assert!(self.client.open(&mut out));
        assert_eq!(self.reply(out).verdict, Ok(()));
    }

    fn call(&mut self, ask: CallSpec) -> Reply {
        let mut out = Outbox::new();
        self.client.call(0, &ask, true, &mut out);
        let reply = self.reply(out);
        assert!(reply.reusable);
        reply
    }
}

fn every_call(pair: &mut Pair, payloads: &[u64], chunk: u64) {
    pair.open();
    assert_eq!(pair.call(CallSpec::Nonce).nonce.as_deref(), Some("token"));
    for ask in [
        CallSpec::Ping,
        CallSpec::Compute { what: &SQUARES, n: 0 },
        CallSpec::Compute { what: &SQUARES, n: 12_345 },
        CallSpec::Sleep { ns: 1_500 },
        CallSpec::Ping,
    ] {
        assert_eq!(pair.call(ask).verdict, Ok(()), "{ask:?}");
    }
    for len in payloads.iter().copied() {
        for chunk in [None, Some(chunk)] {
            for ask in
                [CallSpec::Echo { len, chunk }, CallSpec::Upload { len, chunk }, CallSpec::Download { len, chunk }]
            {
                assert_eq!(pair.call(ask).verdict, Ok(()), "{ask:?}");
            }
        }
    }
}

#[test]
fn every_call_at_every_size_is_answered_and_its_content_verified() {
    let payloads = [0, 1, 255, 256, 2_900, 3_100, 65_535, 65_536, 65_537, 1 << 20];
    for compress in [true, false] {
        for kind in [FillKind::Zeros, FillKind::Text, FillKind::Random] {
            for method in ["attribute", "bound"] {
                let options =
                    options(&[("compress", OptionValue::Flag(compress)), ("method", OptionValue::Word(method.into()))]);
                every_call(&mut Pair::new(kind, 7_001, options.clone(), None), &payloads, 65_536);
                every_call(&mut Pair::new(kind, usize::MAX, options, None), &payloads, 65_536);
            }
        }
    }
}

#[test]
fn bytes_may_come_one_by_one() {
    for compress in [true, false] {
        let options = options(&[("compress", OptionValue::Flag(compress))]);
        every_call(&mut Pair::new(FillKind::Random, 1, options, None), &[0, 1, 99, 100, 101, 4_000], 100);
    }
}

#[test]
fn a_ping_takes_the_messages_and_bytes_that_real_ends_take() {
    // The recorded 255, 93 and 3 less the 33 bytes by which the reference suite's name of its service is longer,
    // and one more, because here the class of the service has an id of 15 digits.
    for (method, up, down, messages) in [("attribute", 255 - 33 + 1, 93, 3), ("bound", 75, 17, 1)] {
        let options = options(&[("method", OptionValue::Word(method.into()))]);
        let mut pair = Pair::new(FillKind::Zeros, usize::MAX, options, None);
        pair.open();
        assert!(!pair.client.quick_ack(), "our own server has no Nagle to wait for");
        for _ in 0..1200 {
            let (seq, before) = (pair.client.messages(), (pair.up, pair.down));
            assert_eq!(pair.call(CallSpec::Ping).verdict, Ok(()));
            assert_eq!(pair.client.messages() - seq, messages);
            // From 160 a number is a text with a head, and from 1000 it has a digit more.
            let longer: u64 =
                (seq..seq + messages).map(|seq| [0, 4, 5][(seq >= 160) as usize + (seq >= 1000) as usize]).sum();
            assert_eq!((pair.up - before.0, pair.down - before.1), (up + longer, down + longer), "number {seq}");
        }
    }
}

#[test]
fn what_is_wrong_is_found_and_the_connection_lives_on() {
    for (fault, ask, class) in [
        ("short", CallSpec::Download { len: 70_000, chunk: None }, ErrorClass::Short),
        ("short", CallSpec::Download { len: 70_000, chunk: Some(1_000) }, ErrorClass::Short),
        ("short", CallSpec::Upload { len: 70_000, chunk: Some(1_000) }, ErrorClass::Short),
        ("short", CallSpec::Echo { len: 10, chunk: None }, ErrorClass::Short),
        ("corrupt", CallSpec::Download { len: 70_000, chunk: None }, ErrorClass::Corrupt),
        ("corrupt", CallSpec::Echo { len: 70_000, chunk: None }, ErrorClass::Corrupt),
        ("corrupt", CallSpec::Compute { what: &SQUARES, n: 10 }, ErrorClass::Corrupt),
        ("status=500", CallSpec::Ping, ErrorClass::Status),
        ("status=500", CallSpec::Upload { len: 5_000, chunk: Some(1_000) }, ErrorClass::Status),
    ] {
        let mut pair = Pair::new(FillKind::Random, usize::MAX, Options::default(), Some(fault));
        pair.open();
        for _ in 0..2 {
            let fault = pair.call(ask).verdict.expect_err("the fault must be found");
            assert_eq!(fault.class, class, "{fault}");
        }
    }
}

#[test]
fn a_compressed_body_is_small_and_an_uncompressed_one_is_not() {
    let wire = |kind, compress| {
        let options = options(&[("compress", OptionValue::Flag(compress))]);
        let mut pair = Pair::new(kind, usize::MAX, options, None);
        pair.open();
        let ask = CallSpec::Echo { len: 1 << 20, chunk: None };
        assert_eq!(pair.call(ask).verdict, Ok(()));
        (pair.up, pair.down)
    };
    let (up, down) = wire(FillKind::Zeros, true);
    assert!(up < 20_000 && down < 20_000, "{up} {down}");
    let (up, down) = wire(FillKind::Random, true);
    assert!((1 << 20..(1 << 20) + 8_000).contains(&up) && (1 << 20..(1 << 20) + 8_000).contains(&down), "{up} {down}");
    let (up, down) = wire(FillKind::Zeros, false);
    assert!(up > 1 << 20 && down > 1 << 20, "{up} {down}");
}

/// What real clients and servers have said in this test, to be mutated.
fn recorded() -> (Vec<u8>, Vec<u8>) {
    let mut pair = Pair::new(FillKind::Random, usize::MAX, Options::default(), None);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let asks = [
        CallSpec::Ping,
        CallSpec::Echo { len: 300, chunk: None },
        CallSpec::Upload { len: 250, chunk: Some(100) },
        CallSpec::Download { len: 250, chunk: Some(100) },
        CallSpec::Download { len: 4_000, chunk: None },
    ];
    let mut out = Outbox::new();
    let mut back = Outbox::new();
    assert!(pair.client.open(&mut out));
    let mut asks = asks.iter();
    loop {
        let bytes = out.drain();
        up.extend_from_slice(&bytes);
        let mut input = bytes.as_slice();
        while let Step::Execute { asked, .. } =
            pair.server.receive(&mut input, &mut back).expect("the server understands")
        {
            pair.server.answer(0, pair.service.execute_blocking(asked), &mut back);
        }
        let bytes = back.drain();
        down.extend_from_slice(&bytes);
        let mut input = bytes.as_slice();
        while !input.is_empty() {
            if pair.client.receive(&mut input, &mut out).expect("the client understands").is_some() {
                match asks.next() {
                    Some(ask) => pair.client.call(0, ask, true, &mut out),
                    None => return (up, down),
                }
            }
        }
    }
}

/// How many broken connections are tried; `RPYC_BROKEN` sets another number.
fn rounds() -> u32 {
    std::env::var("RPYC_BROKEN").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(120_000)
}

fn mutated(original: &[u8], random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = original.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() as u64) as usize;
        match random.below(5) {
            0 => bytes[at] = random.next() as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at.max(1)),
            3 => {
                let until = (at + 1 + random.below(40) as usize).min(bytes.len());
                let piece = bytes[at..until].to_vec();
                let to = random.below(bytes.len() as u64) as usize;
                bytes.splice(to..to, piece);
            }
            _ => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = 0xff),
        }
    }
    bytes
}

#[test]
fn nothing_that_comes_in_makes_either_end_panic() {
    let (up, down) = recorded();
    let mut random = SplitMix::new(rounds().into());
    let fill = Fill::new(FillKind::Random, SEED);
    let context = ClientContext::of_service(fill.clone(), Options::default(), "memory");
    let (mut faults, mut out) = (0u32, Outbox::new());
    for round in 0..rounds() {
        let cut = 1 + random.below(200) as usize;
        if round.is_multiple_of(2) {
            let mut server = Rpyc.server(&ServerContext {
                options: Options::default(),
                body_limit: 1 << 20,
                hold: Hold::new(HELD).expect("a page"),
            });
            'connection: for mut piece in mutated(&up, &mut random).chunks(cut) {
                loop {
                    match server.receive(&mut piece, &mut out) {
                        Ok(Step::Read) => break,
                        Ok(Step::Write) => {}
                        Ok(Step::Close) => break 'connection,
                        Ok(Step::Execute { .. }) => {
                            let answer = engine::call::CallResponse::Bytes { fill: fill.clone(), len: 50 };
                            server.answer(0, answer, &mut out);
                        }
                        Err(_) => {
                            faults += 1;
                            break 'connection;
                        }
                    }
                }
            }
        } else {
            let mut client = Rpyc.client(&context);
            client.open(&mut out);
            'connection: for mut piece in mutated(&down, &mut random).chunks(cut) {
                while !piece.is_empty() {
                    match client.receive(&mut piece, &mut out) {
                        Ok(Some(_)) => {
                            client.call(0, &CallSpec::Download { len: 250, chunk: Some(100) }, true, &mut out);
                        }
                        Ok(None) => {}
                        Err(_) => {
                            faults += 1;
                            break 'connection;
                        }
                    }
                }
            }
        }
        out.clear();
    }
    assert!(faults > 10_000, "mutations that nothing notices test nothing: {faults}");
}

fn server_fault(bytes: &[u8]) -> String {
    let mut server = Rpyc.server(&ServerContext {
        options: Options::default(),
        body_limit: 1 << 20,
        hold: Hold::new(HELD).expect("a page"),
    });
    for mut piece in bytes.chunks(4_096) {
        match server.receive(&mut piece, &mut Outbox::new()) {
            Ok(Step::Read) => {}
            Ok(step) => panic!("{step:?} where a fault was due"),
            Err(fault) => return fault.reason,
        }
    }
    panic!("no fault")
}

#[test]
fn what_is_too_long_or_too_deep_is_refused_before_it_costs_memory() {
    assert!(server_fault(b"\xff\xff\xff\xff\x00").contains("4294967295 bytes"));
    assert!(server_fault(b"\xff\xff\xff\xff\x01").contains("4294967295 bytes"));
    assert!(server_fault(b"GET / HTTP/1.1\r\n\r\n").contains("bytes where"));
    let frame = |payload: &[u8], flag: u8| {
        let mut frame = (payload.len() as u32).to_be_bytes().to_vec();
        frame.push(flag);
        frame.extend_from_slice(payload);
        frame.push(b'\n');
        frame
    };
    let mut deep = vec![1];
    deep.extend(std::iter::repeat_n(0x10, 500_000));
    assert!(server_fault(&frame(&deep, 0)).contains("brine"));
    let mut bomb = flate2::Compress::new(flate2::Compression::best(), true);
    let mut squeezed = Vec::with_capacity(1 << 20);
    let zeros = vec![0x02; 64 << 20];
    bomb.compress_vec(&zeros, &mut squeezed, flate2::FlushCompress::Finish).expect("it fits");
    assert!(squeezed.len() < 100_000);
    assert!(server_fault(&frame(&squeezed, 1)).contains("inflates to more"));
    assert!(server_fault(&frame(b"not zlib", 1)).contains("inflated"));
    assert!(server_fault(&frame(b"\x01\x11\x50\x11\x54\x11\x52\x11\x11\x53", 0)).contains("ends too soon"));
}

#[test]
fn goodbye_closes() {
    let fill: Arc<Fill> = Fill::constant(0);
    let context = ClientContext::of_service(fill, Options::default(), "memory");
    let (mut client, mut out) = (Rpyc.client(&context), Outbox::new());
    client.close(&mut out);
    let bytes = out.drain();
    let mut server = Rpyc.server(&ServerContext {
        options: Options::default(),
        body_limit: 1 << 20,
        hold: Hold::new(HELD).expect("a page"),
    });
    assert!(matches!(server.receive(&mut bytes.as_slice(), &mut out), Ok(Step::Close)));
}

#[test]
fn replies_that_nobody_reads_do_not_pile_up() {
    // The text of a list of so many bytes is four times as long, and is asked for in a hundred.
    const LEN: u64 = 1 << 20;
    let context = ServerContext {
        options: options(&[("compress", OptionValue::Flag(false))]),
        body_limit: 1 << 20,
        hold: Hold::new(HELD).expect("a page"),
    };
    let (mut server, mut out) = (Rpyc.server(&context), Outbox::new());
    let service = Service::new("token".into(), None, None);
    let frame = |message: &[u8]| [&(message.len() as u32).to_be_bytes()[..], &[0], message, b"\n"].concat();
    // GETROOT, then CALLATTR download_file_chunked(LEN, LEN) of what that gives.
    assert!(matches!(server.receive(&mut &frame(b"\x01\x11\x50\x11\x53\x11\x51\x02")[..], &mut out), Ok(Step::Read)));
    let root = out.drain();
    let id = &root[10..root.len() - 1];
    let (mut call, mut number) = (vec![0x01, 0x11, 0x51, 0x11, 0x58, 0x11, 0x52, 0x14, 4, 0x11, 0x53], Vec::new());
    put(&mut number, Token::Int(LEN as i64));
    call.extend_from_slice(id);
    for token in [Token::Text("download_file_chunked"), Token::Tuple(2)] {
        call.extend_from_slice(&[0x11, 0x51]);
        put(&mut call, token);
    }
    call.extend([&number[..], &number, &[0x11, 0x51, 0x02]].concat());
    let Ok(Step::Execute { call, asked }) = server.receive(&mut &frame(&call)[..], &mut out) else {
        panic!("a download is executed")
    };
    server.answer(call, service.execute(asked).answer, &mut out);
    let list = out.drain();
    let id = &list[10..list.len() - 1];
    // STR of the list, a hundred times in one go.
    let ask = frame(&[&[0x01, 0x11, 0x52, 0x11, 0x5a, 0x11, 0x52, 0x10, 0x11, 0x53][..], id].concat());
    let asks = ask.repeat(100);
    let (mut input, mut writes, mut said) = (&asks[..], 0, 0);
    loop {
        let step = server.receive(&mut input, &mut out).expect("it is well formed");
        assert!(out.len() < 8 * LEN, "{} bytes wait", out.len());
        said += out.len();
        out.clear();
        match step {
            Step::Write => writes += 1,
            Step::Read => break,
            step => panic!("{step:?} where a reply was due"),
        }
    }
    assert!(input.is_empty() && writes >= 99 && said > 400 * LEN, "{writes} writes of {said} bytes");
}
