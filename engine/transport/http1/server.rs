//! The server's end of a connection.

use crate::call::{Answer, Asked, Fault};
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::held::Share;
use crate::transport::http1::body::{Body, Coded, Part, Sending, put_coded};
use crate::transport::http1::head::{Head, Taken};
use crate::transport::http1::reply::{download, head, page};
use crate::transport::http1::request::{Request, Serves};
use crate::transport::outbox::Outbox;
use crate::transport::web::answer::{self, HTML, JSON};
use crate::transport::web::date::Date;
use crate::transport::web::endpoint::{Endpoint, Refusal};
use crate::transport::web::hex::{COMPACT, HexReader, HexWriter};

/// Room that is made for an echo before its bytes have come.
const ROOM: u64 = 1 << 20;

/// What is done with the body.
enum Sink {
    Discard,
    Collect(Vec<u8>),
    Chunks(HexReader),
}

/// A server that takes one request after the other.
pub(crate) struct HttpServer {
    limit: u64,
    /// What is held of a body that comes in, or goes out again.
    share: Share,
    /// True until an echo is written.
    echoed: bool,
    keeps_alive: bool,
    head: Head,
    /// The request that the last head describes, as it was before its body came.
    known: Request,
    request: Request,
    in_body: bool,
    /// The reply went out before the body had come in, so the rest is read away and the connection closed.
    answered: bool,
    sink: Sink,
    /// Bytes of the body so far.
    taken: u64,
    /// Bytes of the payload so far.
    received: u64,
    date: Date,
    sending: Option<Sending>,
    /// What has to wait until `sending` is through.
    later: Vec<u8>,
}

impl HttpServer {
    /// A server that takes bodies up to `limit` bytes and closes after each reply unless it `keeps_alive`.
    pub(crate) fn new(limit: u64, share: Share, keeps_alive: bool) -> Self {
        HttpServer {
            limit,
            share,
            echoed: false,
            keeps_alive,
            head: Head::default(),
            known: Request::broken(),
            request: Request::broken(),
            in_body: false,
            answered: false,
            sink: Sink::Discard,
            taken: 0,
            received: 0,
            date: Date::default(),
            sending: None,
            later: Vec::new(),
        }
    }

    /// Begins the request whose head has come; false where nothing may follow it.
    fn begin(&mut self, out: &mut Outbox) -> bool {
        (self.in_body, self.answered, self.taken, self.received) = (true, false, 0, 0);
        if let Body::Length(len) = self.request.body
            && len > self.limit
        {
            self.refuse_now(TOO_LARGE, out);
            return true;
        }
        self.sink = match (self.request.serves, self.request.body) {
            (Ok(Serves::Call(Endpoint::Echo)), Body::Length(len)) => {
                Sink::Collect(Vec::with_capacity(len.min(ROOM) as usize))
            }
            (Ok(Serves::Call(Endpoint::Echo)), _) => Sink::Collect(Vec::new()),
            (Ok(Serves::Call(Endpoint::UploadChunks)), _) => Sink::Chunks(HexReader::new()),
            _ => Sink::Discard,
        };
        if self.request.expects && !matches!(self.request.body, Body::Length(0)) {
            match self.request.serves {
                Ok(_) => self.say(out, |text, _| text.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n")),
                // Whether the body still comes is the client's choice, so nothing after it could be understood.
                Err(refusal) => {
                    self.refuse_now(refusal, out);
                    return false;
                }
            }
        }
        true
    }

    /// Gives the bytes of a body to where they belong; false where there is no room for them.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.taken += bytes.len() as u64;
        match &mut self.sink {
            Sink::Discard => self.received += bytes.len() as u64,
            Sink::Collect(all) => {
                if !self.share.hold((all.len() + bytes.len()) as u64) {
                    return false;
                }
                all.extend_from_slice(bytes);
            }
            Sink::Chunks(reader) => {
                let received = &mut self.received;
                if reader.feed(bytes, |decoded| *received += decoded.len() as u64).is_err() {
                    self.request.serves = Err(NOT_CHUNKS);
                    self.sink = Sink::Discard;
                }
            }
        }
        true
    }

