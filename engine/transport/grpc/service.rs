//! The server's side of the service.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};

use crate::call::{Answer, Asked};
use crate::transport::grpc::message::{
    LONGEST, Pong, Range, Reader, Size, Sum, Token, Wait, Wanted, framed, payload_head,
};
use crate::transport::web::body::Sending;
use crate::transport::web::calls::value;
use crate::transport::web::exchange::{Answering, IncomingRequest, Outgoing};

const STATUS: HeaderName = HeaderName::from_static("grpc-status");
const MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

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
    Compute,
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
            "Compute" => Procedure::Compute,
            "Sleep" => Procedure::Sleep,
            _ => return None,
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
    /// It says that it is gRPC.
    ours: bool,
    reader: Reader,
    broken: Option<&'static str>,
    echo: Vec<u8>,
    received: u64,
    chunk: Option<u64>,
}

fn error(status: u16, message: &str) -> Answer {
    Answer::Error { status, message: message.to_owned() }
}

impl IncomingRequest for GrpcRequest {
    fn data(&mut self, bytes: &[u8]) {
        let (Some(procedure), None) = (self.procedure, self.broken) else { return };
        let (echo, received) = (&mut self.echo, &mut self.received);
        let read = self.reader.feed(bytes, |content| {
            *received += content.len() as u64;
            if matches!(procedure, Procedure::Echo { .. }) {
                echo.extend_from_slice(content);
            }
        });
        self.broken = read.err();
    }

    fn kept(&self) -> u64 {
        self.echo.len() as u64
    }

    fn asked(&mut self) -> Result<Asked, Answer> {
        let procedure = self.procedure.ok_or_else(|| error(404, "There is no such procedure."))?;
        let wrong = |reason| error(400, reason);
        if let Some(reason) = self.broken {
            return Err(wrong(reason));
        }
        let reader = &self.reader;
        let count = reader.finish().map_err(wrong)?;
        let one = matches!(procedure, Procedure::Echo { streams: false } | Procedure::Upload { streams: false });
        if one && count != 1 {
            return Err(wrong("one message was due"));
        }
        Ok(match procedure {
            Procedure::Ping => Asked::Ping,
            Procedure::Nonce => Asked::Nonce,
            Procedure::Echo { streams } => {
                self.chunk = streams.then(|| reader.first().max(1));
                Asked::Echo(std::mem::take(&mut self.echo))
            }
            Procedure::Upload { .. } => Asked::Upload(self.received),
            Procedure::Download { streams } => {
                let Wanted { len, chunk } = reader.message().map_err(wrong)?;
                if !streams && len > LONGEST {
                    return Err(wrong("so many bytes do not fit one message"));
                }
                self.chunk = streams.then(|| if chunk == 0 { LONGEST } else { chunk.min(LONGEST) });
                Asked::Download { len, file: streams }
            }
            Procedure::Compute => Asked::Compute { n: reader.message::<Range>().map_err(wrong)?.n },
            Procedure::Sleep => Asked::Sleep { ns: reader.message::<Wait>().map_err(wrong)?.ns },
        })
    }
}

/// The gRPC status that says the same as an HTTP status.
fn code(status: u16) -> &'static str {
    match status {
        400 => "3",
        404 => "12",
        413 | 429 => "8",
        503 => "14",
        504 => "4",
        _ => "13",
    }
}

/// A message as a field can hold it: what is not plain is written as `%` and two digits.
fn plain(message: &str) -> String {
    message.bytes().fold(String::new(), |text, byte| match byte {
        b' '..=b'~' if byte != b'%' => text + char::from(byte).encode_utf8(&mut [0]),
        _ => text + &format!("%{byte:02X}"),
    })
}

impl Answering for GrpcService {
    type Request = GrpcRequest;

    fn begin(&mut self, head: &Request<()>) -> GrpcRequest {
        let procedure = Procedure::find(head.uri().path());
        let kind = head.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        GrpcRequest {
            procedure,
            ours: kind.starts_with(b"application/grpc"),
            reader: Reader::new(procedure.is_some_and(Procedure::takes_payloads)),
            broken: None,
            echo: Vec::new(),
            received: 0,
            chunk: None,
        }
    }

    fn answer(&mut self, request: &GrpcRequest, answer: Answer) -> Option<Outgoing> {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if !request.ours {
            *head.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return Some(Outgoing { head, body: None });
        }
        let body = match answer {
            Answer::Nonce(nonce) => Sending::bytes(framed(&Token { nonce }), None),
            Answer::Pong => Sending::bytes(framed(&Pong { response: "pong".to_owned() }), None),
            Answer::Size(len) => Sending::bytes(framed(&Size { len }), None),
            Answer::Number(n) => Sending::bytes(framed(&Sum { low: n as u64, high: (n >> 64) as u64 }), None),
            Answer::Slept(ns) => Sending::bytes(framed(&Wait { ns }), None),
            Answer::Echo(bytes) => Sending::bytes(bytes, request.chunk).with_heads(payload_head),
            Answer::Bytes { fill, len } => Sending::fill(fill, len, request.chunk).with_heads(payload_head),
            Answer::Error { status, message } => {
                head.headers_mut().insert(STATUS, HeaderValue::from_static(code(status)));
                head.headers_mut().insert(MESSAGE, value(plain(&message)));
                return Some(Outgoing { head, body: None });
            }
            Answer::Silence => return None,
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
