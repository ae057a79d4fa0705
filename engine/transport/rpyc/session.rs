//! What one client has asked of the server, borrowed and been answered.

use crate::call::{CallError, CallRequest, CallResponse};
use crate::transport::contract::{ServerContext, Step};
use crate::transport::held::Share;
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::arguments::{size, step};
use crate::transport::rpyc::boxed::{Boxed, VALUE, put_token, put_value};
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::{Raised, Trouble};
use crate::transport::rpyc::frame::{Bodies, Body};
use crate::transport::rpyc::handler;
use crate::transport::rpyc::link::Link;
use crate::transport::rpyc::list::List;
use crate::transport::rpyc::message::{Message, REQUEST};
use crate::transport::rpyc::objects::{Given, Object, Objects};
use crate::transport::rpyc::repeats::{Known, Repeats};
use crate::transport::rpyc::requests::Outcome;
use crate::transport::rpyc::service::{CLASS, METHODS, Method};
use crate::transport::rpyc::upload::{Releases, Upload};

/// What a client of rpyc 5 or older is told before its connection is closed.
const TOO_OLD: &str = "this server speaks as rpyc 6 does; messages of rpyc 5 and older have another form: \
                       use rpyc 6 at both ends";
/// What messages say besides the body whose length is limited.
pub(crate) const BESIDES: u64 = 64 * 1024;
/// The longest echo that is held.
const ECHO_LIMIT: u64 = 256 << 20;
/// The longest bytes that a frame has room for.
const LONGEST: u64 = u32::MAX as u64 - BESIDES;

/// What a server knows of one client.
pub(crate) struct Session {
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
    CallResponse,
    /// A list of the bytes that the service answers, in chunks of so many.
    Chunks(u64),
    /// This box, once the service has answered.
    Held(Vec<u8>),
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

    fn body(&mut self, part: &[u8]) -> Result<(), CallError> {
        if self.collecting {
            if (self.body.len() + part.len()) as u64 > self.body_limit {
                return Err(CallError::protocol(format!("an echo of more than {} bytes", self.body_limit)));
            }
            if !self.share.hold((self.body.len() + part.len()) as u64) {
                return Err(full());
            }
            self.body.extend_from_slice(part);
        }
        Ok(())
    }

    fn hold(&mut self, message: u64) -> Result<(), CallError> {
        if self.message.hold(message) { Ok(()) } else { Err(full()) }
    }
}

fn full() -> CallError {
    CallError::protocol("this server holds as many bodies as it may")
}

