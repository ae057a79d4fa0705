//! What is asked of a server, what it understood and what it answers.

use std::sync::Arc;

use crate::call::computation::Computation;
use crate::call::fill::Fill;

/// One call as a transport sends it: small, comparable, copied freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallSpec {
    /// The token of the server that was launched, so that a stranger on its address is never measured.
    Nonce,
    /// The smallest call.
    Ping,
    /// `len` bytes of the fill, to come back unchanged.
    Echo {
        /// Bytes of the payload.
        len: u64,
        /// Bytes of a chunk, or none for one whole body.
        chunk: Option<u64>,
    },
    /// `len` bytes of the fill, whose number comes back.
    Upload {
        /// Bytes of the payload.
        len: u64,
        /// Bytes of a chunk, or none for one whole body.
        chunk: Option<u64>,
    },
    /// `len` bytes of the server's fill.
    Download {
        /// Bytes of the payload.
        len: u64,
        /// Bytes of a chunk, or none for one whole body.
        chunk: Option<u64>,
    },
    /// What a computation makes of a number.
    Compute {
        /// Which one.
        what: &'static Computation,
        /// The number.
        n: u64,
    },
    /// An answer after `ns` nanoseconds.
    Sleep {
        /// How long the server waits, in nanoseconds.
        ns: u64,
    },
    /// A call of the user's own. No codec of the reference service is ever asked one.
    Own(Own),
}

/// One call of the user's own: which, and what tells it from others of that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// Its index among the calls of the user's own that the client process was told.
    pub call: u16,
    /// The client that makes it.
    pub client: u32,
    /// How many calls that client has made before.
    pub number: u64,
}

impl CallSpec {
    /// The same, made by that client as its call of that number.
    pub fn by(self, client: usize, number: u64) -> Self {
        match self {
            CallSpec::Own(own) => CallSpec::Own(Own { client: client as u32, number, ..own }),
            ask => ask,
        }
    }

    /// Payload bytes from client to server when the call succeeds.
    pub fn payload_up(self) -> u64 {
        match self {
            CallSpec::Echo { len, .. } | CallSpec::Upload { len, .. } => len,
            _ => 0,
        }
    }

    /// Payload bytes from server to client when the call succeeds.
    pub fn payload_down(self) -> u64 {
        match self {
            CallSpec::Echo { len, .. } | CallSpec::Download { len, .. } => len,
            _ => 0,
        }
    }
}

/// What a server was asked, whole, as its transport understood it.
#[derive(Debug, Clone, PartialEq)]
pub enum CallRequest {
    /// See [`CallSpec::Nonce`].
    Nonce,
    /// See [`CallSpec::Ping`].
    Ping,
    /// The bytes to send back.
    Echo(Vec<u8>),
    /// An upload has arrived, of so many bytes.
    Upload(u64),
    /// So many bytes are wanted.
    Download {
        /// Bytes of the payload.
        len: u64,
        /// The reference suite serves `x` for data and zeros for files.
        file: bool,
    },
    /// See [`CallSpec::Compute`].
    Compute {
        /// Which one.
        what: &'static Computation,
        /// The number.
        n: u64,
    },
    /// See [`CallSpec::Sleep`].
    Sleep {
        /// How long to wait, in nanoseconds.
        ns: u64,
    },
}

/// What a server answers; its transport knows which call it belongs to.
#[derive(Debug, Clone)]
pub enum CallResponse {
    /// The server's token.
    Nonce(String),
    /// The answer to a ping.
    Pong,
    /// The bytes of an echo.
    Echo(Vec<u8>),
    /// The number of bytes that arrived.
    Size(u64),
    /// `len` bytes of `fill`, from its beginning.
    Bytes {
        /// What the bytes are.
        fill: Arc<Fill>,
        /// How many.
        len: u64,
    },
    /// The result of a computation.
    Number(u128),
    /// The wait is over; how long it was asked to be, in nanoseconds.
    Slept(u64),
    /// The call failed in the service: an exception, or this HTTP status.
    Error {
        /// The HTTP status that says the same.
        status: u16,
        /// What went wrong.
        message: String,
    },
    /// No answer is ever sent to this call.
    Silence,
}
