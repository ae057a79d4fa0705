//! Listening and connected sockets, TCP and Unix alike.

use std::alloc::{Layout, handle_alloc_error};
use std::ffi::OsString;
use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::linux::net::{SocketAddrExt, TcpStreamExt};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::ptr::{self, NonNull};
use std::slice;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{RcvBuf, SndBuf, TcpCongestion, TcpNoDelay};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, SockaddrStorage, connect, setsockopt, socket};
use nix::sys::socket::{Backlog, listen};

use crate::error::{Error, Result};
use crate::page_offset::PAGE;
use crate::transport::address::Address;
use crate::transport::contract::{ClientCodec, Family, ServerCodec};
use crate::transport::option::Options;
use crate::transport::options::{CONGESTION, NODELAY};
use crate::transport::outbox::{GATHER, Outbox};
use crate::transport::peers::Peers;

/// How TCP behaves on the connections of a target; on Unix sockets nothing of it is known.
#[derive(Debug, Clone)]
pub struct SocketOptions {
    nodelay: bool,
    congestion: Option<OsString>,
}

impl Default for SocketOptions {
    /// Ready for small messages (TCP_NODELAY), with the kernel's own congestion control.
    fn default() -> Self {
        SocketOptions { nodelay: true, congestion: None }
    }
}

impl SocketOptions {
    /// What `options` ask for; an error where this kernel has no such congestion control.
    pub fn of(options: &Options) -> Result<Self> {
        const AVAILABLE: &str = "/proc/sys/net/ipv4/tcp_available_congestion_control";
        let congestion = options.word(CONGESTION.name);
        if let Some(word) = congestion
            && let Ok(available) = fs::read_to_string(AVAILABLE)
            && !available.split_ascii_whitespace().any(|other| other == word)
        {
            let available = available.trim().replace(' ', ", ");
            let what = format!("this kernel has no congestion control `{word}`");
            return Err(Error::usage(what).help(format!("it has {available}")));
        }
        Ok(SocketOptions { nodelay: options.flag(NODELAY.name, true), congestion: congestion.map(OsString::from) })
    }

    fn apply(&self, socket: &impl AsFd) -> io::Result<()> {
        setsockopt(socket, TcpNoDelay, &self.nodelay)?;
        match &self.congestion {
            Some(word) => Ok(setsockopt(socket, TcpCongestion, word)?),
            None => Ok(()),
        }
    }
}

/// How much is read at a time, in bytes.
pub const READ: usize = 256 * 1024;
/// What a buffer takes of the address space.
const MAPPED: usize = READ + PAGE;

/// What connections are read into: pages that nothing was ever read into cost no memory.
///
/// They come from the kernel. An allocator gives what others have used before, and zeroes all of it.
pub struct ReadBuffer(NonNull<u8>);

// SAFETY: the mapping is this buffer's alone, and is only reached through it.
unsafe impl Send for ReadBuffer {}

impl Default for ReadBuffer {
    fn default() -> Self {
        Self::new().unwrap_or_else(|_| handle_alloc_error(Layout::new::<[u8; MAPPED]>()))
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), MAPPED) };
    }
}

