//! The server's end: a service whose handlers may wait for objects of the client without a thread of their own.

use crate::call::{Answer, Asked, Fault};
use crate::transport::contract::{Next, ServerCodec, ServerContext, Step};
use crate::transport::held::Share;
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::arguments::{size, step};
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::Raised;
use crate::transport::rpyc::frame::{Bodies, Body, Inbound};
use crate::transport::rpyc::list::List;
use crate::transport::rpyc::message::{Boxed, Link, Message, REQUEST, VALUE, handler, put_token, put_value};
use crate::transport::rpyc::objects::{Given, Object, Objects, Outcome, Trouble};
use crate::transport::rpyc::repeats::{Known, Repeats};
use crate::transport::rpyc::service::{CLASS, METHODS, Method};
use crate::transport::rpyc::upload::{Releases, Upload};

/// What a client of rpyc 5 or older is told before its connection is closed.
const TOO_OLD: &str = "this server speaks as rpyc 6 does; messages of rpyc 5 and older have another form: \
                       use rpyc 6 at both ends";
/// What messages say besides the body whose length is limited.
const BESIDES: u64 = 64 * 1024;
/// The longest echo that is held.
const ECHO_LIMIT: u64 = 256 << 20;
/// How many bytes of replies wait at most before they are written.
const REPLIES: u64 = 1 << 20;
/// The longest bytes that a frame has room for.
const LONGEST: u64 = u32::MAX as u64 - BESIDES;

/// The server's end of one connection.
pub(crate) struct RpycServer {
    inbound: Inbound,
    session: Session,
}

struct Session {
    link: Link,
    objects: Objects,
    repeats: Repeats,
    collecting: bool,
    body: Vec<u8>,
    body_limit: u64,
    /// What is held of an echo that comes in, or goes out again.
    share: Share,
    /// What is held of a long message.
    message: Share,
    /// True until an echo is written.
    echoed: bool,
    waiting: Vec<Upload>,
    executing: Option<Executing>,
}

/// A call that is being executed by the server model.
struct Executing {
    seq: i64,
    wanted: Wanted,
    releases: Releases,
}

/// What the reply is made of.
enum Wanted {
    /// What the service answers.
    Answer,
    /// A list of the bytes that the service answers, in chunks of so many.
    Chunks(u64),
    /// This box, once the service has answered.
    Held(Vec<u8>),
}

impl RpycServer {
    pub(crate) fn new(context: &ServerContext) -> Self {
        let session = Session {
            link: Link::new(context.options.flag("compress", true)),
            objects: Objects::service(CLASS),
            repeats: Repeats::default(),
            collecting: false,
            body: Vec::new(),
            body_limit: context.body_limit.min(ECHO_LIMIT),
            share: context.hold.share(),
            message: context.hold.share(),
            echoed: false,
            waiting: Vec::new(),
            executing: None,
        };
        RpycServer { inbound: Inbound::new(context.body_limit.saturating_add(BESIDES)), session }
    }
}

impl ServerCodec for RpycServer {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, Fault> {
        while let Some(message) = self.inbound.take(input, &mut self.session)? {
            match self.session.hear(message, out)? {
                // What is asked in a few bytes may be answered with many, and a client need not read any.
                Step::Read if out.len() > REPLIES => return Ok(Step::Write),
                Step::Read => {}
                step => return Ok(step),
            }
        }
        Ok(Step::Read)
    }

    fn answer(&mut self, _: u64, answer: Answer, out: &mut Outbox) -> Next {
        self.session.answer(answer, out);
        Next::Continue
    }

    fn produce(&mut self, _: &mut Outbox) {
        let session = &mut self.session;
        if std::mem::take(&mut session.echoed) {
            session.share.hold(session.body.len() as u64);
        }
    }
}

impl Bodies for Session {
    fn streams(&mut self, before: &[u8]) -> bool {
        self.body.clear();
        let method = called(before, &self.objects);
        self.collecting = matches!(method, Ok((Some(Method::Echo), 1, true)));
        let awaited = || {
            let mut chunks = self.waiting.iter().filter(|upload| upload.awaits_chunk());
            chunks.any(|upload| Message::is_reply_before(before, upload.awaited))
        };
        let counted = matches!(method, Ok((Some(Method::Upload | Method::UploadFile | Method::UploadFileChunked), ..)));
        self.collecting || counted || awaited()
    }

