//! Calls as requests to the endpoints of the reference suite.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, SERVER, USER_AGENT,
};
use http::{HeaderMap, Method, Request, Response, Uri};

use crate::call::{Answer, Ask, Asked, Fault};
use crate::transport::contract::{ClientContext, Options};
use crate::transport::options::encrypts;
use crate::transport::web::answer::{self, HTML, JSON, OCTETS};
use crate::transport::web::body::Sending;
use crate::transport::web::date::Date;
use crate::transport::web::endpoint::{ALLOW_ALL, Endpoint, Refusal};
use crate::transport::web::exchange::{Answering, Asking, IncomingReply, IncomingRequest, Outgoing};
use crate::transport::web::hex::{COMPACT, HexReader, HexWriter};
use crate::transport::web::received::Received;

/// A field's value; ours are all plain text.
pub(crate) fn value(text: impl AsRef<str>) -> HeaderValue {
    HeaderValue::from_str(text.as_ref()).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The scheme of a server that is encrypted only where an option says so.
pub(crate) fn scheme(options: &Options) -> &'static str {
    if encrypts(options) { "https" } else { "http" }
}

/// The head of a request to a path at a server.
pub(crate) fn request(method: Method, scheme: &str, server: &ClientContext, path: &str) -> Request<()> {
    let uri = Uri::builder().scheme(scheme).authority(server.authority.as_str()).path_and_query(path).build();
    let mut head = Request::new(());
    *head.method_mut() = method;
    *head.uri_mut() = uri.unwrap_or_default();
    head.headers_mut().insert(USER_AGENT, value(concat!("engine/", env!("CARGO_PKG_VERSION"))));
    head
}

/// The client's calls.
pub(crate) struct WebCalls {
    context: ClientContext,
    scheme: &'static str,
}

impl WebCalls {
    /// Calls to the server that the context names.
    pub(crate) fn new(context: &ClientContext, scheme: &'static str) -> Self {
        WebCalls { context: context.clone(), scheme }
    }
}

impl Asking for WebCalls {
    type Incoming = WebReply;

    fn incoming(&self) -> WebReply {
        WebReply { status: 0, received: Received::new(self.context.fill.clone()) }
    }

