//! Where a server listens.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::call::SplitMix;
use crate::error::{Error, ParseError, Result};
use crate::transport::contract::Family;

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// An IP address and port, of TCP or UDP.
    Tcp(SocketAddr),
    /// The name of a host and a port, and the address that they stood for when they were read, once.
    Named {
        /// The host, as it was written.
        host: String,
        /// What is dialled, or listened on.
        at: SocketAddr,
    },
    /// The name of an abstract Unix socket, which leaves no file behind.
    Unix(String),
    /// The path of a Unix socket; ours never listen on one, since it would be left behind.
    Path(PathBuf),
}

impl FromStr for Address {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("unix:@") {
            Some(name) if !name.is_empty() => Ok(Address::Unix(name.to_owned())),
            _ => match (path(text), text.parse()) {
                (Some(path), _) => Ok(Address::Path(path.to_owned())),
                (None, Ok(address)) => Ok(Address::Tcp(address)),
                (None, Err(_)) => named(text),
            },
        }
    }
}

/// The path of a Unix socket that a text names.
fn path(text: &str) -> Option<&Path> {
    text.strip_prefix("unix:").filter(|path| path.starts_with('/')).map(Path::new)
}

/// The host and the port that a text names.
fn host_and_port(text: &str) -> Option<(&str, u16)> {
    let letters = |host: &str| host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    let (host, port) = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && letters(host))?;
    Some((host, port.parse().ok()?))
}

/// What kind of address it is that clients are to dial, without looking a host up; else what is wrong with it, then
/// what would be right.
pub fn shape(text: &str) -> std::result::Result<Family, ParseError> {
    let unix = text.strip_prefix("unix:@").is_some_and(|name| !name.is_empty()) || path(text).is_some();
    let (port, wildcard) = match text.parse::<SocketAddr>() {
        Ok(address) => (Some(address.port()), !Address::Tcp(address).can_be_dialled()),
        Err(_) => (host_and_port(text).map(|(_, port)| port), false),
    };
    let wrong = |what: &str, help: &str| Err(ParseError::new(format!("`{text}` {what}")).help(help));
    match port {
        _ if unix => Ok(Family::Unix),
        None => wrong("is not an address", "write it like `host:80`, `[::1]:80`, `unix:/path` or `unix:@name`"),
        Some(0) => wrong("has port 0, which cannot be dialled", "write the port on which it listens"),
        Some(_) if wildcard => wrong("says on which addresses something listens", "write one that can be dialled"),
        Some(_) => Ok(Family::Tcp),
    }
}

/// The address of a host by its name, which is looked up now.
fn named(text: &str) -> Result<Address> {
    let (host, port) = host_and_port(text).ok_or_else(|| {
        let help = "write it like `127.0.0.1:0`, `host:80` or `unix:@name`";
        Error::usage(format!("`{text}` is not an address")).help(help)
    })?;
    let unknown = |error| Error::usage(format!("the host `{host}` is not found: {error}")).because(error);
    let found = (host, port).to_socket_addrs().map_err(unknown)?;
    // Of several the one of IPv4, on which the most servers listen.
    let all: Vec<SocketAddr> = found.collect();
    let at = all.iter().find(|at| at.is_ipv4()).or(all.first());
    let at = *at.ok_or_else(|| Error::usage(format!("the host `{host}` has no address")))?;
    Ok(Address::Named { host: host.to_owned(), at })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(address) => write!(f, "{address}"),
            Address::Named { host, at } => write!(f, "{host}:{}", at.port()),
            Address::Unix(name) => write!(f, "unix:@{name}"),
            Address::Path(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Address {
    /// An address on this machine that nobody else has: port 0, or a fresh abstract name.
    pub fn any(family: Family) -> Self {
        match family {
            Family::Tcp | Family::Udp => Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0))),
            Family::Unix => {
                let clock = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos() as u64;
                let random = SplitMix::new(clock ^ u64::from(std::process::id()) << 32).next();
                Address::Unix(format!("engine-{random:016x}"))
            }
        }
    }

    /// Whether clients can dial it: a wildcard says where a server listens, and not where it is.
    pub fn can_be_dialled(&self) -> bool {
        !self.ip().is_some_and(|address| address.ip().to_canonical().is_unspecified())
    }

    /// The IP address and the port, where it has them.
    pub fn ip(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(address) | Address::Named { at: address, .. } => Some(*address),
            Address::Unix(_) | Address::Path(_) => None,
        }
    }

    /// What kind of socket it is of.
    pub(crate) fn family(&self) -> Family {
        match self {
            Address::Tcp(_) | Address::Named { .. } => Family::Tcp,
            Address::Unix(_) | Address::Path(_) => Family::Unix,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, shape};
    use crate::transport::contract::Family;

    #[test]
    fn the_shape_of_an_address_is_told_without_looking_a_host_up() {
        for (text, family) in [
            ("nobody.invalid:80", Ok(Family::Tcp)),
            ("127.0.0.1:80", Ok(Family::Tcp)),
            ("[::1]:80", Ok(Family::Tcp)),
            ("unix:/run/a.sock", Ok(Family::Unix)),
            ("unix:@a", Ok(Family::Unix)),
            ("unix:a.sock", Err("is not an address")),
            ("host", Err("is not an address")),
            ("http://host:80", Err("is not an address")),
            ("host:0", Err("port 0")),
            ("0.0.0.0:80", Err("something listens")),
        ] {
            match (shape(text), family) {
                (Ok(told), Ok(family)) => assert_eq!(told, family, "{text}"),
                (Err(told), Err(why)) => assert!(told.what().contains(why), "{text}: {told}"),
                (told, _) => panic!("{text}: {told:?}"),
            }
        }
    }

    #[test]
    fn a_host_is_looked_up_once_and_keeps_its_name() {
        let address: Address = "localhost:80".parse().expect("every machine knows itself");
        assert_eq!(address.to_string(), "localhost:80");
        assert!(address.ip().is_some_and(|at| at.ip().is_loopback() && at.port() == 80), "{address:?}");
        assert!(address.can_be_dialled());
        let refused = |text: &str| text.parse::<Address>().expect_err("it is none");
        for text in ["nowhere", "host:", "host:65536", ":80", "a host:80", "http://host:80", "unix:@"] {
            let error = refused(text);
            assert_eq!(error.message(), format!("`{text}` is not an address"));
            assert!(error.remedy().is_some_and(|help| help.starts_with("write it like ")), "{error}");
        }
        let path: Address = "unix:/run/a.sock".parse().expect("a path");
        assert_eq!(path.to_string(), "unix:/run/a.sock");
        let unknown = refused("nobody.invalid:80");
        assert!(unknown.message().starts_with("the host `nobody.invalid` is not found: "), "{unknown}");
    }
}
