//! What a server model is, and what it is given to serve.

use std::sync::Arc;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::acceptor::Acceptor;
use crate::server::ballast::BALLAST;
use crate::server::service::Service;
use crate::transport::contract::{Executors, Facts, ServerCodec, StreamProtocol, Transport};
use crate::transport::option::{OptionSpec, Options};
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

    /// Why it cannot be given these options with that transport, if it cannot.
    fn declines(&self, transport: &dyn Transport, options: &Options) -> Option<String> {
        let _ = (transport, options);
        None
    }

    /// How many workers share the calls on so many cores, where their number is fixed.
    fn workers(&self, options: &Options, cores: u64) -> Option<u64> {
        let _ = (options, cores);
        None
    }

    /// How it executes calls of a protocol whose library owns its IO, or in words why it cannot.
    fn executes(&self) -> Executes;

    /// What a reader has to know to compare it fairly, with these options.
    fn facts(&self, options: &Options) -> Facts;

    /// Serves until the acceptor says shutdown. Called with one thread running and the address already listening;
    /// `acceptor.announce()` prints the ready line.
    fn serve(&self, acceptor: Acceptor, host: Host) -> Result<()>;
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
