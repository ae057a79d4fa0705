//! TLS 1.3 (RFC 8446) around any stream protocol: a codec around a codec, at either end.
//!
//! With servers that are not ours 1.2 is spoken too.
//!
//! rustls is a state machine as the protocols inside are, so that no model has to know whether it serves TLS.
//! Tickets are sent and sessions kept only where the option `resumption` asks for it.

mod certificate;
mod client;
mod server;
mod session;
mod verification;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::{Ticketer, default_provider};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};

use crate::call::CallError;
use crate::error::{Context, Error, Result};
use crate::transport::address::Address;
use crate::transport::contract::{ClientCodec, ServerCodec};
use crate::transport::option::Options;
use crate::transport::options::{encrypts, resumes};
use crate::transport::tls::certificate::Issued;
use crate::transport::tls::client::TlsClient;
use crate::transport::tls::server::TlsServer;

pub use crate::transport::tls::verification::Verification;

/// How many sessions a client keeps for resumption.
const SESSIONS: usize = 256;
/// More bytes than the state of a session takes in a ticket.
const TICKET: usize = 1024;

/// What is being done where an identity cannot be had.
const DOING: &str = "cannot make a certificate";

/// Who a server is: a certificate of its own, and the authority that signed it.
#[derive(Debug, Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    ca: String,
}

impl Identity {
    /// A fresh identity for a server on `address`, or none where `options` do not ask for TLS.
    ///
    /// `alpn` are the protocol's names in the handshake (RFC 7301). The error says what cannot be made.
    pub fn of(options: &Options, alpn: &[&str], address: &Address) -> Result<Option<Self>> {
        encrypts(options).then(|| Self::fresh(resumes(options), alpn, address)).transpose()
    }

    /// A fresh identity for a server on `address`, whose sessions may be resumed or not.
    pub fn fresh(resumed: bool, alpn: &[&str], address: &Address) -> Result<Self> {
        let Issued { ca, chain, key } = certificate::issue(address).doing(DOING)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .doing(DOING)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .doing(DOING)?;
        config.alpn_protocols = names(alpn);
        // Tickets, not a store: the children of a fork know the key of the tickets, and share no memory.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        if resumed {
            config.ticketer = Ticketer::new().doing(DOING)?;
            // It takes no ticket longer than any it has made, and a forked child has made none yet.
            let _ = config.ticketer.encrypt(&[0; TICKET]);
        } else {
            config.send_tls13_tickets = 0;
        }
        let config = Arc::new(config);
        // What this allows is allowed for every connection.
        ServerConnection::new(config.clone()).doing(DOING)?;
        Ok(Identity { config, ca })
    }

    /// What a library is told that does its handshakes itself.
    pub fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// The certificate of the authority by which clients know this server, PEM.
    pub fn ca(&self) -> &str {
        &self.ca
    }

    /// The server's end of a new connection, secured.
    pub fn secure(&self, inner: Box<dyn ServerCodec>) -> Box<dyn ServerCodec> {
        let session = ServerConnection::new(self.config.clone()).unwrap_or_else(|_| unreachable!());
        Box::new(TlsServer::new(session, inner))
    }
}

/// Whom a client trusts: the authority of the server that was launched, and nobody else.
#[derive(Debug, Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    server: ServerName<'static>,
}

impl Trust {
    /// Trust in the server on `address` by the certificate `ca` (PEM), or none where `options` do not ask for TLS.
    ///
    /// The error says what is missing.
    pub fn of(options: &Options, alpn: Option<&str>, ca: Option<&str>, address: &Address) -> Result<Option<Self>> {
        encrypts(options).then(|| Self::with_ca(resumes(options), alpn, ca, address)).transpose()
    }

    /// Trust in the server on `address` by the certificate `ca` (PEM), whose sessions may be resumed or not.
    pub fn with_ca(resumed: bool, alpn: Option<&str>, ca: Option<&str>, address: &Address) -> Result<Self> {
        let ca = ca.ok_or_else(|| Error::usage("TLS needs `ca`, the certificate by which the server is known"))?;
        let mut roots = RootCertStore::empty();
        let none = "`ca` is not a certificate";
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes()).doing(none)?).doing(none)?;
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .doing("TLS 1.3 cannot be had")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = names(alpn.as_slice());
        config.resumption = if resumed { Resumption::in_memory_sessions(SESSIONS) } else { Resumption::disabled() };
        Ok(Trust { config: Arc::new(config), server: name_of(address)? })
    }

    /// Trust in a server that is not ours, as `verification` has it; over QUIC, which knows TLS 1.3 only, `modern`.
    ///
    /// The error says which file is no good.
    pub fn verified(
        verification: &Verification,
        modern: bool,
        resumed: bool,
        alpn: Option<&str>,
        address: &Address,
    ) -> Result<Self> {
        let versions: &[_] = if modern { &[&TLS13] } else { &[&TLS13, &TLS12] };
        let mut config = verification.config(provider(), versions)?;
        config.alpn_protocols = names(alpn.as_slice());
        config.resumption = if resumed { Resumption::in_memory_sessions(SESSIONS) } else { Resumption::disabled() };
        let server = match &verification.name {
            Some(name) => ServerName::try_from(name.clone()).doing("`server-name`")?,
            None => name_of(address)?,
        };
        Ok(Trust { config: Arc::new(config), server })
    }

    /// What a library is told that does its handshakes itself.
    pub fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// The client's end of a new connection, secured; a fault of class `connect` where none can be begun.
    pub fn secure(&self, inner: Box<dyn ClientCodec>) -> std::result::Result<Box<dyn ClientCodec>, CallError> {
        let session = ClientConnection::new(self.config.clone(), self.server.clone())
            .map_err(|error| CallError::connect(format!("a TLS handshake cannot be begun: {error}")))?;
        Ok(Box::new(TlsClient::new(session, inner)))
    }
}

/// The name by which a server on `address` is known.
fn name_of(address: &Address) -> Result<ServerName<'static>> {
    Ok(match address {
        Address::Tcp(address) => address.ip().into(),
        Address::Named { host, .. } => {
            ServerName::try_from(host.clone()).doing(format_args!("no certificate can be for `{host}`"))?
        }
        Address::Unix(_) | Address::Path(_) => IpAddr::from(Ipv4Addr::LOCALHOST).into(),
    })
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(default_provider())
}

fn names(alpn: &[&str]) -> Vec<Vec<u8>> {
    alpn.iter().map(|name| name.as_bytes().to_vec()).collect()
}
