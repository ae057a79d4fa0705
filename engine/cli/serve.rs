//! `engine serve`: one server, by hand or launched by a run.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use crate::call::{FillKind, Word};
use crate::cli::one_of::OneOf;
use crate::cli::{caution, completions};
use crate::error::{Context, Error, Exit, Result};
use crate::registry::{find, suggestion};
use crate::server::MODELS;
use crate::server::acceptor::Acceptor;
use crate::server::ballast::Ballast;
use crate::server::contract::Host;
use crate::server::injected_fault::InjectedFault;
use crate::server::ready::Ready;
use crate::server::runtime::Hosted;
use crate::server::service::{Service, fresh_nonce};
use crate::server::workers::cores;
use crate::stack::pairing::Pairing;
use crate::stack::{driver, native};
use crate::transport::TRANSPORTS;
use crate::transport::address::Address;
use crate::transport::contract::{Family, IoModel, ServerContext};
use crate::transport::descriptors;
use crate::transport::held::{HELD, Hold};
use crate::transport::option::Options;
use crate::transport::options::resumes;
use crate::transport::peers::Peers;
use crate::transport::socket::{Listener, SocketOptions, bind_datagrams};
use crate::transport::tls::Identity;
use crate::units::Size;

/// The longest body that a server takes in.
const BODY_LIMIT: u64 = 1 << 32;

/// Listens, prints one line of JSON when ready, and serves until stdin is at its end.
///
/// A closed pipe is at its end, and so are a file and /dev/null from the beginning: in the background give it a stdin
/// that stays open, such as `sleep infinity | engine serve …`.
///
/// What strangers can make it hold is bounded. For the server as a whole: bodies to be echoed (`--hold`), connections by
/// its descriptors (`ulimit -n`; who finds none waits until somebody leaves), over QUIC 100,000 connections, 4,096
/// unfinished handshakes of at most 10 s each, and from 1,024 of them on only of clients that have proved where they
/// are. For each connection: a head of 32 KiB on HTTP, a body of 4 GiB that is counted and not kept (an echo of
/// 256 MiB on rpyc), 4,096 calls at a time on http2 and grpc, and on QUIC twice its option `streams`, at least 100.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// How bytes travel and calls are framed
    #[arg(long, value_name = "NAME", value_parser = OneOf::names(TRANSPORTS))]
    transport: String,
    /// How clients get their turn
    #[arg(long, value_name = "NAME", value_parser = OneOf::names(MODELS))]
    server: String,
    /// Where to listen: `127.0.0.1:0` or `unix:@name` [default: a free address on this machine]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Take connections of this address only, and close those of others; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    only: Vec<IpAddr>,
    /// An option of the transport or server model; may be repeated
    #[arg(long = "option", value_name = "NAME=VALUE", add = completions::options())]
    options: Vec<String>,
    /// The bytes of downloads [default: the reference suite's, x for data and zeros for files]
    #[arg(long, value_name = "FILL", value_parser = OneOf::words::<FillKind>())]
    fill: Option<String>,
    /// The seed of those bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The token by which clients know this server [default: a fresh one]
    #[arg(long, value_name = "TOKEN")]
    nonce: Option<String>,
    /// Write the certificate by which clients verify this server (PEM), for a target with `tls=true`
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The most that is held of bodies to be echoed, all connections together; what does not fit is refused
    #[arg(long, value_name = "SIZE", default_value_t = Size(HELD))]
    hold: Size,
    /// Impair the service: delay=20ms, burn=50ms, cold=20ms:5s, drop=0.25, short, corrupt, status=500 or abort
    #[arg(long, value_name = "FAULT")]
    fault: Option<String>,
}