/// Which method `before`, the beginning of a message, calls with how many arguments by value,
/// and whether it ends just before the first of them.
fn called(before: &[u8], objects: &Objects) -> Result<(Option<Method>, u32, bool), CallError> {
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
    /// A session of which nothing has come yet.
    pub(crate) fn new(context: &ServerContext) -> Self {
        Session {
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
        }
    }

    /// Lets go of an echo that was written.
    pub(crate) fn written(&mut self) {
        if std::mem::take(&mut self.echoed) {
            self.share.hold(self.body.len() as u64);
        }
    }

    /// The objects that are lent.
    #[cfg(test)]
    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Takes a message.
    pub(crate) fn hear(&mut self, message: &[u8], out: &mut Outbox) -> Result<Step, CallError> {
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
                            Err(Trouble::CallError(fault)) => return Err(fault),
                        },
                    },
                    Err(Trouble::Raised(raised)) => self.link.exception(out, seq, &raised),
                    Err(Trouble::CallError(fault)) => return Err(fault),
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
            Known::Ping { .. } => return self.execute(CallRequest::Ping, seq, Wanted::CallResponse, Releases::new()),
        }
        Step::Read
    }

    fn release(&mut self, releases: &Releases, out: &mut Outbox) {
        releases.iter().for_each(|id| self.link.del(out, id));
    }

    fn execute(&mut self, asked: CallRequest, seq: i64, wanted: Wanted, releases: Releases) -> Step {
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
            Method::Ping => (CallRequest::Ping, Wanted::CallResponse),
            Method::Nonce => (CallRequest::Nonce, Wanted::CallResponse),
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
                Some(Token::Bytes(bytes)) => (CallRequest::Echo(bytes.to_vec()), Wanted::CallResponse),
                Some(Token::Streamed(_)) => (CallRequest::Echo(std::mem::take(&mut self.body)), Wanted::CallResponse),
                _ => {
                    let mut held = Vec::new();
                    self.objects.rebox(first, &mut held)?;
                    (CallRequest::Echo(Vec::new()), Wanted::Held(held))
                }
            },
            Method::Compute(what) => {
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
                (CallRequest::Compute { what, n }, Wanted::CallResponse)
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
                (CallRequest::Sleep { ns: (seconds * 1e9).round() as u64 }, Wanted::Held(held))
            }
            Method::Download | Method::DownloadFile => {
                let len = size(first)?;
                if len > LONGEST {
                    let message = format!("no frame has room for {len} bytes");
                    return Err(Raised::Builtin("OverflowError", message).into());
                }
                (CallRequest::Download { len, file: method == Method::DownloadFile }, Wanted::CallResponse)
            }
            Method::DownloadFileChunked => match (size(first)?, step(second)?) {
                (_, 0) => return Err(Raised::value_error("range() arg 3 must not be zero").into()),
                (_, ..0) => (CallRequest::Download { len: 0, file: true }, Wanted::Chunks(1)),
                (len, chunk) => (CallRequest::Download { len, file: true }, Wanted::Chunks(chunk as u64)),
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
            Some(total) => self.execute(CallRequest::Upload(total), upload.call, Wanted::CallResponse, upload.releases),
            None => {
                self.waiting.push(upload);
                Step::Read
            }
        }
    }

    fn take_waiting(&mut self, seq: i64) -> Result<Option<Upload>, CallError> {
        if !(0..self.link.next_seq()).contains(&seq) {
            return Err(CallError::protocol(format!("a reply to the request {seq}, which was never made")));
        }
        let place = self.waiting.iter().position(|upload| upload.awaited == seq);
        Ok(place.map(|place| self.waiting.swap_remove(place)))
    }

    fn go_on(&mut self, upload: Upload, heard: Result<(), Trouble>, out: &mut Outbox) -> Result<Step, CallError> {
        match heard {
            Ok(()) => return Ok(self.ask(upload, out)),
            Err(Trouble::Raised(raised)) => self.link.exception(out, upload.call, &raised),
            Err(Trouble::CallError(fault)) => return Err(fault),
        }
        self.release(&upload.dropped(), out);
        Ok(Step::Read)
    }

    /// Sends what the service answers.
    pub(crate) fn answer(&mut self, answer: CallResponse, out: &mut Outbox) {
        let Some(Executing { seq, wanted, releases }) = self.executing.take() else { return };
        let link = &mut self.link;
        match (answer, wanted) {
            (CallResponse::Silence, _) => {}
            (CallResponse::Error { status, message }, _) => {
                link.exception(out, seq, &Raised::Builtin("RuntimeError", format!("{status}: {message}")));
            }
            (_, Wanted::Held(held)) => link.reply(out, seq, |reply| reply.extend_from_slice(&held)),
            (CallResponse::Bytes { fill, len }, Wanted::Chunks(chunk)) => {
                let slot = self.objects.add(Object::List(List::new(fill, len, chunk)));
                link.reply(out, seq, |reply| self.objects.put(slot, reply));
            }
            (CallResponse::Bytes { fill, len }, _) => {
                link.reply_bytes(out, seq, len as u32, Body::Fill { fill, offset: 0, len })
            }
            (CallResponse::Echo(bytes), _) => {
                self.echoed = true;
                link.reply_bytes(out, seq, bytes.len() as u32, Body::Owned(bytes));
            }
            (CallResponse::Pong, _) => link.reply_token(out, seq, Token::Text("pong")),
            (CallResponse::Nonce(nonce), _) => link.reply_token(out, seq, Token::Text(&nonce)),
            (CallResponse::Size(size), _) => put_number(link, seq, size.into(), out),
            (CallResponse::Number(number), _) => put_number(link, seq, number, out),
            (CallResponse::Slept(ns), _) => link.reply_token(out, seq, Token::Float(ns as f64 / 1e9)),
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
