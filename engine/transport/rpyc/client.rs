//! The client's end: one call at a time, as `conn.root.ping()` makes it, and answers for the lists that it lends.

use std::sync::Arc;

use crate::call::{CallError, CallSpec, Check, ErrorClass, Fill};
use crate::transport::contract::{ClientCodec, ClientContext, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::boxed::{Boxed, Id, put_token, put_tuple};
use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::exception::{Raised, Trouble, describe, is_stop_iteration};
use crate::transport::rpyc::frame::{Bodies, Body, Inbound};
use crate::transport::rpyc::handler;
use crate::transport::rpyc::link::Link;
use crate::transport::rpyc::list::List;
use crate::transport::rpyc::message::Message;
use crate::transport::rpyc::objects::{CLASS_IDS, Object, Objects};
use crate::transport::rpyc::own::{self, OwnCalls};
use crate::transport::rpyc::requests::Outcome;
use crate::transport::rpyc::service::{CLASS, METHODS, Method};

/// The class of what a client offers as its own root: nothing.
const CLIENT_CLASS: &str = "engine.Client";
/// What this client needs at the other end.
const SPEAKS: &str = "this client speaks as rpyc 6 does, whose messages have another form than those of rpyc 5";
/// The longest bytes that a frame has room for.
const LONGEST: u64 = u32::MAX as u64 - 64 * 1024;

/// The client's end of one connection.
pub(crate) struct RpycClient {
    inbound: Inbound,
    talk: Talk,
}

struct Talk {
    link: Link,
    lent: Objects,
    fill: Arc<Fill>,
    bind: bool,
    /// True where the server is an engine.
    ours: bool,
    root: Vec<u8>,
    /// The methods that calls ask for.
    names: Vec<String>,
    /// Those of them that are bound and kept; empty where there is none.
    bound: Vec<Vec<u8>>,
    /// The user's own calls, where there are some, and then no others.
    own: OwnCalls,
    method: Vec<u8>,
    list: Vec<u8>,
    iterator: Vec<u8>,
    ask: CallSpec,
    check: Check,
    waiting: For,
    awaited: i64,
    refused: Option<CallError>,
}

/// What the awaited reply brings.
#[derive(Debug, Clone, Copy, PartialEq)]
enum For {
    Nothing,
    Root,
    Inspection,
    /// The method at that place, to be kept.
    Bound(usize),
    /// The method of the call.
    Method,
    Result,
    Iterator,
    Chunk,
}

impl RpycClient {
    pub(crate) fn new(context: &ClientContext) -> Self {
        let own = OwnCalls::new(context.own.clone());
        let names: Vec<String> = match context.own.is_empty() {
            true => METHODS.iter().map(|method| method.name().to_owned()).collect(),
            false => own.methods().map(str::to_owned).collect(),
        };
        let talk = Talk {
            link: Link::new(context.options.flag("compress", true)),
            lent: Objects::client(CLIENT_CLASS),
            fill: context.fill.clone(),
            bind: context.options.word("method") == Some("bound"),
            ours: false,
            root: Vec::new(),
            bound: vec![Vec::new(); names.len()],
            names,
            own,
            method: Vec::new(),
            list: Vec::new(),
            iterator: Vec::new(),
            ask: CallSpec::Ping,
            check: Check::new(context.fill.clone(), 0, false),
            waiting: For::Nothing,
            awaited: -1,
            refused: None,
        };
        RpycClient { inbound: Inbound::new(u64::MAX / 4), talk }
    }
}

impl ClientCodec for RpycClient {
    fn open(&mut self, out: &mut Outbox) -> bool {
        let talk = &mut self.talk;
        if !talk.root.is_empty() {
            return false;
        }
        talk.awaited = talk.link.request(out, handler::GETROOT, |args| put_token(args, Token::Tuple(0)));
        talk.waiting = For::Root;
        true
    }

    fn call(&mut self, _: usize, ask: &CallSpec, content: bool, out: &mut Outbox) {
        self.talk.call(*ask, content, out);
    }

    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        let mut reply = None;
        // A reply may have company: the server gives up what it was lent, or answers a DEL.
        while let Some(message) = self.inbound.take(input, &mut self.talk)? {
            reply = self.talk.hear(message, out)?.or(reply);
        }
        Ok(reply)
    }

    fn hung_up(&mut self) -> Result<Reply, CallError> {
        let closed = "the server closed the connection before its reply was complete";
        Err(match (self.talk.refused.take(), self.talk.waiting) {
            (Some(refused), _) => refused,
            (None, For::Root) => {
                CallError::connect(format!("{closed}, the first of all, as a server of rpyc 5 or older does: {SPEAKS}"))
            }
            (None, _) => CallError::connect(closed),
        })
    }

    fn close(&mut self, out: &mut Outbox) {
        self.talk.close(out);
    }

    fn awaits_close(&self) -> bool {
        true
    }

    fn messages(&self) -> u64 {
        self.talk.link.messages()
    }

    fn quick_ack(&self) -> bool {
        !self.talk.ours
    }
}

