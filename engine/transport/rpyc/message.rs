//! Messages and boxes: what rpyc says about whose object a value is.
//!
//! `message := kind:u8 brine((seq, args))`; a request's args are `(handler, box)`, a reply's are a box, an
//! exception's are what `exception.rs` writes. `box := (label, value)` (`rpyc/core/protocol.py` of rpyc 6.0.2).

use crate::call::Fault;
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::Raised;
use crate::transport::rpyc::frame::{Body, Outbound};

pub(crate) const REQUEST: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;

pub(crate) const VALUE: i64 = 1;
const TUPLE: i64 = 2;
const LOCAL_REF: i64 = 3;
const REMOTE_REF: i64 = 4;

/// What a request asks for.
pub(crate) mod handler {
    pub(crate) const PING: i64 = 1;
    pub(crate) const CLOSE: i64 = 2;
    pub(crate) const GETROOT: i64 = 3;
    pub(crate) const GETATTR: i64 = 4;
    pub(crate) const DELATTR: i64 = 5;
    pub(crate) const SETATTR: i64 = 6;
    pub(crate) const CALL: i64 = 7;
    pub(crate) const CALLATTR: i64 = 8;
    pub(crate) const REPR: i64 = 9;
    pub(crate) const STR: i64 = 10;
    pub(crate) const CMP: i64 = 11;
    pub(crate) const HASH: i64 = 12;
    pub(crate) const DIR: i64 = 13;
    pub(crate) const PICKLE: i64 = 14;
    pub(crate) const DEL: i64 = 15;
    pub(crate) const INSPECT: i64 = 16;
    pub(crate) const BUFFITER: i64 = 17;
    pub(crate) const OLDSLICING: i64 = 18;
    pub(crate) const CTXEXIT: i64 = 19;
    pub(crate) const INSTANCECHECK: i64 = 20;
}

/// The name of an object on the wire: its class's name, its class's id, its own id (0 for a class).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Id<'a> {
    /// All of it, as it came.
    pub(crate) raw: &'a [u8],
    pub(crate) name: &'a str,
    pub(crate) class: i64,
    pub(crate) object: i64,
}

impl<'a> Id<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        let raw = reader.raw()?;
        let mut parts = Reader::new(raw);
        parts.tuple_of(3)?;
        Ok(Id { raw, name: parts.text()?, class: parts.int()?, object: parts.int()? })
    }
}

/// A value with the label that says whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Boxed<'a> {
    /// By value: its brine.
    Value(&'a [u8]),
    /// A tuple of boxes: its brine.
    Tuple(&'a [u8]),
    /// An object of the reader's.
    Mine(Id<'a>),
    /// An object of the writer's.
    Yours(Id<'a>),
}

impl<'a> Boxed<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Fault> {
        reader.tuple_of(2)?;
        match reader.int()? {
            VALUE => Ok(Boxed::Value(reader.raw()?)),
            TUPLE => Ok(Boxed::Tuple(reader.raw()?)),
            LOCAL_REF => Id::read(reader).map(Boxed::Mine),
            REMOTE_REF => Id::read(reader).map(Boxed::Yours),
            label => Err(Fault::protocol(format!("no value has the label {label}"))),
        }
    }

    /// What is inside a tuple, by value or boxed.
    pub(crate) fn items(self) -> Result<Items<'a>, Fault> {
        let (raw, by_value) = match self {
            Boxed::Value(raw) => (raw, true),
            Boxed::Tuple(raw) => (raw, false),
            Boxed::Mine(_) | Boxed::Yours(_) => return Err(Fault::protocol("a reference where a tuple was due")),
        };
        let mut reader = Reader::new(raw);
        Ok(Items { left: reader.tuple()?, reader, by_value })
    }

    /// Its first token where it is a value.
    pub(crate) fn token(self) -> Result<Option<Token<'a>>, Fault> {
        match self {
            Boxed::Value(raw) => Reader::new(raw).token().map(Some),
            _ => Ok(None),
        }
    }

    /// What Python calls its type.
    pub(crate) fn type_name(self) -> &'a str {
        match self {
            Boxed::Value(raw) => Reader::new(raw).token().map_or("object", Token::type_name),
            Boxed::Tuple(_) => "tuple",
            Boxed::Mine(id) | Boxed::Yours(id) => id.name.rsplit('.').next().unwrap_or(id.name),
        }
    }

    /// Calls `each` with every object of the writer's that is inside.
    pub(crate) fn yours(self, each: &mut impl FnMut(Id<'a>)) -> Result<(), Fault> {
        match self {
            Boxed::Yours(id) => each(id),
            Boxed::Tuple(_) => {
                let mut items = self.items()?;
                while let Some(item) = items.next()? {
                    item.yours(each)?;
                }
            }
            Boxed::Value(_) | Boxed::Mine(_) => {}
        }
        Ok(())
    }
}

