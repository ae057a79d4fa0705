//! Why an assignment cannot be measured.

use std::fmt;
use std::io;

use crate::call::{CallError, Cause, ErrorClass};
use crate::error::{Error, ParseError};
use crate::lack::Lack;
use crate::words::words;

words! {
    /// In which way an assignment failed: as a call does, or before there was one.
    SetupErrorClass {
        /// A connection could not be made, or was closed under a call.
        Connect = "connect",
        /// The server answered with an error.
        Status = "status",
        /// A reply had the wrong length.
        Short = "short",
        /// A reply had the wrong content.
        Corrupt = "corrupt",
        /// A reply broke the rules of its protocol.
        Protocol = "protocol",
        /// Time ran out.
        Timeout = "timeout",
        /// The server is not the one that was launched.
        Nonce = "nonce",
        /// A server of the user's own did not answer as it has to once it is ready.
        Ready = "ready",
        /// A call that each client makes once before anything else did not succeed.
        Before = "before",
        /// What was asked for cannot be begun.
        Assignment = "assignment",
    }
}

/// Why an assignment cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    /// In which way.
    pub class: SetupErrorClass,
    /// What happened, in words.
    pub reason: String,
    /// What this machine lacked, where that is why.
    pub lacks: Option<Lack>,
}

impl SetupError {
    /// A failure of that class.
    pub fn new(class: SetupErrorClass, reason: impl Into<String>) -> Self {
        SetupError { class, reason: reason.into(), lacks: None }
    }

    /// What was asked for cannot be begun.
    pub fn assignment(reason: impl Into<String>) -> Self {
        SetupError::new(SetupErrorClass::Assignment, reason)
    }

    /// A call of that name did not succeed, which that client makes once before all others; of its `failures` the first was
    /// the first.
    pub fn before(client: usize, name: &str, failures: &[String]) -> Self {
        let why = failures.first().map_or("no answer came", String::as_str);
        // The class stands before the words.
        let why = why.split_once(": ").map_or(why, |(_, why)| why);
        SetupError::new(SetupErrorClass::Before, format!("client {client}: {name}: {why}"))
    }

    /// The assignment cannot be begun, for an error of the kernel's.
    pub fn system(doing: impl fmt::Display, error: &io::Error) -> Self {
        SetupError { lacks: Lack::of(error), ..SetupError::assignment(format!("{doing}: {error}")) }
    }
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.reason)
    }
}

impl std::error::Error for SetupError {}

impl From<ErrorClass> for SetupErrorClass {
    fn from(class: ErrorClass) -> Self {
        match class {
            ErrorClass::Connect => SetupErrorClass::Connect,
            ErrorClass::Status => SetupErrorClass::Status,
            ErrorClass::Short => SetupErrorClass::Short,
            ErrorClass::Corrupt => SetupErrorClass::Corrupt,
            ErrorClass::Protocol => SetupErrorClass::Protocol,
        }
    }
}

impl From<CallError> for SetupError {
    fn from(fault: CallError) -> Self {
        let lacks = if let Cause::Machine(lack) = fault.cause { Some(lack) } else { None };
        SetupError { lacks, ..SetupError::new(fault.class.into(), fault.reason) }
    }
}

impl From<ParseError> for SetupError {
    fn from(error: ParseError) -> Self {
        SetupError::assignment(error.to_string())
    }
}

impl From<Error> for SetupError {
    fn from(error: Error) -> Self {
        let help = error.remedy().map(|help| format!("; {help}")).unwrap_or_default();
        SetupError { lacks: error.lack(), ..SetupError::assignment(format!("{}{help}", error.message())) }
    }
}
