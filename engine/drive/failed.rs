//! Why an assignment cannot be measured.

use std::fmt;
use std::io;

use crate::call::{Cause, Fault, FaultClass, words};
use crate::error::{Error, ParseError};
use crate::lack::Lack;

words! {
    /// In which way an assignment failed: as a call does, or before there was one.
    FailedClass {
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
        /// What was asked for cannot be begun.
        Assignment = "assignment",
    }
}

/// Why an assignment cannot be measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// In which way.
    pub class: FailedClass,
    /// What happened, in words.
    pub reason: String,
    /// What this machine lacked, where that is why.
    pub lacks: Option<Lack>,
}

impl Failed {
    /// A failure of that class.
    pub fn new(class: FailedClass, reason: impl Into<String>) -> Self {
        Failed { class, reason: reason.into(), lacks: None }
    }

    /// What was asked for cannot be begun.
    pub fn assignment(reason: impl Into<String>) -> Self {
        Failed::new(FailedClass::Assignment, reason)
    }

    /// The assignment cannot be begun, for an error of the kernel's.
    pub fn system(doing: impl fmt::Display, error: &io::Error) -> Self {
        Failed { lacks: Lack::of(error), ..Failed::assignment(format!("{doing}: {error}")) }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.reason)
    }
}

impl std::error::Error for Failed {}

impl From<FaultClass> for FailedClass {
    fn from(class: FaultClass) -> Self {
        match class {
            FaultClass::Connect => FailedClass::Connect,
            FaultClass::Status => FailedClass::Status,
            FaultClass::Short => FailedClass::Short,
            FaultClass::Corrupt => FailedClass::Corrupt,
            FaultClass::Protocol => FailedClass::Protocol,
        }
    }
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        let lacks = if let Cause::Machine(lack) = fault.cause { Some(lack) } else { None };
        Failed { lacks, ..Failed::new(fault.class.into(), fault.reason) }
    }
}

impl From<ParseError> for Failed {
    fn from(error: ParseError) -> Self {
        Failed::assignment(error.to_string())
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let help = error.remedy().map(|help| format!("; {help}")).unwrap_or_default();
        Failed { lacks: error.lack(), ..Failed::assignment(format!("{}{help}", error.message())) }
    }
}
