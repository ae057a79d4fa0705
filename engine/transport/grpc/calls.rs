//! The client's calls of the service.

use http::header::HeaderValue;
use http::{HeaderMap, Request, StatusCode};

use crate::call::{CallError, CallSpec, Check, Chunks};
use crate::transport::contract::ClientContext;
use crate::transport::grpc::head;
use crate::transport::grpc::message::{
    Empty, LONGEST, Pong, Range, Read, Reader, Size, Sum, Token, Wait, Wanted, Wrong, framed, payload_head, procedure,
};
use crate::transport::web::body::Sending;
use crate::transport::web::exchange::{ClientExchange, IncomingReply};

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

impl ClientExchange for GrpcCalls {
    type Incoming = GrpcReply;

    fn incoming(&self) -> GrpcReply {
        GrpcReply {
            asked: CallSpec::Ping,
            status: None,
            check: Check::new(self.context.fill.clone(), 0, false),
            reader: Reader::new(false),
        }
    }

    fn head(&self, ask: CallSpec) -> Request<()> {
        let path = match ask {
            CallSpec::Nonce => "/engine.Engine/Nonce",
            // A job of the service asks no call of the user's own; the answer to one is refused.
            CallSpec::Ping | CallSpec::Own(_) => "/engine.Engine/Ping",
            CallSpec::Echo { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/EchoChunks",
            CallSpec::Echo { .. } => "/engine.Engine/Echo",
            CallSpec::Upload { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/UploadChunks",
            CallSpec::Upload { .. } => "/engine.Engine/Upload",
            CallSpec::Download { len, chunk } if chunks(len, chunk).is_some() => "/engine.Engine/DownloadChunks",
            CallSpec::Download { .. } => "/engine.Engine/Download",
            CallSpec::Compute { what, .. } => &format!("/engine.Engine/{}", procedure(what.name)),
            CallSpec::Sleep { .. } => "/engine.Engine/Sleep",
        };
        head::of(&self.context, path)
    }

    fn body(&self, ask: CallSpec) -> Option<Sending> {
        Some(match ask {
            CallSpec::Nonce | CallSpec::Ping | CallSpec::Own(_) => Sending::bytes(framed(&Empty {}), None),
            CallSpec::Echo { len, chunk } | CallSpec::Upload { len, chunk } => {
                Sending::fill(self.context.fill.clone(), len, chunks(len, chunk)).with_heads(payload_head)
            }
            CallSpec::Download { len, chunk } => {
                Sending::bytes(framed(&Wanted { len, chunk: chunks(len, chunk).unwrap_or(0) }), None)
            }
            CallSpec::Compute { n, .. } => Sending::bytes(framed(&Range { n }), None),
            CallSpec::Sleep { ns } => Sending::bytes(framed(&Wait { ns }), None),
        })
    }

    fn messages(&self, ask: CallSpec) -> u64 {
        match ask {
            CallSpec::Echo { len, chunk } | CallSpec::Upload { len, chunk } => Chunks::count(len, chunks(len, chunk)),
            _ => 1,
        }
    }
}

/// A reply while it comes in.
pub(crate) struct GrpcReply {
    asked: CallSpec,
    /// The status, where the head of the reply is all there is of it.
    status: Option<Result<(), CallError>>,
    check: Check,
    reader: Reader,
}

/// What the fields at the end of a reply say, if they say it.
fn status(fields: &HeaderMap) -> Option<Result<(), CallError>> {
    let code = fields.get("grpc-status")?;
    if code == "0" {
        return Some(Ok(()));
    }
    let message = fields.get("grpc-message").map(HeaderValue::as_bytes).unwrap_or_default();
    let (code, message) = (String::from_utf8_lossy(code.as_bytes()), String::from_utf8_lossy(message));
    Some(Err(CallError::status(format!("{code} {message}"))))
}

impl IncomingReply for GrpcReply {
    fn restart(&mut self, ask: CallSpec, content: bool) {
        self.asked = ask;
        self.status = None;
        self.check.restart(ask.payload_down(), content);
        self.reader = Reader::new(matches!(ask, CallSpec::Echo { .. } | CallSpec::Download { .. }));
    }

    fn head(&mut self, http: StatusCode, fields: &HeaderMap) -> Result<(), CallError> {
        if http != StatusCode::OK {
            return Err(CallError::status(format!("HTTP {http}")));
        }
        self.status = status(fields);
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        let take = |read: Read<'_>| match read {
            Read::Content(content) => self.check.feed(content),
            Read::End(_) => {}
        };
        self.reader.feed(bytes, take).map_err(Wrong::fault)
    }

    fn verdict(&mut self, trailers: Option<&HeaderMap>) -> Result<Option<String>, CallError> {
        let status = trailers.and_then(status).or(self.status.take());
        status.unwrap_or_else(|| Err(CallError::protocol("the reply has no grpc-status")))?;
        let wrong = |got: u128, right: u128, fault: fn(String) -> CallError| match got == right {
            true => Ok(None),
            false => Err(fault(format!("{got} came where {right} was right"))),
        };
        let reader = &self.reader;
        match self.asked {
            CallSpec::Nonce => Ok(Some(reader.message::<Token>().map_err(Wrong::fault)?.nonce)),
            CallSpec::Ping => match reader.message::<Pong>().map_err(Wrong::fault)?.response.as_str() {
                "pong" => Ok(None),
                _ => Err(CallError::protocol("the answer to a ping is not pong")),
            },
            CallSpec::Upload { len, .. } => {
                let size = reader.message::<Size>().map_err(Wrong::fault)?;
                wrong(size.len.into(), len.into(), CallError::short)
            }
            CallSpec::Compute { what, n } => {
                let Sum { low, high } = reader.message().map_err(Wrong::fault)?;
                wrong(u128::from(high) << 64 | u128::from(low), (what.result)(n), CallError::corrupt)
            }
            CallSpec::Sleep { ns } => {
                let wait = reader.message::<Wait>().map_err(Wrong::fault)?;
                wrong(wait.ns.into(), ns.into(), CallError::corrupt)
            }
            CallSpec::Own(_) => Err(CallError::not_of_the_service()),
            CallSpec::Echo { len, chunk } | CallSpec::Download { len, chunk } => {
                let count = reader.finish().map_err(Wrong::fault)?;
                self.check.finish()?;
                wrong(count.into(), Chunks::count(len, chunks(len, chunk)).into(), CallError::corrupt)
            }
        }
    }
}
