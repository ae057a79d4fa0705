//! What an upload waits for: a client tells how long its objects are, and gives the chunks of its iterables.
//!
//! Python asks the class of a reference, which a real server gets by INSPECT when the reference comes. Here that is
//! asked only where an `AttributeError` leaves open whether the class lacks the operation.

use crate::call::CallError;
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::boxed::{Boxed, Id, put_token, put_tuple, put_yours};
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::{Raised, Trouble, is_builtin, is_stop_iteration};
use crate::transport::rpyc::handler;
use crate::transport::rpyc::link::Link;
use crate::transport::rpyc::objects::Objects;

/// Objects of the client's that came with a call and are given up after its reply.
pub(crate) type Releases = Vec<Vec<u8>>;

/// An upload whose length is not known yet.
pub(crate) struct Upload {
    /// The number of the call.
    pub(crate) call: i64,
    /// What is given up once it is answered.
    pub(crate) releases: Releases,
    /// The number of the question whose answer is awaited.
    pub(crate) awaited: i64,
    total: u64,
    chunks: Chunks,
    /// Objects whose length is still to be asked, and whether they are given up then.
    unmeasured: Vec<(Vec<u8>, bool)>,
    /// The AttributeError that the last question was answered with.
    doubt: Option<Vec<u8>>,
}

/// Where more chunks come from.
enum Chunks {
    None,
    /// An object that is to be asked for its iterator.
    Iterable(Vec<u8>),
    Iterator(Vec<u8>),
    /// An object without an iterator, which has the items from that index on.
    Sequence(Vec<u8>, i64),
}

/// How long a value is, or whom to ask.
enum Length<'a> {
    Known(u64),
    CallSpec(Id<'a>),
}

impl Upload {
    /// An upload of one value.
    pub(crate) fn of_value(call: i64, value: Boxed<'_>, objects: &Objects) -> Result<Self, Trouble> {
        let mut upload = Upload::of(call);
        upload.measure(value, objects, false)?;
        Ok(upload)
    }

    /// An upload of what is in `chunks`.
    pub(crate) fn of_chunks(call: i64, chunks: Boxed<'_>, objects: &mut Objects) -> Result<Self, Trouble> {
        let mut upload = Upload::of(call);
        let mut items = match (chunks, chunks.token()?) {
            (Boxed::Yours(id), _) => {
                upload.chunks = Chunks::Iterable(id.raw.to_vec());
                return Ok(upload);
            }
            (Boxed::Mine(id), _) => {
                let slot = objects.find(id)?;
                upload.total = objects.bytes_of_all(slot).ok_or_else(|| not_iterable(chunks))?;
                return Ok(upload);
            }
            (Boxed::Tuple(_), _) | (_, Some(Token::Tuple(_))) => chunks.items()?,
            (Boxed::Value(raw), Some(Token::Frozenset)) => Boxed::Value(&raw[1..]).items()?,
            (_, Some(Token::Text(text))) => {
                upload.total = text.chars().count() as u64;
                return Ok(upload);
            }
            (_, Some(Token::Bytes(&[]))) => return Ok(upload),
            (_, Some(Token::Bytes(_) | Token::Streamed(_))) => {
                return Err(Raised::type_error("object of type 'int' has no len()").into());
            }
            _ => return Err(not_iterable(chunks).into()),
        };
        while let Some(item) = items.next()? {
            upload.measure(item, objects, false)?;
        }
        Ok(upload)
    }

    fn of(call: i64) -> Self {
        Upload {
            call,
            releases: Releases::new(),
            awaited: -1,
            total: 0,
            chunks: Chunks::None,
            unmeasured: Vec::new(),
            doubt: None,
        }
    }

    /// True where the awaited answer is a chunk.
    pub(crate) fn awaits_chunk(&self) -> bool {
        self.doubt.is_none()
            && self.unmeasured.is_empty()
            && matches!(self.chunks, Chunks::Iterator(_) | Chunks::Sequence(..))
    }

