//! On what terms a target serves its calls: what a fair comparison holds equal, or asks about.
//!
//! Programs decide by these types; what reports say of them is made here, and never read back.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::{Size, Time};

/// The terms of one target; what it does not tell, or what it has not, is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Terms {
    /// Whether bytes travel encrypted, and how handshakes are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Encrypted>,
    /// What is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<Compressed>,
    /// Whether a connection carries more than one call, where the protocol leaves the choice.
    #[serde(rename = "keep-alive", skip_serializing_if = "Option::is_none")]
    pub keep_alive: Option<bool>,
    /// Whose calls a connection carries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connection: Option<Connection>,
    /// Whether small segments leave at once, where that was chosen here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nodelay: Option<bool>,
    /// Whose congestion control it has; what needs no network has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub congestion: Option<Congestion>,
    /// How many workers share the calls, where their number is fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<u64>,
    /// How much memory it holds from before it serves, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ballast: Option<u64>,
}

/// Whether bytes travel encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encrypted {
    /// In clear.
    No,
    /// In TLS 1.3, over the stream.
    Tls(Handshake),
    /// In TLS 1.3 as part of QUIC.
    Quic(Handshake),
}

/// How a connection proves who is at its other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Handshake {
    /// With a certificate each time.
    Full,
    /// By an earlier session, where there was one.
    Resumed,
}

/// What is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compressed {
    /// Nothing.
    No,
    /// Names and values of header fields, and no body.
    Headers,
    /// Frames that are longer than so many bytes, bodies among them.
    Frames(u64),
}

/// Whose calls a connection carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Connection {
    /// All calls of one client.
    Kept,
    /// All calls of one client, who has to dial anew after having been idle for so many nanoseconds.
    KeptFor(u64),
    /// One call: the server closes it after the reply.
    Closed,
    /// The calls of up to so many clients at a time, on a stream each.
    Streams(u64),
    /// The calls of all clients, who share so many connections.
    Pool(u64),
}

/// Whose congestion control a target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Congestion {
    /// What the kernel of the machine uses when nobody asks.
    Kernel,
    /// The algorithm that the kernel uses when nobody asks, of that name, by an implementation of its own.
    Likewise(String),
    /// The one of that name.
    Named(String),
}

impl Encrypted {
    /// The handshake; none in clear.
    pub fn handshake(self) -> Option<Handshake> {
        match self {
            Encrypted::No => None,
            Encrypted::Tls(handshake) | Encrypted::Quic(handshake) => Some(handshake),
        }
    }
}

impl Compressed {
    /// True where bodies are.
    pub fn bodies(self) -> bool {
        matches!(self, Compressed::Frames(_))
    }
}

impl Connection {
    /// True where several clients use one connection.
    pub fn is_shared(self) -> bool {
        matches!(self, Connection::Streams(_) | Connection::Pool(_))
    }
}

impl Terms {
    /// Whether a connection is made for each call; none where that is not known.
    pub fn dials_each_call(&self) -> Option<bool> {
        let closed = self.connection.map(|connection| connection == Connection::Closed);
        match (self.keep_alive, closed) {
            (None, None) => None,
            (kept, closed) => Some(kept == Some(false) || closed == Some(true)),
        }
    }

    /// Whether clients share connections; none where that is not known.
    pub fn shares(&self) -> Option<bool> {
        self.connection.map(Connection::is_shared).or(self.keep_alive.map(|_| false))
    }

    /// What a reader has to know of them, by name: short words, such as `encrypted: no`.
    pub fn words(&self) -> BTreeMap<String, String> {
        let kept = |kept: bool| if kept { "yes" } else { "no: a connection for each call" }.to_owned();
        let named = |control: &Congestion| match control {
            Congestion::Kernel => None,
            Congestion::Named(name) | Congestion::Likewise(name) => Some(name.clone()),
        };
        let waits = self.nodelay == Some(false);
        let words = [
            ("encrypted", self.encrypted.map(|it| it.to_string())),
            ("compressed", self.compressed.map(|it| it.to_string())),
            ("keep-alive", self.keep_alive.map(kept)),
            ("connection", self.connection.map(|it| it.to_string())),
            ("nodelay", waits.then(|| "no: small segments wait for acknowledgements (Nagle)".to_owned())),
            ("congestion", self.congestion.as_ref().and_then(named)),
            ("workers", self.workers.map(|count| count.to_string())),
            ("ballast", self.ballast.map(held)),
        ];
        words.into_iter().filter_map(|(name, words)| Some((name.to_owned(), words?))).collect()
    }
}

