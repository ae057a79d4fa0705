//! A server of HTTP/1.1 with scripted replies, as real servers give them, which counts what it is asked.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use nix::sys::socket::{MsgFlags, send};

/// What was asked: each request line's number, and its last head and body.
type Asked = BTreeMap<String, (u64, String, String)>;

/// The server; its threads end with the test's process.
pub(crate) struct Scripted {
    address: String,
    asked: Arc<Mutex<Asked>>,
}

impl Scripted {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let asked = Arc::new(Mutex::new(Asked::new()));
        let shared = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let asked = shared.clone();
                // Whoever goes away is served no more.
                thread::spawn(move || drop(serve(stream, &asked)));
            }
        });
        Scripted { address, asked }
    }

    pub(crate) fn address(&self) -> String {
        self.address.clone()
    }

    /// How often that was asked, such as `GET /fast`.
    pub(crate) fn asked(&self, line: &str) -> u64 {
        self.asked.lock().expect("nobody panicked").get(line).map_or(0, |(count, ..)| *count)
    }

    /// How much was asked at all.
    pub(crate) fn all(&self) -> u64 {
        self.asked.lock().expect("nobody panicked").values().map(|(count, ..)| count).sum()
    }

    /// The head and the body of the last such request.
    pub(crate) fn last(&self, line: &str) -> (String, String) {
        let (_, head, body) = self.asked.lock().expect("nobody panicked").get(line).expect("it was asked").clone();
        (head, body)
    }
}

/// More is to come: `MSG_MORE` of send(2).
const MORE: i32 = 0x8000;

/// Serves requests until the connection ends.
fn serve(mut stream: TcpStream, asked: &Mutex<Asked>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                break String::from_utf8_lossy(&std::mem::replace(&mut bytes, rest)).into_owned();
            }
            more(&mut stream, &mut bytes)?;
        };
        let field = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let len = field("content-length").map_or(0, |len| len.parse().expect("a number"));
        if field("expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        while bytes.len() < len {
            more(&mut stream, &mut bytes)?;
        }
        let rest = bytes.split_off(len);
        let body = std::mem::replace(&mut bytes, rest);
        let line = head.lines().next().and_then(|line| line.strip_suffix(" HTTP/1.1")).expect("a request").to_owned();
        {
            let mut asked = asked.lock().expect("nobody panicked");
            let entry = asked.entry(line.clone()).or_default();
            *entry = (entry.0 + 1, head.clone(), String::from_utf8_lossy(&body).into_owned());
        }
        let gzip = field("accept-encoding").is_some_and(|value| value.contains("gzip"));
        let (reply, goes_on) = match portal(&line, &body, &field) {
            Some(reply) => (reply, true),
            None => reply(&line, &body, gzip),
        };
        // The connection's end comes in one segment with the reply, and not after the next request was sent.
        let flags = if goes_on { MsgFlags::empty() } else { MsgFlags::from_bits_retain(MORE) };
        let sent = send(stream.as_raw_fd(), &reply, flags)?;
        stream.write_all(&reply[sent..])?;
        if !goes_on {
            return Ok(());
        }
    }
}

/// A portal that one has to log in to: whoever shows neither the token nor the cookie that was given to him there is refused.
fn portal(line: &str, body: &[u8], field: &dyn Fn(&str) -> Option<String>) -> Option<Vec<u8>> {
    let plain = |head: &str, body: &str| {
        Some(format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes())
    };
    let refused = |why: &str| plain("401 Unauthorized", why);
    let who = field("authorization").and_then(|token| token.strip_prefix("Bearer tok-").map(str::to_owned));
    let cookies = field("cookie").unwrap_or_default();
    let known = || who.clone().filter(|who| cookies.split("; ").any(|cookie| cookie == format!("sid=c-{who}")));
    match line {
        "POST /login" => {
            let Ok(asked) = serde_json::from_slice::<serde_json::Value>(body) else { return refused("no JSON") };
            let (user, password) = (asked["user"].as_str()?, asked["password"].as_str()?);
            if password != format!("pw \"{user}\",") {
                return refused("wrong password");
            }
            let cookies = format!(
                "Set-Cookie: sid=c-{user}; Path=/; HttpOnly\r\nSet-Cookie: hint=x; Path=/elsewhere\r\nset-cookie: old=1"
            );
            let body = serde_json::json!({"access_token": format!("tok-{user}"), "age": 3600}).to_string();
            plain(&format!("200 OK\r\n{cookies}"), &body)
        }
        "GET /inbox" => match known() {
            Some(who) => {
                let body = serde_json::json!({"items": [{"id": format!("m {who}/1")}, {"id": 7}]}).to_string();
                plain("200 OK\r\nSet-Cookie: old=; Max-Age=0", &body)
            }
            None => refused("no token or no cookie"),
        },
        "GET /inbox/empty" => plain("200 OK", "{\"items\": []}"),
        "POST /items" => plain("201 Created\r\nLocation: /items/9?x=y", ""),
        "GET /whoami" => plain("200 OK", &cookies),
        _ => {
            let message = line.strip_prefix("GET /messages/")?;
            match known() {
                Some(who) if message == format!("m%20{who}/1") => plain("200 OK", &format!("to {who}")),
                Some(_) => refused("the message of another"),
                None => refused("no token or no cookie"),
            }
        }
    }
}

fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> std::io::Result<()> {
    let mut buffer = [0; 65_536];
    match stream.read(&mut buffer)? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        n => {
            bytes.extend_from_slice(&buffer[..n]);
            Ok(())
        }
    }
}

/// What is said to a request, and whether the connection goes on.
fn reply(line: &str, body: &[u8], gzip: bool) -> (Vec<u8>, bool) {
    let plain = |head: &str, body: &[u8]| {
        let mut reply = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n", body.len()).into_bytes();
        reply.extend_from_slice(body);
        (reply, true)
    };
    let raw = |text: &str, goes_on: bool| (text.as_bytes().to_vec(), goes_on);
    let path = line.split(' ').nth(1).unwrap_or("/");
    match path.split('?').next().unwrap_or(path) {
        "/slow" => {
            thread::sleep(Duration::from_millis(20));
            plain("200 OK", b"slow")
        }
        "/chunked" => raw(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n, chun\r\n0\r\nX-Late: 1\r\n\r\n",
            true,
        ),
        "/old" => raw("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", false),
        "/close" => raw("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nclose", false),
        "/until-close" => raw("HTTP/1.1 200 OK\r\n\r\nto end", false),
        "/hang-up" => raw("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngone", false),
        "/empty" => raw("HTTP/1.1 204 No Content\r\n\r\n", true),
        "/head" => raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", true),
        "/interim" => {
            raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfast", true)
        }
        "/moved" => plain("302 Found\r\nLocation: /elsewhere", b"moved"),
        "/missing" => plain("404 Not Found", b"<p>the key was s3cret</p>"),
        "/gzip" if gzip => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed.write_all(&[b'a'; 100_000]).expect("into memory");
            packed.write_all(b"the end of it").expect("into memory");
            plain("200 OK\r\nContent-Encoding: gzip", &packed.finish().expect("into memory"))
        }
        "/gzip" => plain("200 OK", b"plain, to the end of it"),
        "/brotli" => plain("200 OK\r\nContent-Encoding: br", b"whatever"),
        "/no-gzip" => plain("200 OK\r\nContent-Encoding: gzip", b"whatever this is"),
        "/echo" | "/continue" => plain("200 OK", body),
        _ => plain("200 OK", b"fast"),
    }
}
