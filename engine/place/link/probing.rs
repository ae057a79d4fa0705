//! Tries a link from both of its networks at once, by sockets that one process has in each.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, connect, socket};

use crate::drive::clock::now_ns;
use crate::error::{Context, Error, Result};
use crate::place::link::lines::{FromLink, ToLink};
use crate::place::link::namespaces::errno;
use crate::place::link::obstacle::{Obstacle, step};
use crate::place::link::probe::{Probe, Shown, UDP_HEADERS};

/// Nothing comes any more after so long in which nothing came.
const SILENCE: Duration = Duration::from_millis(1_500);
/// How much a stream writes and reads at a time.
const PIECE: usize = 64 * 1024;

/// Sockets of one end, or of both.
pub struct Sockets {
    datagrams: UdpSocket,
    server: Option<(UdpSocket, TcpListener)>,
    listener: TcpListener,
    /// Not connected yet.
    stream: OwnedFd,
}

impl Sockets {
    /// Opened in the network that this thread is in.
    pub fn open(address: Ipv4Addr) -> std::result::Result<Self, Obstacle> {
        let doing = step("opening a socket on the link");
        let io = |error: std::io::Error| doing(errno(&error));
        Ok(Sockets {
            datagrams: UdpSocket::bind((address, 0)).map_err(io)?,
            server: None,
            listener: TcpListener::bind((address, 0)).map_err(io)?,
            stream: socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).map_err(&doing)?,
        })
    }

    /// With those of the other end as the server's.
    pub fn facing(self, server: Sockets) -> Self {
        Sockets { server: Some((server.datagrams, server.listener)), ..self }
    }

    fn server(&self) -> Result<&(UdpSocket, TcpListener)> {
        self.server.as_ref().ok_or_else(|| Error::stopped("a probe with one end only"))
    }
}

/// Tries it, while the link counts what it carries: it is told by `told` and answers by `answers`.
pub fn show(probe: Probe, sockets: &Sockets, answers: OwnedFd, told: File) -> Result<Shown> {
    let mut relay = Telling { told, answers: BufReader::new(answers.into()) };
    relay.ask(ToLink::Begin {})?;
    let doing = "probing the link";
    let shown = match probe {
        Probe::Echo { count } => echo(sockets, count).doing(doing)?,
        Probe::Datagrams { count, bytes, gap_ns } => datagrams(sockets, count, bytes, gap_ns).doing(doing)?,
        Probe::Stream { bytes } => stream(sockets, bytes).doing(doing)?,
    };
    match relay.ask(ToLink::End {})? {
        FromLink::Carried(carried) => Ok(Shown { carried, ..shown }),
        other => Err(Error::stopped(format!("the relay said {other:?} where what it carried was due"))),
    }
}

/// The lines to a relay in another thread.
struct Telling {
    told: File,
    answers: BufReader<File>,
}

impl Telling {
    fn ask(&mut self, line: ToLink) -> Result<FromLink> {
        let doing = "speaking to the relay";
        let mut text = serde_json::to_vec(&line).doing(doing)?;
        text.push(b'\n');
        self.told.write_all(&text).doing(doing)?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer).doing(doing)?;
        serde_json::from_str(&answer).doing(doing)
    }
}

/// The number that a datagram has in front.
fn number(datagram: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(datagram.get(..4)?.try_into().ok()?))
}

