//! The lines between an agent and what keeps a command of the user's own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::transport::contract::Family;

/// A line to the keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ToKeeper {
    /// What to launch; the first line of all.
    Keep(Keep),
    /// End it in order.
    Stop {},
}

/// A command to launch. Its words and variables are templates, in which `${port}`, `${host}`, `${address}` and `${socket}`
/// are left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// The program and its arguments.
    pub words: Vec<String>,
    /// Variables of its environment, on top of ours.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// The folder in which it runs.
    pub folder: PathBuf,
    /// The host on which it has to listen.
    pub host: String,
    /// On what kind of address it will be dialled.
    pub family: Family,
    /// How long it may take until it listens, in nanoseconds.
    pub within_ns: u64,
}

/// Why a command cannot be measured: said on stderr, as one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// What happened.
    pub reason: String,
    /// What it wrote, from both ends where it is long; for the terminal alone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub wrote: String,
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        let error = Error::failed(failed.reason);
        if failed.wrote.is_empty() { error } else { error.wrote(failed.wrote) }
    }
}