/// How much is held, in words.
pub fn held(bytes: u64) -> String {
    format!("{} held from before serving", Size(bytes))
}

impl fmt::Display for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Encrypted::No => "no",
            Encrypted::Tls(Handshake::Full) => "TLS 1.3, a full handshake for each connection",
            Encrypted::Tls(Handshake::Resumed) => "TLS 1.3, sessions resumed",
            Encrypted::Quic(Handshake::Full) => {
                "TLS 1.3 in QUIC, a full handshake for each connection, as part of the dial"
            }
            Encrypted::Quic(Handshake::Resumed) => {
                "TLS 1.3 in QUIC, sessions resumed for each connection, as part of the dial"
            }
        })
    }
}

impl fmt::Display for Compressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Compressed::No => f.write_str("no"),
            Compressed::Headers => f.write_str("header fields only"),
            Compressed::Frames(bytes) => write!(f, "frames over {bytes} bytes, zlib"),
        }
    }
}

impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Connection::Kept => f.write_str("kept for all calls of a client"),
            Connection::KeptFor(ns) => {
                write!(f, "kept, closed when idle for {}", Time(std::time::Duration::from_nanos(*ns)))
            }
            Connection::Closed => f.write_str("closed after each reply, as this server always does"),
            Connection::Streams(clients) => write!(f, "kept for all calls of up to {clients} clients"),
            Connection::Pool(count) => write!(f, "{count} for all clients"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Compressed, Congestion, Connection, Encrypted, Handshake, Terms};

    #[test]
    fn words_are_made_of_the_types_and_the_types_travel_as_json() {
        let terms = Terms {
            encrypted: Some(Encrypted::Quic(Handshake::Full)),
            compressed: Some(Compressed::Frames(3000)),
            keep_alive: Some(false),
            connection: Some(Connection::Pool(2)),
            nodelay: Some(false),
            congestion: Some(Congestion::Named("bbr".to_owned())),
            workers: Some(4),
            ballast: Some(150 << 20),
        };
        let words = terms.words();
        let told: Vec<&str> = words.values().map(String::as_str).collect();
        assert_eq!(
            told,
            [
                "150MiB held from before serving",
                "frames over 3000 bytes, zlib",
                "bbr",
                "2 for all clients",
                "TLS 1.3 in QUIC, a full handshake for each connection, as part of the dial",
                "no: a connection for each call",
                "no: small segments wait for acknowledgements (Nagle)",
                "4",
            ]
        );
        let json = serde_json::to_string(&terms).expect("JSON");
        assert_eq!(serde_json::from_str::<Terms>(&json).expect("terms"), terms);
        assert_eq!((serde_json::json!(Terms::default()), Terms::default().words().len()), (serde_json::json!({}), 0));
    }

    #[test]
    fn what_is_not_told_decides_nothing() {
        let of = |keep_alive, connection| Terms { keep_alive, connection, ..Terms::default() };
        assert_eq!((of(None, None).dials_each_call(), of(None, None).shares()), (None, None));
        assert_eq!(of(Some(true), None).dials_each_call(), Some(false));
        assert_eq!(of(Some(true), Some(Connection::Closed)).dials_each_call(), Some(true));
        assert_eq!(of(Some(false), Some(Connection::Pool(1))).dials_each_call(), Some(true));
        assert_eq!(of(Some(true), None).shares(), Some(false));
        assert_eq!(of(None, Some(Connection::Streams(4))).shares(), Some(true));
    }
}
