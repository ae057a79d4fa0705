//! Waiting on the server.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{KeyUse, Missing, ServiceCall, Settings};

/// The call `sleep`.
pub(crate) struct Sleep;

impl ServiceCall for Sleep {
    fn keys(&self) -> &'static [KeyUse] {
        const { &[KeyUse::required("hold", "hold: 10ms")] }
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let ns = settings.hold_ns.ok_or(Missing { call: "sleep", setting: "hold_ns" })?;
        Ok(CallSpec::Sleep { ns })
    }
}
