//! A request to the endpoints at the server, whatever version of HTTP brings it.

use crate::call::{CallRequest, CallResponse};
use crate::transport::web::endpoint::{ALLOW_ALL, Endpoint, Refusal};
use crate::transport::web::exchange::IncomingRequest;
use crate::transport::web::hex::{COMPACT, HexReader, HexWriter};

/// Room that is made for an echo before its bytes have come.
const ROOM: u64 = 1 << 20;

const NOT_CHUNKS: Refusal = Refusal::new(400, "The body is not JSON like {\"chunks\": [\"00ff\", \"0a\"]}.");

/// What the head of a request asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    /// The endpoint, or why that is not served.
    pub(crate) serves: Result<Endpoint, Refusal>,
    /// The method is `HEAD`: the reply is a head alone.
    pub(crate) bare: bool,
    /// The size of the reply's chunks where they are asked for: of DATA frames, or of chunked transfer coding.
    pub(crate) chunk: Option<u64>,
}

impl Route {
    /// Stands for bytes that are no request.
    pub(crate) const fn none() -> Self {
        Route { serves: Err(Refusal::new(400, "This is not an HTTP request.")), bare: false, chunk: None }
    }

    /// Reads a method and a request target (RFC 9112, 3.2).
    pub(crate) fn find(method: &str, target: &str) -> Self {
        let query = target.split_once('?').map(|(_, query)| query);
        let chunk = query.and_then(|query| query.strip_prefix("chunk=")?.parse().ok());
        Route { serves: Self::serves(method, target), bare: method == "HEAD", chunk: chunk.filter(|chunk| *chunk > 0) }
    }

    fn serves(method: &str, target: &str) -> Result<Endpoint, Refusal> {
        if method == "OPTIONS" && target == "*" {
            return Err(Refusal { status: 200, reason: "", allow: ALLOW_ALL });
        }
        let endpoint = Endpoint::find(target)?;
        if method == "OPTIONS" {
            return Err(Refusal { status: 200, reason: "", allow: endpoint.allow() });
        }
        if !endpoint.answers(method) {
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
}

/// A request while it comes in.
pub(crate) struct WebRequest {
    /// What its head asks for.
    pub(crate) route: Route,
    sink: Sink,
    /// Bytes of the payload so far.
    received: u64,
}

/// What is done with a body.
enum Sink {
    Discard,
    Collect(Vec<u8>),
    Chunks(HexReader),
}

impl WebRequest {
    /// A request whose body, of `length` bytes where that is told, is still to come.
    pub(crate) fn begin(route: Route, length: Option<u64>) -> Self {
        let sink = match route.serves {
            Ok(Endpoint::Echo) => Sink::Collect(Vec::with_capacity(length.unwrap_or(0).min(ROOM) as usize)),
            Ok(Endpoint::UploadChunks) => Sink::Chunks(HexReader::new()),
            _ => Sink::Discard,
        };
        WebRequest { route, sink, received: 0 }
    }

    /// Keeps no more of its body.
    pub(crate) fn discard(&mut self) {
        self.sink = Sink::Discard;
    }

    /// Whether its body is kept in memory.
    pub(crate) fn keeps(&self) -> bool {
        matches!(self.sink, Sink::Collect(_))
    }

    /// What it asks, now that all of it has come, or why it is not served.
    pub(crate) fn call(&mut self) -> Result<CallRequest, Refusal> {
        Ok(match self.route.serves? {
            Endpoint::Nonce => CallRequest::Nonce,
            Endpoint::Ping => CallRequest::Ping,
            Endpoint::Echo => match std::mem::replace(&mut self.sink, Sink::Discard) {
                Sink::Collect(bytes) => CallRequest::Echo(bytes),
                _ => CallRequest::Echo(Vec::new()),
            },
            Endpoint::Upload => CallRequest::Upload(self.received),
            Endpoint::UploadChunks => match &self.sink {
                Sink::Chunks(reader) if reader.finish().is_ok() => CallRequest::Upload(self.received),
                _ => return Err(NOT_CHUNKS),
            },
            Endpoint::Download { len, file } => CallRequest::Download { len, file },
            Endpoint::DownloadChunks { len, .. } => CallRequest::Download { len, file: true },
            Endpoint::Compute { what, n } => CallRequest::Compute { what, n },
            Endpoint::Sleep { ns } => CallRequest::Sleep { ns },
        })
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
                    self.route.serves = Err(NOT_CHUNKS);
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

    fn asked(&mut self) -> Result<CallRequest, CallResponse> {
        self.call()
            .map_err(|refusal| CallResponse::Error { status: refusal.status, message: refusal.reason.to_owned() })
    }
}
