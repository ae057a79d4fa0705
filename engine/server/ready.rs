//! The one line that a server prints: that it listens, and where.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::transport::contract::Facts;

/// What a server says of itself once it listens: the one line that it prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// `127.0.0.1:40123`, or `unix:@name`.
    pub address: String,
    /// Its process.
    pub pid: u32,
    /// The token that it answers to [`crate::call::CallSpec::Nonce`].
    pub nonce: String,
    /// What a reader has to know to compare it fairly.
    pub facts: Facts,
    /// The certificate by which clients verify this server (PEM), where it speaks TLS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
}

impl Ready {
    /// What this process says that listens on `address`; the rest goes into the line as it is.
    pub fn of(address: String, nonce: String, facts: Facts, ca: Option<String>) -> Self {
        Ready { address, pid: std::process::id(), nonce, facts, ca }
    }

    /// Prints the ready line: the server is listening.
    pub fn announce(&self) -> Result<()> {
        let line = ReadyLine { ready: self.clone() };
        let line = serde_json::to_string(&line).map_err(|error| Error::failed(error.to_string()))?;
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}").and_then(|()| stdout.flush()).doing("cannot print the ready line")
    }
}

/// The line around [`Ready`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadyLine {
    /// The server is listening.
    pub ready: Ready,
}
