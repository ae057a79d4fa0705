//! The place `here`: the machine that the run itself is on.

use std::process::Command;

use crate::error::Result;
use crate::place::contract::{Host, Place, Reach};
use crate::registry::Entry;
use crate::stack::native::ENGINE;

/// The place `here`.
pub struct Here;

impl Entry for Here {
    fn name(&self) -> &'static str {
        "here"
    }
    fn about(&self) -> &'static str {
        "the machine that the run is started on"
    }
}

impl Place for Here {
    fn reach(&self, _: &Host) -> Result<Reach> {
        Ok(Reach::Directly)
    }
}

/// `here`, but by a pipe, as every other place is reached: for tests of that way. No scenario can name it.
pub struct Piped;

impl Entry for Piped {
    fn name(&self) -> &'static str {
        "here"
    }
    fn about(&self) -> &'static str {
        "the machine that the run is started on, by a pipe"
    }
}

impl Place for Piped {
    fn reach(&self, _: &Host) -> Result<Reach> {
        let mut agent = Command::new(ENGINE);
        agent.arg("agent");
        Ok(Reach::By(agent))
    }
}
