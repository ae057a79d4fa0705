//! Why a call failed, and whose doing it is.

use std::fmt;

use crate::lack::Lack;
use crate::words::words;

words! {
    /// In which way a call failed.
    ErrorClass {
        /// The connection could not be made, or was closed under the call.
        Connect = "connect",
        /// The server answered with an error.
        Status = "status",
        /// The reply has the wrong length.
        Short = "short",
        /// The reply has the wrong content.
        Corrupt = "corrupt",
        /// The reply breaks the rules of its protocol.
        Protocol = "protocol",
    }
}

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallError {
    /// The class under which it is counted.
    pub class: ErrorClass,
    /// What happened, in words.
    pub reason: String,
    /// Whose doing it is.
    pub cause: Cause,
}

/// Whose doing a failed call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The server's, or that of the way to it.
    Target,
    /// Nobody's: the server certainly never took the call, which may be asked again without harm.
    Untaken,
    /// The client's own machine had no more of this.
    Machine(Lack),
}

impl CallError {
    /// A failure of that class, charged to the server.
    pub fn of(class: ErrorClass, reason: impl Into<String>) -> Self {
        CallError { class, reason: reason.into(), cause: Cause::Target }
    }
    /// The connection failed.
    pub fn connect(reason: impl Into<String>) -> Self {
        CallError::of(ErrorClass::Connect, reason)
    }
    /// The connection failed for an error of the kernel's, which may be that this machine lacks something.
    pub fn system(doing: impl fmt::Display, error: &std::io::Error) -> Self {
        let cause = Lack::of(error).map_or(Cause::Target, Cause::Machine);
        CallError { cause, ..CallError::connect(format!("{doing}: {error}")) }
    }
    /// The server said no.
    pub fn status(reason: impl Into<String>) -> Self {
        CallError::of(ErrorClass::Status, reason)
    }
    /// The reply has the wrong length.
    pub fn short(reason: impl Into<String>) -> Self {
        CallError::of(ErrorClass::Short, reason)
    }
    /// The reply has the wrong content.
    pub fn corrupt(reason: impl Into<String>) -> Self {
        CallError::of(ErrorClass::Corrupt, reason)
    }
    /// The peer breaks the protocol.
    pub fn protocol(reason: impl Into<String>) -> Self {
        CallError::of(ErrorClass::Protocol, reason)
    }
    /// A call of the user's own was asked where only the service is spoken.
    pub fn not_of_the_service() -> Self {
        CallError::protocol("the call is not one of the service")
    }
    /// The same, of a call that the server certainly never took.
    pub fn untaken(self) -> Self {
        CallError { cause: Cause::Untaken, ..self }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class, self.reason)
    }
}
