//! Messages, as rpyc frames what it says about boxes.
//!
//! `message := kind:u8 brine((seq, args))`; a request's args are `(handler, box)`, a reply's are a box, an
//! exception's are what `exception.rs` writes. `box := (label, value)` (`rpyc/core/protocol.py` of rpyc 6.0.2).

use crate::call::CallError;
use crate::transport::rpyc::boxed::{Boxed, VALUE};
use crate::transport::rpyc::brine::{self, Reader};

pub(crate) const REQUEST: u8 = 1;
pub(crate) const REPLY: u8 = 2;
pub(crate) const EXCEPTION: u8 = 3;
/// What rpyc 5 and older call a request; their messages begin with the tag of a tuple, where the kind stands now.
const OLDER_REQUEST: i64 = REQUEST as i64;

/// A message that came in.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Request {
        seq: i64,
        handler: i64,
        args: Boxed<'a>,
    },
    Reply {
        seq: i64,
        value: Boxed<'a>,
    },
    /// A request for something that is no number; the brine of it.
    Unknown {
        seq: i64,
        asked: &'a [u8],
    },
    /// What was raised, as brine.
    Exception {
        seq: i64,
        raised: &'a [u8],
    },
    /// A request as rpyc 5 and older write it: all in one tuple.
    Older {
        seq: i64,
    },
}

impl<'a> Message<'a> {
    pub(crate) fn read(message: &'a [u8]) -> Result<Self, CallError> {
        let (kind, rest) = message.split_first().ok_or_else(|| CallError::protocol("an empty message"))?;
        let mut reader = Reader::new(rest);
        if *kind == brine::TUPLE_3 {
            return match reader.int()? {
                OLDER_REQUEST => Ok(Message::Older { seq: reader.int()? }),
                kind => Err(CallError::protocol(format!("a message of rpyc 5 or older of the kind {kind}"))),
            };
        }
        reader.tuple_of(2)?;
        let seq = reader.int()?;
        match *kind {
            REQUEST => {
                reader.tuple_of(2)?;
                let before = reader;
                match reader.int() {
                    Ok(handler) => Ok(Message::Request { seq, handler, args: Boxed::read_last(reader)? }),
                    Err(_) => Ok(Message::Unknown { seq, asked: { before }.raw()? }),
                }
            }
            REPLY => Ok(Message::Reply { seq, value: Boxed::read_last(reader)? }),
            EXCEPTION => Ok(Message::Exception { seq, raised: reader.raw()? }),
            kind => Err(CallError::protocol(format!("no message is of kind {kind}"))),
        }
    }

    /// The number, the handler and the arguments of a request, the last as they came; none of another message.
    pub(crate) fn request(message: &'a [u8]) -> Option<(i64, i64, &'a [u8])> {
        let (kind, rest) = message.split_first()?;
        let mut reader = Reader::new(rest);
        if *kind != REQUEST {
            return None;
        }
        reader.tuple_of(2).ok()?;
        let seq = reader.int().ok()?;
        reader.tuple_of(2).ok()?;
        Some((seq, reader.int().ok()?, reader.rest()))
    }

    /// True where `before`, the beginning of a message, ends just before the value of the reply to `seq`.
    pub(crate) fn is_reply_before(before: &[u8], seq: i64) -> bool {
        let mut reader = Reader::new(before.get(1..).unwrap_or_default());
        before.first() == Some(&REPLY)
            && reader.tuple_of(2).is_ok()
            && reader.int() == Ok(seq)
            && reader.tuple_of(2).is_ok()
            && reader.int() == Ok(VALUE)
            && reader.is_empty()
    }
}
