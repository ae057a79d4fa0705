//! Calls of the user's own as requests of HTTP, and what their replies are worth.

use std::io::Write;
use std::sync::Arc;

use flate2::write::GzDecoder;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, SET_COOKIE};
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, Method, Request, StatusCode, Uri};

use crate::call::own::search::Search;
use crate::call::own::{HttpBody, HttpCall, Material, Origin, OwnCall, Sessions};
use crate::call::{CallError, CallSpec, Own};
use crate::transport::contract::ClientContext;
use crate::transport::web::body::Sending;
use crate::transport::web::calls::request;
use crate::transport::web::exchange::{ClientExchange, IncomingReply};

/// The requests of the user's own calls.
pub(crate) struct OwnRequests {
    context: ClientContext,
    scheme: &'static str,
}

/// Which call is asked; of a call of the service, which no such job asks, the first.
fn own(ask: CallSpec) -> Own {
    match ask {
        CallSpec::Own(own) => own,
        _ => Own { call: 0, client: 0, number: 0 },
    }
}

impl OwnRequests {
    /// Requests to the server that the context names.
    pub(crate) fn new(context: &ClientContext, scheme: &'static str) -> Self {
        OwnRequests { context: context.clone(), scheme }
    }

    /// What the server is called where a call does not say otherwise.
    pub(crate) fn authority(&self) -> &str {
        &self.context.authority
    }

    /// What clients were given.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.context.sessions
    }

    /// The request of a call, and which one it is.
    pub(crate) fn call(&self, ask: CallSpec) -> Option<(&HttpCall, Own)> {
        let own = own(ask);
        Some((self.context.own.get(usize::from(own.call))?.http.as_ref()?, own))
    }
}

impl ClientExchange for OwnRequests {
    type Incoming = OwnReply;

    fn incoming(&self) -> OwnReply {
        OwnReply::new(self.context.own.clone(), self.context.sessions.cookies())
    }

    fn head(&self, ask: CallSpec) -> Request<()> {
        let Some((call, own)) = self.call(ask) else { return Request::new(()) };
        let path = call.path.of(own);
        let method = Method::from_bytes(call.method.as_bytes()).unwrap_or_default();
        let mut head = request(method, self.scheme, &self.context, &String::from_utf8_lossy(&path));
        for (name, value) in &call.headers {
            let name = HeaderName::from_bytes(name.to_ascii_lowercase().as_bytes());
            let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&value.of(own))) else { continue };
            if name != HOST {
                head.headers_mut().insert(name, value);
            } else if let (Ok(authority), Some(path)) = (value.as_bytes().try_into(), head.uri().path_and_query()) {
                // What HTTP/1.1 says in a field stands in the target here (RFC 9113, 8.3.1).
                *head.uri_mut() = named(self.scheme, authority, path.clone());
            }
        }
        let mut cookies = head.headers().get(COOKIE).map_or_else(Vec::new, |own| own.as_bytes().to_vec());
        let begins: &[u8] = if cookies.is_empty() { b"" } else { b"; " };
        if self.context.sessions.put_cookies(own.client, &path, begins, &mut cookies)
            && let Ok(value) = HeaderValue::from_bytes(&cookies)
        {
            head.headers_mut().insert(COOKIE, value);
        }
        if let Some(len) = call.body_len(own) {
            head.headers_mut().insert(CONTENT_LENGTH, len.into());
        }
        head
    }

    fn body(&self, ask: CallSpec) -> Option<Sending> {
        let (call, own) = self.call(ask)?;
        match &call.body {
            HttpBody::None => None,
            HttpBody::Text(text) | HttpBody::Json(text) => Some(Sending::bytes(text.of(own), None)),
            HttpBody::File(bytes) => Some(Sending::bytes(bytes.clone(), None)),
            HttpBody::Fill(len) => Some(Sending::fill(self.context.fill.clone(), *len, None)),
        }
        .filter(|_| call.body_len(own) != Some(0))
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
        !self.context.sessions.cookies() && !self.call(ask).is_some_and(|(call, _)| call.varies())
    }
}

fn named(scheme: &str, authority: Authority, path: PathAndQuery) -> Uri {
    Uri::builder().scheme(scheme).authority(authority).path_and_query(path).build().unwrap_or_default()
}

/// A reply to a call of the user's own while it comes in.
pub(crate) struct OwnReply {
    calls: Arc<[OwnCall]>,
    asked: Own,
    status: u16,
    /// Bytes of its body so far.
    received: u64,
    /// What each call looks for; made once.
    searches: Vec<Option<Search>>,
    /// Whether this reply is looked at.
    looks: bool,
    /// Whether values are taken from it.
    keeps: bool,
    /// Whether cookies are.
    cookies: bool,
    material: Option<Box<Material>>,
    body: Coding,
}

/// How a body that is looked at comes.
enum Coding {
    Plain,
    Gzip(Box<GzDecoder<Vec<u8>>>),
    /// In a coding that cannot be read here.
    Unknown(String),
}

impl OwnReply {
    fn new(calls: Arc<[OwnCall]>, cookies: bool) -> Self {
        let search = |call: &OwnCall| call.contains.as_ref().map(|text| Search::new(text.as_bytes()));
        OwnReply {
            searches: calls.iter().map(search).collect(),
            calls,
            asked: Own { call: 0, client: 0, number: 0 },
            status: 0,
            received: 0,
            looks: false,
            keeps: false,
            cookies,
            material: None,
            body: Coding::Plain,
        }
    }

