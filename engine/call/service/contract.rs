//! What a call of the reference service tells about itself.

use std::fmt;

use crate::call::ask::CallSpec;
use crate::call::computation::Computation;
use crate::registry::Entry;

/// A call that every server of ours answers. One file implements it and one line of
/// [`CALLS`](crate::call::CALLS) registers it.
///
/// Everything that is no encoding asks the call: readers of scenarios, plans, loads, reports.
pub trait ServiceCall: Entry + Sync {
    /// The keys of a workload that it uses, beside those that every call has.
    fn keys(&self) -> &'static [KeyUse] {
        &[]
    }

    /// One request with these settings, or which of them it lacks.
    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing>;

    /// What it asks the server to work out, where that is all it does.
    fn computes(&self) -> Option<&'static Computation> {
        None
    }

    /// Whether the payload goes to the server.
    fn payload_goes_up(&self) -> bool {
        false
    }

    /// Whether the payload comes from the server.
    fn payload_comes_down(&self) -> bool {
        false
    }

    /// Whether each call dials a connection of its own, so that dialling is what is measured.
    fn dials(&self) -> bool {
        false
    }

    /// Whether it is ranked by its bandwidth rather than by its response time.
    fn is_transfer(&self) -> bool {
        false
    }
}

/// A key of a workload that a call uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// The key, as users write it.
    pub key: &'static str,
    /// Where the call cannot be asked without it: how it is given, such as `work: 10000`.
    pub example: Option<&'static str>,
}

impl KeyUse {
    /// A key that the call can do without.
    pub const fn optional(key: &'static str) -> Self {
        KeyUse { key, example: None }
    }

    /// A key that the call needs, and how it is given.
    pub const fn required(key: &'static str, example: &'static str) -> Self {
        KeyUse { key, example: Some(example) }
    }
}

/// The keys of a call that has a body.
pub const BODY: &[KeyUse] = &[
    KeyUse::required("payload", "payload: 64KiB"),
    KeyUse::optional("fill"),
    KeyUse::optional("chunk"),
    KeyUse::optional("split"),
];

impl dyn ServiceCall {
    /// Whether it uses that key of a workload.
    pub fn uses(&self, key: &str) -> bool {
        self.keys().iter().any(|used| used.key == key)
    }

    /// Whether it cannot be asked without that key.
    pub fn requires(&self, key: &str) -> bool {
        self.keys().iter().any(|used| used.key == key && used.example.is_some())
    }

    /// Whether it carries a payload, one way or both.
    pub fn has_body(&self) -> bool {
        self.payload_goes_up() || self.payload_comes_down()
    }

    /// How often the payload crosses the wire: once for each way.
    pub fn payload_trips(&self) -> u32 {
        u32::from(self.payload_goes_up()) + u32::from(self.payload_comes_down())
    }
}

impl fmt::Debug for dyn ServiceCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a workload says of its calls, as far as a request depends on it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of the payload.
    pub payload: Option<u64>,
    /// Bytes of a chunk, or none for one whole body.
    pub chunk: Option<u64>,
    /// How far the server computes.
    pub work: Option<u64>,
    /// How long the server waits, in nanoseconds.
    pub hold_ns: Option<u64>,
}

/// A call cannot be asked without a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The name of the call.
    pub call: &'static str,
    /// The setting that it needs.
    pub setting: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` needs `{}`", self.call, self.setting)
    }
}

impl std::error::Error for Missing {}

impl Settings {
    /// The payload and its chunks, which `call` needs.
    pub(crate) fn body(&self, call: &'static str) -> Result<(u64, Option<u64>), Missing> {
        Ok((self.payload.ok_or(Missing { call, setting: "payload" })?, self.chunk))
    }
}
