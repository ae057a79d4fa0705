//! Frames, in which rpyc sends messages: taken apart while they stream in, put together without copying bodies.
//!
//! `frame := length:u32be compressed:u8 payload[length] 0x0a`; a payload over 3000 bytes is sent as zlib,
//! and then the length is that of the compressed bytes (`rpyc/core/channel.py` of rpyc 6.0.2).

use std::sync::Arc;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::call::{CallError, Fill};
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::brine;

const HEAD: usize = 5;
const END: u8 = b'\n';
/// Payloads over so many bytes are compressed.
pub(crate) const COMPRESS_OVER: u64 = 3000;
/// How much of a message other than streamed bodies is held.
const HELD: usize = 256 << 20;
/// A buffer that has grown beyond this is given back once its message has been handled.
const KEPT: usize = 1 << 20;
const SCRATCH: usize = 64 * 1024;
/// What makes as much of bytes as CPython's level 1: level 1 of zlib-rs is a quicker method, which lengthens random
/// bytes by 5 %.
const LEVEL: u32 = 2;

/// Where long bytes inside a message go.
pub(crate) trait Bodies {
    /// True where the bytes that come next go to `body` instead of the message; `before` is what
    /// the message says up to them.
    fn streams(&mut self, before: &[u8]) -> bool;
    /// Takes the next part of such bytes.
    fn body(&mut self, part: &[u8]) -> Result<(), CallError>;
    /// So many bytes are held of the message itself, where they are many.
    fn hold(&mut self, message: u64) -> Result<(), CallError> {
        let _ = message;
        Ok(())
    }
}

/// Takes messages out of the bytes that come in, however they are cut.
pub(crate) struct Inbound {
    /// The longest payload, after inflating.
    limit: u64,
    head: [u8; HEAD],
    have: usize,
    left: u32,
    inflate: Option<Box<Inflate>>,
    scan: Scan,
}

struct Inflate {
    stream: Decompress,
    scratch: Box<[u8]>,
    ended: bool,
}

impl Inbound {
    pub(crate) fn new(limit: u64) -> Self {
        Inbound { limit, head: [0; HEAD], have: 0, left: 0, inflate: None, scan: Scan::default() }
    }

    /// Takes bytes from `input` up to the end of a message and returns it; all of them where none is complete.
    pub(crate) fn take<'s, 'i: 's>(
        &'s mut self,
        input: &mut &'i [u8],
        bodies: &mut impl Bodies,
    ) -> Result<Option<&'s [u8]>, CallError> {
        if self.have == 0
            && let Some((head, rest)) = input.split_first_chunk::<HEAD>()
            && head[4] == 0
        {
            let len = length(head) as usize;
            if rest.len() > len && (1..=self.limit).contains(&(len as u64)) {
                let (payload, rest) = rest.split_at(len);
                *input = &rest[1..];
                return if rest[0] == END { Ok(Some(payload)) } else { Err(no_end()) };
            }
        }
        if self.have < HEAD {
            let take = (HEAD - self.have).min(input.len());
            self.head[self.have..self.have + take].copy_from_slice(&input[..take]);
            self.have += take;
            *input = &input[take..];
            if self.have < HEAD {
                return Ok(None);
            }
            self.begin()?;
        }
        while self.left > 0 {
            if input.is_empty() {
                return Ok(None);
            }
            let (part, rest) = input.split_at(input.len().min(self.left as usize));
            *input = rest;
            self.left -= part.len() as u32;
            if self.head[4] == 0 {
                self.scan.feed(part, bodies)?;
            } else {
                self.inflate(part, bodies)?;
            }
        }
        let Some((end, rest)) = input.split_first() else { return Ok(None) };
        *input = rest;
        self.have = 0;
        if *end != END {
            return Err(no_end());
        }
        if self.head[4] != 0 && !self.inflate.as_ref().is_some_and(|inflate| inflate.ended) {
            return Err(CallError::protocol("a compressed frame ends before its data"));
        }
        self.scan.message().map(Some)
    }

    fn begin(&mut self) -> Result<(), CallError> {
        self.left = length(&self.head);
        let allowed = if self.head[4] == 0 { self.limit } else { self.limit + self.limit / 8 + 64 };
        if self.left == 0 || u64::from(self.left) > allowed {
            return Err(CallError::protocol(format!("a frame of {} bytes where 1 to {allowed} are taken", self.left)));
        }
        match self.head[4] {
            0 => {}
            1 => match &mut self.inflate {
                Some(inflate) => {
                    inflate.stream.reset(true);
                    inflate.ended = false;
                }
                None => {
                    let (stream, scratch) = (Decompress::new(true), vec![0; SCRATCH].into());
                    self.inflate = Some(Box::new(Inflate { stream, scratch, ended: false }));
                }
            },
            flag => return Err(CallError::protocol(format!("no frame has the compression {flag}"))),
        }
        self.scan.begin();
        Ok(())
    }

    fn inflate(&mut self, mut part: &[u8], bodies: &mut impl Bodies) -> Result<(), CallError> {
        let Some(inflate) = &mut self.inflate else { return Ok(()) };
        loop {
            let (taken, made) = (inflate.stream.total_in(), inflate.stream.total_out());
            if inflate.ended && !part.is_empty() {
                return Err(CallError::protocol("a compressed frame goes on after its data"));
            }
            let status = inflate
                .stream
                .decompress(part, &mut inflate.scratch, FlushDecompress::None)
                .map_err(|error| CallError::protocol(format!("a frame cannot be inflated: {error}")))?;
            let made = (inflate.stream.total_out() - made) as usize;
            part = &part[(inflate.stream.total_in() - taken) as usize..];
            if inflate.stream.total_out() > self.limit {
                return Err(CallError::protocol(format!("a frame inflates to more than {} bytes", self.limit)));
            }
            self.scan.feed(&inflate.scratch[..made], bodies)?;
            inflate.ended |= status == Status::StreamEnd;
            // A full scratch may leave more inside; anything less means that it wants more input.
            if part.is_empty() && made < SCRATCH {
                return Ok(());
            }
            if status == Status::BufError && made == 0 {
                return Err(CallError::protocol("a compressed frame makes no progress"));
            }
        }
    }
}

