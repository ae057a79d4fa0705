//! Who listens at an address: sockets by their inode, as /proc tells them, and the processes that hold them.

use std::collections::BTreeSet;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use nix::unistd::Pid;

use crate::place::processes::all;
use crate::transport::address::Address;
use crate::transport::contract::Family;

/// A socket that listens, or of UDP one that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// Where.
    pub address: Address,
    /// The number by which descriptors refer to it.
    pub inode: u64,
}

/// All that listens in the network namespace of a process, of one family.
pub fn listening(process: Pid, family: Family) -> Vec<Listening> {
    let read = |name: &str| fs::read_to_string(format!("/proc/{process}/net/{name}")).unwrap_or_default();
    match family {
        Family::Tcp => {
            [("tcp", LISTEN), ("tcp6", LISTEN)].iter().flat_map(|(name, state)| sockets(&read(name), state)).collect()
        }
        Family::Udp => ["udp", "udp6"].iter().flat_map(|name| sockets(&read(name), UNCONNECTED)).collect(),
        Family::Unix => unix_sockets(&read("unix")),
    }
}

/// The state of a socket that listens, and of one of UDP that is connected to nobody (include/net/tcp_states.h).
const LISTEN: &str = "0A";
const UNCONNECTED: &str = "07";
/// `__SO_ACCEPTCON` of include/linux/net.h: a Unix socket that listens.
const ACCEPTS: u64 = 1 << 16;

/// The sockets of `/proc/net/tcp` and the like in that state (proc_pid_net(5)): the second column is the local address,
/// the fourth the state, the tenth the inode.
fn sockets(text: &str, state: &str) -> Vec<Listening> {
    let socket = |line: &str| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let (local, inode) = (columns.get(1)?, columns.get(9)?.parse().ok()?);
        (*columns.get(3)? == state).then_some(())?;
        Some(Listening { address: Address::Tcp(address(local)?), inode })
    };
    text.lines().skip(1).filter_map(socket).collect()
}

/// An address in hexadecimal: each group of four bytes as this machine has a number, the port as it is read.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let groups: Option<Vec<u32>> =
        (0..ip.len() / 8).map(|at| u32::from_str_radix(ip.get(at * 8..at * 8 + 8)?, 16).ok()).collect();
    let ip: IpAddr = match groups?.as_slice() {
        [group] => Ipv4Addr::from(group.to_ne_bytes()).into(),
        groups @ [_, _, _, _] => {
            let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_ne_bytes()).collect();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The sockets of `/proc/net/unix` that listen: the fourth column has the flags, the seventh the inode, the rest is the
/// path, in which an abstract name begins with `@`.
fn unix_sockets(text: &str) -> Vec<Listening> {
    let socket = |line: &str| {
        let mut columns = line.splitn(8, ' ').map(str::trim);
        let flags = u64::from_str_radix(columns.nth(3)?, 16).ok()?;
        let rest = columns.nth(2)?;
        let (inode, path) = (rest, columns.next()?);
        (flags & ACCEPTS != 0).then_some(())?;
        let address = match path.strip_prefix('@') {
            Some(name) => Address::Unix(name.to_owned()),
            None => Address::Path(path.into()),
        };
        Some(Listening { address, inode: inode.parse().ok()? })
    };
    text.lines()
        .skip(1)
        .filter_map(|line| socket(&line.split_ascii_whitespace().collect::<Vec<_>>().join(" ")))
        .collect()
}

impl Listening {
    /// True where a dial of `wanted` comes to it.
    pub fn takes(&self, wanted: &Address) -> bool {
        let (Some(own), Some(wanted)) = (self.address.ip(), wanted.ip()) else { return self.address == *wanted };
        let (ip, other) = (own.ip().to_canonical(), wanted.ip().to_canonical());
        // A wildcard of IPv6 takes dials of IPv4 too, unless its owner asked for something else.
        own.port() == wanted.port() && (ip == other || ip.is_unspecified() && (own.is_ipv6() || wanted.is_ipv4()))
    }
}

/// True for an address of this machine: something can be bound to it.
pub fn is_here(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// The processes that hold one of these sockets, as far as this user may look.
pub fn holders(inodes: &BTreeSet<u64>) -> Vec<Pid> {
    let names: BTreeSet<String> = inodes.iter().map(|inode| format!("socket:[{inode}]")).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let holds = |pid: &Pid| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        files.filter_map(|file| fs::read_link(file.path()).ok()).any(|link| names.contains(&*link.to_string_lossy()))
    };
    all().into_iter().filter(holds).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;

    use nix::unistd::getpid;

    use super::{holders, listening, sockets, unix_sockets};
    use crate::transport::address::Address;
    use crate::transport::contract::Family;
    use crate::transport::peers::Peers;
    use crate::transport::socket::{Listener, SocketOptions};

    #[test]
    fn sockets_are_told_by_address_and_inode() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
                    0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 7001 1 0\n   \
                    1: 0100007F:1F91 0100007F:1F90 01 00000000:00000000 00:00000000 00000000     0        0 7002 1 0\n   \
                    2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 7003 1\n";
        let found: Vec<(String, u64)> =
            sockets(text, "0A").into_iter().map(|it| (it.address.to_string(), it.inode)).collect();
        assert_eq!(found, [("127.0.0.1:8080".to_owned(), 7001), ("[::]:80".to_owned(), 7003)]);
        let takes = |at: usize, address: &str| sockets(text, "0A")[at].takes(&address.parse().expect("an address"));
        assert!(takes(0, "127.0.0.1:8080") && !takes(0, "127.0.0.1:80") && !takes(0, "127.0.0.2:8080"));
        assert!(takes(1, "127.0.0.1:80") && takes(1, "[::1]:80"));
        let unix = "Num RefCount Protocol Flags Type St Inode Path\n0000: 00000002 00000000 00010000 0001 01 81 /run/a b.sock\n\
                    0000: 00000003 00000000 00000000 0001 03 82 /run/c.sock\n0000: 00000002 00000000 00010000 0001 01 83 @name\n";
        let found: Vec<(String, u64)> =
            unix_sockets(unix).into_iter().map(|it| (it.address.to_string(), it.inode)).collect();
        assert_eq!(found, [("unix:/run/a b.sock".to_owned(), 81), ("unix:@name".to_owned(), 83)]);
    }

    #[test]
    fn this_very_process_is_found_by_what_it_listens_on() {
        let tcp = TcpListener::bind("127.0.0.1:0").expect("a port");
        let unix =
            Listener::bind(&Address::any(Family::Unix), Family::Unix, Peers::default(), &SocketOptions::default())
                .expect("a name");
        let addresses = [Address::Tcp(tcp.local_addr().expect("a port")), unix.address().expect("a name")];
        for (address, family) in addresses.iter().zip([Family::Tcp, Family::Unix]) {
            let inodes: BTreeSet<u64> =
                listening(getpid(), family).iter().filter(|it| it.takes(address)).map(|it| it.inode).collect();
            assert_eq!((inodes.len(), holders(&inodes)), (1, vec![getpid()]), "{address}");
        }
        assert_eq!(holders(&BTreeSet::new()), []);
    }
}
