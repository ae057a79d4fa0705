//! A payload there and back.

use crate::call::ask::Ask;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `echo`.
pub(crate) struct Echo;

impl Entry for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }
    fn about(&self) -> &'static str {
        "The payload comes back unchanged."
    }
}

impl ServiceCall for Echo {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<Ask, Missing> {
        let (len, chunk) = settings.body(self.name())?;
        Ok(Ask::Echo { len, chunk })
    }

    fn payload_goes_up(&self) -> bool {
        true
    }

    fn payload_comes_down(&self) -> bool {
        true
    }
}
