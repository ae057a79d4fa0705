//! A network device whose packets this process takes and gives, one packet at a time (linux/if_tun.h).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{read, write};

use crate::place::link::namespaces::errno;
use crate::place::link::obstacle::{Obstacle, step};

/// The most bytes of a packet, headers among them, as on an Ethernet.
pub const MTU: usize = 1500;
/// How many packets the device holds for a process that has not taken them yet; beyond that the kernel drops them.
const HELD: i32 = 10_000;
/// What the device is called inside its network.
const NAME: &[u8] = b"link0";

/// A device that is up, in a network of its own.
#[derive(Debug)]
pub struct Tun {
    packets: OwnedFd,
    /// The counters of all devices of its network; it stays that network's, wherever this process goes.
    counters: File,
}

impl Tun {
    /// A device in the network that this thread is in, with that address on a network of two (`/30`).
    pub fn open(address: Ipv4Addr) -> Result<Self, Obstacle> {
        let flags = OFlag::O_RDWR | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let packets = open("/dev/net/tun", flags, Mode::empty()).map_err(Obstacle::Device)?;
        let mut request = request(NAME);
        request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
        control(&packets, libc::TUNSETIFF, &mut request).map_err(|error| match error {
            // Then it is no flaw of the device: the namespace came without the right to use it.
            Errno::EPERM => Obstacle::Namespaces(error),
            other => Obstacle::Device(other),
        })?;
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
            .map_err(|error| step("opening a socket in a network of its own")(errno(&error)))?;
        up(&socket, b"lo", None)?;
        up(&socket, NAME, Some(address))?;
        let counters =
            File::open("/proc/thread-self/net/dev").map_err(|error| step("opening the counters")(errno(&error)))?;
        Ok(Tun { packets, counters })
    }

    /// Takes the next packet, as IP has it; none where there is none now.
    pub fn take(&self, buffer: &mut [u8]) -> Result<Option<usize>, Errno> {
        match read(&self.packets, buffer) {
            Ok(count) => Ok(Some(count)),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a packet to the network, as if it had come by a wire.
    pub fn give(&self, packet: &[u8]) -> Result<(), Errno> {
        write(&self.packets, packet).map(|_| ())
    }

    /// How many packets the kernel has dropped since there is this device, for they were not taken fast enough.
    pub fn overflowed(&mut self) -> io::Result<u64> {
        let mut text = String::new();
        self.counters.seek(SeekFrom::Start(0))?;
        self.counters.read_to_string(&mut text)?;
        Ok(dropped(&text).unwrap_or(0))
    }
}

impl AsFd for Tun {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packets.as_fd()
    }
}

/// The packets that could not be sent by our device: the fourth of the eight columns of what was sent, which stand behind
/// the eight of what was received (proc_pid_net(5)).
fn dropped(text: &str) -> Option<u64> {
    let name = std::str::from_utf8(NAME).ok()?;
    let (_, numbers) =
        text.lines().filter_map(|line| line.split_once(':')).find(|(device, _)| device.trim() == name)?;
    numbers.split_ascii_whitespace().nth(8 + 3)?.parse().ok()
}

/// Sets a device up, with an address where it is to have one.
fn up(socket: &UdpSocket, name: &[u8], address: Option<Ipv4Addr>) -> Result<(), Obstacle> {
    let mut request = request(name);
    // C libraries differ in the type of these numbers.
    let ask = |number: libc::c_ulong, request: &mut libc::ifreq| control(socket, number as libc::Ioctl, request);
    let set = |doing, number, request: &mut libc::ifreq| ask(number, request).map_err(step(doing));
    if let Some(address) = address {
        request.ifr_ifru.ifru_addr = internet(address);
        set("giving a device its address", libc::SIOCSIFADDR, &mut request)?;
        request.ifr_ifru.ifru_netmask = internet(Ipv4Addr::new(255, 255, 255, 252));
        set("giving a device its network", libc::SIOCSIFNETMASK, &mut request)?;
        request.ifr_ifru.ifru_mtu = MTU as libc::c_int;
        set("giving a device its largest packet", libc::SIOCSIFMTU, &mut request)?;
        // The kernel has the length of the queue where other requests have their number.
        request.ifr_ifru.ifru_mtu = HELD;
        // Of a device that is a normal user's own even so, the kernel lets root alone choose that: then it is 500.
        let _ = ask(libc::SIOCSIFTXQLEN, &mut request);
    }
    set("asking how a device is", libc::SIOCGIFFLAGS, &mut request)?;
    // SAFETY: the kernel has just written this field.
    let flags = unsafe { request.ifr_ifru.ifru_flags };
    request.ifr_ifru.ifru_flags = flags | (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    set("setting a device up", libc::SIOCSIFFLAGS, &mut request)
}

/// A request about a device of that name.
fn request(name: &[u8]) -> libc::ifreq {
    // SAFETY: all zeros are a valid request: an empty name and numbers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (place, byte) in request.ifr_name.iter_mut().zip(name) {
        *place = *byte as libc::c_char;
    }
    request
}

/// An address as requests have it.
fn internet(address: Ipv4Addr) -> libc::sockaddr {
    let mut data = [0; 14];
    // After the port, which is nothing here, the address stands in the order of the network.
    for (place, byte) in data[2..].iter_mut().zip(address.octets()) {
        *place = byte as libc::c_char;
    }
    libc::sockaddr { sa_family: libc::AF_INET as libc::sa_family_t, sa_data: data }
}

fn control(descriptor: &impl AsFd, number: libc::Ioctl, request: &mut libc::ifreq) -> Result<(), Errno> {
    // SAFETY: these requests read and write one `ifreq`, which lives through the call.
    let done = unsafe { libc::ioctl(descriptor.as_fd().as_raw_fd(), number, std::ptr::from_mut(request)) };
    Errno::result(done).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::dropped;

    #[test]
    fn what_the_kernel_dropped_is_read_of_our_device_alone() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls\n    \
                    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n \
                    link0: 100 1 0 5 0 0 0 0 200 2 0 77 0 0 0 0\n";
        assert_eq!(dropped(text), Some(77));
        assert_eq!(dropped("lo: 1 2"), None);
    }
}
