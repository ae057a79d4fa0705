//! The stack `one-arena`: our own servers, whose allocator may keep one arena only.

use std::process::Command;

use engine::error::Result;
use engine::registry::Entry;
use engine::server::contract::Model;
use engine::stack::contract::{Fit, Stack, Wanted};
use engine::stack::environment::Environment;
use engine::stack::native::Native;
use engine::transport::contract::{Facts, Transport};
use engine::transport::option::Options;
use engine::transport::terms::Terms;

/// The stack `one-arena`.
pub(crate) struct OneArena;

impl Entry for OneArena {
    fn name(&self) -> &'static str {
        "one-arena"
    }
    fn about(&self) -> &'static str {
        "Ours, with one arena of memory."
    }
}

impl Stack for OneArena {
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit {
        Native.fits(transport, model)
    }

    fn terms(&self, transport: &dyn Transport, model: &dyn Model, options: &Options, cores: u64) -> Terms {
        Native.terms(transport, model, options, cores)
    }

    fn facts(&self, transport: &dyn Transport, model: &dyn Model, options: &Options) -> Facts {
        let mut facts = Native.facts(transport, model, options);
        facts.insert("memory".to_owned(), "one arena".to_owned());
        facts
    }

    fn command(
        &self,
        kit: Option<&Environment>,
        transport: &dyn Transport,
        model: &dyn Model,
        wanted: &Wanted<'_>,
    ) -> Result<Command> {
        let mut command = Native.command(kit, transport, model, wanted)?;
        command.env("MALLOC_ARENA_MAX", "1");
        Ok(command)
    }
}
