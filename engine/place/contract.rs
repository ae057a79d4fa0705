//! What a place is: somewhere that ends can run.

use std::process::Command;

use crate::error::Result;
use crate::registry::Entry;

/// Where ends run. It only says how an agent is reached there: what an agent does is the same everywhere.
pub trait Place: Entry + Sync {
    /// How an agent there is reached.
    fn reach(&self) -> Result<Reach>;
}

/// How an agent is reached.
#[derive(Debug)]
pub enum Reach {
    /// It is this very process.
    Directly,
    /// By a command that runs `engine agent` there, with our pipes as its stdin and stdout.
    By(Command),
}
