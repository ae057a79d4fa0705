//! A payload from the server.

use crate::call::ask::Ask;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `download`.
pub(crate) struct Download;

impl Entry for Download {
    fn name(&self) -> &'static str {
        "download"
    }
    fn about(&self) -> &'static str {
        "A length goes to the server, that many bytes come back."
    }
}

impl ServiceCall for Download {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<Ask, Missing> {
        let (len, chunk) = settings.body(self.name())?;
        Ok(Ask::Download { len, chunk })
    }

    fn payload_comes_down(&self) -> bool {
        true
    }

    fn is_transfer(&self) -> bool {
        true
    }
}