impl Bodies for Talk {
    fn streams(&mut self, before: &[u8]) -> bool {
        let body = match self.waiting {
            For::Chunk => true,
            For::Result => matches!(self.ask, CallSpec::Echo { .. } | CallSpec::Download { .. } | CallSpec::Own(_)),
            _ => false,
        };
        body && Message::is_reply_before(before, self.awaited)
    }

    fn body(&mut self, part: &[u8]) -> Result<(), CallError> {
        match self.ask {
            CallSpec::Own(_) => self.own.feed(part),
            _ => self.check.feed(part),
        }
        Ok(())
    }
}

fn method_of(ask: CallSpec) -> Method {
    match ask {
        CallSpec::Nonce => Method::Nonce,
        // The methods of those are not among these.
        CallSpec::Ping | CallSpec::Own(_) => Method::Ping,
        CallSpec::Echo { .. } => Method::Echo,
        CallSpec::Upload { chunk: None, .. } => Method::Upload,
        CallSpec::Upload { .. } => Method::UploadFileChunked,
        CallSpec::Download { chunk: None, .. } => Method::Download,
        CallSpec::Download { .. } => Method::DownloadFileChunked,
        CallSpec::Compute { what, .. } => Method::Compute(what),
        CallSpec::Sleep { .. } => Method::Sleep,
    }
}

