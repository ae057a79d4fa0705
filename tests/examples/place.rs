//! The place `built`: this machine, by the agent of the engine that was built.

use std::process::Command;

use engine::error::Result;
use engine::place::contract::{Host, Place, Reach};
use engine::registry::Entry;

/// The place `built`.
pub(crate) struct Built;

impl Entry for Built {
    fn name(&self) -> &'static str {
        "built"
    }
    fn about(&self) -> &'static str {
        "this machine, by the engine that was built"
    }
}

impl Place for Built {
    fn reach(&self, _: &Host) -> Result<Reach> {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_engine"));
        agent.args(["agent", "--lease", "1h"]);
        Ok(Reach::By(agent))
    }
}
