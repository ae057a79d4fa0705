//! The head of a message: collected however its bytes are cut, and read only when it differs from the last one.

use std::borrow::Cow;

use httparse::Header;

use crate::transport::web::endpoint::{Refusal, whole_number};

/// The longest head that is taken in, in bytes.
pub(crate) const HEAD_LIMIT: usize = 32 * 1024;
/// The most fields that a head may have.
pub(crate) const FIELD_LIMIT: usize = 100;

/// The bytes of a head.
#[derive(Default)]
pub(crate) struct Head {
    bytes: Vec<u8>,
    part: Vec<u8>,
    newlines: u8,
}

/// What became of bytes given to [`Head::take`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// The head is not complete yet.
    Part,
    /// It is complete and byte for byte the one before it.
    Same,
    /// It is complete.
    New,
    /// It is longer than [`HEAD_LIMIT`].
    TooLong,
}

impl Head {
    /// Takes a head, up to its empty line, from the front of `input`.
    pub(crate) fn take(&mut self, input: &mut &[u8]) -> Taken {
        if self.part.is_empty() {
            // A client repeats itself: then nothing has to be searched, copied or parsed.
            if !self.bytes.is_empty() && input.starts_with(&self.bytes) {
                *input = &input[self.bytes.len()..];
                return Taken::Same;
            }
            // Empty lines before a message are ignored (RFC 9112, 2.2).
            let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            *input = &input[blank..];
            self.newlines = 0;
        }
        let end = input.iter().position(|byte| {
            match byte {
                b'\n' => self.newlines += 1,
                b'\r' => {}
                _ => self.newlines = 0,
            }
            self.newlines == 2
        });
        let (head, rest) = input.split_at(end.map_or(input.len(), |end| end + 1));
        if self.part.len() + head.len() > HEAD_LIMIT {
            return Taken::TooLong;
        }
        self.part.extend_from_slice(head);
        *input = rest;
        if end.is_none() {
            return Taken::Part;
        }
        let same = self.part == self.bytes;
        std::mem::swap(&mut self.bytes, &mut self.part);
        self.part.clear();
        if same { Taken::Same } else { Taken::New }
    }

    /// The last complete head.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// A head in which a field that goes on in the next line is one line: a space for each fold (RFC 9112, 5.2).
pub(crate) fn unfolded(head: &[u8]) -> Cow<'_, [u8]> {
    let blank = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    // What follows the first line is no field yet that could go on.
    let first = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |end| end + 1);
    let folded = |at: usize| at >= first && head[at] == b'\n' && blank(head.get(at + 1));
    if !(first..head.len()).any(folded) {
        return Cow::Borrowed(head);
    }
    let mut one = Vec::with_capacity(head.len());
    for (at, byte) in head.iter().enumerate() {
        match byte {
            b'\n' if folded(at) => one.push(b' '),
            b'\r' if head.get(at + 1) == Some(&b'\n') && folded(at + 1) => {}
            byte => one.push(*byte),
        }
    }
    Cow::Owned(one)
}

/// What the fields of a head say about the body and the connection.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields {
    /// The value of `Content-Length`.
    pub(crate) length: Option<u64>,
    /// The body comes in chunked transfer coding.
    pub(crate) chunked: bool,
    /// `Connection` says `close`.
    pub(crate) close: bool,
    /// `Connection` says `keep-alive`.
    pub(crate) keep_alive: bool,
    /// How many `Host` fields there are.
    pub(crate) hosts: u8,
    /// `Content-Type` is JSON.
    pub(crate) json: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(crate) expects: bool,
}

impl Fields {
    /// Reads the fields that matter here, or says why the message cannot be framed (RFC 9112, 6.3).
    pub(crate) fn read(headers: &[Header<'_>]) -> Result<Self, Refusal> {
        let mut fields = Fields::default();
        for Header { name, value } in headers {
            let is = |word: &str| name.eq_ignore_ascii_case(word);
            if is("content-length") {
                let length = whole_number(value).ok_or(Refusal::new(400, "Content-Length is not a number."))?;
                if fields.length.is_some_and(|other| other != length) {
                    return Err(Refusal::new(400, "Content-Length is given twice and differs."));
                }
                fields.length = Some(length);
            } else if is("transfer-encoding") {
                if fields.chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refusal::new(501, "The only transfer coding known here is chunked."));
                }
                fields.chunked = true;
            } else if is("connection") {
                for word in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    fields.close |= word.eq_ignore_ascii_case(b"close");
                    fields.keep_alive |= word.eq_ignore_ascii_case(b"keep-alive");
                }
            } else if is("host") {
                fields.hosts = fields.hosts.saturating_add(1);
            } else if is("content-type") {
                let kind = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
                fields.json = kind.eq_ignore_ascii_case(b"application/json");
            } else if is("expect") {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(Refusal::new(417, "The only expectation known here is 100-continue."));
                }
                fields.expects = true;
            }
        }
        if fields.chunked && fields.length.is_some() {
            return Err(Refusal::new(400, "Content-Length and Transfer-Encoding exclude each other."));
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::{Fields, HEAD_LIMIT, Head, Taken};
    use httparse::Header;

    #[test]
    fn a_head_is_taken_however_it_is_cut_and_known_when_it_comes_again() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
        for cut in 1..text.len() - 5 {
            let mut head = Head::default();
            let (mut first, mut second) = text.split_at(cut);
            assert_eq!(head.take(&mut first), Taken::Part);
            assert_eq!(head.take(&mut second), Taken::New);
            assert_eq!((head.bytes(), second), (&text[..text.len() - 4], &b"body"[..]));
            assert_eq!(head.take(&mut &text[..]), Taken::Same);
            assert_eq!(head.take(&mut &b"\r\nGET /other HTTP/1.1\r\n\r\n"[..]), Taken::New);
            assert_eq!(head.bytes(), b"GET /other HTTP/1.1\r\n\r\n");
        }
    }

    #[test]
    fn an_endless_head_is_not_collected() {
        let mut head = Head::default();
        let taken = (0..=HEAD_LIMIT).map(|_| head.take(&mut &b"a"[..])).find(|taken| *taken != Taken::Part);
        assert_eq!(taken, Some(Taken::TooLong));
    }

    #[test]
    fn lengths_that_contradict_are_refused() {
        let status = |fields: &[(&'static str, &'static str)]| {
            let headers: Vec<Header<'_>> =
                fields.iter().map(|(name, value)| Header { name, value: value.as_bytes() }).collect();
            Fields::read(&headers).map_err(|refusal| refusal.status).map(|fields| fields.length)
        };
        assert_eq!(status(&[("Content-Length", "3"), ("content-length", "3")]), Ok(Some(3)));
        assert_eq!(status(&[("Content-Length", "3"), ("Content-Length", "4")]), Err(400));
        assert_eq!(status(&[("Content-Length", "+3")]), Err(400));
        assert_eq!(status(&[("Content-Length", "99999999999999999999")]), Err(400));
        assert_eq!(status(&[("Content-Length", "3"), ("Transfer-Encoding", "chunked")]), Err(400));
        assert_eq!(status(&[("Transfer-Encoding", "gzip, chunked")]), Err(501));
        assert_eq!(status(&[("Transfer-Encoding", "Chunked")]), Ok(None));
    }
}