fn place_of(method: Method) -> usize {
    METHODS.iter().position(|known| *known == method).unwrap_or_default()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

fn keep(kept: &mut Vec<u8>, id: Id<'_>) {
    kept.clear();
    kept.extend_from_slice(id.raw);
}

fn fails(fault: CallError) -> Reply {
    Reply { verdict: Err(fault), ..Reply::ok() }
}

impl Talk {
    fn close(&mut self, out: &mut Outbox) {
        self.link.request(out, handler::CLOSE, |args| put_token(args, Token::Tuple(0)));
    }

    fn call(&mut self, ask: CallSpec, content: bool, out: &mut Outbox) {
        self.ask = ask;
        self.check.restart(ask.payload_down(), content);
        self.own.begin(ask, content);
        let whole = match ask {
            CallSpec::Echo { len, .. }
            | CallSpec::Upload { len, chunk: None }
            | CallSpec::Download { len, chunk: None } => len,
            _ => 0,
        };
        if whole > LONGEST {
            self.refused = Some(CallError::protocol(format!("no frame of rpyc has room for {whole} bytes")));
            return self.close(out);
        }
        let place = match ask {
            CallSpec::Own(own) => usize::from(own.call),
            ask => place_of(method_of(ask)),
        };
        if self.bound[place].is_empty() {
            self.awaited = self.link.getattr(out, &self.root, &self.names[place]);
            self.waiting = For::Method;
        } else {
            std::mem::swap(&mut self.method, &mut self.bound[place]);
            self.call_method(out);
            std::mem::swap(&mut self.method, &mut self.bound[place]);
        }
    }

    fn hear(&mut self, message: &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        let message = Message::read(message)?;
        match message {
            Message::Request { seq, handler, args } => self.serve(seq, handler, args, out).map(|()| None),
            Message::Unknown { seq, asked } => {
                self.link.exception(out, seq, &Raised::Key(asked.to_vec()));
                Ok(None)
            }
            Message::Older { .. } => Err(CallError::protocol(format!("the server is of rpyc 5 or older: {SPEAKS}"))),
            Message::Reply { seq, .. } | Message::Exception { seq, .. } if seq != self.awaited => {
                // Nobody waits for the replies to DEL.
                match (0..self.link.next_seq()).contains(&seq) {
                    true => Ok(None),
                    false => Err(CallError::protocol(format!("a reply to the request {seq}, which was never made"))),
                }
            }
            Message::Reply { value, .. } => self.replied(value, out),
            Message::Exception { raised, .. } => self.raised(raised, out),
        }
    }

    fn serve(&mut self, seq: i64, handler: i64, args: Boxed<'_>, out: &mut Outbox) -> Result<(), CallError> {
        let mut releases = Vec::new();
        args.yours(&mut |id| releases.push(id.raw.to_vec()))?;
        match self.lent.request(handler, args) {
            Ok(Outcome::Given(given)) => self.lent.give(given, seq, &mut self.link, out),
            Ok(Outcome::Close | Outcome::Call { .. }) => return Err(CallError::connect("the server said goodbye")),
            Err(Trouble::Raised(raised)) => self.link.exception(out, seq, &raised),
            Err(Trouble::CallError(fault)) => return Err(fault),
        }
        releases.iter().for_each(|id| self.link.del(out, id));
        Ok(())
    }

    /// What the peer must have sent: an object of its own.
    fn object<'a>(value: Boxed<'a>) -> Result<Id<'a>, CallError> {
        match value {
            Boxed::Yours(id) => Ok(id),
            other => Err(CallError::protocol(format!("a {} where an object of the server was due", other.type_name()))),
        }
    }

    fn replied(&mut self, value: Boxed<'_>, out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        match self.waiting {
            For::Nothing => return Err(CallError::protocol("a reply twice")),
            For::Root => {
                let id = Self::object(value)?;
                self.ours = matches!(id.parts()?, (CLASS, CLASS_IDS, _));
                keep(&mut self.root, id);
                let root = &self.root;
                self.awaited = self.link.request(out, handler::INSPECT, |args| {
                    put_token(args, Token::Tuple(1));
                    args.extend_from_slice(root);
                });
                self.waiting = For::Inspection;
            }
            For::Inspection if self.bind => {
                self.awaited = self.link.next_seq();
                for name in &self.names {
                    self.link.getattr(out, &self.root, name);
                }
                self.waiting = For::Bound(0);
            }
            For::Inspection => return Ok(Some(self.end(Reply::ok()))),
            For::Bound(place) => {
                keep(&mut self.bound[place], Self::object(value)?);
                return Ok(self.next_bound(place));
            }
            For::Method => {
                keep(&mut self.method, Self::object(value)?);
                self.call_method(out);
            }
            For::Result => {
                self.drop_method(out);
                if let CallSpec::Own(_) = self.ask {
                    let reply = self.own.reply(value)?;
                    // What it holds of the server's is given up, as a program does that has looked at it.
                    value.yours(&mut |id| self.link.del(out, id.raw))?;
                    return Ok(Some(self.end(reply)));
                }
                if let CallSpec::Download { chunk: Some(_), .. } = self.ask {
                    keep(&mut self.list, Self::object(value)?);
                    self.awaited = self.link.callattr(out, &self.list, "__iter__");
                    self.waiting = For::Iterator;
                } else {
                    let reply = self.verdict(value)?;
                    return Ok(Some(self.end(reply)));
                }
            }
            For::Iterator => {
                keep(&mut self.iterator, Self::object(value)?);
                self.next_chunk(out);
            }
            For::Chunk => {
                self.feed(value)?;
                self.next_chunk(out);
            }
        }
        Ok(None)
    }

    fn raised(&mut self, raised: &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        let reply = match self.waiting {
            // A service without that method; calling it will say so.
            For::Bound(place) => return Ok(self.next_bound(place)),
            For::Chunk if is_stop_iteration(raised) => Reply { verdict: self.check.finish(), ..Reply::ok() },
            _ if matches!(self.ask, CallSpec::Own(_)) => fails(own::raised(raised)?),
            _ => fails(CallError::status(describe(raised)?)),
        };
        match self.waiting {
            For::Root | For::Inspection => return Err(CallError::status(describe(raised)?)),
            For::Result => self.drop_method(out),
            For::Iterator => self.link.del(out, &self.list),
            For::Chunk => {
                self.link.del(out, &self.iterator);
                self.link.del(out, &self.list);
            }
            _ => {}
        }
        Ok(Some(self.end(reply)))
    }

    fn end(&mut self, reply: Reply) -> Reply {
        (self.waiting, self.awaited) = (For::Nothing, -1);
        reply
    }

    /// Calls the method that was looked up.
    fn call_method(&mut self, out: &mut Outbox) {
        let Talk { link, lent, fill, own, method, .. } = self;
        self.awaited = match self.ask {
            CallSpec::Own(_) => link.call_with(out, method, |args| own.put(fill, args)),
            ask => call_method(link, lent, fill, ask, method, out),
        };
        self.waiting = For::Result;
    }

    fn next_bound(&mut self, place: usize) -> Option<Reply> {
        self.awaited += 1;
        self.waiting = For::Bound(place + 1);
        (place + 1 == self.names.len()).then(|| self.end(Reply::ok()))
    }

    fn next_chunk(&mut self, out: &mut Outbox) {
        self.awaited = self.link.callattr(out, &self.iterator, "__next__");
        self.waiting = For::Chunk;
    }

    /// As a Python program drops the bound method once its call has returned.
    fn drop_method(&mut self, out: &mut Outbox) {
        if !self.method.is_empty() {
            self.link.del(out, &self.method);
            self.method.clear();
        }
    }

    /// Takes bytes that are part of a body, unless they have streamed by already.
    fn feed(&mut self, value: Boxed<'_>) -> Result<(), CallError> {
        match value.token()? {
            Some(Token::Bytes(bytes)) => self.check.feed(bytes),
            Some(Token::Streamed(_)) => {}
            _ => return Err(CallError::protocol(format!("a {} where bytes were due", value.type_name()))),
        }
        Ok(())
    }

    fn verdict(&mut self, value: Boxed<'_>) -> Result<Reply, CallError> {
        let token = value.token()?;
        let number = match (token, value) {
            (Some(Token::Int(number)), _) => u128::try_from(number).ok(),
            (Some(Token::Big(digits)), _) => digits.parse().ok(),
            _ => None,
        };
        let expect = |right: u128, class: ErrorClass| match number {
            Some(number) if number == right => Reply::ok(),
            Some(number) => fails(CallError::of(class, format!("{number} came where {right} was right"))),
            None => fails(CallError::protocol(format!("a {} where an int was due", value.type_name()))),
        };
        Ok(match (self.ask, token) {
            (CallSpec::Ping, Some(Token::Text("pong"))) => Reply::ok(),
            (CallSpec::Ping, _) => fails(CallError::corrupt("the answer to a ping is not pong")),
            (CallSpec::Own(_), _) => fails(CallError::not_of_the_service()),
            (CallSpec::Nonce, Some(Token::Text(nonce))) => Reply { nonce: Some(nonce.to_owned()), ..Reply::ok() },
            (CallSpec::Nonce, _) => fails(CallError::corrupt("the answer to nonce is not a str")),
            (CallSpec::Upload { len, .. }, _) => expect(len.into(), ErrorClass::Short),
            (CallSpec::Compute { what, n }, _) => expect((what.result)(n), ErrorClass::Corrupt),
            (CallSpec::Sleep { ns }, Some(Token::Float(slept))) if slept == seconds(ns) => Reply::ok(),
            (CallSpec::Sleep { .. }, _) => {
                fails(CallError::corrupt("sleep did not answer how long it was asked to sleep"))
            }
            (CallSpec::Echo { .. } | CallSpec::Download { .. }, _) => match self.feed(value) {
                Ok(()) => Reply { verdict: self.check.finish(), ..Reply::ok() },
                Err(fault) => fails(fault),
            },
        })
    }
}

