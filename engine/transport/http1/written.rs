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
        let sessions = self.sessions();
        let path = if sessions.cookies() { call.path.of(own) } else { Vec::new() };
        for (name, value) in &call.headers {
            let cookies = name.eq_ignore_ascii_case("cookie");
            let put = |out: &mut Vec<u8>| {
                value.put(own, out);
                if cookies {
                    sessions.put_cookies(own.client, &path, b"; ", out);
                }
            };
            field(name.as_bytes(), put, out);
        }
        if call.header("cookie").is_none() && sessions.put_cookies(own.client, &path, b"Cookie: ", out) {
            out.extend_from_slice(b"\r\n");
        }
        let len = call.body_len(own);
        if let Some(len) = len {
            let mut digits = itoa::Buffer::new();
            field(b"Content-Length", |out| out.extend_from_slice(digits.format(len).as_bytes()), out);
        }
        end(keeps_alive, out);
        let mut written = Written { bare: call.method == "HEAD", whole: len.is_none(), coded: false };
        match &call.body {
            HttpBody::Text(text) | HttpBody::Json(text) => {
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

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};

    use super::Requests;
    use crate::call::own::OwnCall;
    use crate::call::own::bound::{Callers, bind};
    use crate::call::{CallSpec, Fill, Own};
    use crate::transport::contract::ClientContext;
    use crate::transport::option::Options;
    use crate::transport::web::exchange::{ClientExchange, IncomingReply};
    use crate::transport::web::own::OwnRequests;

    #[test]
    fn both_ways_of_writing_a_request_send_the_same_cookies_and_values() {
        let calls: Vec<OwnCall> = serde_json::from_value(serde_json::json!([
            {"name": "a", "http": {"method": "GET", "path": "/app/${at}", "headers": [["Cookie", "own=1"], ["A", "${token}"]]},
             "take": [{"name": "token", "from": {"json": "/t"}}, {"name": "at", "from": {"header": "Location"}}]},
            {"name": "b", "http": {"method": "GET", "path": "/"}},
        ]))
        .expect("calls");
        let callers = Callers { clients: 2, steps: 1, seed: 1, cookies: true };
        let bound = bind(calls, Vec::new(), callers).expect("each word has a value");
        let context = ClientContext::of_service(Fill::constant(0), Options::default(), "shop:80");
        let context = ClientContext { own: bound.calls.clone(), sessions: bound.sessions.clone(), ..context };
        let asking = OwnRequests::new(&context, "http");
        let ask = |call: u16, client: u32| CallSpec::Own(Own { call, client, number: 0 });
        let mut reply = asking.incoming();
        reply.restart(ask(0, 1), false);
        let mut fields = HeaderMap::new();
        for (name, value) in [("set-cookie", "sid=7; Path=/app"), ("set-cookie", "all=1"), ("location", "x y")] {
            fields.append(name, HeaderValue::from_static(value));
        }
        assert!(reply.wants_fields(StatusCode::OK));
        reply.head(StatusCode::OK, &fields).expect("it is one");
        reply.data(b"{\"t\":").and_then(|()| reply.data(b"\"z\"}")).expect("it is kept");
        assert_eq!(reply.verdict(None), Ok(None));
        let material = reply.material().expect("it was kept");
        bound.sessions.keep(1, &bound.calls[0].take, &material, true).expect("all of it is there");
        assert!(reply.material().is_none(), "once");
        for (call, client, path, cookies, token) in [
            (0, 1, "/app/x%20y", Some("own=1; sid=7; all=1"), Some("z")),
            (0, 0, "/app/", Some("own=1"), Some("")),
            (1, 1, "/", Some("all=1"), None),
            (1, 0, "/", None, None),
        ] {
            let head = asking.head(ask(call, client));
            let field = |name: &str| head.headers().get(name).map(|value| value.to_str().expect("text"));
            assert_eq!((head.uri().path(), field("cookie"), field("a")), (path, cookies, token));
            let mut bytes = Vec::new();
            Requests::write(&asking, ask(call, client), true, &mut bytes);
            let text = String::from_utf8(bytes).expect("text");
            assert!(text.starts_with(&format!("GET {path} HTTP/1.1\r\n")), "{text}");
            let lines: Vec<&str> =
                text.lines().filter(|line| line.to_ascii_lowercase().starts_with("cookie")).collect();
            assert_eq!(lines, cookies.map(|cookies| format!("Cookie: {cookies}")).as_slice(), "{text}");
        }
    }
}
