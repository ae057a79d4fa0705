//! What a server replies, whatever version of HTTP frames it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::json;

use crate::call::{CallResponse, Fill};
use crate::transport::web::endpoint::{Endpoint, Refusal};
use crate::transport::web::hex::{COMPACT, HexWriter};
use crate::transport::web::request::Route;

/// The type of JSON replies.
pub(crate) const JSON: &str = "application/json";
/// The type of pages, and of echoes as Flask sends them.
pub(crate) const HTML: &str = "text/html; charset=utf-8";
/// The type of downloads.
pub(crate) const OCTETS: &str = "application/octet-stream";

/// A reply before it is framed.
pub(crate) struct WebAnswer {
    /// Its status.
    pub(crate) status: u16,
    /// The type of its body.
    pub(crate) kind: &'static str,
    /// Of a download: whether it is a file.
    pub(crate) download: Option<bool>,
    /// The value of the field `Allow`, or nothing.
    pub(crate) allow: &'static str,
    /// Its body.
    pub(crate) content: Content,
}

/// The body of a reply.
pub(crate) enum Content {
    /// A short one.
    Text(Cow<'static, str>),
    /// An echo.
    Bytes(Vec<u8>),
    /// So many bytes of a fill, from its beginning.
    Fill(Arc<Fill>, u64),
    /// What a writer makes, and how long that is.
    Hex(HexWriter, u64),
}

impl Content {
    /// How many bytes it has.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Content::Text(text) => text.len() as u64,
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Fill(_, len) | Content::Hex(_, len) => *len,
        }
    }
}

impl WebAnswer {
    /// The reply to a request with that route, or nothing where none ever is sent.
    pub(crate) fn of(route: &Route, answer: CallResponse) -> Option<Self> {
        let plain = |kind, content| WebAnswer { status: 200, kind, download: None, allow: "", content };
        if let Some(text) = text(&answer) {
            return Some(plain(JSON, Content::Text(text)));
        }
        Some(match (answer, route.serves) {
            (CallResponse::Echo(bytes), _) => plain(HTML, Content::Bytes(bytes)),
            (CallResponse::Bytes { fill, len }, Ok(Endpoint::DownloadChunks { chunk, .. })) => {
                // The length was found to fit when the call came in, and an answer is never longer.
                let length = HexWriter::length(len, chunk, COMPACT).unwrap_or(u64::MAX);
                plain(JSON, Content::Hex(HexWriter::new(fill, len, chunk, COMPACT), length))
            }
            (CallResponse::Bytes { fill, len }, serves) => {
                let file = matches!(serves, Ok(Endpoint::Download { file: true, .. }));
                WebAnswer { download: Some(file), ..plain(OCTETS, Content::Fill(fill, len)) }
            }
            (CallResponse::Error { status, message }, serves) => {
                let allow = serves.err().map_or("", |refusal| refusal.allow);
                WebAnswer { status, allow, ..plain(HTML, Content::Text(page(status, &message).into())) }
            }
            _ => return None,
        })
    }

    /// The reply that says why a request is not served.
    pub(crate) fn refusal(refusal: Refusal) -> Self {
        let content = Content::Text(page(refusal.status, refusal.reason).into());
        WebAnswer { status: refusal.status, kind: HTML, download: None, allow: refusal.allow, content }
    }
}

/// How a download is named.
pub(crate) fn disposition(file: bool) -> &'static str {
    if file { "attachment; filename=file.bin" } else { "attachment; filename=data.bin" }
}

/// The JSON of an answer that has no payload.
fn text(answer: &CallResponse) -> Option<Cow<'static, str>> {
    let text = match answer {
        CallResponse::Pong => return Some(Cow::Borrowed("{\"response\":\"pong\"}\n")),
        CallResponse::Nonce(nonce) => format!("{}\n", json!({ "nonce": nonce })),
        CallResponse::Size(len) => format!("{{\"size\":{len}}}\n"),
        CallResponse::Number(n) => format!("{{\"result\":{n}}}\n"),
        CallResponse::Slept(ns) => format!("{{\"duration\":{}}}\n", seconds(*ns)),
        _ => return None,
    };
    Some(Cow::Owned(text))
}

/// A page like Werkzeug's, or nothing where there is no reason to give.
fn page(status: u16, reason: &str) -> String {
    if reason.is_empty() {
        return String::new();
    }
    let reason = reason.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
    let name = name(status);
    format!("<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n<p>{reason}</p>\n")
}

/// The name of a status (RFC 9110, 15).
pub(crate) fn name(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Error",
    }
}

/// Nanoseconds as Python prints seconds: the shortest digits that mean the same number.
fn seconds(ns: u64) -> String {
    let seconds = ns as f64 / 1e9;
    if seconds != 0.0 && seconds < 1e-4 {
        // Python writes exponents with two digits, and all of these have one.
        format!("{seconds:e}").replace("e-", "e-0")
    } else {
        format!("{seconds:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn seconds_are_printed_as_python_prints_them() {
        for (ns, text) in [
            (0, "0.0"),
            (1, "1e-09"),
            (15_000, "1.5e-05"),
            (100_000, "0.0001"),
            (10_000_000, "0.01"),
            (1_000_000_000, "1.0"),
            (86_400_000_000_000, "86400.0"),
        ] {
            assert_eq!(seconds(ns), text);
        }
    }
}
