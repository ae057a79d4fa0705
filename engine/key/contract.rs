//! What a key of a target or a workload says of itself.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// A key of a target or a workload; a list of values makes it an axis. One file implements it, one line registers it:
/// reader, defaults, mistakes, schema, plan, ids, the client's assignment and the axes of a report follow.
///
/// Its name is the word in YAML, what it is about stands in the schema. Keys are set in the order of their list, so
/// that each sees what those before it have set.
pub trait Key: Entry + Sync {
    /// Whose key it is.
    fn of(&self) -> Of {
        Of::Workload
    }

    /// Whether a list of values is a comparison; of a scalar there is one value.
    fn is_axis(&self) -> bool {
        true
    }

    /// Whether cells differ by it although it has one value: a report shows it, and two runs are compared by it.
    fn tells_apart(&self) -> bool {
        false
    }

    /// Whether it may stand at the top of a scenario too, for all workloads that do not say otherwise.
    fn at_top(&self) -> bool {
        false
    }

    /// The schema of one value.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;

    /// Values as an editor offers them.
    fn examples(&self) -> Vec<Value>;

    /// One value, as the file has it; what is wrong with it is noted, and then there is none.
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting>;

    /// What it is where it is used and not written; none where nothing is set then.
    fn default(&self) -> Option<Setting> {
        None
    }

    /// Why it changes nothing at this point, where it changes nothing.
    fn unused(&self, _: &Point) -> Option<Unused> {
        None
    }

    /// How it is written, where this point cannot be without it.
    fn needed(&self, _: &Point) -> Option<&'static str> {
        None
    }

    /// Sets a value at a point. Values are those that `read` gives.
    fn set(&self, value: &Setting, point: &mut Point);

    /// How a number along it is written, where pictures may run along its values.
    fn runs(&self) -> Option<Runs> {
        None
    }
}

/// Whose key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// What is compared.
    Target,
    /// What is asked.
    Workload,
    /// The network between both ends: written under `links`, and named by a workload.
    Link,
}

impl Of {
    /// Whose side it is on where cells are told apart: a network is a circumstance of what is asked.
    pub fn side(self) -> Of {
        if self == Of::Link { Of::Workload } else { self }
    }
}

/// In what the numbers of a key are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// Plain numbers.
    Numbers,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Times,
    /// Billionths of a whole.
    Shares,
    /// Bits for each second.
    Bits,
}

/// Why a key changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// The call does not look at it.
    Call,
    /// Something else that is set, or is not.
    Else {
        /// What does not use it.
        by: &'static str,
        /// What would be right.
        help: &'static str,
    },
}
