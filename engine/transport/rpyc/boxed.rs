//! Values with labels that say whose they are, read and written.

use memchr::memchr;

use crate::call::CallError;
use crate::transport::rpyc::brine::{self, Reader, Token};

pub(crate) const VALUE: i64 = 1;
const TUPLE: i64 = 2;
const LOCAL_REF: i64 = 3;
const REMOTE_REF: i64 = 4;
/// How the box of an object of the writer's begins.
const YOURS: [u8; 2] = [0x11, 0x54];

/// The name of an object on the wire: its class's name, its class's id, its own id (0 for a class).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Id<'a> {
    /// All of it, as it came.
    pub(crate) raw: &'a [u8],
}

impl<'a> Id<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, CallError> {
        let before = *reader;
        // A name is given back or compared as it came, so that mostly only its end matters.
        if !reader.pass_name() {
            Self::read_parts(reader)?;
        }
        Ok(Id { raw: before.until(reader) })
    }

    /// The class's name, the class's id and the object's own.
    pub(crate) fn parts(self) -> Result<(&'a str, i64, i64), CallError> {
        Self::read_parts(&mut Reader::new(self.raw))
    }

    fn read_parts(reader: &mut Reader<'a>) -> Result<(&'a str, i64, i64), CallError> {
        reader.tuple_of(3)?;
        Ok((reader.text()?, reader.int()?, reader.int()?))
    }
}

/// A value with the label that says whose it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Boxed<'a> {
    /// By value: its brine.
    Value(&'a [u8]),
    /// A tuple of boxes: its brine.
    Tuple(&'a [u8]),
    /// An object of the reader's.
    Mine(Id<'a>),
    /// An object of the writer's.
    Yours(Id<'a>),
}

impl<'a> Boxed<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, CallError> {
        reader.tuple_of(2)?;
        match reader.int()? {
            VALUE => Ok(Boxed::Value(reader.raw()?)),
            TUPLE => Ok(Boxed::Tuple(reader.raw()?)),
            LOCAL_REF => Id::read(reader).map(Boxed::Mine),
            REMOTE_REF => Id::read(reader).map(Boxed::Yours),
            label => Err(CallError::protocol(format!("no value has the label {label}"))),
        }
    }

    /// A box that ends with its message, without a look at what is inside.
    pub(crate) fn read_last(mut reader: Reader<'a>) -> Result<Self, CallError> {
        let before = reader;
        reader.tuple_of(2)?;
        match reader.int()? {
            VALUE => Ok(Boxed::Value(reader.rest())),
            TUPLE => Ok(Boxed::Tuple(reader.rest())),
            _ => Boxed::read(&mut { before }),
        }
    }

    /// What is inside a tuple, by value or boxed.
    pub(crate) fn items(self) -> Result<Items<'a>, CallError> {
        let (raw, by_value) = match self {
            Boxed::Value(raw) => (raw, true),
            Boxed::Tuple(raw) => (raw, false),
            Boxed::Mine(_) | Boxed::Yours(_) => return Err(CallError::protocol("a reference where a tuple was due")),
        };
        let mut reader = Reader::new(raw);
        Ok(Items { left: reader.tuple()?, reader, by_value })
    }

    /// True where it is a tuple, by value or boxed.
    pub(crate) fn is_tuple(self) -> bool {
        match self {
            Boxed::Value(raw) => matches!(Reader::new(raw).token(), Ok(Token::Tuple(_))),
            Boxed::Tuple(_) => true,
            Boxed::Mine(_) | Boxed::Yours(_) => false,
        }
    }

    /// Its first token where it is a value.
    pub(crate) fn token(self) -> Result<Option<Token<'a>>, CallError> {
        match self {
            Boxed::Value(raw) => Reader::new(raw).token().map(Some),
            _ => Ok(None),
        }
    }

    /// What Python calls its type.
    pub(crate) fn type_name(self) -> &'a str {
        match self {
            Boxed::Value(raw) => Reader::new(raw).token().map_or("object", Token::type_name),
            Boxed::Tuple(_) => "tuple",
            Boxed::Mine(id) | Boxed::Yours(id) => {
                let name = id.parts().map_or("object", |(name, ..)| name);
                name.rsplit('.').next().unwrap_or(name)
            }
        }
    }

    /// Calls `each` with every object of the writer's that is inside.
    pub(crate) fn yours(self, each: &mut impl FnMut(Id<'a>)) -> Result<(), CallError> {
        match self {
            Boxed::Yours(id) => each(id),
            // Most messages do not even have the second byte, and one byte is looked for much quicker than two.
            Boxed::Tuple(raw) if memchr(YOURS[1], raw).is_some() && raw.windows(2).any(|pair| pair == YOURS) => {
                let mut items = self.items()?;
                while let Some(item) = items.next()? {
                    item.yours(each)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The values inside a tuple.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a> {
    reader: Reader<'a>,
    left: u32,
    by_value: bool,
}

impl<'a> Items<'a> {
    /// How many are left.
    pub(crate) fn len(&self) -> u32 {
        self.left
    }

    pub(crate) fn next(&mut self) -> Result<Option<Boxed<'a>>, CallError> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        if self.by_value { self.reader.raw().map(Boxed::Value) } else { Boxed::read(&mut self.reader) }.map(Some)
    }
}

/// Appends `(label, ` of a box; the value has to follow.
fn put_label(out: &mut Vec<u8>, label: i64) {
    brine::put_count(out, 2);
    brine::put_int(out, label);
}

/// Appends a box by value; its brine has to follow.
pub(crate) fn put_value(out: &mut Vec<u8>) {
    put_label(out, VALUE);
}

/// Appends a box with a token by value.
pub(crate) fn put_token(out: &mut Vec<u8>, token: Token<'_>) {
    put_value(out);
    brine::put(out, token);
}

/// Appends a tuple of `count` boxes, which have to follow.
pub(crate) fn put_tuple(out: &mut Vec<u8>, count: u32) {
    put_label(out, TUPLE);
    brine::put_count(out, count);
}

/// Appends a box with a reference to an object of the reader's, by the name under which it came.
pub(crate) fn put_yours(out: &mut Vec<u8>, id: &[u8]) {
    put_label(out, LOCAL_REF);
    out.extend_from_slice(id);
}

/// Appends a box with a reference to an object of the writer's, by its name.
pub(crate) fn put_mine(out: &mut Vec<u8>, id: &[u8]) {
    put_label(out, REMOTE_REF);
    out.extend_from_slice(id);
}

/// Appends the name of an object.
pub(crate) fn put_id(out: &mut Vec<u8>, name: &str, class: i64, object: i64) {
    brine::put_count(out, 3);
    brine::put_text(out, name);
    brine::put_int(out, class);
    brine::put_int(out, object);
}
