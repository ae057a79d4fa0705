//! The server's side of the service.

use std::collections::VecDeque;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};

use crate::call::{CallRequest, CallResponse, Computation, computations};
use crate::transport::grpc::message::{
    LONGEST, Pong, Range, Read, Reader, Size, Sum, Token, Wait, Wanted, Wrong, framed, is_procedure, payload_head,
};
use crate::transport::web::body::Sending;
use crate::transport::web::calls::value;
use crate::transport::web::exchange::{IncomingRequest, Outgoing, ServerExchange};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

const INVALID_ARGUMENT: &str = "3";
const UNIMPLEMENTED: &str = "12";
const INTERNAL: &str = "13";

/// Answers the calls of the service.
pub(crate) struct GrpcService;

/// A procedure of the service.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Procedure {
    Ping,
    Nonce,
    Echo { streams: bool },
    Upload { streams: bool },
    Download { streams: bool },
    Compute(&'static Computation),
    Sleep,
}

impl Procedure {
    fn find(path: &str) -> Option<Self> {
        Some(match path.strip_prefix("/engine.Engine/")? {
            "Ping" => Procedure::Ping,
            "Nonce" => Procedure::Nonce,
            "Echo" => Procedure::Echo { streams: false },
            "EchoChunks" => Procedure::Echo { streams: true },
            "Upload" => Procedure::Upload { streams: false },
            "UploadChunks" => Procedure::Upload { streams: true },
            "Download" => Procedure::Download { streams: false },
            "DownloadChunks" => Procedure::Download { streams: true },
            "Sleep" => Procedure::Sleep,
            name => Procedure::Compute(computations().find(|what| is_procedure(name, what.name))?),
        })
    }

    /// True where its requests are payloads.
    fn takes_payloads(self) -> bool {
        matches!(self, Procedure::Echo { .. } | Procedure::Upload { .. })
    }
}

/// A request while it comes in.
pub(crate) struct GrpcRequest {
    procedure: Option<Procedure>,
    /// The status of HTTP with which it is refused, where it is not gRPC at all.
    foreign: Option<StatusCode>,
    /// It names a compression for its messages.
    encoded: bool,
    reader: Reader,
    wrong: Option<Wrong>,
    /// The content of an echo's messages, from `given` on still to be sent back.
    echo: Vec<u8>,
    given: usize,
    /// How long the complete ones of them are that are still to be sent back.
    lens: VecDeque<u64>,
    received: u64,
    chunk: Option<u64>,
}

fn error(status: u16, message: &str) -> CallResponse {
    CallResponse::Error { status, message: message.to_owned() }
}

impl GrpcRequest {
    /// The status that says what is wrong with the messages (gRPC's "Status codes and their use").
    fn code(&self, wrong: Wrong) -> &'static str {
        match wrong {
            // One that was never named cannot be looked up among those that are not known.
            Wrong::Compressed if !self.encoded => INTERNAL,
            Wrong::Compressed | Wrong::Count(_) => UNIMPLEMENTED,
            Wrong::Broken(_) => INTERNAL,
            Wrong::Argument(_) => INVALID_ARGUMENT,
        }
    }

    fn call(&mut self, procedure: Procedure) -> Result<CallRequest, Wrong> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let reader = &self.reader;
        let count = reader.finish()?;
        let one = matches!(procedure, Procedure::Echo { streams: false } | Procedure::Upload { streams: false });
        if one && count != 1 {
            return Err(Wrong::Count("one message was due"));
        }
        Ok(match procedure {
            Procedure::Ping | Procedure::Nonce if count != 1 => return Err(Wrong::Count("one message was due")),
            Procedure::Ping => CallRequest::Ping,
            Procedure::Nonce => CallRequest::Nonce,
            Procedure::Echo { .. } => {
                let rest = self.echo.split_off(self.given);
                (self.echo, self.given) = (Vec::new(), 0);
                CallRequest::Echo(rest)
            }
            Procedure::Upload { .. } => CallRequest::Upload(self.received),
            Procedure::Download { streams } => {
                let Wanted { len, chunk } = reader.message()?;
                if !streams && len > LONGEST {
                    return Err(Wrong::Argument("so many bytes do not fit one message"));
                }
                self.chunk = streams.then(|| if chunk == 0 { LONGEST } else { chunk.min(LONGEST) });
                CallRequest::Download { len, file: streams }
            }
            Procedure::Compute(what) => CallRequest::Compute { what, n: reader.message::<Range>()?.n },
            Procedure::Sleep => CallRequest::Sleep { ns: reader.message::<Wait>()?.ns },
        })
    }

    /// The messages of an echo as they came, of the bytes that are left of them.
    fn echoed(&self, bytes: Vec<u8>) -> Sending {
        let Some(Procedure::Echo { streams: true }) = self.procedure else {
            return Sending::bytes(bytes, None).with_heads(payload_head);
        };
        let first = self.lens.front().copied().unwrap_or(0);
        let (last, others) = (self.lens.len().saturating_sub(1), self.lens.iter());
        if first > 0
            && others.enumerate().all(|(place, len)| *len == first || place == last && (1..first).contains(len))
        {
            return Sending::bytes(bytes, Some(first)).with_heads(payload_head);
        }
        let (mut framed, mut rest) = (Vec::with_capacity(bytes.len()), bytes.as_slice());
        for len in &self.lens {
            let (content, more) = rest.split_at((*len as usize).min(rest.len()));
            framed.extend_from_slice(payload_head(content.len() as u64).bytes());
            framed.extend_from_slice(content);
            rest = more;
        }
        Sending::bytes(framed, None)
    }
}

