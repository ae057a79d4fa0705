//! The head of a reply as a server writes it.

use crate::transport::http1::request::Request;
use crate::transport::web::answer::{WebAnswer, disposition, name};
use crate::transport::web::date::Date;

/// Writes the head of a reply whose body has `len` bytes, or comes in chunked transfer coding where that is none.
pub(crate) fn head(text: &mut Vec<u8>, date: &mut Date, request: &Request, reply: &WebAnswer, len: Option<u64>) {
    let connection = match (request.keep, request.old) {
        (true, false) => "\r\n",
        (true, true) => "Connection: keep-alive\r\n\r\n",
        (false, _) => "Connection: close\r\n\r\n",
    };
    // Put together piece by piece: the formatter takes ten times as long as all else that a server does for a ping.
    let mut digits = itoa::Buffer::new();
    let mut put = |piece: &str| text.extend_from_slice(piece.as_bytes());
    put("HTTP/1.1 ");
    put(digits.format(reply.status));
    put(" ");
    put(name(reply.status));
    put("\r\nServer: engine\r\nDate: ");
    put(date.now());
    if let Some(file) = reply.download {
        put("\r\nContent-Disposition: ");
        put(disposition(file));
    }
    put("\r\nContent-Type: ");
    put(reply.kind);
    if reply.download.is_some() {
        put("\r\nCache-Control: no-cache");
    }
    if !reply.allow.is_empty() {
        put("\r\nAllow: ");
        put(reply.allow);
    }
    match len {
        Some(len) => {
            put("\r\nContent-Length: ");
            put(digits.format(len));
        }
        None => put("\r\nTransfer-Encoding: chunked"),
    }
    put("\r\n");
    put(connection);
}
