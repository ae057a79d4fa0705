//! A server's own description of its services (grpc.reflection.v1, else v1alpha, which says the same under another name).
//!
//! [`Reflection`] decides what is asked and keeps what comes; it knows no connection. Each question is a call of its own,
//! so that servers which answer one by one and such as answer all at once are asked alike.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use prost::Message;
use prost_reflect::prost_types::FileDescriptorProto;

use crate::call::own::grpc::{Code, Descriptors, DescriptorsError};
use crate::call::{CallError, CallSpec};
use crate::transport::contract::{ClientCodec, ClientContext};
use crate::transport::grpc::frames::{Frame, Frames};
use crate::transport::grpc::head;
use crate::transport::grpc::message::{Wrong, framed};
use crate::transport::http2::client::StreamClient;
use crate::transport::web::body::Sending;
use crate::transport::web::exchange::{ClientExchange, IncomingReply};

/// The methods that are asked, the first first.
const METHODS: [&str; 2] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];
/// The most files that a server may describe itself by.
const MOST_FILES: usize = 4096;
/// The most bytes that these may have.
const MOST_BYTES: usize = 64 << 20;

/// `ServerReflectionRequest`, as far as it is asked.
#[derive(Clone, PartialEq, Message)]
struct Asked {
    #[prost(oneof = "Question", tags = "3, 4")]
    question: Option<Question>,
}

/// What is asked.
#[derive(Clone, PartialEq, prost::Oneof)]
enum Question {
    /// The file of that name.
    #[prost(string, tag = "3")]
    File(String),
    /// The file that defines this.
    #[prost(string, tag = "4")]
    Symbol(String),
}

/// `ServerReflectionResponse`, as far as it answers that.
#[derive(Clone, PartialEq, Message)]
struct Response {
    #[prost(oneof = "Answer", tags = "4, 7")]
    answer: Option<Answer>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Answer {
    #[prost(message, tag = "4")]
    Files(Files),
    #[prost(message, tag = "7")]
    Error(Refused),
}

/// `FileDescriptorResponse`; a `FileDescriptorSet` says the same.
#[derive(Clone, PartialEq, Message)]
struct Files {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    files: Vec<Bytes>,
}

/// `ErrorResponse`, without its words.
#[derive(Clone, Copy, PartialEq, Message)]
struct Refused {
    #[prost(int32, tag = "1")]
    code: i32,
}

/// Why a server's description of itself is of no use.
#[derive(Debug)]
pub enum ReflectionError {
    /// It has none.
    Lacking,
    /// It does not know this service.
    Unknown(String),
    /// It does not answer as it has to.
    Strange(String),
    /// What it says does not fit together.
    Broken(DescriptorsError),
}

impl fmt::Display for ReflectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReflectionError::Lacking => {
                f.write_str("this server does not describe itself by reflection; give `proto:`")
            }
            ReflectionError::Unknown(service) => write!(f, "by its reflection this server has no service `{service}`"),
            ReflectionError::Strange(what) => write!(f, "this server's reflection answers {what}; give `proto:`"),
            ReflectionError::Broken(error) => {
                write!(f, "this server's reflection is broken (Go: grpc-go#6770); give `proto:` ({error})")
            }
        }
    }
}

impl std::error::Error for ReflectionError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ReflectionError::Broken(error) => Some(error),
            _ => None,
        }
    }
}

/// What is to be asked of a server, and what it has said.
#[derive(Debug)]
pub struct Reflection {
    /// Which of the methods it answers, as far as is known.
    method: usize,
    wanted: VecDeque<Question>,
    /// Every file that was asked for, or is there.
    known: BTreeSet<String>,
    files: BTreeMap<String, Bytes>,
    bytes: usize,
}

