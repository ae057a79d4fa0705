//! Exceptions on the wire: type, arguments, attributes and the text of the traceback.
//!
//! `raised := ((module, name), args, attributes, traceback)`, or the integer 1 for StopIteration
//! (`rpyc/core/vinegar.py` of rpyc 6.0.2).

use crate::call::CallError;
use crate::transport::rpyc::brine::{self, Reader, Token};

/// The release of rpyc that this one speaks like; clients warn where the first number differs from theirs.
const VERSION: &str = "6.0.2";
/// The module of the exceptions that every Python knows.
const BUILTINS: &str = "builtins";

/// What is raised at the other end.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raised {
    /// The end of an iteration.
    StopIteration,
    /// A built-in exception with its message.
    Builtin(&'static str, String),
    /// `KeyError` with the brine of its key.
    Key(Vec<u8>),
    /// `AttributeError` for an attribute of an object, which is given as its text.
    Attribute { message: String, name: String, object: String },
    /// What the peer has raised itself, as it came.
    Again(Vec<u8>),
}

impl Raised {
    pub(crate) fn type_error(message: impl Into<String>) -> Self {
        Raised::Builtin("TypeError", message.into())
    }

    pub(crate) fn value_error(message: impl Into<String>) -> Self {
        Raised::Builtin("ValueError", message.into())
    }

    /// `TypeError` for a value of that type where an integer is due.
    pub(crate) fn not_an_integer(of: &str) -> Self {
        Raised::type_error(format!("'{of}' object cannot be interpreted as an integer"))
    }

    /// `OverflowError` for an integer that is no size.
    pub(crate) fn too_big() -> Self {
        Raised::Builtin("OverflowError", "cannot fit 'int' into an index-sized integer".into())
    }

    /// What the peer has raised, as a real end raises it again: an exception that is not built in has got the class
    /// by then that rpyc made for it here.
    pub(crate) fn again(raised: &[u8]) -> Result<Self, CallError> {
        let mut reader = Reader::new(raised);
        let Token::Tuple(4) = reader.token()? else { return Ok(Raised::Again(raised.to_vec())) };
        reader.tuple_of(2)?;
        let (module, name) = (reader.text()?, reader.text()?);
        if module == BUILTINS {
            return Ok(Raised::Again(raised.to_vec()));
        }
        let mut again = Vec::with_capacity(raised.len() + 2 * module.len() + 32);
        brine::put(&mut again, Token::Tuple(4));
        brine::put(&mut again, Token::Tuple(2));
        brine::put_text(&mut again, &format!("rpyc.core.vinegar/{module}"));
        brine::put_text(&mut again, &format!("{module}.{name}"));
        again.extend_from_slice(reader.rest());
        Ok(Raised::Again(again))
    }

    /// Appends it.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let (kind, message) = match self {
            Raised::StopIteration => return brine::put_int(out, 1),
            Raised::Again(raised) => return out.extend_from_slice(raised),
            Raised::Key(_) => ("KeyError", "it is not an object of this connection"),
            Raised::Builtin(kind, message) => (*kind, message.as_str()),
            Raised::Attribute { message, .. } => ("AttributeError", message.as_str()),
        };
        brine::put(out, Token::Tuple(4));
        brine::put(out, Token::Tuple(2));
        brine::put_text(out, BUILTINS);
        brine::put_text(out, kind);
        brine::put(out, Token::Tuple(1));
        match self {
            Raised::Key(key) => out.extend_from_slice(key),
            _ => brine::put_text(out, message),
        }
        let attributes: &[(&str, &str)] = match self {
            Raised::Attribute { name, object, .. } => &[("name", name), ("obj", object)],
            _ => &[],
        };
        brine::put(out, Token::Tuple(attributes.len() as u32 + 1));
        for (name, value) in attributes.iter().chain([&("_remote_version", VERSION)]) {
            brine::put(out, Token::Tuple(2));
            brine::put_text(out, name);
            brine::put_text(out, value);
        }
        brine::put_text(
            out,
            &format!("Traceback (most recent call last):\n  in engine's service\n{kind}: {message}\n"),
        );
    }
}

/// True where the brine of what was raised says StopIteration.
pub(crate) fn is_stop_iteration(raised: &[u8]) -> bool {
    Reader::new(raised).int() == Ok(1)
}

/// True where the brine of what was raised says the built-in exception of that name.
pub(crate) fn is_builtin(raised: &[u8], name: &str) -> bool {
    let mut reader = Reader::new(raised);
    reader.tuple_of(4).is_ok()
        && reader.tuple_of(2).is_ok()
        && reader.text() == Ok(BUILTINS)
        && reader.text() == Ok(name)
}

/// What was raised, as `module.Name: message`.
pub(crate) fn describe(raised: &[u8]) -> Result<String, CallError> {
    if is_stop_iteration(raised) {
        return Ok("builtins.StopIteration".into());
    }
    let mut reader = Reader::new(raised);
    reader.tuple_of(4)?;
    reader.tuple_of(2)?;
    let mut text = format!("{}.{}", reader.text()?, reader.text()?);
    let args = reader.raw()?;
    let mut args = Reader::new(args);
    if args.tuple()? > 0
        && let Token::Text(message) = args.token()?
    {
        text = format!("{text}: {message}");
    }
    Ok(text)
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The peer is told.
    Raised(Raised),
    /// The peer breaks the protocol.
    CallError(CallError),
}

impl From<Raised> for Trouble {
    fn from(raised: Raised) -> Self {
        Trouble::Raised(raised)
    }
}

impl From<CallError> for Trouble {
    fn from(fault: CallError) -> Self {
        Trouble::CallError(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::{Raised, describe, is_builtin, is_stop_iteration};

    fn put(raised: &Raised) -> Vec<u8> {
        let mut out = Vec::new();
        raised.put(&mut out);
        out
    }

    #[test]
    fn what_is_raised_can_be_told_at_the_other_end() {
        let raised = put(&Raised::value_error("too long"));
        assert_eq!(describe(&raised), Ok("builtins.ValueError: too long".into()));
        assert_eq!(Raised::again(&raised).map(|again| put(&again)), Ok(raised.clone()));
        assert!(is_builtin(&raised, "ValueError") && !is_builtin(&raised, "TypeError"));
        assert!(is_stop_iteration(&put(&Raised::StopIteration)) && !is_stop_iteration(&raised));
        let message = "'Service' object has no attribute 'nope'".to_owned();
        let raised = Raised::Attribute { message, name: "nope".into(), object: "<engine.Service>".into() };
        assert!(describe(&put(&raised)).is_ok_and(|text| text.ends_with("attribute 'nope'")));
    }
}
