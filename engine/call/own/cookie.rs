//! Cookies of one server: what a client was given it sends back (RFC 6265, without what only tells servers apart).
//!
//! A path is kept: a cookie is sent where the path of the request begins with it. `Max-Age=0` and an `Expires` that is past take
//! a cookie away. Domains, `Secure` and times of expiry ahead are not looked at: there is one server, and a trial is short.

use std::time::SystemTime;

/// A cookie.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// Without a slash at its end, so that it is empty for all paths.
    path: Vec<u8>,
    /// The server takes it away.
    gone: bool,
}

impl Cookie {
    /// What a field `Set-Cookie` says; none where it says nothing (RFC 6265, 5.2).
    pub(super) fn read(field: &[u8]) -> Option<Self> {
        let mut parts = field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let (name, value) = pair(parts.next()?)?;
        let mut cookie = Cookie { name: name.to_vec(), value: value.to_vec(), path: Vec::new(), gone: false };
        let (mut age, mut expired) = (None, false);
        for attribute in parts {
            let Some((name, value)) = pair(attribute) else { continue };
            match name.to_ascii_lowercase().as_slice() {
                b"path" if value.starts_with(b"/") => {
                    cookie.path = value.strip_suffix(b"/").unwrap_or(value).to_vec();
                }
                b"max-age" => age = Some(value == b"0" || value.starts_with(b"-")),
                b"expires" => {
                    let when = std::str::from_utf8(value).ok().and_then(|when| httpdate::parse_http_date(when).ok());
                    expired = when.is_some_and(|when| when <= SystemTime::now());
                }
                _ => {}
            }
        }
        // Of both the age holds (5.3).
        cookie.gone = age.unwrap_or(expired);
        Some(cookie)
    }

    fn is_sent_to(&self, path: &[u8]) -> bool {
        path.strip_prefix(&self.path[..]).is_some_and(|rest| matches!(rest.first(), None | Some(b'/' | b'?')))
    }
}

/// A name and a value.
fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|byte| *byte == b'=')?;
    let (name, value) = (text[..at].trim_ascii(), text[at + 1..].trim_ascii());
    (!name.is_empty()).then_some((name, value))
}

/// The cookies of one client.
#[derive(Clone, Default)]
pub(super) struct Jar(Vec<Cookie>);

impl Jar {
    /// Takes a cookie in, in place of one of its name and path.
    pub(super) fn keep(&mut self, cookie: Cookie) {
        let at = self.0.iter().position(|known| known.name == cookie.name && known.path == cookie.path);
        match (at, cookie.gone) {
            (Some(at), true) => drop(self.0.remove(at)),
            (Some(at), false) => self.0[at] = cookie,
            (None, true) => {}
            (None, false) => self.0.push(cookie),
        }
    }

    /// Writes those that a request for that path sends, if any, each behind what `begins` before the first of them.
    pub(super) fn put(&self, path: &[u8], begins: &[u8], out: &mut Vec<u8>) -> bool {
        let mut any = false;
        for cookie in self.0.iter().filter(|cookie| cookie.is_sent_to(path)) {
            out.extend_from_slice(if any { b"; " } else { begins });
            out.extend_from_slice(&cookie.name);
            out.push(b'=');
            out.extend_from_slice(&cookie.value);
            any = true;
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use super::{Cookie, Jar};

    #[test]
    fn a_client_sends_back_what_it_was_given_and_lets_go_what_is_taken_away() {
        let mut jar = Jar::default();
        let mut given = |field: &str| {
            if let Some(cookie) = Cookie::read(field.as_bytes()) {
                jar.keep(cookie);
            }
            let sent = |path: &str| {
                let mut out = Vec::new();
                jar.put(path.as_bytes(), b"", &mut out);
                String::from_utf8(out).expect("text")
            };
            [sent("/"), sent("/app/x?y=/z"), sent("/apple")]
        };
        assert_eq!(given("sid=1; HttpOnly"), ["sid=1"; 3]);
        assert_eq!(given("sid = 2=2 ; Path=/"), ["sid=2=2"; 3]);
        assert_eq!(given("cart=a; path=/app/"), ["sid=2=2", "sid=2=2; cart=a", "sid=2=2"]);
        assert_eq!(given("nothing; Path=/"), ["sid=2=2", "sid=2=2; cart=a", "sid=2=2"]);
        assert_eq!(given("=x"), ["sid=2=2", "sid=2=2; cart=a", "sid=2=2"]);
        assert_eq!(given("cart=; Path=/app; Max-Age=0"), ["sid=2=2"; 3]);
        assert_eq!(given("sid=3; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), ["sid=3"; 3]);
        assert_eq!(given("sid=4; Expires=Thu, 01 Jan 2970 00:00:00 GMT"), ["sid=4"; 3]);
        assert_eq!(given("sid=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"), [""; 3]);
        assert_eq!(given("sid=; Max-Age=-1"), [""; 3]);
    }
}
