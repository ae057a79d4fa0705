//! A payload there and back.

use crate::call::ask::CallSpec;
use crate::call::service::contract::{BODY, KeyUse, Missing, ServiceCall, Settings};

/// The call `echo`.
pub(crate) struct Echo;

impl ServiceCall for Echo {
    fn keys(&self) -> &'static [KeyUse] {
        BODY
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let (len, chunk) = settings.body("echo")?;
        Ok(CallSpec::Echo { len, chunk })
    }

    fn payload_goes_up(&self) -> bool {
        true
    }

    fn payload_comes_down(&self) -> bool {
        true
    }
}
