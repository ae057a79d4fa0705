//! What a server reads from the head of a request.

use crate::transport::http1::body::Body;
use crate::transport::http1::head::{FIELD_LIMIT, Fields};
use crate::transport::web::endpoint::{ALLOW_ALL, Endpoint, Refusal};

/// A request as its head describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// What it asks, or why that is not served.
    pub(crate) serves: Result<Serves, Refusal>,
    /// Bytes of a chunk where the reply is wanted in chunked transfer coding.
    pub(crate) chunk: Option<u64>,
    /// How its body comes.
    pub(crate) body: Body,
    /// The method is `HEAD`: the reply is a head alone.
    pub(crate) bare: bool,
    /// HTTP/1.0, where keeping the connection has to be said.
    pub(crate) old: bool,
    /// The connection goes on after the reply.
    pub(crate) keep: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
}

/// What a request that can be served asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Serves {
    /// A call.
    Call(Endpoint),
    /// What `OPTIONS` is answered with.
    Allow(&'static str),
}

impl Request {
    /// Stands for bytes that are no request.
    pub(crate) const fn broken() -> Self {
        let (serves, body) = (Ok(Serves::Allow("")), Body::Length(0));
        Request { serves, chunk: None, body, bare: false, old: false, keep: false, expects: false }
    }

    /// Reads a head; an error where what follows it could not be understood.
    pub(crate) fn read(bytes: &[u8], keeps_alive: bool) -> Result<Self, Refusal> {
        let mut headers = [httparse::EMPTY_HEADER; FIELD_LIMIT];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(bytes) {
            Ok(httparse::Status::Complete(_)) => {}
            Err(httparse::Error::TooManyHeaders) => {
                return Err(Refusal::new(431, "There are more than 100 header fields."));
            }
            Err(httparse::Error::Version) => {
                return Err(Refusal::new(505, "The only versions served are HTTP/1.0 and HTTP/1.1."));
            }
            Ok(httparse::Status::Partial) | Err(_) => return Err(Refusal::new(400, "This is not an HTTP request.")),
        }
        let (method, target) = (request.method.unwrap_or_default(), request.path.unwrap_or_default());
        let old = request.version != Some(1);
        let fields = Fields::read(request.headers)?;
        if fields.hosts > 1 || (fields.hosts == 0 && !old) {
            return Err(Refusal::new(400, "A request has exactly one field Host."));
        }
        if fields.chunked && old {
            return Err(Refusal::new(400, "HTTP/1.0 has no transfer codings."));
        }
        Ok(Request {
            serves: Self::serves(method, target, fields),
            chunk: chunk_wanted(target).filter(|_| !old),
            body: if fields.chunked { Body::chunked() } else { Body::Length(fields.length.unwrap_or(0)) },
            bare: method == "HEAD",
            old,
            keep: keeps_alive && !fields.close && (!old || fields.keep_alive),
            expects: fields.expects && !old,
        })
    }

    fn serves(method: &str, target: &str, fields: Fields) -> Result<Serves, Refusal> {
        if method == "OPTIONS" && target == "*" {
            return Ok(Serves::Allow(ALLOW_ALL));
        }
        let endpoint = Endpoint::find(target)?;
        if method == "OPTIONS" {
            return Ok(Serves::Allow(endpoint.allow()));
        }
        if !endpoint.answers(method) {
            let reason = "This endpoint does not answer this method.";
            return Err(Refusal { status: 405, reason, allow: endpoint.allow() });
        }
        if endpoint == Endpoint::UploadChunks && !fields.json {
            return Err(Refusal::new(415, "The Content-Type of chunks is application/json."));
        }
        Ok(Serves::Call(endpoint))
    }
}

/// What `?chunk=N` asks for; HTTP/1.0 does not know chunks.
fn chunk_wanted(target: &str) -> Option<u64> {
    let (_, query) = target.split_once('?')?;
    query.strip_prefix("chunk=")?.parse().ok().filter(|chunk| *chunk > 0)
}
