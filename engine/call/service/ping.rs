//! The smallest call.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{Missing, ServiceCall, Settings};

/// The call `ping`.
pub(crate) struct Ping;

impl ServiceCall for Ping {
    fn ask(&self, _: &Settings) -> Result<CallSpec, Missing> {
        Ok(CallSpec::Ping)
    }
}
