//! Work on the server.

use crate::call::ask::Ask;
use crate::call::service::contract::{KeyUse, Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `compute`.
pub(crate) struct Compute;

impl Entry for Compute {
    fn name(&self) -> &'static str {
        "compute"
    }
    fn about(&self) -> &'static str {
        "The server sums i*i for i in 0..work."
    }
}

impl ServiceCall for Compute {
    fn keys(&self) -> &'static [KeyUse] {
        const { &[KeyUse::required("work", "work: 10000")] }
    }

    fn ask(&self, settings: &Settings) -> Result<Ask, Missing> {
        let n = settings.work.ok_or(Missing { call: self.name(), setting: "work" })?;
        Ok(Ask::Compute { n })
    }
}
