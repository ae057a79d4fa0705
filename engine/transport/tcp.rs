//! Length-prefixed frames over TCP, the floor that others are compared with.
//!
//! `frame := length:u64be tag:u8 body[length]`. The low bits of the tag say which call it is, [`MORE`] that
//! another chunk follows, [`REPLY`] that it answers, [`FAILED`] that the body is a status and a message.

use crate::call::own::Protocol;
use crate::call::{CallError, CallRequest, CallResponse, CallSpec, Check, Chunks, Computation, Fill, computations};
use crate::registry::Entry;
use crate::transport::contract::{
    ClientCodec, ClientContext, Facts, IoModel, Next, Reply, ServerCodec, ServerContext, Step, StreamProtocol,
    Transport,
};
use crate::transport::held::Share;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{CONGESTION, NODELAY, RESUMPTION, TLS, terms};
use crate::transport::outbox::Outbox;
use crate::transport::send::SendClient;
use crate::transport::terms::{Compressed, Connection, Terms};
use std::sync::Arc;

/// The transport `tcp`.
pub struct Tcp;

impl Entry for Tcp {
    fn name(&self) -> &'static str {
        "tcp"
    }
    fn about(&self) -> &'static str {
        "length-prefixed frames over TCP: the floor that other transports are compared with"
    }
}

impl Transport for Tcp {
    fn options(&self) -> &'static [OptionSpec] {
        &[TLS, RESUMPTION, NODELAY, CONGESTION]
    }

    fn io_model(&self) -> IoModel {
        IoModel::Stream(&Frames)
    }

    fn asks(&self) -> Option<Protocol> {
        Some(Protocol::Send)
    }

    fn terms(&self, options: &Options) -> Terms {
        frame_terms(options)
    }

    fn facts(&self, _: &Options) -> Facts {
        frame_facts()
    }
}

/// On what terms frames on a stream travel, with these options.
pub(crate) fn frame_terms(options: &Options) -> Terms {
    Terms { compressed: Some(Compressed::No), connection: Some(Connection::Kept), ..terms(options) }
}

/// What else is true of frames on a stream.
pub(crate) fn frame_facts() -> Facts {
    Facts::from([("serialisation".to_owned(), "none".to_owned())])
}

/// Frames, on any ordered stream.
pub(crate) struct Frames;

impl StreamProtocol for Frames {
    fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        if !context.own.is_empty() {
            return Box::new(SendClient::new(context));
        }
        Box::new(FrameClient {
            fill: context.fill.clone(),
            frame: Frame::default(),
            asked: CallSpec::Ping,
            check: Check::new(context.fill.clone(), 0, false),
            small: Vec::new(),
            sending: None,
            messages: 0,
        })
    }

    fn server(&self, context: &ServerContext) -> Box<dyn ServerCodec> {
        Box::new(FrameServer {
            frame: Frame::default(),
            limit: context.body_limit,
            share: context.hold.share(),
            echoed: false,
            kind: PING,
            body: Vec::new(),
            received: 0,
            chunk: None,
            sending: None,
        })
    }
}

const MORE: u8 = 0x80;
const REPLY: u8 = 0x40;
const FAILED: u8 = 0x20;
const KIND: u8 = 0x0f;
const NONCE: u8 = 0;
const PING: u8 = 1;
const ECHO: u8 = 2;
const UPLOAD: u8 = 3;
const DOWNLOAD: u8 = 4;
const COMPUTE: u8 = 5;
const SLEEP: u8 = 6;
const HEAD: usize = 9;

/// The tags of computations: that of `compute`, then those behind all others, in the order of the list.
fn tags() -> impl Iterator<Item = u8> {
    std::iter::once(COMPUTE).chain(SLEEP + 1..=KIND)
}

/// The tag of a computation; the list has fewer than there are tags.
fn tag_of(what: &Computation) -> u8 {
    tags().zip(computations()).find(|(_, known)| *known == what).map_or(COMPUTE, |(tag, _)| tag)
}

/// The computation that a tag stands for.
fn computation_of(tag: u8) -> Option<&'static Computation> {
    tags().zip(computations()).find(|(known, _)| *known == tag).map(|(_, what)| what)
}

