//! The driver `native`: our own client, in Rust.

use std::process::Command;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Fit};
use crate::stack::environment::Environment;
use crate::stack::native::ENGINE;
use crate::transport::contract::Transport;

/// The driver `native`.
pub struct Native;

impl Entry for Native {
    fn name(&self) -> &'static str {
        "native"
    }
    fn about(&self) -> &'static str {
        "Ours, in Rust."
    }
}

impl Driver for Native {
    fn fits(&self, _: &dyn Transport, _: &dyn Model) -> Fit {
        Ok(())
    }

    fn command(&self, _: Option<&Environment>) -> Result<Command> {
        let mut command = Command::new(ENGINE);
        command.arg("drive");
        Ok(command)
    }
}
