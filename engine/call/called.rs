//! What a workload calls, by name: a call of the reference service, or one of the user's own.

use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use crate::call::service::contract::ServiceCall;
use crate::call::service::{self, Call};
use crate::words::Word;

/// A call by its name, which is all of it in a scenario and in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// One of the reference service, whose names are reserved.
    Service(Call),
    /// One of the user's own, which the scenario defines.
    Own(String),
}

impl Called {
    /// The call of that name.
    pub fn named(name: &str) -> Self {
        let reserved = Call::ALL.iter().copied().find(|call| call.word() == name);
        reserved.map_or_else(|| Called::Own(name.to_owned()), Called::Service)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Called::Service(call) => call.word(),
            Called::Own(name) => name,
        }
    }

    /// What it tells about itself: one of the user's own uses no key of a workload, and is ranked by its response time.
    pub fn kind(&self) -> &'static dyn ServiceCall {
        match self {
            Called::Service(call) => call.service(),
            Called::Own(_) => service::OWN,
        }
    }

    /// True where it is one of the user's own.
    pub fn is_own(&self) -> bool {
        matches!(self, Called::Own(_))
    }
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Called {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Called {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Called::named(&String::deserialize(deserializer)?))
    }
}