    /// What the request asks, now that all of it has come.
    fn asked(&mut self) -> Result<Asked, Refusal> {
        let endpoint = match self.request.serves? {
            Serves::Call(endpoint) => endpoint,
            Serves::Allow(allow) => return Err(Refusal { status: 200, reason: "", allow }),
        };
        Ok(match endpoint {
            Endpoint::Nonce => Asked::Nonce,
            Endpoint::Ping => Asked::Ping,
            Endpoint::Echo => match std::mem::replace(&mut self.sink, Sink::Discard) {
                Sink::Collect(bytes) => Asked::Echo(bytes),
                _ => Asked::Echo(Vec::new()),
            },
            Endpoint::Upload => Asked::Upload(self.received),
            Endpoint::UploadChunks => match &self.sink {
                Sink::Chunks(reader) if reader.finish().is_ok() => Asked::Upload(self.received),
                _ => return Err(NOT_CHUNKS),
            },
            Endpoint::Download { len, file } => Asked::Download { len, file },
            Endpoint::DownloadChunks { len, chunk } => {
                HexWriter::length(len, chunk, COMPACT).ok_or(Refusal::new(400, "The number is too large."))?;
                Asked::Download { len, file: true }
            }
            Endpoint::Compute { n } => Asked::Compute { n },
            Endpoint::Sleep { ns } => Asked::Sleep { ns },
        })
    }

    /// Writes now, or as soon as the reply that is being sent is through.
    fn say(&mut self, out: &mut Outbox, write: impl FnOnce(&mut Vec<u8>, &mut Date)) {
        if self.sending.is_some() {
            write(&mut self.later, &mut self.date);
        } else {
            out.put_with(|small| write(small, &mut self.date));
        }
    }

    /// Answers with a page and goes on.
    fn refuse(&mut self, refusal: Refusal, out: &mut Outbox) {
        let request = self.request;
        self.say(out, |text, date| page(text, date, &request, refusal.status, refusal.reason, refusal.allow));
    }

    /// Answers with a page before the body has come; the connection ends with this reply.
    fn refuse_now(&mut self, refusal: Refusal, out: &mut Outbox) {
        self.request.keep = false;
        self.refuse(refusal, out);
        self.sink = Sink::Discard;
        self.share.hold(0);
        self.answered = true;
    }

    /// Answers bytes that are no request, after which nothing can be understood.
    fn give_up(&mut self, refusal: Refusal, out: &mut Outbox) -> Fault {
        if !self.answered {
            self.refuse_now(refusal, out);
        }
        Fault::protocol(refusal.reason)
    }

    /// A reply whose body is short and whole.
    fn reply(&mut self, body: &str, out: &mut Outbox) {
        let request = self.request;
        self.say(out, |text, date| {
            head(text, date, &request, 200, "Content-Type: application/json\r\n", body.len() as u64);
            if !request.bare {
                text.extend_from_slice(body.as_bytes());
            }
        });
    }
}

fn content_type(kind: &str) -> String {
    format!("Content-Type: {kind}\r\n")
}

const TOO_LARGE: Refusal = Refusal::new(413, "The body is longer than this server takes in.");
const NO_ROOM: Refusal = Refusal::new(503, "This server holds as many bodies as it may.");
const NOT_CHUNKS: Refusal = Refusal::new(400, "The body is not JSON like {\"chunks\": [\"00ff\", \"0a\"]}.");

impl ServerCodec for HttpServer {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, Fault> {
        loop {
            if !self.in_body {
                self.request = match self.head.take(input) {
                    Taken::Part => return Ok(Step::Read),
                    Taken::Same => Ok(self.known),
                    Taken::New => Request::read(self.head.bytes(), self.keeps_alive),
                    Taken::TooLong => Err(Refusal::new(431, "The head is longer than this server takes in.")),
                }
                .map_err(|refusal| {
                    self.request = Request::broken();
                    self.give_up(refusal, out)
                })?;
                self.known = self.request;
                if !self.begin(out) {
                    return Ok(Step::Close);
                }
            }
            match self.request.body.next(input) {
                Err(reason) => return Err(self.give_up(Refusal::new(400, reason), out)),
                Ok(Part::Wait) => return Ok(Step::Read),
                Ok(Part::Bytes(bytes)) => {
                    let fits = self.take(bytes);
                    if self.taken > self.limit && !self.answered {
                        self.refuse_now(TOO_LARGE, out);
                    } else if !fits && !self.answered {
                        self.refuse_now(NO_ROOM, out);
                    }
                }
                Ok(Part::End) if self.answered => return Ok(Step::Close),
                Ok(Part::End) => {
                    self.in_body = false;
                    match self.asked() {
                        Ok(asked) => return Ok(Step::Execute { call: 0, asked }),
                        Err(refusal) => self.refuse(refusal, out),
                    }
                    if !self.request.keep {
                        return Ok(Step::Close);
                    }
                }
            }
        }
    }