    fn body(&mut self, part: &[u8]) -> Result<(), Fault> {
        if self.collecting {
            if (self.body.len() + part.len()) as u64 > self.body_limit {
                return Err(Fault::protocol(format!("an echo of more than {} bytes", self.body_limit)));
            }
            if !self.share.hold((self.body.len() + part.len()) as u64) {
                return Err(full());
            }
            self.body.extend_from_slice(part);
        }
        Ok(())
    }

    fn hold(&mut self, message: u64) -> Result<(), Fault> {
        if self.message.hold(message) { Ok(()) } else { Err(full()) }
    }
}

fn full() -> Fault {
    Fault::protocol("this server holds as many bodies as it may")
}

/// Which method `before`, the beginning of a message, calls with how many arguments by value,
/// and whether it ends just before the first of them.
fn called(before: &[u8], objects: &Objects) -> Result<(Option<Method>, u32, bool), Fault> {
    let mut reader = Reader::new(before.get(1..).unwrap_or_default());
    if before.first() != Some(&REQUEST) {
        return Ok((None, 0, false));
    }
    reader.tuple_of(2)?;
    reader.int()?;
    reader.tuple_of(2)?;
    let asked = reader.int()?;
    reader.tuple_of(2)?;
    reader.int()?;
    reader.tuple()?;
    let object = Boxed::read(&mut reader)?;
    let method = match (asked, object) {
        (handler::CALL, Boxed::Mine(id)) => objects.method(id),
        (handler::CALLATTR, _) => match Boxed::read(&mut reader)?.token()? {
            Some(Token::Text(name)) => Method::named(name).map(|place| METHODS[place]),
            _ => None,
        },
        _ => None,
    };
    reader.tuple_of(2)?;
    if reader.int()? != VALUE {
        return Ok((method, 0, false));
    }
    let count = reader.tuple()?;
    Ok((method, count, reader.is_empty()))
}

impl Session {
    fn hear(&mut self, message: &[u8], out: &mut Outbox) -> Result<Step, Fault> {
        let request = Message::request(message);
        if let Some((seq, asked, args)) = request
            && let Some(known) = self.repeats.find(asked, args)
            && self.objects.holds(known.of())
        {
            return Ok(self.again(known, seq, out));
        }
        match Message::read(message)? {
            Message::Request { seq, handler, args } => {
                if let Some((_, asked, raw)) = request {
                    self.repeats.keep(asked, raw, || self.objects.foresee(asked, args));
                }
                let mut releases = Releases::new();
                args.yours(&mut |id| releases.push(id.raw.to_vec()))?;
                match self.objects.request(handler, args) {
                    Ok(Outcome::Given(given)) => self.objects.give(given, seq, &mut self.link, out),
                    Ok(Outcome::Close) => return Ok(Step::Close),
                    Ok(Outcome::Call { method, args, kwargs }) => match method.bind(args, kwargs)? {
                        Err(raised) => self.link.exception(out, seq, &raised),
                        Ok(args) => match self.invoke(seq, method, args, &mut releases, out) {
                            Ok(step) => return Ok(step),
                            Err(Trouble::Raised(raised)) => self.link.exception(out, seq, &raised),
                            Err(Trouble::Fault(fault)) => return Err(fault),
                        },
                    },
                    Err(Trouble::Raised(raised)) => self.link.exception(out, seq, &raised),
                    Err(Trouble::Fault(fault)) => return Err(fault),
                }
                self.release(&releases, out);
                Ok(Step::Read)
            }
            Message::Unknown { seq, asked } => {
                self.link.exception(out, seq, &Raised::Key(asked.to_vec()));
                Ok(Step::Read)
            }
            Message::Older { seq } => {
                let raised = Raised::Builtin("RuntimeError", TOO_OLD.into());
                self.link.exception_for_older(out, seq, &raised);
                Ok(Step::Close)
            }
            Message::Reply { seq, value } => match self.take_waiting(seq)? {
                Some(mut upload) => {
                    let told = upload.told(value, &mut self.objects, &mut self.link, out);
                    self.go_on(upload, told, out)
                }
                None => Ok(Step::Read),
            },
            Message::Exception { seq, raised } => match self.take_waiting(seq)? {
                Some(mut upload) => {
                    let refused = upload.refused(raised, &mut self.link, out);
                    self.go_on(upload, refused, out)
                }
                None => Ok(Step::Read),
            },
        }
    }