/// Calls the method that `ask` needs, which is `id` at the server; the sequence number of the call.
fn call_method(
    link: &mut Link,
    lent: &mut Objects,
    fill: &Arc<Fill>,
    ask: CallSpec,
    id: &[u8],
    out: &mut Outbox,
) -> i64 {
    let values = |tokens: &[Token<'_>], args: &mut Vec<u8>| {
        put_token(args, Token::Tuple(tokens.len() as u32));
        tokens.iter().for_each(|token| brine::put(args, *token));
    };
    match ask {
        CallSpec::Ping | CallSpec::Nonce | CallSpec::Own(_) => link.call(out, id, |args| values(&[], args)),
        CallSpec::Echo { len, .. } | CallSpec::Upload { len, chunk: None } => {
            link.call_with_bytes(out, id, len as u32, Body::Fill { fill: fill.clone(), offset: 0, len })
        }
        CallSpec::Upload { len, chunk: Some(chunk) } => {
            let slot = lent.add(Object::List(List::new(fill.clone(), len, chunk)));
            link.call(out, id, |args| {
                put_tuple(args, 1);
                lent.put(slot, args);
            })
        }
        CallSpec::Download { len, chunk: None } => link.call(out, id, |args| values(&[Token::Int(len as i64)], args)),
        CallSpec::Download { len, chunk: Some(chunk) } => {
            link.call(out, id, |args| values(&[Token::Int(len as i64), Token::Int(chunk as i64)], args))
        }
        CallSpec::Compute { n, .. } => link.call(out, id, |args| values(&[Token::Int(n as i64)], args)),
        CallSpec::Sleep { ns } => link.call(out, id, |args| values(&[Token::Float(seconds(ns))], args)),
    }
}
