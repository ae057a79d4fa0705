//! A payload to the server.

use crate::call::ask::Ask;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `upload`.
pub(crate) struct Upload;

impl Entry for Upload {
    fn name(&self) -> &'static str {
        "upload"
    }
    fn about(&self) -> &'static str {
        "The payload goes to the server, its length comes back."
    }
}

impl ServiceCall for Upload {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<Ask, Missing> {
        let (len, chunk) = settings.body(self.name())?;
        Ok(Ask::Upload { len, chunk })
    }

    fn payload_goes_up(&self) -> bool {
        true
    }

    fn is_transfer(&self) -> bool {
        true
    }
}
