//! What a call of the user's own is to those who only ask what kind of call it is.

use crate::call::ask::{CallSpec, Own};
use crate::call::service::contract::{Missing, ServiceCall, Settings};
use crate::registry::Entry;

/// Any call of the user's own: it uses no key of a workload.
pub(crate) struct AnyOwn;

impl Entry for AnyOwn {
    fn name(&self) -> &'static str {
        "own"
    }
    fn about(&self) -> &'static str {
        "A call that the scenario defines."
    }
}

impl ServiceCall for AnyOwn {
    fn ask(&self, _: &Settings) -> Result<CallSpec, Missing> {
        Ok(CallSpec::Own(Own { call: 0, client: 0, number: 0 }))
    }
}
