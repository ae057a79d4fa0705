//! A payload from the server.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};

/// The call `download`.
pub(crate) struct Download;

impl ServiceCall for Download {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let (len, chunk) = settings.body("download")?;
        Ok(CallSpec::Download { len, chunk })
    }

    fn payload_comes_down(&self) -> bool {
        true
    }

    fn is_transfer(&self) -> bool {
        true
    }
}
