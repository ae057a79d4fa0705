//! `engine keep`: launches a command of the user's own, as stdin says, and leaves nothing of it running.

use std::io::Write;

use clap::Args;

use crate::error::{Context, Exit, Result};
use crate::place::keep::keep;

/// Speaks the ready line of `engine serve`; what goes wrong is one JSON object on stderr.
#[derive(Debug, Args)]
pub(crate) struct Keep {}

impl Keep {
    pub(crate) fn run(self) -> Result<Exit> {
        let Err(failed) = keep() else { return Ok(Exit::Success) };
        let line = serde_json::to_string(&failed).doing("writing why the command failed")?;
        // Nobody is left to tell where stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{line}");
        Ok(Exit::Failed)
    }
}