/// Bodies other than echo, upload and download are never longer.
const SHORT: u64 = 4096;
/// How much of a chunked body is put into the outbox at a time.
const AHEAD: u64 = 1 << 20;

fn put_head(out: &mut Outbox, len: u64, tag: u8) {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(&len.to_be_bytes());
    head[8] = tag;
    out.put(&head);
}

/// The frame that is coming in, however its bytes are cut.
#[derive(Default)]
struct Frame {
    head: [u8; HEAD],
    have: usize,
    left: u64,
}

impl Frame {
    /// Takes the head from `input`; its length and tag when it has just become complete.
    fn head(&mut self, input: &mut &[u8]) -> Option<(u64, u8)> {
        let take = (HEAD - self.have).min(input.len());
        self.head[self.have..self.have + take].copy_from_slice(&input[..take]);
        self.have += take;
        *input = &input[take..];
        (self.have == HEAD).then(|| {
            let [a, b, c, d, e, f, g, h, tag] = self.head;
            self.left = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
            (self.left, tag)
        })
    }

    fn in_body(&self) -> bool {
        self.have == HEAD
    }

    /// Takes the next part of the body; the frame is over once `left` is 0.
    fn body<'a>(&mut self, input: &mut &'a [u8]) -> &'a [u8] {
        let take = self.left.min(input.len() as u64) as usize;
        let (part, rest) = input.split_at(take);
        *input = rest;
        self.left -= take as u64;
        part
    }

    fn tag(&self) -> u8 {
        self.head[8]
    }

    fn next(&mut self) {
        self.have = 0;
    }
}

/// A body that is being sent chunk by chunk.
struct Sending {
    fill: Arc<Fill>,
    chunks: Chunks,
    tag: u8,
}

impl Sending {
    /// Puts the next chunks into the outbox; false once all are there.
    fn fill_output(&mut self, out: &mut Outbox) -> bool {
        let mut put = 0;
        while put < AHEAD {
            let Some((offset, len)) = self.chunks.next() else { return false };
            put_head(out, len, if self.chunks.ended() { self.tag } else { self.tag | MORE });
            out.put_fill(&self.fill, offset, len);
            put = len.saturating_add(put + HEAD as u64);
        }
        !self.chunks.ended()
    }
}

struct FrameClient {
    fill: Arc<Fill>,
    frame: Frame,
    asked: CallSpec,
    check: Check,
    small: Vec<u8>,
    sending: Option<Sending>,
    messages: u64,
}

/// True where the answer is short and collected whole, rather than checked while it streams.
fn small(asked: CallSpec) -> bool {
    !matches!(asked, CallSpec::Echo { .. } | CallSpec::Download { .. })
}

impl FrameClient {
    fn begin(&mut self, tag: u8, len: u64, chunk: Option<u64>, out: &mut Outbox) {
        let mut sending = Sending { fill: self.fill.clone(), chunks: Chunks::new(len, chunk), tag };
        self.messages += Chunks::count(len, chunk) - 1;
        self.sending = sending.fill_output(out).then_some(sending);
    }

    fn verdict(&self, tag: u8) -> Result<Reply, CallError> {
        let body = self.small.as_slice();
        if tag & FAILED != 0 {
            let (status, text) = body.split_at(body.len().min(2));
            let status = status.iter().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte));
            let fault = CallError::status(format!("{status} {}", String::from_utf8_lossy(text)));
            return Ok(Reply { verdict: Err(fault), ..Reply::ok() });
        }
        let number = || {
            let bytes: [u8; 16] = body.try_into().map_err(|_| CallError::protocol("the answer is not a number"))?;
            Ok(u128::from_be_bytes(bytes))
        };
        let expect = |expected: u128, fault: fn(String) -> CallError| {
            let got = number()?;
            let verdict =
                if got == expected { Ok(()) } else { Err(fault(format!("{got} came where {expected} was right"))) };
            Ok(Reply { verdict, ..Reply::ok() })
        };
        match self.asked {
            CallSpec::Nonce => Ok(Reply { nonce: Some(String::from_utf8_lossy(body).into_owned()), ..Reply::ok() }),
            CallSpec::Ping if body == b"pong" => Ok(Reply::ok()),
            CallSpec::Ping => Err(CallError::protocol("the answer to a ping is not pong")),
            CallSpec::Upload { len, .. } => expect(u128::from(len), CallError::short),
            CallSpec::Compute { what, n } => expect((what.result)(n), CallError::corrupt),
            CallSpec::Sleep { ns } => expect(u128::from(ns), CallError::corrupt),
            CallSpec::Echo { .. } | CallSpec::Download { .. } => {
                Ok(Reply { verdict: self.check.finish(), ..Reply::ok() })
            }
            CallSpec::Own(_) => Err(CallError::not_of_the_service()),
        }
    }
}

