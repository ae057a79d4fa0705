//! What a server writes around the body of a reply.

use std::io::Write;

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
    let framing = match len.into() {
        Some(len) => format!("Content-Length: {len}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    let connection = match (request.keep, request.old) {
        (true, false) => "",
        (true, true) => "Connection: keep-alive\r\n",
        (false, _) => "Connection: close\r\n",
    };
    let (name, date) = (name(status), date.now());
    // Writing into memory does not fail.
    let _ = write!(
        text,
        "HTTP/1.1 {status} {name}\r\nServer: engine\r\nDate: {date}\r\n{fields}{framing}\r\n{connection}\r\n"
    );
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