    /// Does what the last request of its kind asked, too.
    fn again(&mut self, known: Known, seq: i64, out: &mut Outbox) -> Step {
        match known {
            Known::Attribute { given, .. } => self.objects.give(Given::Object(given), seq, &mut self.link, out),
            Known::Release { of, count } => {
                self.objects.release(of, count);
                self.objects.give(Given::None, seq, &mut self.link, out);
            }
            Known::Ping { .. } => return self.execute(Asked::Ping, seq, Wanted::Answer, Releases::new()),
        }
        Step::Read
    }

    fn release(&mut self, releases: &Releases, out: &mut Outbox) {
        releases.iter().for_each(|id| self.link.del(out, id));
    }

    fn execute(&mut self, asked: Asked, seq: i64, wanted: Wanted, releases: Releases) -> Step {
        self.executing = Some(Executing { seq, wanted, releases });
        Step::Execute { call: 0, asked }
    }

    fn invoke(
        &mut self,
        seq: i64,
        method: Method,
        [first, second]: [Boxed<'_>; 2],
        releases: &mut Releases,
        out: &mut Outbox,
    ) -> Result<Step, Trouble> {
        let (asked, wanted) = match method {
            Method::Ping => (Asked::Ping, Wanted::Answer),
            Method::Nonce => (Asked::Nonce, Wanted::Answer),
            Method::ServiceName => {
                self.link.reply_token(out, seq, Token::Text(""));
                return Ok(Step::Read);
            }
            Method::ServiceAliases => {
                self.link.reply(out, seq, |reply| {
                    put_token(reply, Token::Tuple(1));
                    brine::put_text(reply, "");
                });
                return Ok(Step::Read);
            }
            Method::Echo => match first.token()? {
                Some(Token::Bytes(bytes)) => (Asked::Echo(bytes.to_vec()), Wanted::Answer),
                Some(Token::Streamed(_)) => (Asked::Echo(std::mem::take(&mut self.body)), Wanted::Answer),
                _ => {
                    let mut held = Vec::new();
                    self.objects.rebox(first, &mut held)?;
                    (Asked::Echo(Vec::new()), Wanted::Held(held))
                }
            },
            Method::Compute => {
                let n = match first.token()? {
                    Some(Token::Int(n)) => n.max(0) as u64,
                    Some(Token::Bool(n)) => n.into(),
                    Some(Token::Big(digits)) => {
                        if digits.starts_with('-') {
                            0
                        } else {
                            u64::MAX
                        }
                    }
                    _ => return Err(Raised::not_an_integer(first.type_name()).into()),
                };
                (Asked::Compute { n }, Wanted::Answer)
            }
            Method::Sleep => {
                let seconds = match first.token()? {
                    Some(Token::Int(seconds)) => seconds as f64,
                    Some(Token::Bool(seconds)) => f64::from(u8::from(seconds)),
                    Some(Token::Float(seconds)) => seconds,
                    Some(Token::Big(_)) => f64::INFINITY,
                    _ => return Err(Raised::not_an_integer(first.type_name()).into()),
                };
                if seconds.is_nan() || seconds < 0.0 {
                    return Err(Raised::value_error("sleep length must be non-negative").into());
                }
                if seconds > 9e9 {
                    return Err(Raised::Builtin("OverflowError", "sleep length is too large".into()).into());
                }
                let mut held = Vec::new();
                self.objects.rebox(first, &mut held)?;
                (Asked::Sleep { ns: (seconds * 1e9).round() as u64 }, Wanted::Held(held))
            }
            Method::Download | Method::DownloadFile => {
                let len = size(first)?;
                if len > LONGEST {
                    let message = format!("no frame has room for {len} bytes");
                    return Err(Raised::Builtin("OverflowError", message).into());
                }
                (Asked::Download { len, file: method == Method::DownloadFile }, Wanted::Answer)
            }
            Method::DownloadFileChunked => match (size(first)?, step(second)?) {
                (_, 0) => return Err(Raised::value_error("range() arg 3 must not be zero").into()),
                (_, ..0) => (Asked::Download { len: 0, file: true }, Wanted::Chunks(1)),
                (len, chunk) => (Asked::Download { len, file: true }, Wanted::Chunks(chunk as u64)),
            },
            Method::Upload | Method::UploadFile => {
                let mut upload = Upload::of_value(seq, first, &self.objects)?;
                upload.releases = std::mem::take(releases);
                return Ok(self.ask(upload, out));
            }
            Method::UploadFileChunked => {
                let mut upload = Upload::of_chunks(seq, first, &mut self.objects)?;
                upload.releases = std::mem::take(releases);
                return Ok(self.ask(upload, out));
            }
        };
        Ok(self.execute(asked, seq, wanted, std::mem::take(releases)))
    }

    /// Asks for the next thing that an upload waits for; executes it once there is none.
    fn ask(&mut self, mut upload: Upload, out: &mut Outbox) -> Step {
        match upload.ask(&mut self.link, out) {
            Some(total) => self.execute(Asked::Upload(total), upload.call, Wanted::Answer, upload.releases),
            None => {
                self.waiting.push(upload);
                Step::Read
            }
        }
    }

    fn take_waiting(&mut self, seq: i64) -> Result<Option<Upload>, Fault> {
        if !(0..self.link.next_seq()).contains(&seq) {
            return Err(Fault::protocol(format!("a reply to the request {seq}, which was never made")));
        }
        let place = self.waiting.iter().position(|upload| upload.awaited == seq);
        Ok(place.map(|place| self.waiting.swap_remove(place)))
    }

    fn go_on(&mut self, upload: Upload, heard: Result<(), Trouble>, out: &mut Outbox) -> Result<Step, Fault> {
        match heard {
            Ok(()) => return Ok(self.ask(upload, out)),
            Err(Trouble::Raised(raised)) => self.link.exception(out, upload.call, &raised),
            Err(Trouble::Fault(fault)) => return Err(fault),
        }
        self.release(&upload.dropped(), out);
        Ok(Step::Read)
    }

    fn answer(&mut self, answer: Answer, out: &mut Outbox) {
        let Some(Executing { seq, wanted, releases }) = self.executing.take() else { return };
        let link = &mut self.link;
        match (answer, wanted) {
            (Answer::Silence, _) => {}
            (Answer::Error { status, message }, _) => {
                link.exception(out, seq, &Raised::Builtin("RuntimeError", format!("{status}: {message}")));
            }
            (_, Wanted::Held(held)) => link.reply(out, seq, |reply| reply.extend_from_slice(&held)),
            (Answer::Bytes { fill, len }, Wanted::Chunks(chunk)) => {
                let slot = self.objects.add(Object::List(List::new(fill, len, chunk)));
                link.reply(out, seq, |reply| self.objects.put(slot, reply));
            }
            (Answer::Bytes { fill, len }, _) => {
                link.reply_bytes(out, seq, len as u32, Body::Fill { fill, offset: 0, len })
            }
            (Answer::Echo(bytes), _) => {
                self.echoed = true;
                link.reply_bytes(out, seq, bytes.len() as u32, Body::Owned(bytes));
            }
            (Answer::Pong, _) => link.reply_token(out, seq, Token::Text("pong")),
            (Answer::Nonce(nonce), _) => link.reply_token(out, seq, Token::Text(&nonce)),
            (Answer::Size(size), _) => put_number(link, seq, size.into(), out),
            (Answer::Number(number), _) => put_number(link, seq, number, out),
            (Answer::Slept(ns), _) => link.reply_token(out, seq, Token::Float(ns as f64 / 1e9)),
        }
        self.release(&releases, out);
    }
}

fn put_number(link: &mut Link, seq: i64, number: u128, out: &mut Outbox) {
    link.reply(out, seq, |reply| {
        put_value(reply);
        brine::put_number(reply, number);
    });
}

#[cfg(test)]
mod tests {
    use super::{RpycServer, Step};
    use crate::call::{Answer, Asked, Fill};
    use crate::transport::contract::{Options, ServerCodec, ServerContext};
    use crate::transport::held::{HELD, Hold};
    use crate::transport::outbox::Outbox;
    use crate::transport::rpyc::brine::Token;
    use crate::transport::rpyc::message::{Boxed, Link, Message, handler, put_token, put_tuple, put_yours};

