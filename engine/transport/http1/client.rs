//! The client's end of a connection.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::call::{CallError, CallSpec};
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::http1::body::{Body, LAST_CHUNK, Part, produce};
use crate::transport::http1::head::{FIELD_LIMIT, Fields, Head, Taken, unfolded};
use crate::transport::http1::written::{Kept, Requests};
use crate::transport::outbox::Outbox;
use crate::transport::web::body::Sending;
use crate::transport::web::exchange::IncomingReply;

/// A response as its head describes it.
#[derive(Debug, Clone, Copy)]
struct Response {
    status: u16,
    body: Body,
    keep: bool,
}

/// A client that sends one request after the other.
pub(crate) struct HttpClient<A: Requests> {
    asking: A,
    keeps_alive: bool,
    kept: Kept,
    /// Whether the body of the request goes out in chunked transfer coding.
    coded: bool,
    /// Whether the reply to it is a head alone.
    bare: bool,
    sending: Option<Sending>,
    head: Head,
    /// The response that the last head describes, as it was before its body came.
    known: Option<Response>,
    /// The response whose body is coming in.
    response: Option<Response>,
    incoming: A::Incoming,
    messages: u64,
}

impl<A: Requests> HttpClient<A> {
    /// A client that makes these calls, and says `Connection: close` with each unless it `keeps_alive`.
    pub(crate) fn new(asking: A, keeps_alive: bool) -> Self {
        HttpClient {
            incoming: asking.incoming(),
            kept: Kept::of(&asking),
            asking,
            keeps_alive,
            coded: false,
            bare: false,
            sending: None,
            head: Head::default(),
            known: None,
            response: None,
            messages: 0,
        }
    }

    /// The reply, now that all of it has come; `keep` is false where the connection ends with it.
    fn finish(&mut self, response: Response, keep: bool) -> Reply {
        self.response = None;
        let (verdict, nonce) = match self.incoming.verdict(None) {
            Ok(nonce) => (Ok(()), nonce),
            Err(fault) => (Err(fault), None),
        };
        let reusable = keep && response.keep && self.keeps_alive;
        let (carried, material) = (self.incoming.carried(), self.incoming.material());
        Reply { slot: 0, verdict, reusable, nonce, carried, material }
    }
}

impl Response {
    fn read(bytes: &[u8]) -> Result<Self, CallError> {
        let bytes = &*unfolded(bytes);
        let mut headers = [httparse::EMPTY_HEADER; FIELD_LIMIT];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => {
                return Err(CallError::protocol(format!("the reply has more than {FIELD_LIMIT} header fields")));
            }
            Ok(httparse::Status::Partial) | Err(_) => {
                return Err(CallError::protocol("what came is not an HTTP/1.1 response"));
            }
        }
        let status = response.code.unwrap_or_default();
        let fields = Fields::read(response.headers).map_err(|refusal| CallError::protocol(refusal.reason))?;
        let body = match (status, fields.length) {
            (100..200 | 204 | 304, _) => Body::Length(0),
            _ if fields.chunked => Body::chunked(),
            (_, Some(length)) => Body::Length(length),
            _ => Body::UntilClose,
        };
        let old = response.version != Some(1);
        Ok(Response { status, body, keep: !fields.close && (!old || fields.keep_alive) })
    }
}

/// The fields of a head that was read before, but for those that are no fields of a library's map.
fn fields(head: &[u8]) -> HeaderMap {
    let head = &*unfolded(head);
    let mut headers = [httparse::EMPTY_HEADER; FIELD_LIMIT];
    let mut response = httparse::Response::new(&mut headers);
    // It was understood once.
    let _ = response.parse(head);
    let field = |header: &httparse::Header<'_>| {
        Some((HeaderName::from_bytes(header.name.as_bytes()).ok()?, HeaderValue::from_bytes(header.value).ok()?))
    };
    response.headers.iter().filter_map(field).collect()
}

