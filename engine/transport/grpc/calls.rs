//! The client's calls of the service.

use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::{HeaderMap, Method, Request, StatusCode};

use crate::call::{Ask, Check, Chunks, Fault};
use crate::transport::contract::ClientContext;
use crate::transport::grpc::message::{
    Empty, LONGEST, Pong, Range, Read, Reader, Size, Sum, Token, Wait, Wanted, Wrong, framed, payload_head, procedure,
};
use crate::transport::web::body::Sending;
use crate::transport::web::calls::{request, scheme};
use crate::transport::web::exchange::{Asking, IncomingReply};

/// Calls to one server.
pub(crate) struct GrpcCalls {
    context: ClientContext,
}

impl GrpcCalls {
    /// Calls to the server that the context names.
    pub(crate) fn new(context: &ClientContext) -> Self {
        GrpcCalls { context: context.clone() }
    }
}

/// The chunks that a payload is sent in: what does not fit one message is never whole.
fn chunks(len: u64, chunk: Option<u64>) -> Option<u64> {
    chunk.map(|chunk| chunk.min(LONGEST)).or((len > LONGEST).then_some(LONGEST))
}

impl Asking for GrpcCalls {
    type Incoming = GrpcReply;

    fn incoming(&self) -> GrpcReply {
        GrpcReply {
            asked: Ask::Ping,
            status: None,
            check: Check::new(self.context.fill.clone(), 0, false),
            reader: Reader::new(false),
        }
    }

    fn head(&self, ask: Ask) -> Request<()> {
        let path = match ask {
            Ask::Nonce => "/engine.Engine/Nonce",
            // A job of the service asks no call of the user's own; the answer to one is refused.
            Ask::Ping | Ask::Own(_) => "/engine.Engine/Ping",
            Ask::Echo { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/EchoChunks",
            Ask::Echo { .. } => "/engine.Engine/Echo",
            Ask::Upload { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/UploadChunks",
            Ask::Upload { .. } => "/engine.Engine/Upload",
            Ask::Download { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/DownloadChunks",
            Ask::Download { .. } => "/engine.Engine/Download",
            Ask::Compute { what, .. } => &format!("/engine.Engine/{}", procedure(what.name)),
            Ask::Sleep { .. } => "/engine.Engine/Sleep",
        };
        let mut head = request(Method::POST, scheme(&self.context.options), &self.context, path);
        head.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        head
    }

    fn body(&self, ask: Ask) -> Option<Sending> {
        Some(match ask {
            Ask::Nonce | Ask::Ping | Ask::Own(_) => Sending::bytes(framed(&Empty {}), None),
            Ask::Echo { len, chunk } | Ask::Upload { len, chunk } => {
                Sending::fill(self.context.fill.clone(), len, chunks(len, chunk)).with_heads(payload_head)
            }
            Ask::Download { len, chunk } => {
                Sending::bytes(framed(&Wanted { len, chunk: chunks(len, chunk).unwrap_or(0) }), None)
            }
            Ask::Compute { n, .. } => Sending::bytes(framed(&Range { n }), None),
            Ask::Sleep { ns } => Sending::bytes(framed(&Wait { ns }), None),
        })
    }

    fn messages(&self, ask: Ask) -> u64 {
        match ask {
            Ask::Echo { len, chunk } | Ask::Upload { len, chunk } => Chunks::count(len, chunks(len, chunk)),
            _ => 1,
        }
    }
}

/// A reply while it comes in.
pub(crate) struct GrpcReply {
    asked: Ask,
    /// The status, where the head of the reply is all there is of it.
    status: Option<Result<(), Fault>>,
    check: Check,
    reader: Reader,
}

/// What the fields at the end of a reply say, if they say it.
fn status(fields: &HeaderMap) -> Option<Result<(), Fault>> {
    let code = fields.get("grpc-status")?;
    if code == "0" {
        return Some(Ok(()));
    }
    let message = fields.get("grpc-message").map(HeaderValue::as_bytes).unwrap_or_default();
    let (code, message) = (String::from_utf8_lossy(code.as_bytes()), String::from_utf8_lossy(message));
    Some(Err(Fault::status(format!("{code} {message}"))))
}

impl IncomingReply for GrpcReply {
    fn restart(&mut self, ask: Ask, content: bool) {
        self.asked = ask;
        self.status = None;
        self.check.restart(ask.payload_down(), content);
        self.reader = Reader::new(matches!(ask, Ask::Echo { .. } | Ask::Download { .. }));
    }

    fn head(&mut self, http: StatusCode, fields: &HeaderMap) -> Result<(), Fault> {
        if http != StatusCode::OK {
            return Err(Fault::status(format!("HTTP {http}")));
        }
        self.status = status(fields);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let take = |read: Read<'_>| match read {
            Read::Content(content) => self.check.feed(content),
            Read::End(_) => {}
        };
        self.reader.feed(bytes, take).map_err(Wrong::fault)
    }

    fn verdict(&mut self, trailers: Option<&HeaderMap>) -> Result<Option<String>, Fault> {
        let status = trailers.and_then(status).or(self.status.take());
        status.unwrap_or_else(|| Err(Fault::protocol("the reply has no grpc-status")))?;
        let wrong = |got: u128, right: u128, fault: fn(String) -> Fault| match got == right {
            true => Ok(None),
            false => Err(fault(format!("{got} came where {right} was right"))),
        };
        let reader = &self.reader;
        match self.asked {
            Ask::Nonce => Ok(Some(reader.message::<Token>().map_err(Wrong::fault)?.nonce)),
            Ask::Ping => match reader.message::<Pong>().map_err(Wrong::fault)?.response.as_str() {
                "pong" => Ok(None),
                _ => Err(Fault::protocol("the answer to a ping is not pong")),
            },
            Ask::Upload { len, .. } => {
                let size = reader.message::<Size>().map_err(Wrong::fault)?;
                wrong(size.len.into(), len.into(), Fault::short)
            }
            Ask::Compute { what, n } => {
                let Sum { low, high } = reader.message().map_err(Wrong::fault)?;
                wrong(u128::from(high) << 64 | u128::from(low), (what.result)(n), Fault::corrupt)
            }
            Ask::Sleep { ns } => {
                let wait = reader.message::<Wait>().map_err(Wrong::fault)?;
                wrong(wait.ns.into(), ns.into(), Fault::corrupt)
            }
            Ask::Own(_) => Err(Fault::not_of_the_service()),
            Ask::Echo { len, chunk } | Ask::Download { len, chunk } => {
                let count = reader.finish().map_err(Wrong::fault)?;
                self.check.finish()?;
                wrong(count.into(), Chunks::count(len, chunks(len, chunk)).into(), Fault::corrupt)
            }
        }
    }
}