/// The values inside a tuple.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a> {
    reader: Reader<'a>,
    left: u32,
    by_value: bool,
}

impl<'a> Items<'a> {
    /// How many are left.
    pub(crate) fn len(&self) -> u32 {
        self.left
    }

    pub(crate) fn next(&mut self) -> Result<Option<Boxed<'a>>, Fault> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        if self.by_value { self.reader.raw().map(Boxed::Value) } else { Boxed::read(&mut self.reader) }.map(Some)
    }
}

/// A message that came in.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Request {
        seq: i64,
        handler: i64,
        args: Boxed<'a>,
    },
    Reply {
        seq: i64,
        value: Boxed<'a>,
    },
    /// What was raised, as brine.
    Exception {
        seq: i64,
        raised: &'a [u8],
    },
}

impl<'a> Message<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, Fault> {
        let (kind, rest) = message.split_first().ok_or_else(|| Fault::protocol("an empty message"))?;
        let mut reader = Reader::new(rest);
        reader.tuple_of(2)?;
        let seq = reader.int()?;
        let message = match *kind {
            REQUEST => {
                reader.tuple_of(2)?;
                Message::Request { seq, handler: reader.int()?, args: Boxed::read(&mut reader)? }
            }
            REPLY => Message::Reply { seq, value: Boxed::read(&mut reader)? },
            EXCEPTION => Message::Exception { seq, raised: reader.raw()? },
            kind => return Err(Fault::protocol(format!("no message is of kind {kind}"))),
        };
        if reader.is_empty() { Ok(message) } else { Err(Fault::protocol("bytes after the end of a message")) }
    }

    /// True where `before`, the beginning of a message, ends just before the value of the reply to `seq`.
    pub(crate) fn is_reply_before(before: &[u8], seq: i64) -> bool {
        let mut reader = Reader::new(before.get(1..).unwrap_or_default());
        before.first() == Some(&REPLY)
            && reader.tuple_of(2).is_ok()
            && reader.int() == Ok(seq)
            && reader.tuple_of(2).is_ok()
            && reader.int() == Ok(VALUE)
            && reader.is_empty()
    }
}

/// Appends `(label, ` of a box; the value has to follow.
fn put_label(out: &mut Vec<u8>, label: i64) {
    brine::put(out, Token::Tuple(2));
    brine::put_int(out, label);
}

/// Appends a box by value; its brine has to follow.
pub(crate) fn put_value(out: &mut Vec<u8>) {
    put_label(out, VALUE);
}

/// Appends a box with a token by value.
pub(crate) fn put_token(out: &mut Vec<u8>, token: Token<'_>) {
    put_value(out);
    brine::put(out, token);
}

/// Appends a tuple of `count` boxes, which have to follow.
pub(crate) fn put_tuple(out: &mut Vec<u8>, count: u32) {
    put_label(out, TUPLE);
    brine::put(out, Token::Tuple(count));
}

/// Appends a box with a reference to an object of the reader's, by the name under which it came.
pub(crate) fn put_yours(out: &mut Vec<u8>, id: &[u8]) {
    put_label(out, LOCAL_REF);
    out.extend_from_slice(id);
}

/// Appends a box with a reference to an object of the writer's.
pub(crate) fn put_mine(out: &mut Vec<u8>, name: &str, class: i64, object: i64) {
    put_label(out, REMOTE_REF);
    put_id(out, name, class, object);
}

/// Appends the name of an object.
pub(crate) fn put_id(out: &mut Vec<u8>, name: &str, class: i64, object: i64) {
    brine::put(out, Token::Tuple(3));
    brine::put_text(out, name);
    brine::put_int(out, class);
    brine::put_int(out, object);
}

/// The sending half of a connection: frames, sequence numbers, and how much was said.
pub(crate) struct Link {
    outbound: Outbound,
    seq: i64,
    messages: u64,
}

impl Link {
    pub(crate) fn new(compress: bool) -> Self {
        Link { outbound: Outbound::new(compress), seq: 0, messages: 0 }
    }

    /// The sequence number of the next request.
    pub(crate) fn next_seq(&self) -> i64 {
        self.seq
    }

