//! The server's end of a connection.

use crate::call::{CallError, CallResponse};
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::held::Share;
use crate::transport::http1::body::{Body, Part, produce};
use crate::transport::http1::head::{Head, Taken};
use crate::transport::http1::reply::head;
use crate::transport::http1::request::Request;
use crate::transport::outbox::Outbox;
use crate::transport::web::answer::{Content, WebAnswer};
use crate::transport::web::body::Sending;
use crate::transport::web::date::Date;
use crate::transport::web::endpoint::Refusal;
use crate::transport::web::exchange::IncomingRequest;
use crate::transport::web::request::{Route, WebRequest};

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
    /// What has come of its body.
    incoming: WebRequest,
    /// Bytes of the body so far, as they came.
    taken: u64,
    date: Date,
    sending: Option<Sending>,
    /// Whether that is in chunked transfer coding.
    coded: bool,
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
            incoming: WebRequest::begin(Route::none(), None),
            taken: 0,
            date: Date::default(),
            sending: None,
            coded: false,
            later: Vec::new(),
        }
    }

    /// Begins the request whose head has come; false where nothing may follow it.
    fn begin(&mut self, out: &mut Outbox) -> bool {
        (self.in_body, self.answered, self.taken) = (true, false, 0);
        if let Body::Length(len) = self.request.body
            && len > self.limit
        {
            self.refuse_now(TOO_LARGE, out);
            return true;
        }
        let length = if let Body::Length(len) = self.request.body { Some(len) } else { None };
        self.incoming = WebRequest::begin(self.request.route, length);
        if self.request.expects && !matches!(self.request.body, Body::Length(0)) {
            match self.request.route.serves {
                // Whether the body still comes is the client's choice, so nothing after it could be understood.
                Err(refusal) if refusal.status != 200 => {
                    self.refuse_now(refusal, out);
                    return false;
                }
                _ => self.say(out, |text, _| text.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n")),
            }
        }
        true
    }

    /// Gives the bytes of a body to where they belong; false where there is no room for them.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.taken += bytes.len() as u64;
        if self.incoming.keeps() && !self.share.hold(self.incoming.kept() + bytes.len() as u64) {
            return false;
        }
        self.incoming.data(bytes);
        true
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
        self.reply(WebAnswer::refusal(refusal), out);
    }

    /// Answers with a page before the body has come; the connection ends with this reply.
    fn refuse_now(&mut self, refusal: Refusal, out: &mut Outbox) {
        self.request.keep = false;
        self.refuse(refusal, out);
        self.incoming.discard();
        self.share.hold(0);
        self.answered = true;
    }

    /// Answers bytes that are no request, after which nothing can be understood.
    fn give_up(&mut self, refusal: Refusal, out: &mut Outbox) -> CallError {
        if !self.answered {
            self.refuse_now(refusal, out);
        }
        CallError::protocol(refusal.reason)
    }

    /// Writes a reply.
    fn reply(&mut self, reply: WebAnswer, out: &mut Outbox) {
        let request = self.request;
        let Route { bare, chunk, .. } = request.route;
        let chunk = chunk.filter(|_| matches!(reply.content, Content::Bytes(_) | Content::Fill(..)));
        let len = chunk.is_none().then(|| reply.content.len());
        self.say(out, |text, date| {
            head(text, date, &request, &reply, len);
            if let Content::Text(body) = &reply.content
                && !bare
            {
                text.extend_from_slice(body.as_bytes());
            }
        });
        self.echoed |= matches!(reply.content, Content::Bytes(_));
        let sending = match reply.content {
            Content::Text(_) => return,
            _ if bare => return,
            Content::Bytes(bytes) if chunk.is_none() => return out.put_owned(bytes),
            Content::Bytes(bytes) => Sending::bytes(bytes, chunk),
            Content::Fill(fill, len) => Sending::fill(fill, len, chunk),
            Content::Hex(writer, _) => Sending::hex(writer),
        };
        (self.sending, self.coded) = (Some(sending), chunk.is_some());
        self.fill_output(out);
    }
}

const TOO_LARGE: Refusal = Refusal::new(413, "The body is longer than this server takes in.");
const NO_ROOM: Refusal = Refusal::new(503, "This server holds as many bodies as it may.");

impl ServerCodec for HttpServer {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, CallError> {
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
                    match self.incoming.call() {
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

    fn answer(&mut self, _: u64, answer: CallResponse, out: &mut Outbox) -> Next {
        let Some(reply) = WebAnswer::of(&self.request.route, answer) else { return Next::Continue };
        self.reply(reply, out);
        if self.request.keep { Next::Continue } else { Next::Close }
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if std::mem::take(&mut self.echoed) {
            self.share.hold(self.incoming.kept());
        }
        if let Some(sending) = &mut self.sending
            && !produce(sending, self.coded, out)
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
    use crate::call::{CallRequest, CallResponse, Fill};
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
                            CallRequest::Echo(bytes) => CallResponse::Echo(bytes),
                            CallRequest::Upload(len) => CallResponse::Size(len),
                            CallRequest::Download { len, .. } => CallResponse::Bytes { fill: Fill::constant(0), len },
                            _ => CallResponse::Pong,
                        };
                        server.answer(0, answer, &mut out) == Next::Close
                    }
                };
                if closes {
                    loop {
                        replies.extend(out.drain());
                        server.fill_output(&mut out);
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
