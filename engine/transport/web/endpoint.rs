//! The endpoints of the reference suite, and which call each one is.

use std::borrow::Cow;

use crate::call::{Computation, computations};

/// Why a message is not served: the status and the sentence that say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The HTTP status.
    pub(crate) status: u16,
    /// What is wrong, in a sentence.
    pub(crate) reason: &'static str,
    /// The value of the field `Allow`, or nothing.
    pub(crate) allow: &'static str,
}

impl Refusal {
    /// A refusal without `Allow`.
    pub(crate) const fn new(status: u16, reason: &'static str) -> Self {
        Refusal { status, reason, allow: "" }
    }
}

/// What a path asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Endpoint {
    /// `GET /nonce`, which the reference suite does not have.
    Nonce,
    /// `GET /ping`
    Ping,
    /// `POST /echo`
    Echo,
    /// `POST /upload` and `POST /upload-file`
    Upload,
    /// `POST /upload-file-chunked`
    UploadChunks,
    /// `GET /download/<int>` and `GET /download-file/<int>`
    Download {
        /// Bytes of the body.
        len: u64,
        /// It is a file.
        file: bool,
    },
    /// `GET /download-file-chunked/<int>/<int>`
    DownloadChunks {
        /// Bytes of the payload.
        len: u64,
        /// Bytes of a chunk.
        chunk: u64,
    },
    /// `GET /compute/<int>`, and other computations by their names
    Compute {
        /// Which computation.
        what: &'static Computation,
        /// The number.
        n: u64,
    },
    /// `GET /sleep/<float>`
    Sleep {
        /// How long to wait, in nanoseconds.
        ns: u64,
    },
}

const NOT_FOUND: Refusal = Refusal::new(404, "There is no such endpoint.");

/// The methods that this server answers on one path or another, for `OPTIONS *` (RFC 9110, 9.3.7).
pub(crate) const ALLOW_ALL: &str = "HEAD, GET, OPTIONS, POST";

impl Endpoint {
    /// The endpoint of a request target (RFC 9112, 3.2), whose query is ignored as Flask's routes do.
    pub(crate) fn find(target: &str) -> Result<Self, Refusal> {
        let path = match target.split_once("://") {
            // A scheme is written in any case (RFC 3986, 3.1), and says nothing of what is asked for.
            Some((scheme, absolute)) if ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) => {
                absolute.find('/').map_or("/", |slash| &absolute[slash..])
            }
            _ => target,
        };
        let path = &*plain(path.split(['?', '#']).next().unwrap_or_default());
        let mut words = path.strip_prefix('/').ok_or(NOT_FOUND)?.split('/');
        let name = words.next().unwrap_or_default();
        let (first, second, third) = (words.next(), words.next(), words.next());
        let endpoint = match (name, first, second) {
            ("nonce", None, _) => Endpoint::Nonce,
            ("ping", None, _) => Endpoint::Ping,
            ("echo", None, _) => Endpoint::Echo,
            ("upload" | "upload-file", None, _) => Endpoint::Upload,
            ("upload-file-chunked", None, _) => Endpoint::UploadChunks,
            ("download", Some(len), None) => Endpoint::Download { len: int(len)?, file: false },
            ("download-file", Some(len), None) => Endpoint::Download { len: int(len)?, file: true },
            ("download-file-chunked", Some(len), Some(chunk)) => match (int(len)?, int(chunk)?) {
                (_, 0) => return Err(Refusal::new(400, "A chunk of no bytes never ends.")),
                (len, chunk) => Endpoint::DownloadChunks { len, chunk },
            },
            ("sleep", Some(seconds), None) => Endpoint::Sleep { ns: float(seconds)? },
            (name, Some(n), None) => match computations().find(|what| what.name == name) {
                Some(what) => Endpoint::Compute { what, n: int(n)? },
                None => return Err(NOT_FOUND),
            },
            _ => return Err(NOT_FOUND),
        };
        if third.is_none() { Ok(endpoint) } else { Err(NOT_FOUND) }
    }

    /// The methods that it answers, as Flask lists them.
    pub(crate) fn allow(self) -> &'static str {
        if self.has_body() { "OPTIONS, POST" } else { "HEAD, GET, OPTIONS" }
    }

    /// True where `method` is the one to call it with, `HEAD` included.
    pub(crate) fn answers(self, method: &str) -> bool {
        if self.has_body() { method == "POST" } else { matches!(method, "GET" | "HEAD") }
    }

    fn has_body(self) -> bool {
        matches!(self, Endpoint::Echo | Endpoint::Upload | Endpoint::UploadChunks)
    }
}

