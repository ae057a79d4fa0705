//! What a server writes around the body of a reply.

use std::io::Write;

use crate::transport::http1::date::Date;
use crate::transport::http1::request::Request;

/// The fields of JSON replies.
pub(crate) const JSON: &str = "Content-Type: application/json\r\n";
/// The fields of pages, and of echoes as Flask sends them.
pub(crate) const HTML: &str = "Content-Type: text/html; charset=utf-8\r\n";
/// The fields of downloads.
pub(crate) const DATA: &str = "Content-Disposition: attachment; filename=data.bin\r\n\
                    Content-Type: application/octet-stream\r\nCache-Control: no-cache\r\n";
/// The fields of downloads of files.
pub(crate) const FILE: &str = "Content-Disposition: attachment; filename=file.bin\r\n\
                    Content-Type: application/octet-stream\r\nCache-Control: no-cache\r\n";

/// Writes the head of a reply whose body has `len` bytes.
pub(crate) fn head(text: &mut Vec<u8>, date: &mut Date, request: &Request, status: u16, fields: &str, len: u64) {
    let connection = match (request.keep, request.old) {
        (true, false) => "",
        (true, true) => "Connection: keep-alive\r\n",
        (false, _) => "Connection: close\r\n",
    };
    let (name, date) = (name(status), date.now());
    // Writing into memory does not fail.
    let _ = write!(
        text,
        "HTTP/1.1 {status} {name}\r\nServer: engine\r\nDate: {date}\r\n{fields}Content-Length: {len}\r\n{connection}\r\n"
    );
}

/// Writes a reply that is a page like Werkzeug's, or has no body where there is no reason to give.
pub(crate) fn page(text: &mut Vec<u8>, date: &mut Date, request: &Request, status: u16, reason: &str, allow: &str) {
    let allow = if allow.is_empty() { String::new() } else { format!("Allow: {allow}\r\n") };
    let reason = reason.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&#34;");
    let name = name(status);
    let body = if reason.is_empty() {
        String::new()
    } else {
        format!("<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n<h1>{name}</h1>\n<p>{reason}</p>\n")
    };
    head(text, date, request, status, &format!("{HTML}{allow}"), body.len() as u64);
    if !request.bare {
        text.extend_from_slice(body.as_bytes());
    }
}

/// The name of a status (RFC 9110, 15).
fn name(status: u16) -> &'static str {
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
pub(crate) fn seconds(ns: u64) -> String {
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
