//! Options that several transports share, and what is to be said of them.

use crate::transport::option::{OptionKind, OptionSpec, Options};
use crate::transport::terms::{Congestion, Connection, Encrypted, Handshake, Terms};
use crate::units::MOST_CLIENTS;

/// Whether bytes travel in TLS.
pub const TLS: OptionSpec = OptionSpec {
    name: "tls",
    about: "whether connections are encrypted, with TLS 1.3 and a certificate made at launch, which clients verify",
    kind: OptionKind::Flag,
    default: "false",
};

/// Whether a handshake may build on an earlier one.
pub const RESUMPTION: OptionSpec = OptionSpec {
    name: "resumption",
    about: "whether a TLS handshake may resume an earlier session, which spares the certificate",
    kind: OptionKind::Flag,
    default: "false",
};

/// Whether small segments leave at once.
pub const NODELAY: OptionSpec = OptionSpec {
    name: "nodelay",
    about: "whether both ends send small segments at once (TCP_NODELAY) instead of waiting for acknowledgements",
    kind: OptionKind::Flag,
    default: "true; at Python ends as they have it",
};

/// Which congestion control both ends use.
pub const CONGESTION: OptionSpec = OptionSpec {
    name: "congestion",
    about: "the congestion control of both ends: one of the kernel's tcp_available_congestion_control; on QUIC cubic, newreno or bbr",
    kind: OptionKind::Name("cubic"),
    default: "the kernel's; on QUIC that algorithm too where it has it, else cubic",
};

/// The option by which another name than the address's is asked for in a handshake; only own servers have it.
pub const SERVER_NAME: &str = "server-name";

/// How many clients share a connection.
pub const STREAMS: OptionSpec = OptionSpec {
    name: "streams",
    about: "how many clients share a connection, each with a stream of its own",
    kind: OptionKind::Count(1, MOST_CLIENTS),
    default: "1",
};

/// Whether clients send back the cookies that they are given.
pub const COOKIES: OptionSpec = OptionSpec {
    name: "cookies",
    about: "whether each client of an own server sends back the cookies that it is given, by their paths, until they are taken away",
    kind: OptionKind::Flag,
    default: "false",
};

/// Whose calls a connection carries, where `streams` may let clients share it.
pub fn shared(options: &Options) -> Connection {
    match options.count(STREAMS.name).unwrap_or(1) {
        1 => Connection::Kept,
        streams => Connection::Streams(streams),
    }
}

/// What the shared options make of a transport over TCP: whether it is encrypted, and how its sockets behave.
pub fn terms(options: &Options) -> Terms {
    let control = options.word(CONGESTION.name);
    Terms {
        encrypted: Some(if encrypts(options) { Encrypted::Tls(handshake(options)) } else { Encrypted::No }),
        nodelay: Some(options.flag(NODELAY.name, true)),
        congestion: Some(control.map_or(Congestion::Kernel, |name| Congestion::Named(name.to_owned()))),
        ..Terms::default()
    }
}

/// How its handshakes are made, where it is encrypted.
pub fn handshake(options: &Options) -> Handshake {
    if resumes(options) { Handshake::Resumed } else { Handshake::Full }
}

/// True where connections are encrypted.
pub fn encrypts(options: &Options) -> bool {
    options.flag(TLS.name, false)
}

/// True where a handshake may build on an earlier one.
pub fn resumes(options: &Options) -> bool {
    options.flag(RESUMPTION.name, false)
}