impl Reflection {
    /// Asks for all that these services need.
    pub fn of<'s>(services: impl IntoIterator<Item = &'s str>) -> Self {
        let services: BTreeSet<&str> = services.into_iter().collect();
        Reflection {
            method: 0,
            wanted: services.into_iter().map(|service| Question::Symbol(service.to_owned())).collect(),
            known: BTreeSet::new(),
            files: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// What is asked next: of which path, with which message behind its prefix; none where all has been said.
    pub fn next(&self) -> Option<(&'static str, Bytes)> {
        let question = self.wanted.front()?.clone();
        Some((METHODS[self.method], framed(&Asked { question: Some(question) })))
    }

    /// Takes the answer to that: a message, or the code with which the call ended.
    pub fn take(&mut self, answer: Result<&[u8], Code>) -> Result<(), ReflectionError> {
        let message = match answer {
            Ok(message) => message,
            Err(code) => return self.refused(code),
        };
        let strange = |what: &str| Err(ReflectionError::Strange(what.to_owned()));
        match Response::decode(message).map(|response| response.answer) {
            Ok(Some(Answer::Error(refused))) => self.refused(Code::said(refused.code.to_string().as_bytes())),
            Ok(Some(Answer::Files(files))) => {
                self.wanted.pop_front();
                files.files.into_iter().try_for_each(|file| self.keep(file))
            }
            Ok(None) => strange("something that was not asked"),
            Err(_) => strange("what is no message of its own"),
        }
    }

    fn refused(&mut self, code: Code) -> Result<(), ReflectionError> {
        match (code, self.wanted.front()) {
            (Code::Unimplemented, _) if self.method + 1 < METHODS.len() && self.files.is_empty() => self.method += 1,
            (Code::Unimplemented, _) => return Err(ReflectionError::Lacking),
            (Code::NotFound, Some(Question::Symbol(service))) => {
                return Err(ReflectionError::Unknown(service.clone()));
            }
            // Whether it is missed is seen when all is put together.
            (Code::NotFound, Some(Question::File(_))) => drop(self.wanted.pop_front()),
            (code, _) => return Err(ReflectionError::Strange(format!("{code}"))),
        }
        Ok(())
    }

    fn keep(&mut self, bytes: Bytes) -> Result<(), ReflectionError> {
        let file = FileDescriptorProto::decode(bytes.clone())
            .map_err(|error| ReflectionError::Broken(DescriptorsError::Broken(error)))?;
        self.bytes += bytes.len();
        let name = file.name().to_owned();
        self.known.insert(name.clone());
        // Servers send what they have sent before.
        self.files.entry(name).or_insert(bytes);
        if self.files.len() > MOST_FILES || self.bytes > MOST_BYTES {
            return Err(ReflectionError::Strange("more than anybody would write".to_owned()));
        }
        let (known, files) = (&mut self.known, &self.files);
        let missing =
            file.dependency.into_iter().filter(|name| !files.contains_key(name) && known.insert(name.clone()));
        self.wanted.extend(missing.map(Question::File));
        let there = |question: &Question| matches!(question, Question::File(name) if files.contains_key(name));
        self.wanted.retain(|question| !there(question));
        if self.wanted.len() > MOST_FILES {
            return Err(ReflectionError::Strange("more than anybody would write".to_owned()));
        }
        Ok(())
    }

    /// All that it has said, put together.
    pub fn finish(self) -> Result<Descriptors, ReflectionError> {
        let set = Files { files: self.files.into_values().collect() };
        Descriptors::of(set.encode_to_vec().into()).map_err(ReflectionError::Broken)
    }
}

/// One question at a time, and the answer to it.
#[derive(Debug, Clone, Default)]
pub struct Line(Arc<Mutex<Turn>>);

#[derive(Debug, Default)]
struct Turn {
    path: &'static str,
    message: Bytes,
    answer: Vec<u8>,
    /// How many messages the answer has.
    count: u64,
    code: Option<Code>,
}

impl Line {
    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the next question, for the next call of any kind.
    pub fn put(&self, (path, message): (&'static str, Bytes)) {
        *self.turn() = Turn { path, message, ..Turn::default() };
    }

    /// The answer that came, or the code with which the call ended.
    pub fn answer(&self) -> Result<Vec<u8>, Code> {
        let mut turn = self.turn();
        match turn.code {
            Some(Code::Ok) if turn.count > 0 => Ok(std::mem::take(&mut turn.answer)),
            // It ended well and said nothing.
            Some(Code::Ok) | None => Err(Code::Unknown),
            Some(code) => Err(code),
        }
    }

    /// The client's end of a connection on which it is asked.
    pub fn client(&self, context: &ClientContext) -> Box<dyn ClientCodec> {
        Box::new(StreamClient::new(Asking { context: context.clone(), line: self.clone() }, 1))
    }
}

struct Asking {
    context: ClientContext,
    line: Line,
}

impl ClientExchange for Asking {
    type Incoming = Answering;

    fn incoming(&self) -> Answering {
        Answering { line: self.line.clone(), frames: Frames::default(), code: None, http: StatusCode::OK }
    }

    fn head(&self, _: CallSpec) -> Request<()> {
        head::of(&self.context, self.line.turn().path)
    }

    fn body(&self, _: CallSpec) -> Option<Sending> {
        Some(Sending::bytes(self.line.turn().message.clone(), None))
    }

    fn messages(&self, _: CallSpec) -> u64 {
        1
    }

    fn alike(&self, _: CallSpec, _: CallSpec) -> bool {
        false
    }
}

/// An answer while it comes in; only its first message counts.
struct Answering {
    line: Line,
    frames: Frames,
    code: Option<Code>,
    http: StatusCode,
}

impl IncomingReply for Answering {
    fn restart(&mut self, _: CallSpec, _: bool) {
        (self.frames, self.code, self.http) = (Frames::default(), None, StatusCode::OK);
    }

    fn head(&mut self, http: StatusCode, fields: &HeaderMap) -> Result<(), CallError> {
        (self.http, self.code) = (http, head::code(fields));
        Ok(())
    }

    fn data(&mut self, bytes: &[u8]) -> Result<(), CallError> {
        if self.http != StatusCode::OK {
            return Ok(());
        }
        let mut turn = self.line.turn();
        let take = |frame: Frame<'_>| match frame {
            Frame::Bytes(part) if turn.count == 0 && turn.answer.len() <= MOST_BYTES => {
                turn.answer.extend_from_slice(part);
            }
            Frame::Bytes(_) => {}
            Frame::End => turn.count += 1,
        };
        self.frames.feed(bytes, take).map_err(Wrong::fault)
    }

    fn verdict(&mut self, trailers: Option<&HeaderMap>) -> Result<Option<String>, CallError> {
        let said = trailers.and_then(head::code).or(self.code);
        let by_http = (self.http != StatusCode::OK).then(|| Code::of_http(self.http.as_u16()));
        self.line.turn().code = Some(said.or(by_http).unwrap_or(Code::Unknown));
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_reflect::prost_types::FileDescriptorProto;

    use super::{Answer, Asked, Files, METHODS, Question, Reflection, ReflectionError, Refused, Response};
    use crate::call::own::grpc::Code;

    fn asked(reflection: &Reflection) -> Option<(usize, Question)> {
        let (path, message) = reflection.next()?;
        let request = Asked::decode(&message[5..]).expect("a request");
        let method = METHODS.iter().position(|method| *method == path).expect("one of them");
        Some((method, request.question.expect("a question")))
    }

    fn file(name: &str, dependencies: &[&str]) -> FileDescriptorProto {
        FileDescriptorProto {
            name: Some(name.to_owned()),
            dependency: dependencies.iter().map(|name| (*name).to_owned()).collect(),
            ..FileDescriptorProto::default()
        }
    }

    fn answer(files: &[FileDescriptorProto]) -> Vec<u8> {
        let files = files.iter().map(|file| file.encode_to_vec().into()).collect();
        Response { answer: Some(Answer::Files(Files { files })) }.encode_to_vec()
    }

    fn error(code: Code) -> Vec<u8> {
        Response { answer: Some(Answer::Error(Refused { code: code as i32 })) }.encode_to_vec()
    }

    #[test]
    fn what_lacks_is_asked_for_once() {
        let mut reflection = Reflection::of(["shop.Orders", "shop.Orders"]);
        assert_eq!(asked(&reflection), Some((0, Question::Symbol("shop.Orders".to_owned()))));
        reflection.take(Err(Code::Unimplemented)).expect("there is another version");
        assert_eq!(asked(&reflection), Some((1, Question::Symbol("shop.Orders".to_owned()))));
        let orders = file("orders.proto", &["google/protobuf/timestamp.proto", "item.proto", "money.proto"]);
        reflection.take(Ok(&answer(&[orders, file("money.proto", &[])]))).expect("two files");
        assert_eq!(asked(&reflection), Some((1, Question::File("google/protobuf/timestamp.proto".to_owned()))));
        // Google's own need not be there: everybody has them.
        reflection.take(Ok(&error(Code::NotFound))).expect("it may be known");
        assert_eq!(asked(&reflection), Some((1, Question::File("item.proto".to_owned()))));
        reflection.take(Ok(&answer(&[file("item.proto", &["money.proto"])]))).expect("a file");
        assert_eq!(asked(&reflection), None);
        reflection.finish().expect("it fits together");
    }

    #[test]
    fn what_a_server_cannot_say_is_told() {
        let told = |answers: &[Result<Vec<u8>, Code>]| {
            let mut reflection = Reflection::of(["shop.Orders"]);
            for answer in answers {
                if let Err(error) = reflection.take(answer.as_ref().map(Vec::as_slice).map_err(|code| *code)) {
                    return error.to_string();
                }
            }
            reflection.finish().map_or_else(|error: ReflectionError| error.to_string(), |_| "all is well".to_owned())
        };
        let lacking = "this server does not describe itself by reflection; give `proto:`";
        assert_eq!(told(&[Err(Code::Unimplemented), Err(Code::Unimplemented)]), lacking);
        assert_eq!(told(&[Ok(error(Code::NotFound))]), "by its reflection this server has no service `shop.Orders`");
        let broken = told(&[Ok(answer(&[file("a.proto", &["b.proto"])])), Ok(error(Code::NotFound))]);
        assert!(
            broken.starts_with("this server's reflection is broken (Go: grpc-go#6770); give `proto:` (")
                && broken.contains("b.proto"),
            "{broken}"
        );
        assert!(told(&[Err(Code::Internal)]).contains("answers INTERNAL"));
        assert!(told(&[Ok(vec![0xff])]).contains("no message of its own"));
        assert!(told(&[Ok(Vec::new())]).contains("was not asked"));
    }
}