impl ReadBuffer {
    /// A fresh one; an error where the kernel gives no more.
    pub fn new() -> io::Result<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: the kernel chooses where, so that nothing else is mapped over.
        let mapped = unsafe { libc::mmap(ptr::null_mut(), MAPPED, access, kind, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(mapped.cast()).map(ReadBuffer).ok_or_else(|| io::ErrorKind::OutOfMemory.into())
    }

    /// [`READ`] bytes of room, where the kernel puts what comes after `heard` bytes of a stream at full speed
    /// ([`PageOffsetBuf`](crate::page_offset::PageOffsetBuf) says why).
    pub fn after(&mut self, heard: u64) -> &mut [u8] {
        // On the kernel's side a stream begins with a page, and goes on without gaps.
        let place = (heard as usize).wrapping_add(PAGE / 2);
        let from = place.wrapping_sub(self.0.as_ptr().addr()) % PAGE;
        // SAFETY: `from` is less than a page, so that all of it is mapped; the kernel zeroed it, and it is borrowed once.
        unsafe { slice::from_raw_parts_mut(self.0.as_ptr().add(from), READ) }
    }
}

/// A socket that listens.
#[derive(Debug)]
pub enum Listener {
    /// On TCP.
    Tcp(TcpListener, Peers),
    /// On an abstract Unix name.
    Unix(UnixListener),
}

/// Lets as many clients wait to be accepted as the kernel allows. Behind a full queue the kernel drops a client's first
/// segment, and the client tries again a whole second later: that would be measured, and not be the server.
fn widen(listener: &impl AsFd) -> io::Result<()> {
    Ok(listen(listener, Backlog::MAXCONN)?)
}

impl Listener {
    /// Listens on `address`, which has to be of the `family` that the transport uses, for these peers only.
    ///
    /// Whom it accepts inherits `options` from it, as Linux does for both of them.
    pub fn bind(address: &Address, family: Family, peers: Peers, options: &SocketOptions) -> io::Result<Self> {
        if address.family() != family {
            let right = Address::any(family);
            return Err(io::Error::other(format!("this transport does not listen on such an address; try `{right}`")));
        }
        match address {
            Address::Tcp(address) | Address::Named { at: address, .. } => {
                let listener = TcpListener::bind(address)?;
                options.apply(&listener)?;
                widen(&listener)?;
                Ok(Listener::Tcp(listener, peers))
            }
            Address::Path(path) => Err(io::Error::other(format!(
                "ours listen on abstract names, which leave no file behind; try `unix:@{}`",
                path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default()
            ))),
            Address::Unix(name) => {
                let listener = UnixListener::bind_addr(&UnixAddr::from_abstract_name(name)?)?;
                widen(&listener)?;
                Ok(Listener::Unix(listener))
            }
        }
    }

    /// Where it listens, with the port that the kernel chose.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Listener::Tcp(listener, _) => listener.local_addr().map(Address::Tcp),
            Listener::Unix(listener) => {
                let address = listener.local_addr()?;
                let name = address.as_abstract_name().map(String::from_utf8_lossy).unwrap_or_default();
                Ok(Address::Unix(name.into_owned()))
            }
        }
    }

    /// The next connection, with the options of this listener; one of somebody else than its peers is closed, and told
    /// as aborted (ECONNABORTED).
    pub fn accept(&self) -> io::Result<Socket> {
        match self {
            Listener::Tcp(listener, peers) => {
                let (stream, peer) = listener.accept()?;
                // As the kernel says it of one who has gone by himself; he who waits looks again.
                if peers.takes(peer.ip()) { Ok(Socket::Tcp(stream)) } else { Err(Errno::ECONNABORTED.into()) }
            }
            Listener::Unix(listener) => listener.accept().map(|(stream, _)| Socket::Unix(stream)),
        }
    }

    /// Whether `accept` waits.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Listener::Tcp(listener, _) => listener.set_nonblocking(nonblocking),
            Listener::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Listener::Tcp(listener, _) => listener.as_fd(),
            Listener::Unix(listener) => listener.as_fd(),
        }
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// How much a socket of datagrams shall hold for its reader, in bytes; the kernel may grant less.
const DATAGRAMS: usize = 8 << 20;

/// A socket for datagrams on `address`, which has to be one of an IP address.
pub fn bind_datagrams(address: &Address) -> io::Result<UdpSocket> {
    let Some(address) = address.ip() else {
        let right = Address::any(Family::Udp);
        return Err(io::Error::other(format!("this transport does not listen on such an address; try `{right}`")));
    };
    let socket = UdpSocket::bind(address)?;
    // Without larger buffers it works too, and loses more under bursts.
    let _ = setsockopt(&socket, RcvBuf, &DATAGRAMS);
    let _ = setsockopt(&socket, SndBuf, &DATAGRAMS);
    Ok(socket)
}