impl Serve {
    pub(crate) fn run(self) -> Result<Exit> {
        descriptors::raise();
        let transport = find("transport", TRANSPORTS, &self.transport)?;
        let model = find("server model", MODELS, &self.server)?;
        let pairing = Pairing::of(transport, model, &native::Native, &driver::native::Native)
            .map_err(|refusal| Error::usage(format!("{} on {}: {}", self.transport, self.server, refusal.reason)))?;
        let options = Options::parse(&self.options, &pairing.options())?;
        let pairing = pairing.with(&options).map_err(|refusal| Error::usage(refusal.reason))?;
        let fill = self.fill.as_deref().map(fill_kind).transpose()?.map(|kind| (kind, self.seed));
        let fault = self.fault.as_deref().map(str::parse::<InjectedFault>).transpose()?;
        let address = match &self.listen {
            Some(text) => text.parse::<Address>()?,
            None => Address::any(transport.family()),
        };
        if !address.can_be_dialled() {
            return Err(Error::usage(format!("`{address}` is every address of this machine, and none that clients can dial"))
                .help("name the one that they shall dial, such as `--listen 127.0.0.1:0`, or that of a network `ip address` shows"));
        }

        if transport.family() == Family::Unix && !self.only.is_empty() {
            return Err(Error::usage(
                "`--only` names addresses of a network, and none is between the ends of a Unix socket",
            ));
        }
        let peers = Peers::only(&self.only);
        let mut facts = pairing.facts(&options, cores());
        facts.extend(fault.map(|fault| ("fault".to_owned(), fault.to_string())));
        // A run gives its servers a token, and ends them by closing their stdin.
        let by_hand = self.nonce.is_none();
        let service = Arc::new(Service::new(self.nonce.unwrap_or_else(fresh_nonce), fill, fault));
        let nonce = service.nonce().to_owned();
        let hold = Hold::new(self.hold.bytes()).doing("cannot map a page")?;
        let context = ServerContext { options, body_limit: BODY_LIMIT, hold };
        let ballast = Ballast::of(&context.options)?;
        let listening = format!("cannot listen on {address}");
        match transport.io_model() {
            IoModel::Stream(protocol) => {
                let sockets = SocketOptions::of(&context.options)?;
                let identity = Identity::of(&context.options, &protocol.alpn_served(), &address)?;
                let ca = identity.as_ref().map(|identity| identity.ca().to_owned());
                publish(self.ca.as_deref(), ca.as_deref())?;
                let listener = Listener::bind(&address, transport.family(), peers, &sockets).doing(listening)?;
                let acceptor = Acceptor::open(listener, nonce, facts, ca)?;
                model.serve(acceptor, Host { protocol, context, service, identity })?;
            }
            IoModel::Async(protocol) => {
                let executors = model.executes().map_err(Error::usage)?(service, &context.options);
                let identity = Identity::fresh(resumes(&context.options), &[protocol.alpn()], &address)?;
                publish(self.ca.as_deref(), Some(identity.ca()))?;
                let socket = bind_datagrams(&address).doing(&listening)?;
                let address = socket.local_addr().doing(&listening)?.to_string();
                let ready = Ready::of(address, nonce, facts, Some(identity.ca().to_owned()));
                Hosted { protocol, context, socket, peers, tls: identity.config(), executors }.serve(&ready)?;
            }
        }
        // Held to the end: a fork of this server inherits it.
        drop(ballast);
        if by_hand {
            caution(&Error::failed("stdin has ended, and with it this server").help(
                "it serves for as long as its stdin is open: in the background give it one that stays open, such as \
                 `sleep infinity | engine serve …`",
            ));
        }
        Ok(Exit::Success)
    }
}

/// Writes the certificate of an authority into the file that was asked for, if one was.
fn publish(file: Option<&Path>, ca: Option<&str>) -> Result<()> {
    match (file, ca) {
        (None, _) => Ok(()),
        (Some(_), None) => Err(Error::usage("`--ca` without TLS").help("add `--option tls=true`")),
        (Some(file), Some(ca)) => fs::write(file, ca).doing(format_args!("cannot write {}", file.display())),
    }
}

fn fill_kind(text: &str) -> Result<FillKind> {
    FillKind::ALL.iter().copied().find(|kind| kind.word() == text).ok_or_else(|| {
        let known: Vec<&str> = FillKind::ALL.iter().map(|kind| kind.word()).collect();
        Error::usage(format!("unknown fill `{text}`")).help(suggestion(text, &known))
    })
}
