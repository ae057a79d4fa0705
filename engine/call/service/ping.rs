//! The smallest call.

use crate::call::ask::Ask;
use crate::call::service::contract::{Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `ping`.
pub(crate) struct Ping;

impl Entry for Ping {
    fn name(&self) -> &'static str {
        "ping"
    }
    fn about(&self) -> &'static str {
        "The smallest call that has an answer."
    }
}

impl ServiceCall for Ping {
    fn ask(&self, _: &Settings) -> Result<Ask, Missing> {
        Ok(Ask::Ping)
    }
}
