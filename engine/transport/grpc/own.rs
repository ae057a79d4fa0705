//! Calls of the user's own as calls of gRPC, and what their replies are worth.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::BytesMut;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, StatusCode};
use memchr::memmem;

use crate::call::own::grpc::{Code, Compiled};
use crate::call::own::{GrpcCall, Material, Origin, OwnCall};
use crate::call::{CallError, CallSpec, Own};
use crate::transport::contract::ClientContext;
use crate::transport::grpc::frames::{Frame, Frames};
use crate::transport::grpc::head;
use crate::transport::grpc::message::Wrong;
use crate::transport::web::body::Sending;
use crate::transport::web::exchange::{ClientExchange, IncomingReply};

/// How much of a reply `contains` and `take` look into, in bytes.
const LOOKED: usize = 16 << 20;

/// The user's own calls to one server.
pub(crate) struct OwnCalls {
    context: ClientContext,
    /// Where messages are written that differ from call to call; its memory is used again once it was sent.
    written: RefCell<(Vec<u8>, BytesMut)>,
}

/// Which call is asked; of a call of the service, which no such job asks, the first.
fn own(ask: CallSpec) -> Own {
    match ask {
        CallSpec::Own(own) => own,
        _ => Own { call: 0, client: 0, number: 0 },
    }
}

fn find(calls: &[OwnCall], own: Own) -> Option<(&OwnCall, &GrpcCall, &Compiled)> {
    let call = calls.get(usize::from(own.call))?;
    let grpc = call.grpc.as_ref()?;
    Some((call, grpc, grpc.compiled.as_deref()?))
}

impl OwnCalls {
    /// Calls to the server that the context names.
    pub(crate) fn new(context: &ClientContext) -> Self {
        OwnCalls { context: context.clone(), written: RefCell::default() }
    }

    fn call(&self, ask: CallSpec) -> Option<(&GrpcCall, &Compiled, Own)> {
        let own = own(ask);
        let (_, grpc, compiled) = find(&self.context.own, own)?;
        Some((grpc, compiled, own))
    }
}

impl ClientExchange for OwnCalls {
    type Incoming = OwnReply;

    fn incoming(&self) -> OwnReply {
        OwnReply::new(self.context.own.clone())
    }

    fn head(&self, ask: CallSpec) -> Request<()> {
        let Some((call, compiled, own)) = self.call(ask) else { return Request::new(()) };
        let mut head = head::of(&self.context, compiled.path());
        for (name, value) in &call.metadata {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value.of(own))) {
                head.headers_mut().append(name, value);
            }
        }
        head
    }

    fn body(&self, ask: CallSpec) -> Option<Sending> {
        let (_, compiled, own) = self.call(ask)?;
        if let Some(bytes) = compiled.fixed() {
            return Some(Sending::bytes(bytes.clone(), None));
        }
        let (written, sent) = &mut *self.written.borrow_mut();
        written.clear();
        compiled.put(own, written);
        sent.extend_from_slice(written);
        Some(Sending::bytes(sent.split().freeze(), None))
    }

    fn messages(&self, _: CallSpec) -> u64 {
        1
    }

    fn kinds(&self) -> usize {
        self.context.own.len().max(1)
    }

    fn kind(&self, ask: CallSpec) -> usize {
        usize::from(own(ask).call).min(self.kinds() - 1)
    }

    fn alike(&self, _: CallSpec, ask: CallSpec) -> bool {
        !self.call(ask).is_some_and(|(call, ..)| call.metadata.iter().any(|(_, value)| value.varies()))
    }
}

/// A reply to a call of the user's own while it comes in.
pub(crate) struct OwnReply {
    calls: Arc<[OwnCall]>,
    asked: Own,
    /// The status of HTTP.
    http: StatusCode,
    /// How it ended, where its head says so already.
    code: Option<Code>,
    frames: Frames,
    /// Bytes of its messages so far.
    received: u64,
    /// Whether it is looked at.
    looks: bool,
    /// Whether values are taken from it.
    keeps: bool,
    material: Option<Box<Material>>,
    /// Its messages one behind the other, and where each ends, where it is looked at.
    kept: Vec<u8>,
    ends: Vec<usize>,
}