/// A path in which the characters that need no escape stand as themselves (RFC 3986, 6.2.2.2): `%70ing` is `ping`.
fn plain(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return Cow::Borrowed(path);
    }
    let mut pieces = path.split('%');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let escaped = piece.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
        let byte = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        match byte.filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '~')) {
            Some(c) => plain.extend([c].into_iter().chain(piece[2..].chars())),
            None => plain.extend(['%'].into_iter().chain(piece.chars())),
        }
    }
    Cow::Owned(plain)
}

/// A number as Werkzeug's `int` converter takes it: digits alone.
fn int(text: &str) -> Result<u64, Refusal> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_FOUND);
    }
    whole_number(text.as_bytes()).ok_or(Refusal::new(400, "The number is too large."))
}

/// Seconds as Werkzeug's `float` converter takes them, digits on both sides of a dot; in nanoseconds.
fn float(text: &str) -> Result<u64, Refusal> {
    let (whole, fraction) = text.split_once('.').ok_or(NOT_FOUND)?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(NOT_FOUND);
    }
    let seconds: f64 = text.parse().map_err(|_| NOT_FOUND)?;
    Ok((seconds * 1e9).round() as u64)
}

/// The number that consists of these digits alone.
pub(crate) fn whole_number(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    plain.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::Endpoint;

    #[test]
    fn paths_are_those_of_the_reference_suite() {
        for (path, endpoint) in [
            ("/ping", Endpoint::Ping),
            ("/ping?a=/b", Endpoint::Ping),
            ("/%70ing", Endpoint::Ping),
            ("/p%69%6E%67?%", Endpoint::Ping),
            ("/down%6Coad/%31%30", Endpoint::Download { len: 10, file: false }),
            ("http://host:1/ping", Endpoint::Ping),
            ("HTTP://host:1/ping?a=b", Endpoint::Ping),
            ("Https://host/ping", Endpoint::Ping),
            ("/upload-file", Endpoint::Upload),
            ("/download/0", Endpoint::Download { len: 0, file: false }),
            ("/download-file/010", Endpoint::Download { len: 10, file: true }),
            ("/download-file-chunked/5/2", Endpoint::DownloadChunks { len: 5, chunk: 2 }),
            ("/sleep/0.01", Endpoint::Sleep { ns: 10_000_000 }),
            ("/sleep/00.000000001", Endpoint::Sleep { ns: 1 }),
        ] {
            assert_eq!(Endpoint::find(path), Ok(endpoint), "{path}");
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for path in [
            "",
            "*",
            "/",
            "/Ping",
            "/ping/",
            "/ping/1",
            "/%2570ing",
            "/%7",
            "/ping%",
            "/ping%é",
            "%2Fping",
            "/download%2F1",
            "/download",
            "/download/",
            "/download/-1",
            "/download/1.0",
            "/download/1/2",
            "/sleep/1",
            "/sleep/.5",
            "/sleep/1.",
            "/sleep/-0.1",
            "/sleep/1e3",
            "/sleep/nan",
            "/compute/+1",
            "/download-file-chunked/5/2/1",
            "http://host",
            "ftp://host/ping",
        ] {
            assert_eq!(Endpoint::find(path).map_err(|refusal| refusal.status), Err(404), "{path}");
        }
        for path in ["/download/99999999999999999999", "/download-file-chunked/5/0"] {
            assert_eq!(Endpoint::find(path).map_err(|refusal| refusal.status), Err(400), "{path}");
        }
    }
}