/// Begins to connect, with `options` that hold from the first segment on.
///
/// A congestion control that is chosen later leaves behind what the one before had set up: after bbr the kernel goes on
/// pacing, by a timer on whichever core it fires, and segments overtake each other.
fn begin(address: &SocketAddr, options: &SocketOptions) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = TcpStream::from(socket(family, SockType::Stream, flags, SockProtocol::Tcp)?);
    options.apply(&stream)?;
    match connect(stream.as_raw_fd(), &SockaddrStorage::from(*address)) {
        Ok(()) | Err(Errno::EINPROGRESS) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

/// Waits until a dial in progress is over, for at most `time`.
fn wait(stream: &TcpStream, time: Duration) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let left = time.checked_sub(begun.elapsed()).ok_or(io::ErrorKind::TimedOut)?;
        // Rounded up to a whole millisecond, so that it never looks without waiting.
        let left = PollTimeout::try_from(left.saturating_add(Duration::from_millis(1))).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLOUT)], left) {
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A connected stream of bytes: the kernel's, or a simulated one.
pub trait Stream: Read {
    /// The error with which a dial in progress ended, if it did.
    fn take_error(&self) -> io::Result<Option<io::Error>>;

    /// Acknowledges what has come at once, until the kernel goes back to delaying (tcp(7)).
    fn quick_ack(&self);

    /// How many of `written` bytes the peer's kernel has taken in, as far as is known here: on TCP those that it has
    /// acknowledged, on a Unix socket all.
    ///
    /// A peer's close acknowledges whatever had reached it. So what it left unacknowledged it never took, but only
    /// where it closed in order: nobody looks at what a reset acknowledges.
    fn taken(&self, written: u64) -> u64;

    /// Writes some of what waits in `out`; how many bytes.
    fn write_from(&mut self, out: &mut Outbox) -> io::Result<usize>;
}

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over an abstract Unix name.
    Unix(UnixStream),
}

impl Socket {
    /// Connects within `time`.
    ///
    /// A Unix socket whose backlog is full is waited for as long as the kernel does.
    pub fn dial_within(address: &Address, time: Duration, options: &SocketOptions) -> io::Result<Self> {
        match address {
            Address::Tcp(address) | Address::Named { at: address, .. } => {
                let stream = begin(address, options)?;
                wait(&stream, time)?;
                if let Some(error) = stream.take_error()? {
                    return Err(error);
                }
                stream.set_nonblocking(false)?;
                Ok(Socket::Tcp(stream))
            }
            Address::Unix(name) => UnixStream::connect_addr(&UnixAddr::from_abstract_name(name)?).map(Socket::Unix),
            Address::Path(path) => UnixStream::connect(path).map(Socket::Unix),
        }
    }

    /// Begins to connect without waiting: it can be written to once that has succeeded or failed.
    ///
    /// Only TCP knows a dial in progress; a Unix socket is connected when this returns.
    pub fn begin_dial(address: &Address, options: &SocketOptions) -> io::Result<Self> {
        let Some(ip) = address.ip() else {
            let socket = Self::dial_within(address, Duration::MAX, options)?;
            socket.set_nonblocking(true)?;
            return Ok(socket);
        };
        begin(&ip, options).map(Socket::Tcp)
    }

    /// Whether reading and writing wait.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Socket::Tcp(stream) => stream.set_nonblocking(nonblocking),
            Socket::Unix(stream) => stream.set_nonblocking(nonblocking),
        }
    }

    fn write_gathered(&mut self, out: &Outbox) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); GATHER];
        let used = out.gather(&mut slices);
        match (self, used) {
            (Socket::Tcp(stream), 1) => stream.write(&slices[0]),
            (Socket::Unix(stream), 1) => stream.write(&slices[0]),
            (Socket::Tcp(stream), used) => stream.write_vectored(&slices[..used]),
            (Socket::Unix(stream), used) => stream.write_vectored(&slices[..used]),
        }
    }
}

impl Stream for Socket {
    fn take_error(&self) -> io::Result<Option<io::Error>> {
        match self {
            Socket::Tcp(stream) => stream.take_error(),
            Socket::Unix(stream) => stream.take_error(),
        }
    }

    fn quick_ack(&self) {
        if let Socket::Tcp(stream) = self {
            // Losing one acknowledgement's haste is not worth failing a call.
            let _ = stream.set_quickack(true);
        }
    }