    fn answer(&mut self, _: u64, answer: Answer, out: &mut Outbox) -> Next {
        let request = self.request;
        if let Some(body) = answer::text(&answer) {
            self.reply(&body, out);
            return if request.keep { Next::Continue } else { Next::Close };
        }
        match answer {
            Answer::Echo(bytes) => {
                self.echoed = true;
                let len = request.chunk.is_none().then_some(bytes.len() as u64);
                self.say(out, |text, date| head(text, date, &request, 200, &content_type(HTML), len));
                match request.chunk {
                    _ if request.bare => {}
                    Some(chunk) => put_coded(&bytes, chunk, out),
                    None => out.put_owned(bytes),
                }
            }
            Answer::Bytes { fill, len } => match request.serves {
                Ok(Serves::Call(Endpoint::DownloadChunks { chunk, .. })) => {
                    // The length was found to fit when the call came in, and an answer is never longer.
                    let length = HexWriter::length(len, chunk, COMPACT).unwrap_or(u64::MAX);
                    self.say(out, |text, date| head(text, date, &request, 200, &content_type(JSON), length));
                    if !request.bare {
                        self.sending = Some(Sending::Hex(HexWriter::new(fill, len, chunk, COMPACT)));
                        self.produce(out);
                    }
                }
                serves => {
                    let file = matches!(serves, Ok(Serves::Call(Endpoint::Download { file: true, .. })));
                    let told = request.chunk.is_none().then_some(len);
                    self.say(out, |text, date| head(text, date, &request, 200, &download(file), told));
                    match request.chunk {
                        _ if request.bare => {}
                        Some(chunk) => {
                            self.sending = Some(Sending::Coded(Coded::new(fill, len, chunk)));
                            self.produce(out);
                        }
                        None => out.put_fill(&fill, 0, len),
                    }
                }
            },
            Answer::Error { status, message } => {
                self.say(out, |text, date| page(text, date, &request, status, &message, ""));
            }
            _ => return Next::Continue,
        }
        if request.keep { Next::Continue } else { Next::Close }
    }