fn length(head: &[u8; HEAD]) -> u32 {
    let [a, b, c, d, _] = *head;
    u32::from_be_bytes([a, b, c, d])
}

fn no_end() -> CallError {
    CallError::protocol("a frame does not end with a newline")
}

/// Follows the tokens of a message that comes in pieces, and keeps all of it but the bytes that stream elsewhere.
#[derive(Default)]
struct Scan {
    message: Vec<u8>,
    state: State,
    in_text: bool,
}

#[derive(Default, Clone, Copy)]
enum State {
    /// The first byte: which kind of message.
    #[default]
    Kind,
    Tag,
    /// So many more bytes of a length, and what it is so far.
    Length {
        tag: u8,
        left: u8,
        len: u32,
    },
    /// So many bytes belong to the message.
    Keep(u32),
    /// So many bytes go elsewhere.
    Stream(u32),
}

impl Scan {
    fn begin(&mut self) {
        self.message.clear();
        self.message.shrink_to(KEPT);
        (self.state, self.in_text) = (State::Kind, false);
    }

    fn message(&self) -> Result<&[u8], CallError> {
        match self.state {
            State::Tag => Ok(&self.message),
            _ => Err(CallError::protocol("a message ends inside a value")),
        }
    }

    fn feed(&mut self, mut bytes: &[u8], bodies: &mut impl Bodies) -> Result<(), CallError> {
        while let Some((first, rest)) = bytes.split_first() {
            self.state = match self.state {
                State::Kind => {
                    self.message.push(*first);
                    bytes = rest;
                    State::Tag
                }
                State::Tag => {
                    self.message.push(*first);
                    bytes = rest;
                    let text = std::mem::replace(&mut self.in_text, *first == brine::TEXT);
                    match *first {
                        brine::BYTES_1..=brine::BYTES_4 => State::Keep(u32::from(first - brine::BYTES_1) + 1),
                        brine::FLOAT => State::Keep(8),
                        brine::COMPLEX => State::Keep(16),
                        brine::TUPLE_SHORT => State::Keep(1),
                        brine::TUPLE_LONG => State::Keep(4),
                        tag @ (brine::BYTES_SHORT | brine::INT_SHORT) => State::Length { tag, left: 1, len: 0 },
                        brine::INT_LONG => State::Length { tag: brine::INT_LONG, left: 4, len: 0 },
                        brine::BYTES_LONG => {
                            // Text is wanted whole; other long bytes may go elsewhere.
                            let tag = if text { brine::TEXT } else { brine::BYTES_LONG };
                            State::Length { tag, left: 4, len: 0 }
                        }
                        brine::STREAMED => {
                            return Err(CallError::protocol("malformed brine: no value has the tag 0x1f"));
                        }
                        _ => State::Tag,
                    }
                }
                State::Length { tag, left, len } => {
                    self.message.push(*first);
                    bytes = rest;
                    let (left, len) = (left - 1, len << 8 | u32::from(*first));
                    match (left, tag) {
                        (1.., _) => State::Length { tag, left, len },
                        (0, brine::BYTES_LONG) if bodies.streams(&self.message[..self.message.len() - HEAD]) => {
                            let tag = self.message.len() - HEAD;
                            self.message[tag] = brine::STREAMED;
                            State::Stream(len)
                        }
                        (0, _) => State::Keep(len),
                    }
                }
                State::Keep(0) | State::Stream(0) => State::Tag,
                State::Keep(left) => {
                    let (part, rest) = bytes.split_at(bytes.len().min(left as usize));
                    self.message.extend_from_slice(part);
                    bytes = rest;
                    State::Keep(left - part.len() as u32)
                }
                State::Stream(left) => {
                    let (part, rest) = bytes.split_at(bytes.len().min(left as usize));
                    bodies.body(part)?;
                    bytes = rest;
                    State::Stream(left - part.len() as u32)
                }
            };
            if matches!(self.state, State::Keep(0) | State::Stream(0)) {
                self.state = State::Tag;
            }
        }
        bodies.hold(if self.message.len() > KEPT { self.message.len() as u64 } else { 0 })?;
        if self.message.len() > HELD {
            return Err(CallError::protocol(format!("a message of more than {HELD} bytes besides its body")));
        }
        Ok(())
    }
}