    fn head(&self, ask: Ask) -> Request<()> {
        let (method, path) = match ask {
            Ask::Nonce => (Method::GET, "/nonce".to_owned()),
            Ask::Ping => (Method::GET, "/ping".to_owned()),
            Ask::Echo { chunk: None, .. } => (Method::POST, "/echo".to_owned()),
            Ask::Echo { chunk: Some(chunk), .. } => (Method::POST, format!("/echo?chunk={chunk}")),
            Ask::Upload { chunk: None, .. } => (Method::POST, "/upload".to_owned()),
            Ask::Upload { chunk: Some(_), .. } => (Method::POST, "/upload-file".to_owned()),
            Ask::Download { len, chunk: None } => (Method::GET, format!("/download/{len}")),
            Ask::Download { len, chunk: Some(chunk) } => (Method::GET, format!("/download-file/{len}?chunk={chunk}")),
            Ask::Compute { n } => (Method::GET, format!("/compute/{n}")),
            Ask::Sleep { ns } => (Method::GET, format!("/sleep/{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)),
        };
        let mut head = request(method, self.scheme, &self.context, &path);
        if let Ask::Echo { len, chunk } | Ask::Upload { len, chunk } = ask {
            head.headers_mut().insert(CONTENT_TYPE, value(OCTETS));
            if chunk.is_none() {
                head.headers_mut().insert(CONTENT_LENGTH, len.into());
            }
        }
        head
    }

    fn body(&self, ask: Ask) -> Option<Sending> {
        match ask {
            Ask::Echo { len, chunk } | Ask::Upload { len, chunk } => {
                (len > 0).then(|| Sending::fill(self.context.fill.clone(), len, chunk))
            }
            _ => None,
        }
    }

    fn messages(&self, _: Ask) -> u64 {
        1
    }
}

/// A response while it comes in.
pub(crate) struct WebReply {
    status: u16,
    received: Received,
}

impl IncomingReply for WebReply {
    fn restart(&mut self, ask: Ask, content: bool) {
        self.status = 0;
        self.received.restart(ask, content, false);
    }

    fn head(&mut self, head: &Response<()>) -> Result<(), Fault> {
        self.status = head.status().as_u16();
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.received.take(self.status, bytes)
    }

    fn verdict(&mut self, _: Option<&HeaderMap>) -> Result<Option<String>, Fault> {
        self.received.verdict(self.status)
    }
}

/// The server's side of the endpoints.
#[derive(Default)]
pub(crate) struct WebService {
    date: Date,
}

/// A request while it comes in.
pub(crate) struct WebRequest {
    serves: Result<Endpoint, Refusal>,
    /// The method is `HEAD`: the reply is a head alone.
    bare: bool,
    /// The size of DATA frames that was asked for.
    chunk: Option<u64>,
    sink: Sink,
    received: u64,
}

/// What is done with a body.
enum Sink {
    Discard,
    Collect(Vec<u8>),
    Chunks(HexReader),
}

const NOT_CHUNKS: Refusal = Refusal::new(400, "The body is not JSON like {\"chunks\": [\"00ff\", \"0a\"]}.");

/// Which endpoint a request asks, or why it is not served.
fn serves(head: &Request<()>) -> Result<Endpoint, Refusal> {
    if head.method() == Method::OPTIONS && head.uri().path() == "*" {
        return Err(Refusal { status: 200, reason: "", allow: ALLOW_ALL });
    }
    let endpoint = Endpoint::find(head.uri().path())?;
    if head.method() == Method::OPTIONS {
        return Err(Refusal { status: 200, reason: "", allow: endpoint.allow() });
    }
    if !endpoint.answers(head.method().as_str()) {
        let reason = "This endpoint does not answer this method.";
        return Err(Refusal { status: 405, reason, allow: endpoint.allow() });
    }
    match endpoint {
        Endpoint::DownloadChunks { len, chunk } if HexWriter::length(len, chunk, COMPACT).is_none() => {
            Err(Refusal::new(400, "The number is too large."))
        }
        endpoint => Ok(endpoint),
    }
}

impl IncomingRequest for WebRequest {
    fn data(&mut self, bytes: &[u8]) {
        match &mut self.sink {
            Sink::Discard => self.received += bytes.len() as u64,
            Sink::Collect(all) => all.extend_from_slice(bytes),
            Sink::Chunks(reader) => {
                let received = &mut self.received;
                if reader.feed(bytes, |decoded| *received += decoded.len() as u64).is_err() {
                    self.serves = Err(NOT_CHUNKS);
                    self.sink = Sink::Discard;
                }
            }
        }
    }

    fn kept(&self) -> u64 {
        match &self.sink {
            Sink::Collect(all) => all.len() as u64,
            _ => 0,
        }
    }

    fn asked(&mut self) -> Result<Asked, Answer> {
        let refused = |refusal: Refusal| Answer::Error { status: refusal.status, message: refusal.reason.to_owned() };
        Ok(match self.serves.map_err(refused)? {
            Endpoint::Nonce => Asked::Nonce,
            Endpoint::Ping => Asked::Ping,
            Endpoint::Echo => match std::mem::replace(&mut self.sink, Sink::Discard) {
                Sink::Collect(bytes) => Asked::Echo(bytes),
                _ => Asked::Echo(Vec::new()),
            },
            Endpoint::Upload => Asked::Upload(self.received),
            Endpoint::UploadChunks => match &self.sink {
                Sink::Chunks(reader) if reader.finish().is_ok() => Asked::Upload(self.received),
                _ => return Err(refused(NOT_CHUNKS)),
            },
            Endpoint::Download { len, file } => Asked::Download { len, file },
            Endpoint::DownloadChunks { len, .. } => Asked::Download { len, file: true },
            Endpoint::Compute { n } => Asked::Compute { n },
            Endpoint::Sleep { ns } => Asked::Sleep { ns },
        })
    }
}

impl WebService {
    /// A reply with its length and kind.
    fn reply(&mut self, request: &WebRequest, status: u16, kind: &str, len: u64, body: Sending) -> Outgoing {
        let mut head = Response::new(());
        *head.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let fields = head.headers_mut();
        fields.insert(SERVER, HeaderValue::from_static("engine"));
        fields.insert(DATE, value(self.date.now()));
        fields.insert(CONTENT_TYPE, value(kind));
        fields.insert(CONTENT_LENGTH, len.into());
        if let Ok(Endpoint::Download { file, .. }) = request.serves
            && status == 200
        {
            fields.insert(CONTENT_DISPOSITION, value(answer::disposition(file)));
            fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if let Err(Refusal { allow, .. }) = request.serves
            && !allow.is_empty()
        {
            fields.insert(ALLOW, value(allow));
        }
        Outgoing { head, body: (len > 0 && !request.bare).then_some(body) }
    }

    fn text(&mut self, request: &WebRequest, status: u16, kind: &str, text: String) -> Outgoing {
        self.reply(request, status, kind, text.len() as u64, Sending::bytes(text, None))
    }
}

impl Answering for WebService {
    type Request = WebRequest;

    fn begin(&mut self, head: &Request<()>) -> WebRequest {
        let serves = serves(head);
        let sink = match serves {
            Ok(Endpoint::Echo) => Sink::Collect(Vec::new()),
            Ok(Endpoint::UploadChunks) => Sink::Chunks(HexReader::new()),
            _ => Sink::Discard,
        };
        let asked = head.uri().query().and_then(|query| query.strip_prefix("chunk=")?.parse().ok());
        let chunk = asked.filter(|chunk| *chunk > 0);
        WebRequest { serves, bare: head.method() == Method::HEAD, chunk, sink, received: 0 }
    }

    fn answer(&mut self, request: &WebRequest, answer: Answer) -> Option<Outgoing> {
        if let Some(text) = answer::text(&answer) {
            return Some(self.text(request, 200, JSON, text.into_owned()));
        }
        Some(match answer {
            Answer::Echo(bytes) => {
                self.reply(request, 200, HTML, bytes.len() as u64, Sending::bytes(bytes, request.chunk))
            }
            Answer::Bytes { fill, len } => match request.serves {
                Ok(Endpoint::DownloadChunks { chunk, .. }) => {
                    // The length was found to fit when the call came in, and an answer is never longer.
                    let length = HexWriter::length(len, chunk, COMPACT).unwrap_or(u64::MAX);
                    let body = Sending::hex(HexWriter::new(fill, len, chunk, COMPACT));
                    self.reply(request, 200, JSON, length, body)
                }
                _ => self.reply(request, 200, OCTETS, len, Sending::fill(fill, len, request.chunk)),
            },
            Answer::Error { status, message } => self.text(request, status, HTML, answer::page(status, &message)),
            _ => return None,
        })
    }
}