    /// How many messages were sent.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    fn put_start(message: &mut Vec<u8>, kind: u8, seq: i64) {
        message.push(kind);
        brine::put(message, Token::Tuple(2));
        brine::put_int(message, seq);
    }

    fn put_request(message: &mut Vec<u8>, seq: i64, handler: i64) {
        Self::put_start(message, REQUEST, seq);
        brine::put(message, Token::Tuple(2));
        brine::put_int(message, handler);
    }

    fn take_seq(&mut self) -> i64 {
        self.messages += 1;
        self.seq += 1;
        self.seq - 1
    }

    /// Sends a request whose box of arguments `write` makes; its sequence number.
    pub(crate) fn request(&mut self, out: &mut Outbox, handler: i64, write: impl FnOnce(&mut Vec<u8>)) -> i64 {
        let seq = self.take_seq();
        self.outbound.send(out, |message| {
            Self::put_request(message, seq, handler);
            write(message);
        });
        seq
    }

    /// Asks for the attribute `name` of the peer's object `id`.
    pub(crate) fn getattr(&mut self, out: &mut Outbox, id: &[u8], name: &str) -> i64 {
        self.request(out, handler::GETATTR, |args| {
            put_tuple(args, 2);
            put_yours(args, id);
            put_token(args, Token::Text(name));
        })
    }

    /// Calls the method `name`, without arguments, of the peer's object `id`.
    pub(crate) fn callattr(&mut self, out: &mut Outbox, id: &[u8], name: &str) -> i64 {
        self.request(out, handler::CALLATTR, |args| {
            put_tuple(args, 4);
            put_yours(args, id);
            put_token(args, Token::Text(name));
            put_token(args, Token::Tuple(0));
            put_token(args, Token::Tuple(0));
        })
    }

    /// Calls the peer's object `id` with the box of arguments that `write` makes.
    pub(crate) fn call(&mut self, out: &mut Outbox, id: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> i64 {
        self.request(out, handler::CALL, |args| {
            put_tuple(args, 3);
            put_yours(args, id);
            write(args);
            put_token(args, Token::Tuple(0));
        })
    }

    /// Calls the peer's object `id` with one argument of `len` bytes, which are in `body`.
    pub(crate) fn call_with_bytes(&mut self, out: &mut Outbox, id: &[u8], len: u32, body: Body) -> i64 {
        let seq = self.take_seq();
        let mut tail = Vec::with_capacity(8);
        put_token(&mut tail, Token::Tuple(0));
        let write = |message: &mut Vec<u8>| {
            Self::put_request(message, seq, handler::CALL);
            put_tuple(message, 3);
            put_yours(message, id);
            put_token(message, Token::Tuple(1));
            brine::put_bytes_head(message, len);
        };
        self.outbound.send_body(out, write, body, &tail);
        seq
    }

    /// Gives up one reference to the peer's object `id`. Nobody waits for the reply.
    pub(crate) fn del(&mut self, out: &mut Outbox, id: &[u8]) {
        self.request(out, handler::DEL, |args| {
            put_tuple(args, 2);
            put_yours(args, id);
            put_token(args, Token::Int(1));
        });
    }

    /// Sends a reply whose box `write` makes.
    pub(crate) fn reply(&mut self, out: &mut Outbox, seq: i64, write: impl FnOnce(&mut Vec<u8>)) {
        self.messages += 1;
        self.outbound.send(out, |message| {
            Self::put_start(message, REPLY, seq);
            write(message);
        });
    }

    /// Sends a reply with one token by value.
    pub(crate) fn reply_token(&mut self, out: &mut Outbox, seq: i64, token: Token<'_>) {
        self.reply(out, seq, |value| put_token(value, token));
    }

    /// Sends a reply with bytes by value.
    pub(crate) fn reply_bytes(&mut self, out: &mut Outbox, seq: i64, len: u32, body: Body) {
        self.messages += 1;
        let write = |message: &mut Vec<u8>| {
            Self::put_start(message, REPLY, seq);
            put_value(message);
            brine::put_bytes_head(message, len);
        };
        self.outbound.send_body(out, write, body, &[]);
    }

    /// Sends an exception.
    pub(crate) fn exception(&mut self, out: &mut Outbox, seq: i64, raised: &Raised) {
        self.messages += 1;
        self.outbound.send(out, |message| {
            Self::put_start(message, EXCEPTION, seq);
            raised.put(message);
        });
    }
}
