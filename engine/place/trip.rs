//! How long a few bytes take from one host to another and back, by a stream between their agents.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, poll};
use serde::{Deserialize, Serialize};

use crate::drive::clock::now_ns;
use crate::error::{Context, Error, Result};

/// Whoever asked to be answered has so long to come, and to say something.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long round trips took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trips {
    /// The shortest, in nanoseconds.
    pub shortest_ns: u64,
    /// The median, in nanoseconds.
    pub median_ns: u64,
    /// The address from which who went came, as the other host sees it.
    pub from: IpAddr,
}

/// Tells the first who comes to a port of that address from where it came, and then answers with what it says, until it
/// leaves; the port.
pub fn echo(host: IpAddr) -> Result<u16> {
    let doing = format!("listening on {host}");
    let listener = TcpListener::bind((host, 0)).doing(&doing)?;
    let port = listener.local_addr().doing(&doing)?.port();
    thread::spawn(move || {
        let mut waiting = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        let comes = poll(&mut waiting, PATIENCE.as_millis() as u16) == Ok(1);
        // Whoever does not come, or leaves, needs no answer.
        let _ = comes.then(|| listener.accept().and_then(|(stream, from)| answer(stream, from.ip())));
    });
    Ok(port)
}

/// An address of either family, as one of IPv6: what goes over the wire first.
const ADDRESS: usize = 16;

fn answer(mut stream: TcpStream, from: IpAddr) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mapped = match from {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    stream.write_all(&mapped.octets())?;
    let mut byte = [0];
    loop {
        match stream.read(&mut byte) {
            Ok(0) => return Ok(()),
            Ok(_) => stream.write_all(&byte)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Goes to whoever answers at that address and back, so often.
pub fn go(address: SocketAddr, count: u32) -> Result<Trips> {
    let doing = format!("going to {address} and back");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).doing(&doing)?;
    stream.set_nodelay(true).doing(&doing)?;
    stream.set_read_timeout(Some(PATIENCE)).doing(&doing)?;
    let mut from = [0; ADDRESS];
    stream.read_exact(&mut from).doing(&doing)?;
    let from = IpAddr::from(from).to_canonical();
    let mut trips = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let sent = now_ns();
        stream.write_all(&[0]).and_then(|()| stream.read_exact(&mut [0])).doing(&doing)?;
        trips.push(now_ns() - sent);
    }
    trips.sort_unstable();
    match (trips.first(), trips.get(trips.len() / 2)) {
        (Some(shortest), Some(median)) => Ok(Trips { shortest_ns: *shortest, median_ns: *median, from }),
        _ => Err(Error::stopped("nobody went")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{echo, go};

    #[test]
    fn a_few_bytes_come_back() {
        let host = Ipv4Addr::LOCALHOST.into();
        let port = echo(host).expect("a port");
        let trips = go((host, port).into(), 40).expect("they come back");
        assert_eq!(trips.from, host);
        assert!(trips.shortest_ns > 0 && trips.shortest_ns <= trips.median_ns, "{trips:?}");
    }
}
