//! What a server reads from the head of a request.

use crate::transport::http1::body::Body;
use crate::transport::http1::head::{FIELD_LIMIT, Fields};
use crate::transport::web::endpoint::{Endpoint, Refusal};
use crate::transport::web::request::Route;

/// A request as its head describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    /// What it asks; without chunks where the client does not know them.
    pub(crate) route: Route,
    /// How its body comes.
    pub(crate) body: Body,
    /// HTTP/1.0, where keeping the connection has to be said.
    pub(crate) old: bool,
    /// The connection goes on after the reply.
    pub(crate) keep: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
}

impl Request {
    /// Stands for bytes that are no request.
    pub(crate) const fn broken() -> Self {
        Request { route: Route::none(), body: Body::Length(0), old: false, keep: false, expects: false }
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
        let mut route = Route::find(method, target);
        if old {
            route.chunk = None;
        }
        if route.serves == Ok(Endpoint::UploadChunks) && !fields.json {
            route.serves = Err(Refusal::new(415, "The Content-Type of chunks is application/json."));
        }
        Ok(Request {
            route,
            body: if fields.chunked { Body::chunked() } else { Body::Length(fields.length.unwrap_or(0)) },
            old,
            keep: keeps_alive && !fields.close && (!old || fields.keep_alive),
            expects: fields.expects && !old,
        })
    }
}