impl ClientCodec for FrameClient {
    fn call(&mut self, _: usize, ask: &CallSpec, content: bool, out: &mut Outbox) {
        self.asked = *ask;
        self.messages += 1;
        self.check.restart(ask.payload_down(), content);
        match *ask {
            CallSpec::Nonce => put_head(out, 0, NONCE),
            CallSpec::Ping => put_head(out, 0, PING),
            CallSpec::Echo { len, chunk } => self.begin(ECHO, len, chunk, out),
            CallSpec::Upload { len, chunk } => self.begin(UPLOAD, len, chunk, out),
            CallSpec::Download { len, chunk } => {
                put_head(out, 16, DOWNLOAD);
                out.put(&len.to_be_bytes());
                out.put(&chunk.unwrap_or(0).to_be_bytes());
            }
            CallSpec::Compute { what, n } => {
                put_head(out, 8, tag_of(what));
                out.put(&n.to_be_bytes());
            }
            CallSpec::Sleep { ns } => {
                put_head(out, 8, SLEEP);
                out.put(&ns.to_be_bytes());
            }
            // A job of the service asks none; a ping keeps the exchange whole, and its answer is refused.
            CallSpec::Own(_) => put_head(out, 0, PING),
        }
    }

    fn receive(&mut self, input: &mut &[u8], _: &mut Outbox) -> Result<Option<Reply>, CallError> {
        loop {
            if !self.frame.in_body() {
                let Some((len, tag)) = self.frame.head(input) else { return Ok(None) };
                if tag & REPLY == 0 {
                    return Err(CallError::protocol(format!("a frame with tag {tag:#04x} is not a reply")));
                }
                if len > SHORT && (small(self.asked) || tag & FAILED != 0) {
                    return Err(CallError::protocol(format!("a reply of {len} bytes where a short one was due")));
                }
            }
            let tag = self.frame.tag();
            let part = self.frame.body(input);
            if small(self.asked) || tag & FAILED != 0 {
                self.small.extend_from_slice(part);
                if self.frame.left > 0 {
                    return Ok(None);
                }
                self.frame.next();
                let reply = self.verdict(tag);
                self.small.clear();
                return reply.map(Some);
            }
            self.check.feed(part);
            if self.frame.left > 0 {
                return Ok(None);
            }
            self.frame.next();
            if tag & MORE == 0 {
                return self.verdict(tag).map(Some);
            }
        }
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if let Some(sending) = &mut self.sending
            && !sending.fill_output(out)
        {
            self.sending = None;
        }
    }

    fn messages(&self) -> u64 {
        self.messages
    }
}

struct FrameServer {
    frame: Frame,
    limit: u64,
    /// What is held of a body that comes in, or goes out again.
    share: Share,
    /// True until an echo is written.
    echoed: bool,
    kind: u8,
    body: Vec<u8>,
    received: u64,
    chunk: Option<u64>,
    sending: Option<Sending>,
}

impl FrameServer {
    fn begin_frame(&mut self, len: u64, tag: u8) -> Result<(), CallError> {
        self.kind = tag & KIND;
        if tag & (REPLY | FAILED) != 0 || self.kind > SLEEP && computation_of(self.kind).is_none() {
            return Err(CallError::protocol(format!("no call has the tag {tag:#04x}")));
        }
        let limit = if matches!(self.kind, ECHO | UPLOAD) { self.limit } else { SHORT };
        if self.received.saturating_add(len) > limit {
            return Err(CallError::protocol(format!("a body of {len} bytes is over the limit of {limit}")));
        }
        if self.kind == ECHO && tag & MORE != 0 && self.chunk.is_none() {
            self.chunk = Some(len);
        }
        Ok(())
    }

