//! The places by `command`: whatever a command of the user's own reaches, such as containers and pods.

use crate::error::{Error, Result};
use crate::place::contract::{Host, Place, Prefix, Reach, filled};
use crate::registry::Entry;

/// The places by `command`.
pub struct ByCommand;

impl Entry for ByCommand {
    fn name(&self) -> &'static str {
        "command"
    }
    fn about(&self) -> &'static str {
        "what a command of your own reaches, such as containers"
    }
}

impl Place for ByCommand {
    fn reach(&self, host: &Host) -> Result<Reach> {
        let run = host.run.as_deref().unwrap_or_default();
        // Cut first, so that no name of a host becomes two words.
        let words = shell_words::split(run).unwrap_or_default();
        let words: Vec<String> = words.iter().map(|word| filled(word, &host.name)).collect();
        match words.is_empty() {
            true => Err(Error::failed(format!("nothing says how a command is started on {host}"))),
            false => Ok(Reach::Through(Prefix { words, shell: false })),
        }
    }
}