    /// Looks at more of the body, as it is without its coding.
    fn see(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        if self.looks
            && let Some(Some(search)) = self.searches.get_mut(usize::from(self.asked.call))
        {
            search.feed(bytes);
        }
        match &mut self.material {
            Some(material) if self.keeps => material.keep(bytes),
            _ => Ok(()),
        }
    }

    /// Keeps what its fields give the client.
    fn keep_fields(&mut self, fields: &HeaderMap) {
        let mut kept: Vec<(String, Vec<u8>)> = Vec::new();
        if self.cookies {
            let given = fields.get_all(SET_COOKIE).iter();
            kept.extend(given.map(|value| (SET_COOKIE.as_str().to_owned(), value.as_bytes().to_vec())));
        }
        for take in self.call().filter(|_| self.keeps).map_or(&[][..], |(call, _)| &call.take[..]) {
            if let Origin::Header(name) = &take.from
                && let Some(value) = fields.get(name.to_ascii_lowercase())
            {
                kept.push((name.clone(), value.as_bytes().to_vec()));
            }
        }
        if !kept.is_empty() {
            self.material.get_or_insert_default().fields = kept;
        }
    }

    fn call(&self) -> Option<(&OwnCall, &HttpCall)> {
        let call = self.calls.get(usize::from(self.asked.call))?;
        Some((call, call.http.as_ref()?))
    }

    fn takes(&self, status: u16) -> bool {
        self.call().is_some_and(|(_, http)| http.takes(status))
    }
}

/// Why a status is not the right one. What the server says beside it may hold anything, secrets of the request too.
fn refused(status: u16) -> CallError {
    let redirect = if (300..400).contains(&status) && status != 304 { ": redirects are not followed" } else { "" };
    CallError::status(format!("status {status}{redirect}"))
}

impl IncomingReply for OwnReply {
    fn restart(&mut self, ask: CallSpec, content: bool) {
        self.asked = own(ask);
        (self.status, self.received) = (0, 0);
        (self.looks, self.body) = (false, Coding::Plain);
        self.keeps = self.call().is_some_and(|(call, _)| !call.take.is_empty());
        self.material = self.keeps.then(Box::default);
        if content && let Some(Some(search)) = self.searches.get_mut(usize::from(self.asked.call)) {
            search.restart();
            self.looks = true;
        }
    }

    fn wants_fields(&self, status: StatusCode) -> bool {
        self.cookies || (self.looks || self.keeps) && self.takes(status.as_u16())
    }

    fn head(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), CallError> {
        self.status = status.as_u16();
        if self.cookies || self.keeps {
            self.keep_fields(fields);
        }
        if (self.looks || self.keeps)
            && let Some(coding) = fields.get(CONTENT_ENCODING)
        {
            self.body = match coding.as_bytes().to_ascii_lowercase().as_slice() {
                b"identity" => Coding::Plain,
                b"gzip" | b"x-gzip" => Coding::Gzip(Box::new(GzDecoder::new(Vec::new()))),
                other => Coding::Unknown(String::from_utf8_lossy(other).into_owned()),
            };
        }
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.received += bytes.len() as u64;
        if !self.looks && !self.keeps || !self.takes(self.status) {
            return Ok(());
        }
        match std::mem::replace(&mut self.body, Coding::Plain) {
            Coding::Plain => self.see(bytes)?,
            Coding::Gzip(mut decoder) => {
                // Piece by piece, so that a small body which unpacks to a huge one is never whole in memory.
                for piece in bytes.chunks(PACKED) {
                    decoder.write_all(piece).map_err(|_| CallError::corrupt("the body is called gzip and is none"))?;
                    self.see(decoder.get_ref())?;
                    decoder.get_mut().clear();
                }
                self.body = Coding::Gzip(decoder);
            }
            unknown @ Coding::Unknown(_) => self.body = unknown,
        }
        Ok(())
    }

    fn verdict(&mut self, _: Option<&HeaderMap>) -> Result<Option<String>, CallError> {
        if !self.takes(self.status) {
            return Err(refused(self.status));
        }
        if let Some(size) = self.call().and_then(|(call, _)| call.size)
            && size != self.received
        {
            return Err(CallError::short(format!("the body has {} bytes where `size` says {size}", self.received)));
        }
        match std::mem::replace(&mut self.body, Coding::Plain) {
            Coding::Unknown(coding) => {
                let what = if self.looks { "contains" } else { "take" };
                let what = format!("`{what}` cannot look into a body in the coding `{coding}`");
                return Err(CallError::corrupt(what));
            }
            Coding::Gzip(mut decoder) => {
                let _ = decoder.try_finish();
                self.see(decoder.get_ref())?;
            }
            Coding::Plain => {}
        }
        let search = self.searches.get(usize::from(self.asked.call)).and_then(Option::as_ref);
        match search.filter(|_| self.looks) {
            Some(search) if !search.found() => Err(CallError::corrupt("the body does not hold what `contains` says")),
            _ => Ok(None),
        }
    }

    fn material(&mut self) -> Option<Box<Material>> {
        self.material.take()
    }

    fn carried(&self) -> (u64, u64) {
        let up = self.call().and_then(|(_, http)| http.body_len(self.asked)).unwrap_or(0);
        (up, self.received)
    }
}

/// How much of a packed body is unpacked at a time, in bytes.
const PACKED: usize = 1024;