    /// The call whose last byte has come.
    fn asked(&mut self) -> Result<CallRequest, CallError> {
        let words = |body: &[u8], count: usize| -> Result<[u64; 2], CallError> {
            if body.len() != count * 8 {
                return Err(CallError::protocol("a call with arguments of the wrong length"));
            }
            let mut words = [0; 2];
            for (word, bytes) in words.iter_mut().zip(body.chunks_exact(8)) {
                *word = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
            }
            Ok(words)
        };
        Ok(match self.kind {
            NONCE => CallRequest::Nonce,
            PING => CallRequest::Ping,
            ECHO => CallRequest::Echo(std::mem::take(&mut self.body)),
            UPLOAD => CallRequest::Upload(self.received),
            DOWNLOAD => {
                let [len, chunk] = words(&self.body, 2)?;
                self.chunk = (chunk > 0).then_some(chunk);
                CallRequest::Download { len, file: chunk > 0 }
            }
            SLEEP => CallRequest::Sleep { ns: words(&self.body, 1)?[0] },
            tag => {
                let what = computation_of(tag)
                    .ok_or_else(|| CallError::protocol(format!("no call has the tag {tag:#04x}")))?;
                CallRequest::Compute { what, n: words(&self.body, 1)?[0] }
            }
        })
    }
}

impl ServerCodec for FrameServer {
    fn receive(&mut self, input: &mut &[u8], _: &mut Outbox) -> Result<Step, CallError> {
        loop {
            if !self.frame.in_body() {
                let Some((len, tag)) = self.frame.head(input) else { return Ok(Step::Read) };
                self.begin_frame(len, tag)?;
            }
            let part = self.frame.body(input);
            self.received += part.len() as u64;
            if self.kind != UPLOAD {
                if self.kind == ECHO && !self.share.hold((self.body.len() + part.len()) as u64) {
                    return Err(CallError::protocol("this server holds as many bodies as it may"));
                }
                self.body.extend_from_slice(part);
            }
            if self.frame.left > 0 {
                return Ok(Step::Read);
            }
            let tag = self.frame.tag();
            self.frame.next();
            if tag & MORE == 0 {
                let asked = self.asked()?;
                self.body.clear();
                self.received = 0;
                return Ok(Step::Execute { call: 0, asked });
            }
        }
    }

    fn answer(&mut self, _: u64, answer: CallResponse, out: &mut Outbox) -> Next {
        let tag = REPLY | self.kind;
        let chunk = self.chunk.take();
        let number = |n: u128, out: &mut Outbox| {
            put_head(out, 16, tag);
            out.put(&n.to_be_bytes());
        };
        match answer {
            CallResponse::Nonce(nonce) => {
                put_head(out, nonce.len() as u64, tag);
                out.put(nonce.as_bytes());
            }
            CallResponse::Pong => {
                put_head(out, 4, tag);
                out.put(b"pong");
            }
            CallResponse::Size(n) => number(n.into(), out),
            CallResponse::Number(n) => number(n, out),
            CallResponse::Slept(ns) => number(ns.into(), out),
            CallResponse::Bytes { fill, len } => {
                let mut sending = Sending { fill, chunks: Chunks::new(len, chunk), tag };
                self.sending = sending.fill_output(out).then_some(sending);
            }
            CallResponse::Echo(bytes) => {
                self.echoed = true;
                if let Some(chunk) = chunk {
                    let mut chunks = Chunks::new(bytes.len() as u64, Some(chunk));
                    while let Some((offset, len)) = chunks.next() {
                        put_head(out, len, if chunks.ended() { tag } else { tag | MORE });
                        out.put(&bytes[offset as usize..(offset + len) as usize]);
                    }
                } else {
                    put_head(out, bytes.len() as u64, tag);
                    out.put_owned(bytes);
                }
            }
            CallResponse::Error { status, message } => {
                let message = &message.as_bytes()[..message.len().min(SHORT as usize - 2)];
                put_head(out, 2 + message.len() as u64, tag | FAILED);
                out.put(&status.to_be_bytes());
                out.put(message);
            }
            CallResponse::Silence => {}
        }
        Next::Continue
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.echoed) {
            self.share.hold(self.body.len() as u64);
        }
        if let Some(sending) = &mut self.sending
            && !sending.fill_output(out)
        {
            self.sending = None;
        }
    }
}
