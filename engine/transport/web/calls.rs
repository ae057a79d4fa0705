//! The client's calls as requests to the endpoints of the reference suite.

use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode, Uri};

use crate::call::{CallError, CallSpec};
use crate::transport::contract::ClientContext;
use crate::transport::option::Options;
use crate::transport::options::encrypts;
use crate::transport::web::answer::{JSON, OCTETS};
use crate::transport::web::body::Sending;
use crate::transport::web::exchange::{ClientExchange, IncomingReply};
use crate::transport::web::hex::{HexWriter, SPACED};
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

/// How the chunks of a body travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChunkForm {
    /// As they are: each a run of DATA frames, or a chunk of chunked transfer coding.
    Plain,
    /// As hex in JSON, as the reference suite sends them.
    Hex,
}

/// The client's calls.
pub(crate) struct WebCalls {
    context: ClientContext,
    scheme: &'static str,
    chunks: ChunkForm,
}

impl WebCalls {
    /// Calls to the server that the context names.
    pub(crate) fn new(context: &ClientContext, scheme: &'static str, chunks: ChunkForm) -> Self {
        WebCalls { context: context.clone(), scheme, chunks }
    }

    /// How a body goes out: its type, and its length where that is told ahead.
    fn framing(&self, ask: CallSpec) -> Option<(&'static str, Option<u64>)> {
        match ask {
            CallSpec::Upload { len, chunk: Some(chunk) } if self.chunks == ChunkForm::Hex => {
                Some((JSON, Some(HexWriter::length(len, chunk, SPACED).unwrap_or(u64::MAX))))
            }
            CallSpec::Echo { len, chunk } | CallSpec::Upload { len, chunk } => {
                Some((OCTETS, chunk.is_none().then_some(len)))
            }
            _ => None,
        }
    }
}

impl ClientExchange for WebCalls {
    type Incoming = WebReply;

    fn incoming(&self) -> WebReply {
        let hex = self.chunks == ChunkForm::Hex;
        WebReply { status: 0, hex, received: Received::new(self.context.fill.clone()) }
    }

    fn head(&self, ask: CallSpec) -> Request<()> {
        let hex = self.chunks == ChunkForm::Hex;
        let (method, path) = match ask {
            CallSpec::Nonce => (Method::GET, "/nonce".to_owned()),
            CallSpec::Ping => (Method::GET, "/ping".to_owned()),
            CallSpec::Echo { chunk: Some(chunk), .. } if !hex => (Method::POST, format!("/echo?chunk={chunk}")),
            CallSpec::Echo { .. } => (Method::POST, "/echo".to_owned()),
            CallSpec::Upload { chunk: None, .. } => (Method::POST, "/upload".to_owned()),
            CallSpec::Upload { .. } if hex => (Method::POST, "/upload-file-chunked".to_owned()),
            CallSpec::Upload { .. } => (Method::POST, "/upload-file".to_owned()),
            CallSpec::Download { len, chunk: None } => (Method::GET, format!("/download/{len}")),
            CallSpec::Download { len, chunk: Some(chunk) } if hex => {
                (Method::GET, format!("/download-file-chunked/{len}/{chunk}"))
            }
            CallSpec::Download { len, chunk: Some(chunk) } => {
                (Method::GET, format!("/download-file/{len}?chunk={chunk}"))
            }
            CallSpec::Compute { what, n } => (Method::GET, format!("/{}/{n}", what.name)),
            CallSpec::Sleep { ns } => (Method::GET, format!("/sleep/{}.{:09}", ns / 1_000_000_000, ns % 1_000_000_000)),
            // Asked of `OwnRequests`.
            CallSpec::Own(_) => (Method::GET, "/".to_owned()),
        };
        let mut head = request(method, self.scheme, &self.context, &path);
        if let Some((kind, len)) = self.framing(ask) {
            head.headers_mut().insert(CONTENT_TYPE, value(kind));
            if let Some(len) = len {
                head.headers_mut().insert(CONTENT_LENGTH, len.into());
            }
        }
        head
    }

    fn body(&self, ask: CallSpec) -> Option<Sending> {
        let fill = || self.context.fill.clone();
        match ask {
            CallSpec::Upload { len, chunk: Some(chunk) } if self.chunks == ChunkForm::Hex => {
                Some(Sending::hex(HexWriter::new(fill(), len, chunk, SPACED)))
            }
            CallSpec::Echo { len, chunk } | CallSpec::Upload { len, chunk } => {
                (len > 0).then(|| Sending::fill(fill(), len, chunk))
            }
            _ => None,
        }
    }

    fn messages(&self, _: CallSpec) -> u64 {
        1
    }
}

/// A response while it comes in.
pub(crate) struct WebReply {
    status: u16,
    /// Whether a download in chunks comes as hex in JSON.
    hex: bool,
    received: Received,
}

impl IncomingReply for WebReply {
    fn restart(&mut self, ask: CallSpec, content: bool) {
        self.status = 0;
        self.received.restart(ask, content, self.hex);
    }

    fn head(&mut self, status: StatusCode, _: &HeaderMap) -> Result<(), CallError> {
        self.status = status.as_u16();
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        self.received.take(self.status, bytes)
    }

    fn verdict(&mut self, _: Option<&HeaderMap>) -> Result<Option<String>, CallError> {
        self.received.verdict(self.status)
    }
}