/// Long bytes in the middle of a message.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes of a fill, by reference.
    Fill { fill: Arc<Fill>, offset: u64, len: u64 },
    /// These bytes.
    Owned(Vec<u8>),
}

impl Body {
    fn len(&self) -> u64 {
        match self {
            Body::Fill { len, .. } => *len,
            Body::Owned(bytes) => bytes.len() as u64,
        }
    }
}

/// Puts messages into frames.
pub(crate) struct Outbound {
    compress: bool,
    deflate: Option<Compress>,
    message: Vec<u8>,
}

impl Outbound {
    pub(crate) fn new(compress: bool) -> Self {
        Outbound { compress, deflate: None, message: Vec::new() }
    }

    /// Sends the message that `write` makes.
    pub(crate) fn send(&mut self, out: &mut Outbox, write: impl FnOnce(&mut Vec<u8>)) {
        let compress = self.compress;
        let long = out.put_with(|small| {
            let start = small.len();
            small.extend_from_slice(&[0; HEAD]);
            write(small);
            let len = small.len() - start - HEAD;
            if compress && len as u64 > COMPRESS_OVER {
                let message = small.split_off(start + HEAD);
                small.truncate(start);
                return Some(message);
            }
            small[start..start + 4].copy_from_slice(&(len as u32).to_be_bytes());
            small.push(END);
            None
        });
        if let Some(message) = long {
            self.message = message;
            self.send_compressed(out, None, &[]);
            self.message.shrink_to(KEPT);
        }
    }

    /// Sends a message made of what `write` makes, a body and a tail.
    pub(crate) fn send_body(&mut self, out: &mut Outbox, write: impl FnOnce(&mut Vec<u8>), body: Body, tail: &[u8]) {
        self.message.clear();
        write(&mut self.message);
        let len = self.message.len() as u64 + body.len() + tail.len() as u64;
        if self.compress && len > COMPRESS_OVER {
            return self.send_compressed(out, Some(body), tail);
        }
        out.put_with(|small| {
            put_head(small, len, 0);
            small.extend_from_slice(&self.message);
        });
        match body {
            Body::Fill { fill, offset, len } => out.put_fill(&fill, offset, len),
            Body::Owned(bytes) => out.put_owned(bytes),
        }
        out.put_with(|small| {
            small.extend_from_slice(tail);
            small.push(END);
        });
    }

    fn send_compressed(&mut self, out: &mut Outbox, body: Option<Body>, tail: &[u8]) {
        let deflate = self.deflate.get_or_insert_with(|| Compress::new(Compression::new(LEVEL), true));
        deflate.reset();
        let mut deflated = Vec::new();
        press(deflate, &self.message, &mut deflated);
        match &body {
            Some(Body::Fill { fill, offset, len }) => {
                let (mut offset, mut left) = (*offset, *len);
                while left > 0 {
                    let here = fill.at(offset);
                    let n = (here.len() as u64).min(left);
                    press(deflate, &here[..n as usize], &mut deflated);
                    offset += n;
                    left -= n;
                }
            }
            Some(Body::Owned(bytes)) => press(deflate, bytes, &mut deflated),
            None => {}
        }
        drop(body);
        press(deflate, tail, &mut deflated);
        loop {
            deflated.reserve(SCRATCH);
            if !matches!(deflate.compress_vec(&[], &mut deflated, FlushCompress::Finish), Ok(Status::Ok)) {
                break;
            }
        }
        out.put_with(|small| put_head(small, deflated.len() as u64, 1));
        out.put_owned(deflated);
        out.put(&[END]);
    }
}

fn put_head(out: &mut Vec<u8>, len: u64, compressed: u8) {
    out.extend_from_slice(&(len as u32).to_be_bytes());
    out.push(compressed);
}

/// Deflates all of `bytes` onto the end of `out`.
fn press(deflate: &mut Compress, mut bytes: &[u8], out: &mut Vec<u8>) {
    while !bytes.is_empty() {
        if out.capacity() - out.len() < 1024 {
            out.reserve(SCRATCH);
        }
        let before = deflate.total_in();
        // With room to write and bytes to read, deflating cannot fail.
        if deflate.compress_vec(bytes, out, FlushCompress::None).is_err() {
            return;
        }
        bytes = &bytes[(deflate.total_in() - before) as usize..];
    }
}
