//! The call that measures dialling.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{Missing, ServiceCall, Settings};

/// The call `connect`.
pub(crate) struct Connect;

impl ServiceCall for Connect {
    fn ask(&self, _: &Settings) -> Result<CallSpec, Missing> {
        Ok(CallSpec::Ping)
    }

    fn dials(&self) -> bool {
        true
    }
}
