//! A payload to the server.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};

/// The call `upload`.
pub(crate) struct Upload;

impl ServiceCall for Upload {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let (len, chunk) = settings.body("upload")?;
        Ok(CallSpec::Upload { len, chunk })
    }

    fn payload_goes_up(&self) -> bool {
        true
    }

    fn is_transfer(&self) -> bool {
        true
    }
}