    fn taken(&self, written: u64) -> u64 {
        let Socket::Tcp(stream) = self else { return written };
        let mut waiting: libc::c_int = 0;
        // SAFETY: the descriptor is open, and SIOCOUTQ (which is TIOCOUTQ, tcp(7)) writes one int, which lives here.
        let asked = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut waiting) };
        let unknown = asked != 0;
        if unknown { written } else { written.saturating_sub(u64::try_from(waiting).unwrap_or(0)) }
    }

    fn write_from(&mut self, out: &mut Outbox) -> io::Result<usize> {
        let written = match out.only_run() {
            Some(run) => match self {
                Socket::Tcp(stream) => stream.write(run),
                Socket::Unix(stream) => stream.write(run),
            },
            None => self.write_gathered(out),
        }?;
        out.advance(written);
        Ok(written)
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(stream) => stream.read(buffer),
            Socket::Unix(stream) => stream.read(buffer),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// Either end's codec, as far as writing is concerned.
pub trait Produce {
    /// Appends the next piece of a body that is being sent, if one is.
    fn refill(&mut self, out: &mut Outbox);
}

impl Produce for dyn ClientCodec + '_ {
    fn refill(&mut self, out: &mut Outbox) {
        self.fill_output(out);
    }
}

impl Produce for dyn ServerCodec + '_ {
    fn refill(&mut self, out: &mut Outbox) {
        self.fill_output(out);
    }
}

/// Writes until the outbox is empty and the codec has nothing to add, or the socket takes no more.
///
/// True once everything is written; false where the socket would block. Adds what was written to `wire`.
pub fn flush<S: Stream, C: Produce + ?Sized>(
    socket: &mut S,
    out: &mut Outbox,
    codec: &mut C,
    wire: &mut u64,
) -> io::Result<bool> {
    loop {
        if out.is_empty() {
            codec.refill(out);
            if out.is_empty() {
                return Ok(true);
            }
        }
        match socket.write_from(out) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => *wire += n as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Listener, READ, ReadBuffer, Socket, SocketOptions};
    use crate::page_offset::PAGE;
    use crate::transport::contract::Family;
    use crate::transport::option::{OptionValue, Options};
    use crate::transport::options::{CONGESTION, NODELAY};
    use crate::transport::peers::Peers;
    use nix::sys::socket::getsockopt;
    use nix::sys::socket::sockopt::{TcpCongestion, TcpNoDelay};
    use std::time::Duration;

    #[test]
    fn room_to_read_into_is_half_a_page_from_where_the_kernel_has_the_bytes() {
        let mut buffer = ReadBuffer::default();
        for heard in (0..3 * PAGE as u64).step_by(17).chain([u64::MAX]) {
            let room = buffer.after(heard);
            assert_eq!(room.len(), READ);
            assert_eq!(room.as_ptr().addr().wrapping_sub(heard as usize) % PAGE, PAGE / 2);
        }
    }

    #[test]
    fn both_ends_of_a_connection_have_the_options_that_were_asked_for() {
        for nodelay in [true, false] {
            // Every kernel has reno, and few have it as their default.
            let options = Options(
                [
                    (NODELAY.name.to_owned(), OptionValue::Flag(nodelay)),
                    (CONGESTION.name.to_owned(), OptionValue::Word("reno".to_owned())),
                ]
                .into(),
            );
            let options = SocketOptions::of(&options).expect("every kernel has reno");
            let listener =
                Listener::bind(&Address::any(Family::Tcp), Family::Tcp, Peers::default(), &options).expect("a port");
            let address = listener.address().expect("an address");
            let dialled = Socket::dial_within(&address, Duration::from_secs(30), &options).expect("it listens");
            let begun = Socket::begin_dial(&address, &options).expect("it listens");
            let accepted = [listener.accept().expect("a client"), listener.accept().expect("another")];
            for socket in accepted.iter().chain([&dialled, &begun]) {
                assert_eq!(getsockopt(socket, TcpNoDelay), Ok(nodelay));
                let congestion = getsockopt(socket, TcpCongestion).expect("it is TCP");
                assert_eq!(congestion.to_string_lossy().trim_end_matches('\0'), "reno");
            }
        }
    }

    #[test]
    fn a_congestion_control_that_the_kernel_has_not_is_refused_with_those_it_has() {
        let options = Options([(CONGESTION.name.to_owned(), OptionValue::Word("rene".to_owned()))].into());
        let reason = SocketOptions::of(&options).expect_err("no kernel has rene");
        assert!(reason.message().ends_with("no congestion control `rene`"), "{reason}");
        assert!(reason.remedy().is_some_and(|has| has.starts_with("it has ") && has.contains("reno")), "{reason}");
    }
}
