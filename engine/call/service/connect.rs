//! The call that measures dialling.

use crate::call::ask::Ask;
use crate::call::service::contract::{Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// The call `connect`.
pub(crate) struct Connect;

impl Entry for Connect {
    fn name(&self) -> &'static str {
        "connect"
    }
    fn about(&self) -> &'static str {
        "Dial, one answered ping, untimed close; its parts are reported separately."
    }
}

impl ServiceCall for Connect {
    fn ask(&self, _: &Settings) -> Result<Ask, Missing> {
        Ok(Ask::Ping)
    }

    fn dials(&self) -> bool {
        true
    }
}