    fn produce(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.echoed) {
            self.share.hold(if let Sink::Collect(all) = &self.sink { all.len() as u64 } else { 0 });
        }
        if let Some(sending) = &mut self.sending
            && !sending.produce(out)
        {
            self.sending = None;
            out.put(&self.later);
            self.later.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HttpServer;
    use crate::call::{Answer, Asked, Fill};
    use crate::transport::contract::{Next, ServerCodec, Step};
    use crate::transport::held::Hold;
    use crate::transport::outbox::Outbox;

    /// Everything that a server with a limit of 1,000 bytes replies, and whether it closes.
    fn exchange(input: &str, step: usize) -> (String, bool) {
        let (mut server, mut out) =
            (HttpServer::new(1000, Hold::new(1000).expect("a page").share(), true), Outbox::new());
        let mut replies = Vec::new();
        for piece in input.as_bytes().chunks(step) {
            let mut input = piece;
            loop {
                let closes = match server.receive(&mut input, &mut out) {
                    Ok(Step::Read) => break,
                    Ok(Step::Write) => false,
                    Ok(Step::Close) | Err(_) => true,
                    Ok(Step::Execute { asked, .. }) => {
                        replies.extend(out.drain());
                        let answer = match asked {
                            Asked::Echo(bytes) => Answer::Echo(bytes),
                            Asked::Upload(len) => Answer::Size(len),
                            Asked::Download { len, .. } => Answer::Bytes { fill: Fill::constant(0), len },
                            _ => Answer::Pong,
                        };
                        server.answer(0, answer, &mut out) == Next::Close
                    }
                };
                if closes {
                    loop {
                        replies.extend(out.drain());
                        server.produce(&mut out);
                        if out.is_empty() {
                            return (String::from_utf8(replies).expect("replies are text"), true);
                        }
                    }
                }
            }
        }
        replies.extend(out.drain());
        (String::from_utf8(replies).expect("replies are text"), false)
    }

    /// The statuses of the replies, and whether the server closes.
    fn statuses(input: &str) -> (Vec<u16>, bool) {
        let (whole, closes) = exchange(input, input.len());
        let (cut, closes_too) = exchange(input, 1);
        let read = |text: &str| -> Vec<u16> {
            text.split("HTTP/1.1 ").skip(1).map(|reply| reply[..3].parse().expect("a status")).collect()
        };
        assert_eq!((read(&whole), closes), (read(&cut), closes_too), "however it is cut: {input:?}");
        (read(&whole), closes)
    }

    #[test]
    fn requests_may_follow_each_other_without_waiting() {
        let ping = "GET /ping HTTP/1.1\r\nHost: a\r\n\r\n";
        let echo = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        let chunks = "GET /download-file-chunked/5/2 HTTP/1.1\r\nHost: a\r\n\r\n";
        let missing = "GET /missing HTTP/1.1\r\nHost: a\r\n\r\n";
        let (replies, closes) = exchange(&[ping, chunks, missing, echo, ping].concat(), 1000);
        let bodies: Vec<&str> =
            replies.split("HTTP/1.1 ").filter_map(|reply| reply.split_once("\r\n\r\n")).map(|(_, body)| body).collect();
        assert_eq!(bodies[0], "{\"response\":\"pong\"}\n");
        assert_eq!(bodies[1], "{\"chunks\":[\"0000\",\"0000\",\"00\"]}\n");
        assert!(bodies[2].starts_with("<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>"));
        assert_eq!((bodies[3], bodies[4], closes), ("abc", bodies[0], false));
    }

    #[test]
    fn a_refusal_waits_for_the_reply_before_it() {
        let long = "GET /download-file-chunked/400000/400000 HTTP/1.1\r\nHost: a\r\n\r\n";
        let (replies, closes) = exchange(&format!("{long}garbage\r\n\r\n"), 1000);
        assert!(closes);
        let end = replies.find("00\"]}\nHTTP/1.1 400 Bad Request").expect("the refusal comes last");
        assert!(end > 800_000);
    }

    #[test]
    fn connections_stay_open_as_the_version_and_the_client_say() {
        let get =
            |version: &str, fields: &str| statuses(&format!("GET /ping HTTP/{version}\r\nHost: a\r\n{fields}\r\n"));
        assert_eq!(get("1.1", ""), (vec![200], false));
        assert_eq!(get("1.1", "Connection: close\r\n"), (vec![200], true));
        assert_eq!(get("1.0", ""), (vec![200], true));
        assert_eq!(get("1.0", "Connection: keep-alive\r\n"), (vec![200], false));
        assert!(
            exchange("GET /ping HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 99).0.contains("Connection: keep-alive")
        );
        assert_eq!(get("2.0", ""), (vec![505], true));
    }

    #[test]
    fn what_cannot_be_served_says_so_and_goes_on_where_it_can() {
        let post = |path: &str, fields: &str, body: &str| {
            statuses(&format!("POST {path} HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}"))
        };
        let json = "Content-Type: application/json\r\nContent-Length:";
        assert_eq!(post("/ping", "Content-Length: 3\r\n", "abc"), (vec![405], false));
        assert_eq!(post("/upload-file-chunked", "Content-Length: 3\r\n", "abc"), (vec![415], false));
        assert_eq!(post("/upload-file-chunked", &format!("{json} 3\r\n"), "abc"), (vec![400], false));
        assert_eq!(post("/upload-file-chunked", &format!("{json} 11\r\n"), "{\"chunks\":["), (vec![400], false));
        assert_eq!(
            post("/upload-file-chunked", &format!("{json} 17\r\n"), "{\"chunks\":[\"00\"]}"),
            (vec![200], false)
        );
        assert_eq!(post("/echo", "Content-Length: 1001\r\n", &"a".repeat(1001)), (vec![413], true));
        assert_eq!(post("/echo", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"), (vec![200], false));
        let endless = format!("3e9\r\n{}\r\n0\r\n\r\n", "a".repeat(1001));
        assert_eq!(post("/upload", "Transfer-Encoding: chunked\r\n", &endless), (vec![413], true));
        assert_eq!(post("/echo", "Transfer-Encoding: chunked\r\n", "x\r\n"), (vec![400], true));
        assert_eq!(post("/echo", "Content-Length: 1\r\nContent-Length: 2\r\n", ""), (vec![400], true));
        assert_eq!(post("/echo", "Content-Length: 3\r\nExpect: 100-continue\r\n", "abc"), (vec![100, 200], false));
        assert_eq!(post("/gone", "Content-Length: 3\r\nExpect: 100-continue\r\n", "abc"), (vec![404], true));
        assert_eq!(statuses("GET /ping HTTP/1.1\r\n\r\n"), (vec![400], true));
        assert_eq!(statuses("garbage\r\n\r\n"), (vec![400], true));
        assert_eq!(
            statuses(&format!("GET /ping HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100))),
            (vec![431], true)
        );
        assert_eq!(statuses(&"a".repeat(40_000)), (vec![431], true));
    }

    #[test]
    fn head_and_options_have_no_body() {
        let (reply, _) = exchange("HEAD /download-file/3 HTTP/1.1\r\nHost: a\r\n\r\n", 99);
        assert!(reply.contains("Content-Length: 3\r\n") && reply.contains("filename=file.bin"));
        assert!(reply.ends_with("\r\n\r\n"));
        let (reply, _) = exchange("OPTIONS /echo HTTP/1.1\r\nHost: a\r\n\r\n", 99);
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("Allow: OPTIONS, POST\r\n"));
        assert!(reply.ends_with("Content-Length: 0\r\n\r\n"));
        let (reply, _) = exchange("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 99);
        assert!(reply.starts_with("HTTP/1.1 200 OK\r\n") && reply.contains("Allow: HEAD, GET, OPTIONS, POST\r\n"));
        assert_eq!(statuses("GET * HTTP/1.1\r\nHost: a\r\n\r\n"), (vec![404], false));
    }
}