    /// Asks the next question; the length of all where there is none.
    pub(crate) fn ask(&mut self, link: &mut Link, out: &mut Outbox) -> Option<u64> {
        let Some((id, operation)) = self.subject() else { return Some(self.total) };
        self.awaited = match (&self.doubt, &self.chunks) {
            (Some(_), _) => link.request(out, handler::INSPECT, |args| {
                put_token(args, Token::Tuple(1));
                args.extend_from_slice(id);
            }),
            (None, Chunks::Sequence(_, index)) if operation == GETITEM => {
                let index = *index;
                link.request(out, handler::CALLATTR, |args| {
                    put_tuple(args, 4);
                    put_yours(args, id);
                    put_token(args, Token::Text(operation));
                    put_token(args, Token::Tuple(1));
                    brine::put_int(args, index);
                    put_token(args, Token::Tuple(0));
                })
            }
            _ => link.callattr(out, id, operation),
        };
        None
    }

    /// The object that is asked, and for which operation.
    fn subject(&self) -> Option<(&[u8], &'static str)> {
        match (self.unmeasured.last(), &self.chunks) {
            (Some((id, _)), _) => Some((id, LEN)),
            (None, Chunks::Iterable(id)) => Some((id, ITER)),
            (None, Chunks::Iterator(id)) => Some((id, NEXT)),
            (None, Chunks::Sequence(id, _)) => Some((id, GETITEM)),
            (None, Chunks::None) => None,
        }
    }

    /// Takes the answer to the last question.
    pub(crate) fn told(
        &mut self,
        value: Boxed<'_>,
        objects: &mut Objects,
        link: &mut Link,
        out: &mut Outbox,
    ) -> Result<(), Trouble> {
        let doubt = self.doubt.take();
        let Some((id, operation)) = self.subject() else { return Ok(()) };
        if let Some(raised) = doubt {
            let of = Boxed::Yours(Id { raw: id }).type_name();
            return match operation {
                _ if lists(value, operation)? => Err(Raised::again(&raised)?.into()),
                ITER if lists(value, GETITEM)? => {
                    self.chunks = Chunks::Sequence(id.to_vec(), 0);
                    Ok(())
                }
                ITER => Err(Raised::type_error(format!("'{of}' object is not iterable")).into()),
                NEXT => Err(non_iterator(of).into()),
                _ => Err(no_length(of).into()),
            };
        }
        match operation {
            LEN => {
                let len = length_told(value)?;
                self.total = self.total.saturating_add(len);
                if let Some((id, true)) = self.unmeasured.pop() {
                    link.del(out, &id);
                }
            }
            ITER => {
                self.chunks = match value {
                    Boxed::Yours(id) => Chunks::Iterator(id.raw.to_vec()),
                    Boxed::Mine(id) => {
                        let slot = objects.find(id)?;
                        let rest = objects.bytes_of_rest(slot).ok_or_else(|| non_iterator(value.type_name()))?;
                        self.total = self.total.saturating_add(rest);
                        Chunks::None
                    }
                    _ => return Err(non_iterator(value.type_name()).into()),
                }
            }
            _ => {
                if let Chunks::Sequence(_, index) = &mut self.chunks {
                    *index += 1;
                }
                self.measure(value, objects, true)?;
                if let Boxed::Tuple(_) = value {
                    value.yours(&mut |id| link.del(out, id.raw))?;
                }
            }
        }
        Ok(())
    }