    /// A client that reads each reply before it goes on.
    struct Peer {
        server: RpycServer,
        link: Link,
        out: Outbox,
    }

    impl Peer {
        fn new() -> Self {
            let context = ServerContext {
                options: Options::default(),
                body_limit: 1 << 20,
                hold: Hold::new(HELD).expect("a page"),
            };
            Peer { server: RpycServer::new(&context), link: Link::new(false), out: Outbox::new() }
        }

        /// Sends what waits; the name of the object that is the last reply, if it is one.
        fn object(&mut self) -> Option<Vec<u8>> {
            let bytes = self.out.drain();
            let (mut input, mut back) = (bytes.as_slice(), Outbox::new());
            while let Step::Execute { .. } = self.server.receive(&mut input, &mut back).expect("well formed") {
                self.server.answer(0, Answer::Bytes { fill: Fill::constant(7), len: 20 }, &mut back);
            }
            let frame = back.drain();
            match Message::read(&frame[5..frame.len() - 1]).expect("one reply") {
                Message::Reply { value: Boxed::Yours(id), .. } => Some(id.raw.to_vec()),
                _ => None,
            }
        }

        /// Sends what waits; what the service is asked first, if it is.
        fn asked(&mut self) -> Option<Asked> {
            let (bytes, mut back) = (self.out.drain(), Outbox::new());
            match self.server.receive(&mut bytes.as_slice(), &mut back).expect("well formed") {
                Step::Execute { call, asked } => {
                    self.server.answer(call, Answer::Pong, &mut back);
                    Some(asked)
                }
                _ => None,
            }
        }

