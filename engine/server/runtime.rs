//! Serves a protocol whose library owns its IO: all of it on the one thread of a runtime.

use std::net::UdpSocket;
use std::sync::Arc;

use tokio::task::LocalSet;

use crate::error::{Context, Error, Result};
use crate::server::acceptor::stopped;
use crate::server::ready::Ready;
use crate::transport::contract::{AsyncProtocol, Executors, Facts, ServerContext};
use crate::transport::peers::Peers;

/// What is served, and what it is served with.
pub struct Hosted {
    /// The protocol.
    pub protocol: &'static dyn AsyncProtocol,
    /// What its end is told.
    pub context: ServerContext,
    /// Where datagrams come in.
    pub socket: UdpSocket,
    /// Whose.
    pub peers: Peers,
    /// How it proves who it is.
    pub tls: Arc<rustls::ServerConfig>,
    /// The server model's way of executing calls.
    pub executors: Executors,
}

/// What a reader has to know of every such server, whatever its model says of itself.
pub fn facts() -> Facts {
    [
        ("io", "one runtime thread owns it; the model executes the calls"),
        ("waits", "event loop on the runtime's thread"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

impl Hosted {
    /// Prints the ready line, with one thread at that moment, and serves until stdin ends.
    pub fn serve(self, ready: &Ready) -> Result<()> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot start a runtime")?;
        let served = LocalSet::new().block_on(&runtime, async {
            let Hosted { protocol, context, socket, peers, tls, executors } = self;
            let serving = protocol.serve(&context, socket, peers, tls, executors)?;
            ready.announce()?;
            tokio::select! {
                () = stopped() => Ok(()),
                () = serving => Err(Error::failed("the server's socket has failed")),
            }
        });
        runtime.shutdown_background();
        served
    }
}
