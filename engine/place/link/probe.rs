//! What can be tried of a link, and what is seen then.

use serde::{Deserialize, Serialize};

use crate::results::link::Carried;

/// The bytes of the headers of IP and UDP, which a link counts.
pub const UDP_HEADERS: usize = 28;

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Probe {
    /// Datagrams that go there and back, one after the other.
    Echo {
        /// How many.
        count: u32,
    },
    /// Datagrams from the client to the server.
    Datagrams {
        /// How many.
        count: u32,
        /// How large each is, its headers among it.
        bytes: usize,
        /// How long after one the next is sent.
        gap_ns: u64,
    },
    /// A stream of TCP from the client to the server.
    Stream {
        /// How long it is.
        bytes: u64,
    },
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    /// How many datagrams were sent.
    pub sent: u64,
    /// How many arrived; of a stream, how many bytes.
    pub received: u64,
    /// Whether each that arrived had been sent after those that arrived before it.
    pub in_order: bool,
    /// How long each took that came back, in nanoseconds.
    pub round_trips_ns: Vec<u64>,
    /// How much arrived between the first and the last that is timed, headers of datagrams among it, and in how long.
    pub timed_bytes: u64,
    /// The time for that, in nanoseconds.
    pub timed_ns: u64,
    /// What the link itself says.
    pub carried: Carried,
}
