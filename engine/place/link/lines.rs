//! The lines between a run and the process of a link: one JSON object each.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::place::link::namespaces::Inside;
use crate::place::link::probe::Shown;
use crate::place::messages::RemoteError;
use crate::results::link::Carried;

/// A line to the process of a link; the end of its stdin ends it, and the networks with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum ToLink {
    /// A window begins: count from now on.
    Begin {},
    /// It has ended: say what was carried.
    End {},
}

/// A line from the process of a link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum FromLink {
    /// It is there, and carries.
    Laid(Networks),
    /// It counts.
    Begun {},
    /// What was carried.
    Carried(Carried),
    /// What a probe of it showed.
    Shown(Shown),
    /// It cannot be laid.
    Refused(RemoteError),
}

/// Where the two ends are to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// The server's.
    pub server: Network,
    /// The client's.
    pub client: Network,
}

/// Where one end is to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// How a process gets into it.
    pub inside: Inside,
    /// The address that it has there.
    pub address: Ipv4Addr,
}