    /// Takes what the last question raised.
    pub(crate) fn refused(&mut self, raised: &[u8], link: &mut Link, out: &mut Outbox) -> Result<(), Trouble> {
        if let Some(before) = self.doubt.take() {
            return Err(Raised::again(&before)?.into());
        }
        let over = self.unmeasured.is_empty()
            && match &self.chunks {
                Chunks::Iterator(_) => is_stop_iteration(raised),
                Chunks::Sequence(..) => is_stop_iteration(raised) || is_builtin(raised, "IndexError"),
                _ => false,
            };
        if over {
            if let Chunks::Iterator(id) = std::mem::replace(&mut self.chunks, Chunks::None) {
                link.del(out, &id);
            }
            return Ok(());
        }
        let sequence = self.unmeasured.is_empty() && matches!(self.chunks, Chunks::Sequence(..));
        if sequence || !is_builtin(raised, "AttributeError") {
            return Err(Raised::again(raised)?.into());
        }
        self.doubt = Some(raised.to_vec());
        Ok(())
    }

    /// What is given up where it goes no further.
    pub(crate) fn dropped(self) -> Releases {
        let chunks = match self.chunks {
            Chunks::Iterator(id) => Some(id),
            _ => None,
        };
        let unmeasured = self.unmeasured.into_iter().filter_map(|(id, dropped)| dropped.then_some(id));
        unmeasured.chain(chunks).chain(self.releases).collect()
    }

    /// Adds how long `of` is, now or once its owner has told.
    fn measure(&mut self, of: Boxed<'_>, objects: &Objects, dropped: bool) -> Result<(), Trouble> {
        match length(of, objects)? {
            Length::Known(len) => self.total = self.total.saturating_add(len),
            Length::CallSpec(id) => self.unmeasured.push((id.raw.to_vec(), dropped)),
        }
        Ok(())
    }
}

const LEN: &str = "__len__";
const ITER: &str = "__iter__";
const NEXT: &str = "__next__";
const GETITEM: &str = "__getitem__";

fn length<'a>(of: Boxed<'a>, objects: &Objects) -> Result<Length<'a>, Trouble> {
    let known = match of {
        Boxed::Yours(id) => return Ok(Length::CallSpec(id)),
        Boxed::Mine(id) => objects.list(objects.find(id)?).map(|list| list.count() as u64),
        Boxed::Tuple(_) => Some(of.items()?.len().into()),
        Boxed::Value(raw) => {
            let mut reader = Reader::new(raw);
            match reader.token()? {
                Token::Bytes(bytes) => Some(bytes.len() as u64),
                Token::Streamed(len) => Some(len.into()),
                Token::Text(text) => Some(text.chars().count() as u64),
                Token::Tuple(count) => Some(count.into()),
                Token::Frozenset => Some(reader.tuple()?.into()),
                _ => None,
            }
        }
    };
    Ok(Length::Known(known.ok_or_else(|| no_length(of.type_name()))?))
}

/// What an object's `__len__` gave, as Python takes it.
fn length_told(value: Boxed<'_>) -> Result<u64, Trouble> {
    let negative = || Trouble::from(Raised::value_error("__len__() should return >= 0"));
    match value.token()? {
        Some(Token::Int(len)) => u64::try_from(len).map_err(|_| negative()),
        Some(Token::Bool(len)) => Ok(len.into()),
        Some(Token::Big(digits)) if digits.starts_with('-') => Err(negative()),
        Some(Token::Big(_)) => Err(Raised::too_big().into()),
        _ => Err(Raised::not_an_integer(value.type_name()).into()),
    }
}

/// True where an INSPECT's answer, pairs of name and text, lists the operation.
fn lists(methods: Boxed<'_>, operation: &str) -> Result<bool, CallError> {
    let mut methods = methods.items()?;
    while let Some(method) = methods.next()? {
        if let Some(name) = method.items()?.next()?
            && name.token()? == Some(Token::Text(operation))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn no_length(of: &str) -> Raised {
    Raised::type_error(format!("object of type '{of}' has no len()"))
}

fn non_iterator(of: &str) -> Raised {
    Raised::type_error(format!("iter() returned non-iterator of type '{of}'"))
}

fn not_iterable(value: Boxed<'_>) -> Raised {
    Raised::type_error(format!("'{}' object is not iterable", value.type_name()))
}
