//! The options that only a server of the user's own has: how TLS knows whom it talks to.

use crate::transport::option::{OptionKind, OptionSpec, Options};
use crate::transport::options;
use crate::transport::terms::Handshake;

/// A file with the certificates that are trusted.
pub const CA: OptionSpec = OptionSpec {
    name: "ca",
    about: "a file with the certificates (PEM) by which the server is known, in place of the system's",
    kind: OptionKind::Text("tls/ca.pem"),
    default: "the system's",
};

/// A file with the client's certificate.
pub const CERT: OptionSpec = OptionSpec {
    name: "cert",
    about: "a file with the certificates (PEM) by which clients say who they are; it needs `key`",
    kind: OptionKind::Text("tls/client.pem"),
    default: "none",
};

/// A file with its key.
pub const KEY: OptionSpec = OptionSpec {
    name: "key",
    about: "a file with the private key (PEM) of `cert`",
    kind: OptionKind::Text("tls/client.key"),
    default: "none",
};

/// Another name than that of the address.
pub const SERVER_NAME: OptionSpec = OptionSpec {
    name: options::SERVER_NAME,
    about: "the name that the server's certificate must have, and that clients ask for (SNI)",
    kind: OptionKind::Text("shop.example"),
    default: "the host of the address",
};

/// Nobody is verified.
pub const INSECURE: OptionSpec = OptionSpec {
    name: "insecure",
    about: "whether clients take any certificate for the server's, as nobody should outside a test",
    kind: OptionKind::Flag,
    default: "false",
};

/// All of them.
pub static OPTIONS: [OptionSpec; 5] = [CA, CERT, KEY, SERVER_NAME, INSECURE];

/// The names of files among the options, which are read in the scenario's folder.
pub const FILES: [&str; 3] = [CA.name, CERT.name, KEY.name];

/// What they make of a connection with such handshakes, in words.
pub(crate) fn encrypted(options: &Options, handshake: Handshake) -> String {
    let resumed = match handshake {
        Handshake::Resumed => "sessions resumed",
        Handshake::Full => "a full handshake for each connection",
    };
    let known = match (options.flag(INSECURE.name, false), options.word(CA.name)) {
        (true, _) => "the server's certificate NOT verified".to_owned(),
        (false, Some(file)) => format!("the server known by `{file}`"),
        (false, None) => "the server known by the system's certificates".to_owned(),
    };
    let client = if options.word(CERT.name).is_some() { ", the client by a certificate" } else { "" };
    format!("TLS, {resumed}, {known}{client}")
}