impl IncomingRequest for GrpcRequest {
    fn data(&mut self, bytes: &[u8]) {
        let (Some(procedure), None) = (self.procedure, self.wrong) else { return };
        let (echo, lens, received) = (&mut self.echo, &mut self.lens, &mut self.received);
        let read = self.reader.feed(bytes, |read| match (read, procedure) {
            (Read::Content(content), _) => {
                *received += content.len() as u64;
                if matches!(procedure, Procedure::Echo { .. }) {
                    echo.extend_from_slice(content);
                }
            }
            (Read::End(len), Procedure::Echo { .. }) => lens.push_back(len),
            (Read::End(_), _) => {}
        });
        self.wrong = read.err();
    }

    fn turn(&mut self) -> Option<Bytes> {
        let Some(Procedure::Echo { streams: true }) = self.procedure else { return None };
        if self.foreign.is_some() || self.wrong.is_some() {
            return None;
        }
        let len = self.lens.pop_front()?;
        let content = &self.echo[self.given..self.given + len as usize];
        let message = [payload_head(len).bytes(), content].concat();
        self.given += len as usize;
        // Moving the rest is paid for by what has gone.
        if self.given >= self.echo.len() - self.given {
            self.echo.drain(..self.given);
            self.given = 0;
        }
        Some(message.into())
    }

    fn decided(&self) -> bool {
        self.wrong.is_some() || self.foreign.is_some() || self.procedure.is_none()
    }

    fn kept(&self) -> u64 {
        self.echo.len() as u64
    }

    fn asked(&mut self) -> Result<CallRequest, CallResponse> {
        if let Some(status) = self.foreign {
            return Err(error(status.as_u16(), "This is not gRPC."));
        }
        let procedure = self.procedure.ok_or_else(|| error(404, "There is no such procedure."))?;
        self.call(procedure).map_err(|wrong| {
            self.wrong = Some(wrong);
            error(400, wrong.words())
        })
    }
}

/// The gRPC status that says the same as an HTTP status.
fn code(status: u16) -> &'static str {
    match status {
        400 => INVALID_ARGUMENT,
        404 => UNIMPLEMENTED,
        413 | 429 => "8",
        503 => "14",
        504 => "4",
        _ => INTERNAL,
    }
}

/// A message as a field can hold it: what is not plain is written as `%` and two digits.
fn plain(message: &str) -> String {
    message.bytes().fold(String::new(), |text, byte| match byte {
        b' '..=b'~' if byte != b'%' => text + char::from(byte).encode_utf8(&mut [0]),
        _ => text + &format!("%{byte:02X}"),
    })
}

impl ServerExchange for GrpcService {
    type Request = GrpcRequest;

    fn begin(&mut self, head: &Request<()>) -> GrpcRequest {
        let procedure = Procedure::find(head.uri().path());
        let field = |name| head.headers().get(name).map(HeaderValue::as_bytes).unwrap_or_default();
        let foreign = match *head.method() {
            Method::POST if field(CONTENT_TYPE).starts_with(b"application/grpc") => None,
            Method::POST => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            _ => Some(StatusCode::METHOD_NOT_ALLOWED),
        };
        GrpcRequest {
            procedure,
            foreign,
            encoded: !matches!(field(ENCODING), b"" | b"identity"),
            reader: Reader::new(procedure.is_some_and(Procedure::takes_payloads)),
            wrong: None,
            echo: Vec::new(),
            given: 0,
            lens: VecDeque::new(),
            received: 0,
            chunk: None,
        }
    }

    fn opening(&self) -> Response<()> {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        head
    }

    fn answer(&mut self, request: &GrpcRequest, answer: CallResponse) -> Option<Outgoing> {
        let mut head = self.opening();
        if let Some(status) = request.foreign {
            *head.status_mut() = status;
            if status == StatusCode::METHOD_NOT_ALLOWED {
                head.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            }
            return Some(Outgoing { head, body: None });
        }
        let body = match answer {
            CallResponse::Nonce(nonce) => Sending::bytes(framed(&Token { nonce }), None),
            CallResponse::Pong => Sending::bytes(framed(&Pong { response: "pong".to_owned() }), None),
            CallResponse::Size(len) => Sending::bytes(framed(&Size { len }), None),
            CallResponse::Number(n) => Sending::bytes(framed(&Sum { low: n as u64, high: (n >> 64) as u64 }), None),
            CallResponse::Slept(ns) => Sending::bytes(framed(&Wait { ns }), None),
            CallResponse::Echo(bytes) => request.echoed(bytes),
            CallResponse::Bytes { fill, len } => Sending::fill(fill, len, request.chunk).with_heads(payload_head),
            CallResponse::Error { status, message } => {
                let code = request.wrong.map_or(code(status), |wrong| request.code(wrong));
                head.headers_mut().insert(STATUS, HeaderValue::from_static(code));
                if request.wrong == Some(Wrong::Compressed) {
                    head.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                }
                head.headers_mut().insert(MESSAGE, value(plain(&message)));
                return Some(Outgoing { head, body: None });
            }
            CallResponse::Silence => return None,
        };
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(STATUS, HeaderValue::from_static("0"));
        Some(Outgoing { head, body: Some(body.with_trailers(trailers)) })
    }
}

#[cfg(test)]
mod tests {
    use super::{Procedure, plain};

    #[test]
    fn messages_fit_into_a_field() {
        assert_eq!(plain("50% of caf\u{e9}\n"), "50%25 of caf%C3%A9%0A");
    }

    #[test]
    fn only_the_procedures_of_the_service_are_found() {
        assert_eq!(Procedure::find("/engine.Engine/EchoChunks"), Some(Procedure::Echo { streams: true }));
        for path in ["/engine.Engine/ping", "/engine.Engine/", "/Engine/Ping", "/"] {
            assert_eq!(Procedure::find(path), None);
        }
    }
}