        fn root(&mut self) -> Vec<u8> {
            self.link.request(&mut self.out, handler::GETROOT, |args| put_token(args, Token::Tuple(0)));
            self.object().expect("a root")
        }

        fn attribute(&mut self, of: &[u8], name: &str) -> Vec<u8> {
            self.link.getattr(&mut self.out, of, name);
            self.object().expect("an attribute that is an object")
        }

        fn del(&mut self, id: &[u8]) {
            self.link.del(&mut self.out, id);
            assert_eq!(self.object(), None);
        }
    }

    #[test]
    fn what_is_lent_is_forgotten_once_it_is_given_up() {
        let mut peer = Peer::new();
        let root = peer.root();
        let chunked = peer.attribute(&root, "download_file_chunked");
        let mut lists = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            peer.link.call(&mut peer.out, &chunked, |args| {
                put_token(args, Token::Tuple(2));
                args.extend_from_slice(&[0x51 + 19, 0x51 + 4]);
            });
            let list = peer.object().expect("a list");
            let length = peer.attribute(&list, "__len__");
            let repr = peer.attribute(&length, "__repr__");
            peer.link.callattr(&mut peer.out, &list, "__iter__");
            let iterator = peer.object().expect("an iterator");
            // The list lives as long as something bound to it does.
            peer.del(&list);
            peer.del(&length);
            assert_eq!(peer.server.session.objects.lent(), 4);
            peer.del(&repr);
            peer.del(&iterator);
            assert_eq!(peer.server.session.objects.lent(), 0);
            lists.insert(list);
        }
        assert!(lists.len() < 8, "places are used again");
    }

    #[test]
    fn what_was_given_up_more_often_than_lent_is_gone_and_nothing_else() {
        let mut peer = Peer::new();
        let root = peer.root();
        let ping = peer.attribute(&root, "ping");
        assert_eq!(peer.attribute(&root, "ping"), ping);
        peer.link.request(&mut peer.out, handler::DEL, |args| {
            put_tuple(args, 2);
            put_yours(args, &ping);
            put_token(args, Token::Int(1000));
        });
        assert_eq!(peer.object(), None);
        peer.link.getattr(&mut peer.out, &ping, "__doc__");
        assert_eq!(peer.object(), None);
        assert_eq!(peer.attribute(&root, "ping"), ping);
    }

    #[test]
    fn what_is_known_by_its_bytes_is_answered_as_when_it_came_first() {
        let mut peer = Peer::new();
        let root = peer.root();
        let mut replies = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let ping = peer.attribute(&root, "ping");
            peer.link.call(&mut peer.out, &ping, |args| put_token(args, Token::Tuple(0)));
            let asked = peer.asked().expect("a ping to execute");
            peer.del(&ping);
            replies.insert((ping, format!("{asked:?}")));
        }
        assert_eq!(replies.len(), 1, "{replies:?}");
        // With its last reference the method is gone for the peer, however well its call is known.
        let (ping, _) = replies.pop_first().expect("one of them");
        peer.link.call(&mut peer.out, &ping, |args| put_token(args, Token::Tuple(0)));
        assert_eq!(peer.asked(), None);
        // Another name is another method.
        assert_ne!(peer.attribute(&root, "nonce"), ping);
    }
}
