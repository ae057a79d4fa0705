//! Requests as HTTP/1.1 writes them: those of the service, and the user's own ones, which are copied and not built.

use http::header::CONTENT_LENGTH;
use http::uri::{Authority, PathAndQuery};

use crate::call::CallSpec;
use crate::call::own::HttpBody;
use crate::transport::web::calls::WebCalls;
use crate::transport::web::exchange::ClientExchange;
use crate::transport::web::own::OwnRequests;

/// A body up to this length is kept behind its head, in bytes.
const INLINE: u64 = 16 * 1024;
/// What names this client.
const AGENT: &[u8] = concat!("User-Agent: engine/", env!("CARGO_PKG_VERSION"), "\r\n").as_bytes();

/// How a request was written.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Written {
    /// Its body goes out in chunked transfer coding.
    pub(crate) coded: bool,
    /// Its body stands behind its head already, or it has none.
    pub(crate) whole: bool,
    /// Its reply is a head alone.
    pub(crate) bare: bool,
}

/// What asks as HTTP/1.1 does.
pub(crate) trait Requests: ClientExchange {
    /// Appends the head of a request, which asks for the end of the connection unless that `keeps_alive`.
    fn write(&self, ask: CallSpec, keeps_alive: bool, out: &mut Vec<u8>) -> Written;
}

impl Requests for WebCalls {
    fn write(&self, ask: CallSpec, keeps_alive: bool, out: &mut Vec<u8>) -> Written {
        let head = self.head(ask);
        let coded = head.method() == http::Method::POST && !head.headers().contains_key(CONTENT_LENGTH);
        let (target, host) = (head.uri().path_and_query(), head.uri().authority());
        let (target, host) = (target.map_or("/", PathAndQuery::as_str), host.map_or("", Authority::as_str));
        out.extend_from_slice(format!("{} {target} HTTP/1.1\r\nHost: {host}\r\n", head.method()).as_bytes());
        for (name, value) in head.headers() {
            let mut begins = true;
            out.extend(name.as_str().bytes().map(|byte| {
                let capital = std::mem::replace(&mut begins, byte == b'-');
                if capital { byte.to_ascii_uppercase() } else { byte }
            }));
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
        if coded {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n");
        }
        end(keeps_alive, out);
        Written { coded, ..Written::default() }
    }
}

impl Requests for OwnRequests {
    fn write(&self, ask: CallSpec, keeps_alive: bool, out: &mut Vec<u8>) -> Written {
        let Some((call, own)) = self.call(ask) else { return Written::default() };
        out.extend_from_slice(call.method.as_bytes());
        out.push(b' ');
        call.path.put(own, out);
        out.extend_from_slice(b" HTTP/1.1\r\n");
        if call.header("host").is_none() {
            field(b"Host", |out| out.extend_from_slice(self.authority().as_bytes()), out);
        }
        if call.header("user-agent").is_none() {
            out.extend_from_slice(AGENT);
        }
        for (name, value) in &call.headers {
            field(name.as_bytes(), |out| value.put(own, out), out);
        }
        let len = call.body_len(own);
        if let Some(len) = len {
            let mut digits = itoa::Buffer::new();
            field(b"Content-Length", |out| out.extend_from_slice(digits.format(len).as_bytes()), out);
        }
        end(keeps_alive, out);
        let mut written = Written { bare: call.method == "HEAD", whole: len.is_none(), coded: false };
        match &call.body {
            HttpBody::Text(text) => {
                text.put(own, out);
                written.whole = true;
            }
            HttpBody::File(bytes) if bytes.len() as u64 <= INLINE => {
                out.extend_from_slice(bytes);
                written.whole = true;
            }
            _ => {}
        }
        written
    }
}

fn field(name: &[u8], value: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    value(out);
    out.extend_from_slice(b"\r\n");
}

fn end(keeps_alive: bool, out: &mut Vec<u8>) {
    if !keeps_alive {
        out.extend_from_slice(b"Connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The requests that were written last, one of each kind, for those that are asked again.
pub(crate) struct Kept(Vec<(Option<CallSpec>, Written, Vec<u8>)>);

impl Kept {
    /// Room for the requests of `asking`.
    pub(crate) fn of(asking: &impl Requests) -> Self {
        Kept((0..asking.kinds()).map(|_| (None, Written::default(), Vec::new())).collect())
    }

    /// The request for a call, written anew only where the last one of its kind does not serve.
    pub(crate) fn request(&mut self, asking: &impl Requests, ask: CallSpec, keeps_alive: bool) -> (Written, &[u8]) {
        let (asked, written, bytes) = &mut self.0[asking.kind(ask)];
        if !asked.is_some_and(|asked| asking.alike(asked, ask)) {
            bytes.clear();
            (*asked, *written) = (Some(ask), asking.write(ask, keeps_alive, bytes));
        }
        (*written, bytes)
    }
}
