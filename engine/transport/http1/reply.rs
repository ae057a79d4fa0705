//! What a server writes around the body of a reply.

use crate::transport::http1::request::Request;
use crate::transport::web::answer::{self, HTML, OCTETS, name};
use crate::transport::web::date::Date;

/// The fields of downloads.
pub(crate) fn download(file: bool) -> String {
    let disposition = answer::disposition(file);
    format!("Content-Disposition: {disposition}\r\nContent-Type: {OCTETS}\r\nCache-Control: no-cache\r\n")
}

/// Writes the head of a reply whose body has `len` bytes, or comes in chunked transfer coding where that is none.
pub(crate) fn head(
    text: &mut Vec<u8>,
    date: &mut Date,
    request: &Request,
    status: u16,
    fields: &str,
    len: impl Into<Option<u64>>,
) {
    let connection = match (request.keep, request.old) {
        (true, false) => "\r\n",
        (true, true) => "Connection: keep-alive\r\n\r\n",
        (false, _) => "Connection: close\r\n\r\n",
    };
    // Put together piece by piece: the formatter takes ten times as long as all else that a server does for a ping.
    let mut digits = itoa::Buffer::new();
    let mut put = |piece: &str| text.extend_from_slice(piece.as_bytes());
    put("HTTP/1.1 ");
    put(digits.format(status));
    put(" ");
    put(name(status));
    put("\r\nServer: engine\r\nDate: ");
    put(date.now());
    put("\r\n");
    put(fields);
    match len.into() {
        Some(len) => {
            put("Content-Length: ");
            put(digits.format(len));
        }
        None => put("Transfer-Encoding: chunked"),
    }
    put("\r\n");
    put(connection);
}

/// Writes a reply that is a page, or has no body where there is no reason to give.
pub(crate) fn page(text: &mut Vec<u8>, date: &mut Date, request: &Request, status: u16, reason: &str, allow: &str) {
    let allow = if allow.is_empty() { String::new() } else { format!("Allow: {allow}\r\n") };
    let body = answer::page(status, reason);
    head(text, date, request, status, &format!("Content-Type: {HTML}\r\n{allow}"), body.len() as u64);
    if !request.bare {
        text.extend_from_slice(body.as_bytes());
    }
}
