//! The driver `one-arena`: our own client, whose allocator may keep one arena only.

use std::process::Command;

use engine::error::Result;
use engine::registry::Entry;
use engine::server::contract::Model;
use engine::stack::contract::{Driver, Fit, Refusal};
use engine::stack::driver::native::Native;
use engine::stack::environment::Environment;
use engine::transport::contract::Transport;

/// The driver `one-arena`.
pub(crate) struct OneArena;

impl Entry for OneArena {
    fn name(&self) -> &'static str {
        "one-arena"
    }
    fn about(&self) -> &'static str {
        "Ours, with one arena of memory."
    }
}

impl Driver for OneArena {
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit {
        Native.fits(transport, model)
    }

    fn spins(&self) -> Fit {
        Err(Refusal::because("a client with one arena sleeps"))
    }

    fn command(&self, kit: Option<&Environment>) -> Result<Command> {
        let mut command = Native.command(kit)?;
        command.env("MALLOC_ARENA_MAX", "1");
        Ok(command)
    }
}
