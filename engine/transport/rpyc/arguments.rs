//! Arguments of requests and methods, taken as Python takes them.

use crate::transport::rpyc::boxed::Boxed;
use crate::transport::rpyc::brine::{Reader, Token};
use crate::transport::rpyc::exception::{Raised, Trouble};
use crate::transport::rpyc::list::List;

/// A name of an attribute.
pub(crate) fn name<'a>(boxed: Boxed<'a>) -> Result<&'a str, Trouble> {
    match boxed.token()? {
        Some(Token::Text(name)) => Ok(name),
        Some(Token::Bytes(name)) => std::str::from_utf8(name).map_err(|error| {
            Raised::Builtin("UnicodeDecodeError", format!("a name that is not UTF-8: {error}")).into()
        }),
        _ => Err(Raised::type_error("name must be a string").into()),
    }
}

/// An integer that a position fits in.
pub(crate) fn index(token: Token<'_>) -> Option<i64> {
    match token {
        Token::Int(index) => Some(index),
        Token::Bool(flag) => Some(flag.into()),
        _ => None,
    }
}

/// The same; what is beyond it is its end.
fn bound(token: Token<'_>) -> Option<i64> {
    match token {
        Token::Big(digits) => Some(if digits.starts_with('-') { -i64::MAX } else { i64::MAX }),
        token => index(token),
    }
}

/// A number of bytes; negative ones are none, as in Python.
pub(crate) fn size(value: Boxed<'_>) -> Result<u64, Trouble> {
    match value.token()?.and_then(bound) {
        Some(i64::MAX) => Err(Raised::Builtin("MemoryError", "no memory holds so many bytes".into()).into()),
        Some(size) => Ok(size.max(0) as u64),
        None => Err(Raised::not_an_integer(value.type_name()).into()),
    }
}

/// A step of `range`.
pub(crate) fn step(value: Boxed<'_>) -> Result<i64, Trouble> {
    let step = value.token()?.and_then(bound);
    step.ok_or_else(|| Raised::not_an_integer(value.type_name()).into())
}

/// The stop of `islice`: how many items are wanted.
pub(crate) fn batch(value: Boxed<'_>) -> Result<i64, Trouble> {
    let wrong = "Stop argument for islice() must be None or an integer: 0 <= x <= sys.maxsize.";
    match value.token()? {
        Some(Token::None) => Ok(i64::MAX),
        token => token.and_then(index).filter(|count| *count >= 0).ok_or_else(|| Raised::value_error(wrong).into()),
    }
}

/// What `list[slice]` is, for the brine of a slice.
pub(crate) fn sliced(list: &List, raw: &[u8]) -> Result<List, Trouble> {
    let mut reader = Reader::new(raw);
    reader.token()?;
    reader.tuple_of(3)?;
    let mut part = || match Reader::new(reader.raw()?).token()? {
        Token::None => Ok(None),
        token => slice_index(token).map(Some),
    };
    let (start, stop, step) = (part()?, part()?, part()?);
    list.slice(start, stop, step).ok_or_else(|| Raised::value_error("slice step cannot be zero").into())
}

/// A bound of a slice, or of the part of a list that is searched.
pub(crate) fn slice_index(token: Token<'_>) -> Result<i64, Trouble> {
    let wrong = "slice indices must be integers or None or have an __index__ method";
    bound(token).ok_or_else(|| Raised::type_error(wrong).into())
}