impl OwnReply {
    fn new(calls: Arc<[OwnCall]>) -> Self {
        OwnReply {
            calls,
            asked: Own { call: 0, client: 0, number: 0 },
            http: StatusCode::OK,
            code: None,
            frames: Frames::default(),
            received: 0,
            looks: false,
            keeps: false,
            material: None,
            kept: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn call(&self) -> Option<(&OwnCall, &GrpcCall, &Compiled)> {
        find(&self.calls, self.asked)
    }

    /// Keeps its last message as JSON, where values are taken from it.
    fn keep_last(&mut self) -> Result<(), CallError> {
        let Some((_, _, compiled)) = self.call().filter(|_| self.keeps) else { return Ok(()) };
        let end = self.ends.last().copied().unwrap_or(0);
        let begin = self.ends.len().checked_sub(2).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let message = compiled.as_json(&self.kept[begin..end]);
        let message = message.ok_or_else(|| CallError::corrupt("a message is not what its type says"))?;
        self.material.get_or_insert_default().body = message.into_bytes();
        Ok(())
    }

    /// Keeps the metadata that values are taken from.
    fn keep_metadata(&mut self, fields: &HeaderMap) {
        let takes = self.call().filter(|_| self.keeps).map_or(&[][..], |(call, ..)| &call.take[..]);
        let found: Vec<(String, Vec<u8>)> = takes
            .iter()
            .filter_map(|take| match &take.from {
                Origin::Metadata(name) => {
                    Some((name.clone(), fields.get(name.to_ascii_lowercase())?.as_bytes().to_vec()))
                }
                _ => None,
            })
            .collect();
        if !found.is_empty() {
            self.material.get_or_insert_default().fields.extend(found);
        }
    }
}

impl IncomingReply for OwnReply {
    fn restart(&mut self, ask: CallSpec, content: bool) {
        self.asked = own(ask);
        (self.http, self.code, self.frames, self.received) = (StatusCode::OK, None, Frames::default(), 0);
        self.looks = content && self.call().is_some_and(|(call, ..)| call.contains.is_some());
        self.keeps = self.call().is_some_and(|(call, ..)| !call.take.is_empty());
        self.material = None;
        self.kept.clear();
        self.ends.clear();
    }

    fn head(&mut self, http: StatusCode, fields: &HeaderMap) -> Result<(), CallError> {
        self.http = http;
        self.code = head::code(fields);
        self.keep_metadata(fields);
        let kind = fields.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        if http == StatusCode::OK && kind.is_some_and(|kind| !kind.starts_with(b"application/grpc")) {
            return Err(CallError::protocol("the reply is none of gRPC, by its content-type"));
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        if self.http != StatusCode::OK {
            return Ok(());
        }
        let (received, kept, ends, looks) =
            (&mut self.received, &mut self.kept, &mut self.ends, self.looks || self.keeps);
        let take = |frame: Frame<'_>| match frame {
            Frame::Bytes(part) => {
                *received += part.len() as u64;
                if looks && kept.len() + part.len() <= LOOKED {
                    kept.extend_from_slice(part);
                }
            }
            Frame::End if looks => ends.push(kept.len()),
            Frame::End => {}
        };
        self.frames.feed(bytes, take).map_err(Wrong::fault)
    }

    fn verdict(&mut self, trailers: Option<&HeaderMap>) -> Result<Option<String>, CallError> {
        if let Some(trailers) = trailers {
            self.keep_metadata(trailers);
        }
        let Some((call, grpc, compiled)) = self.call() else { return Err(CallError::not_of_the_service()) };
        let said = trailers.and_then(head::code).or(self.code);
        let code = match (said, self.http) {
            (Some(code), _) => code,
            (None, StatusCode::OK) => return Err(CallError::protocol("the reply has no grpc-status")),
            (None, http) => Code::of_http(http.as_u16()),
        };
        // What the server says beside its code may hold anything, secrets of the request too.
        if !grpc.takes(code) {
            let by = if said.is_none() { format!(", by status {} of HTTP", self.http.as_u16()) } else { String::new() };
            return Err(CallError::status(format!("status {code}{by}")));
        }
        let count = self.frames.finish().map_err(Wrong::fault)?;
        if code == Code::Ok && !compiled.streams() && count != 1 {
            return Err(CallError::protocol(format!("one message was due, and {count} came")));
        }
        match call.size {
            Some(size) if size != self.received => {
                let got = self.received;
                Err(CallError::short(format!("the reply has {got} bytes of messages where `size` says {size}")))
            }
            _ => Ok(None),
        }
    }

    fn inspect(&mut self) -> Result<(), CallError> {
        if !self.looks && !self.keeps {
            return Ok(());
        }
        if self.received > self.kept.len() as u64 {
            let what = if self.looks { "contains" } else { "take" };
            let what = format!("`{what}` looks into replies of up to {LOOKED} bytes, and this one is longer");
            return Err(CallError::corrupt(what));
        }
        self.keep_last()?;
        let Some((OwnCall { contains: Some(wanted), .. }, _, compiled)) = self.call().filter(|_| self.looks) else {
            return Ok(());
        };
        let mut from = 0;
        for end in &self.ends {
            let message = compiled.as_json(&self.kept[from..*end]);
            let message = message.ok_or_else(|| CallError::corrupt("a message is not what its type says"))?;
            if memmem::find(message.as_bytes(), wanted.as_bytes()).is_some() {
                return Ok(());
            }
            from = *end;
        }
        Err(CallError::corrupt("the reply does not hold what `contains` says"))
    }

    fn material(&mut self) -> Option<Box<Material>> {
        self.material.take()
    }

    fn carried(&self) -> (u64, u64) {
        (self.call().map_or(0, |(_, _, compiled)| compiled.len(self.asked) as u64), self.received)
    }
}