impl<A: Requests> ClientCodec for HttpClient<A> {
    fn call(&mut self, _: usize, ask: &CallSpec, content: bool, out: &mut Outbox) {
        self.messages += self.asking.messages(*ask);
        self.response = None;
        self.incoming.restart(*ask, content);
        let (written, request) = self.kept.request(&self.asking, *ask, self.keeps_alive);
        out.put(request);
        (self.coded, self.bare) = (written.coded, written.bare);
        self.sending = if written.whole { None } else { self.asking.body(*ask) };
        if self.sending.is_none() && self.coded {
            out.put(LAST_CHUNK);
        }
        self.fill_output(out);
    }

    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        loop {
            let Some(mut response) = self.response else {
                let response = match (self.head.take(input), self.known) {
                    (Taken::Part, _) => return Ok(None),
                    (Taken::TooLong, _) => return Err(CallError::protocol("the head of the reply is too long")),
                    (Taken::Same, Some(known)) => known,
                    (Taken::Same | Taken::New, _) => Response::read(self.head.bytes())?,
                };
                self.known = Some(response);
                match response.status {
                    101 => return Err(CallError::protocol("the server switches to another protocol unasked")),
                    // An interim response says nothing about this call (RFC 9110, 15.2).
                    100..200 => {}
                    // Said of a connection on which no request came for long (RFC 9110, 15.5.9), not of this one.
                    408 if self.messages > 1 && !response.keep => {
                        let before = "the server had given the connection up before this request came (408)";
                        return Err(CallError::connect(before).untaken());
                    }
                    status => {
                        let status = StatusCode::from_u16(status)
                            .map_err(|_| CallError::protocol(format!("{status} is no status of HTTP")))?;
                        match self.incoming.wants_fields(status) {
                            true => self.incoming.head(status, &fields(self.head.bytes()))?,
                            false => self.incoming.head(status, &HeaderMap::new())?,
                        }
                        let body = if self.bare { Body::Length(0) } else { response.body };
                        self.response = Some(Response { body, ..response });
                    }
                }
                continue;
            };
            let part = response.body.next(input).map_err(CallError::protocol)?;
            self.response = Some(response);
            match part {
                Part::Wait => return Ok(None),
                Part::Bytes(bytes) => self.incoming.data(bytes)?,
                Part::End => {
                    // A server that answers before it has heard all of the request will not hear the rest.
                    let heard = out.is_empty() && self.sending.is_none();
                    return Ok(Some(self.finish(response, heard)));
                }
            }
        }
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if let Some(sending) = &mut self.sending
            && !produce(sending, self.coded, out)
        {
            self.sending = None;
        }
    }

    fn hung_up(&mut self) -> Result<Reply, CallError> {
        match self.response {
            Some(response) if matches!(response.body, Body::UntilClose) => Ok(self.finish(response, false)),
            _ => Err(CallError::connect("the server closed the connection before its reply was complete")),
        }
    }

    fn messages(&self) -> u64 {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::HttpClient;
    use crate::call::{CallSpec, Cause, ErrorClass, Fill, SQUARES};
    use crate::transport::contract::{ClientCodec, ClientContext, Reply};
    use crate::transport::option::Options;
    use crate::transport::outbox::Outbox;
    use crate::transport::web::calls::{ChunkForm, WebCalls};

    fn client() -> HttpClient<WebCalls> {
        let context = ClientContext::of_service(Fill::constant(b'x'), Options::default(), "localhost:80");
        HttpClient::new(WebCalls::new(&context, "http", ChunkForm::Hex), true)
    }

    /// The reply to `ask` when these bytes come, and then the end.
    fn reply(ask: CallSpec, bytes: &str) -> Result<Reply, ErrorClass> {
        let (mut client, mut out) = (client(), Outbox::new());
        client.call(0, &ask, true, &mut out);
        out.drain();
        let mut input = bytes.as_bytes();
        let reply = match client.receive(&mut input, &mut out) {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => client.hung_up(),
            Err(fault) => Err(fault),
        };
        reply.map_err(|fault| fault.class)
    }

    fn class(ask: CallSpec, bytes: &str) -> Option<ErrorClass> {
        match reply(ask, bytes) {
            Ok(reply) => reply.verdict.err().map(|fault| fault.class),
            Err(class) => Some(class),
        }
    }

    const DOWNLOAD: CallSpec = CallSpec::Download { len: 3, chunk: None };
    const CHUNKS: CallSpec = CallSpec::Download { len: 3, chunk: Some(2) };

    #[test]
    fn every_way_to_end_a_body_is_understood() {
        for (bytes, reusable) in [
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx", true),
            ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nxxx", false),
            ("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nxxx", false),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n2\r\nxx\r\n0\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\nxxx", false),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx", true),
        ] {
            let reply = reply(DOWNLOAD, bytes).expect(bytes);
            assert_eq!((reply.verdict, reply.reusable), (Ok(()), reusable), "{bytes}");
        }
    }

    #[test]
    fn a_wrong_reply_is_told_by_its_class() {
        let ok = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let sleep = CallSpec::Sleep { ns: 10_000_000 };
        for (ask, bytes, expected) in [
            (DOWNLOAD, ok("xx"), Some(ErrorClass::Short)),
            (DOWNLOAD, ok("xyx"), Some(ErrorClass::Corrupt)),
            (DOWNLOAD, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxx".into(), Some(ErrorClass::Connect)),
            (DOWNLOAD, "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nxxx".into(), Some(ErrorClass::Status)),
            (DOWNLOAD, "HTTP/1.1 204 No Content\r\n\r\n".into(), Some(ErrorClass::Status)),
            (DOWNLOAD, "SSH-2.0-OpenSSH\r\n\r\n".into(), Some(ErrorClass::Protocol)),
            (CHUNKS, ok("{\"chunks\": [\"7878\", \"78\"]}"), None),
            (CHUNKS, ok("{\"chunks\":[\"7878\"]}"), Some(ErrorClass::Short)),
            (CHUNKS, ok("{\"chunks\":[\"7878\",\"79\"]}"), Some(ErrorClass::Corrupt)),
            (CHUNKS, ok("{\"chunks\":[\"787878\"]}"), Some(ErrorClass::Corrupt)),
            (CHUNKS, ok("[\"787878\"]"), Some(ErrorClass::Protocol)),
            (CHUNKS, ok("{\"chunks\":[\"7878\",\"78\""), Some(ErrorClass::Protocol)),
            (CallSpec::Ping, ok("{\"response\": \"pong\"}"), None),
            (CallSpec::Ping, ok("pong"), Some(ErrorClass::Protocol)),
            (CallSpec::Ping, ok(&"x".repeat(5000)), Some(ErrorClass::Protocol)),
            (CallSpec::Upload { len: 3, chunk: None }, ok("{\"size\":2}"), Some(ErrorClass::Short)),
            (CallSpec::Compute { what: &SQUARES, n: 10 }, ok("{\"result\":285}"), None),
            (CallSpec::Compute { what: &SQUARES, n: 10 }, ok("{\"result\":286}"), Some(ErrorClass::Corrupt)),
            (sleep, ok("{\"duration\":0.01}"), None),
            (sleep, ok("{\"duration\":0.02}"), Some(ErrorClass::Corrupt)),
        ] {
            assert_eq!(class(ask, &bytes), expected, "{ask:?} {bytes}");
        }
    }

    #[test]
    fn an_error_gives_its_sentence_and_leaves_the_connection_usable() {
        let page = "<!doctype html>\n<h1>Not Found</h1>\n<p>There is no such endpoint.</p>\n";
        let bytes = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        let reply = reply(CallSpec::Ping, &bytes).expect("it is framed");
        assert!(reply.reusable);
        assert_eq!(reply.verdict.expect_err("it is an error").reason, "404 There is no such endpoint.");
    }

    #[test]
    fn a_folded_field_is_one_with_spaces_and_too_many_have_their_own_reason() {
        for fields in [
            "Content-Length:\r\n 3\r\n",
            "X-A: a\r\n\t b\r\nContent-Length: 3\r\n",
            "X-A:\n \n c\nContent-Length: 3\r\n",
        ] {
            let bytes = format!("HTTP/1.1 200 OK\r\n{fields}\r\nxxx");
            assert_eq!(reply(DOWNLOAD, &bytes).map(|reply| reply.verdict), Ok(Ok(())), "{bytes}");
        }
        assert_eq!(class(DOWNLOAD, "HTTP/1.1 200 OK\r\n Content-Length: 3\r\n\r\nxxx"), Some(ErrorClass::Protocol));
        let (mut client, mut out) = (client(), Outbox::new());
        client.call(0, &DOWNLOAD, true, &mut out);
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(101));
        let fault = client.receive(&mut many.as_bytes(), &mut out).map(|_| ()).expect_err("too many");
        assert_eq!(fault.reason, "the reply has more than 100 header fields");
    }

    #[test]
    fn a_stray_408_is_the_end_of_an_idle_connection_and_no_reply() {
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nxxx";
        let late = "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        assert_eq!(class(DOWNLOAD, late), Some(ErrorClass::Status), "of the first request it is a reply");
        let (mut client, mut out) = (client(), Outbox::new());
        client.call(0, &DOWNLOAD, true, &mut out);
        out.drain();
        assert!(client.receive(&mut ok.as_bytes(), &mut out).expect("it is framed").expect("whole").reusable);
        client.call(0, &DOWNLOAD, true, &mut out);
        out.drain();
        let fault = client.receive(&mut late.as_bytes(), &mut out).map(|_| ()).expect_err("no reply");
        assert_eq!((fault.class, fault.cause), (ErrorClass::Connect, Cause::Untaken));
    }

    #[test]
    fn an_early_reply_ends_the_connection() {
        let (mut client, mut out) = (client(), Outbox::new());
        client.call(0, &CallSpec::Upload { len: 1 << 30, chunk: Some(65_536) }, true, &mut out);
        let mut input = &b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"[..];
        let reply = client.receive(&mut input, &mut out).expect("it is framed").expect("it is whole");
        assert!(!reply.reusable);
        assert_eq!(reply.verdict.expect_err("too large").class, ErrorClass::Status);
    }
}
