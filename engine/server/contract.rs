//! What a server model is, and what it is given to serve.

use std::io::{self, Write};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};
use crate::registry::Entry;
use crate::server::ballast::BALLAST;
use crate::server::door::Door;
use crate::server::service::Service;
use crate::transport::contract::{Executors, Facts, OptionSpec, Options, ServerCodec, StreamProtocol, Transport};
use crate::transport::tls::Identity;

/// How a server gives clients their turn. One file implements it and one line registers it.
pub trait Model: Entry + Sync {
    /// The options that this model understands; every server can hold a ballast.
    fn options(&self) -> &'static [OptionSpec] {
        &[BALLAST]
    }

    /// Why this model cannot host that transport, if it cannot.
    fn refuses(&self, transport: &dyn Transport) -> Option<String> {
        let _ = transport;
        None
    }

    /// How it executes calls of a protocol whose library owns its IO, or in words why it cannot.
    fn executes(&self) -> Executes;

    /// What a reader has to know to compare it fairly, with these options.
    fn facts(&self, options: &Options) -> Facts;

    /// Serves until the door says stop. Called with one thread running and the address already listening;
    /// `door.announce()` prints the ready line.
    fn serve(&self, door: Door, host: Host) -> Result<()>;
}

/// Makes what executes the calls of a service, with the options of the target; or why that cannot be, in words.
pub type Executes = std::result::Result<fn(Arc<Service>, &Options) -> Executors, &'static str>;

/// What every connection of one server shares.
#[derive(Clone)]
pub struct Host {
    /// Makes the server's end of each connection.
    pub protocol: &'static dyn StreamProtocol,
    /// What each end is told.
    pub context: crate::transport::contract::ServerContext,
    /// Executes calls.
    pub service: Arc<Service>,
    /// Who this server is in TLS, where its connections are encrypted.
    pub identity: Option<Identity>,
}

impl Host {
    /// The server's end of a new connection.
    pub fn codec(&self) -> Box<dyn ServerCodec> {
        let codec = self.protocol.server(&self.context);
        match &self.identity {
            None => codec,
            Some(identity) => identity.secure(codec),
        }
    }
}

/// What a server says of itself once it listens: the one line that it prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// `127.0.0.1:40123`, or `unix:@name`.
    pub address: String,
    /// Its process.
    pub pid: u32,
    /// The token that it answers to [`crate::call::Ask::Nonce`].
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