fn quiet(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// The next datagram, awaited without sleep: to wake an idle core takes up to 100 µs, twice a round trip, which is this
/// process's time and not the link's.
fn awaited(socket: &UdpSocket, bytes: &mut [u8]) -> std::io::Result<(usize, SocketAddr)> {
    let begun = now_ns();
    loop {
        match socket.recv_from(bytes) {
            Err(error) if quiet(&error) && now_ns() - begun < SILENCE.as_nanos() as u64 => thread::yield_now(),
            come => return come,
        }
    }
}

fn echo(sockets: &Sockets, count: u32) -> Result<Shown> {
    let (client, doing) = (&sockets.datagrams, "echoing");
    let (server, _) = sockets.server()?;
    let address = server.local_addr().doing(doing)?;
    for socket in [client, server] {
        socket.set_nonblocking(true).doing(doing)?;
    }
    let mut shown = Shown { in_order: true, ..Shown::default() };
    thread::scope(|scope| {
        // It ends with the last one, or when none comes any more.
        scope.spawn(|| {
            let mut bytes = [0; 64];
            while let Ok((length, from)) = awaited(server, &mut bytes) {
                let last = number(&bytes[..length]) == Some(count - 1);
                if server.send_to(&bytes[..length], from).is_err() || last {
                    return;
                }
            }
        });
        for at in 0..count {
            let begun = now_ns();
            client.send_to(&at.to_le_bytes(), address).doing(doing)?;
            shown.sent += 1;
            let mut bytes = [0; 64];
            match awaited(client, &mut bytes) {
                Ok((length, _)) => {
                    shown.round_trips_ns.push(now_ns() - begun);
                    shown.received += 1;
                    shown.in_order &= number(&bytes[..length]) == Some(at);
                }
                Err(error) if quiet(&error) => {}
                Err(error) => return Err(error).doing(doing),
            }
        }
        Ok(shown)
    })
}

fn datagrams(sockets: &Sockets, count: u32, bytes: usize, gap_ns: u64) -> Result<Shown> {
    let (client, doing) = (&sockets.datagrams, "sending datagrams");
    let (server, _) = sockets.server()?;
    let address = server.local_addr().doing(doing)?;
    server.set_read_timeout(Some(SILENCE)).doing(doing)?;
    // What waits here for this very process was carried, and may not be lost for its sake.
    nix::sys::socket::setsockopt(server, nix::sys::socket::sockopt::RcvBuf, &(8 << 20)).doing(doing)?;
    thread::scope(|scope| {
        let receiving = scope.spawn(move || {
            let mut shown = Shown { in_order: true, ..Shown::default() };
            let (mut first_ns, mut last) = (0, None);
            let mut datagram = [0; 2048];
            loop {
                let length = match server.recv(&mut datagram) {
                    Ok(length) => length,
                    Err(error) if quiet(&error) => return Ok(shown),
                    Err(error) => return Err(error).doing(doing),
                };
                let now = now_ns();
                shown.received += 1;
                match shown.received {
                    1 => first_ns = now,
                    _ => shown.timed_bytes += (length + UDP_HEADERS) as u64,
                }
                shown.timed_ns = now - first_ns;
                shown.in_order &= number(&datagram[..length]) > last;
                last = number(&datagram[..length]);
            }
        });
        let mut datagram = vec![0; bytes.saturating_sub(UDP_HEADERS).max(4)];
        let begun = now_ns();
        for at in 0..count {
            while now_ns() < begun + u64::from(at) * gap_ns {
                std::hint::spin_loop();
            }
            datagram[..4].copy_from_slice(&at.to_le_bytes());
            client.send_to(&datagram, address).doing(doing)?;
        }
        let shown = receiving.join().map_err(|_| Error::stopped("the receiving end of a probe broke"))??;
        Ok(Shown { sent: count.into(), ..shown })
    })
}

/// Timed is what comes after the first quarter, in which the congestion control finds the rate.
fn stream(sockets: &Sockets, bytes: u64) -> Result<Shown> {
    let doing = "sending a stream";
    let (_, listener) = sockets.server()?;
    let SocketAddr::V4(address) = listener.local_addr().doing(doing)? else {
        return Err(Error::stopped("a link speaks version 4 of IP"));
    };
    let dialling = sockets.stream.try_clone().doing(doing)?;
    thread::scope(|scope| {
        let receiving = scope.spawn(move || {
            let (mut stream, _) = listener.accept().doing(doing)?;
            let mut shown = Shown { in_order: true, ..Shown::default() };
            let (mut piece, mut begun) = (vec![0; PIECE], None);
            loop {
                let count = stream.read(&mut piece).doing(doing)? as u64;
                let now = now_ns();
                if count == 0 {
                    return Ok::<_, Error>(shown);
                }
                shown.received += count;
                match begun {
                    Some(begun) => {
                        shown.timed_bytes += count;
                        shown.timed_ns = now - begun;
                    }
                    None if shown.received >= bytes / 4 => begun = Some(now),
                    None => {}
                }
            }
        });
        dial(&dialling, address).doing(doing)?;
        let mut stream = TcpStream::from(dialling);
        let piece = vec![0; PIECE];
        let mut left = bytes;
        while left > 0 {
            let count = left.min(PIECE as u64);
            stream.write_all(&piece[..count as usize]).doing(doing)?;
            left -= count;
        }
        stream.shutdown(std::net::Shutdown::Write).doing(doing)?;
        let shown = receiving.join().map_err(|_| Error::stopped("the receiving end of a probe broke"))??;
        Ok(Shown { sent: bytes, ..shown })
    })
}

fn dial(stream: &OwnedFd, address: SocketAddrV4) -> nix::Result<()> {
    connect(stream.as_raw_fd(), &SockaddrIn::from(address))
}
