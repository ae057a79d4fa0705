//! What became of calls, counted.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::call::ErrorClass;

/// What became of every scheduled call: scheduled = ok + error + timeout + censored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Calls that were due in the window.
    pub scheduled: u64,
    /// Calls with the answer that was asked for.
    pub ok: u64,
    /// Calls that failed, by class.
    pub error: Errors,
    /// Calls that had no answer within the time-out.
    pub timeout: u64,
    /// Calls still queued or unanswered when draining ended.
    pub censored: u64,
}

/// Failed calls by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Errors {
    /// The connection could not be made, or was closed under the call.
    pub connect: u64,
    /// The server answered with an error.
    pub status: u64,
    /// The reply had the wrong length.
    pub short: u64,
    /// The reply had the wrong content.
    pub corrupt: u64,
    /// The reply broke the rules of its protocol.
    pub protocol: u64,
}

impl Errors {
    /// One more call failed in that way.
    pub fn count(&mut self, class: ErrorClass) {
        *match class {
            ErrorClass::Connect => &mut self.connect,
            ErrorClass::Status => &mut self.status,
            ErrorClass::Short => &mut self.short,
            ErrorClass::Corrupt => &mut self.corrupt,
            ErrorClass::Protocol => &mut self.protocol,
        } += 1;
    }

    /// Failed calls of all classes.
    pub fn total(&self) -> u64 {
        self.connect + self.status + self.short + self.corrupt + self.protocol
    }
}

impl Counts {
    /// True where every scheduled call is accounted for.
    pub fn conserved(&self) -> bool {
        self.scheduled == self.ok + self.error.total() + self.timeout + self.censored
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |sum, own| Counts {
            scheduled: sum.scheduled + own.scheduled,
            ok: sum.ok + own.ok,
            error: Errors {
                connect: sum.error.connect + own.error.connect,
                status: sum.error.status + own.error.status,
                short: sum.error.short + own.error.short,
                corrupt: sum.error.corrupt + own.error.corrupt,
                protocol: sum.error.protocol + own.error.protocol,
            },
            timeout: sum.timeout + own.timeout,
            censored: sum.censored + own.censored,
        })
    }
}
