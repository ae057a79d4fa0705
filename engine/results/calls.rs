//! What became of the calls of each name, where a load makes several, and of those that are not timed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::results::counts::Counts;
use crate::results::distribution::Distribution;

/// What became of the calls of one name. Over all names its counts sum to those of the record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallFigures {
    /// How each ended.
    pub counts: Counts,
    /// From the intended start of a call to the end of its reply.
    pub response_time: Distribution,
    /// From the actual send of a call to the end of its reply; absent where it is the same as the response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_time: Option<Distribution>,
    /// Bytes of the payloads of answered calls.
    pub bytes: CallBytes,
}

/// Bytes of the payloads of answered calls, each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallBytes {
    /// From client to server.
    pub payload_up: u64,
    /// From server to client.
    pub payload_down: u64,
}

/// What became of the passes through the steps of a load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Passes {
    /// How many were gone through whole, each step with the answer that was asked for.
    pub count: u64,
    /// The response times of the steps of a pass together, without the pauses between them: of whole passes, and of those
    /// that were given up with a call of theirs, at what they had lasted by then.
    pub response_time: Distribution,
    /// Steps that were never due, since one before them in the same pass did not succeed. They are no scheduled calls.
    pub skipped_steps: u64,
}

/// Calls that are made and not timed: with those that are, a server has been asked so often.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Untimed {
    /// Until a server answered as expected.
    pub ready: u64,
    /// Once for each client before anything else.
    pub before: u64,
    /// Warming up.
    pub warmup: u64,
}

impl CallFigures {
    /// Without what it says twice.
    pub fn said_once(mut self) -> Self {
        self.service_time = self.service_time.filter(|service| *service != self.response_time);
        self
    }
}
