//! What a machine can run out of while it dials.

use std::io;

use nix::errno::Errno;

use crate::words::words;

words! {
    /// What the client's own machine had no more of: never the server's fault.
    Lack {
        /// Local ports: each connection to the same server needs one, and keeps it for a while after it was closed.
        Ports = "ports",
        /// Open files, of the process or of the whole system.
        Descriptors = "descriptors",
        /// The kernel's memory for sockets.
        Buffers = "buffers",
    }
}

impl Lack {
    /// What the kernel says with this error that this machine lacks, if that is what it says.
    pub fn of(error: &io::Error) -> Option<Self> {
        match Errno::from_raw(error.raw_os_error()?) {
            Errno::EADDRNOTAVAIL | Errno::EADDRINUSE => Some(Lack::Ports),
            Errno::EMFILE | Errno::ENFILE => Some(Lack::Descriptors),
            Errno::ENOBUFS | Errno::ENOMEM => Some(Lack::Buffers),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use nix::errno::Errno;

    use super::Lack;

    #[test]
    fn only_what_this_machine_lacks_is_told_from_what_a_server_does() {
        let of = |errno: Errno| Lack::of(&io::Error::from(errno));
        assert_eq!(of(Errno::EADDRNOTAVAIL), Some(Lack::Ports));
        assert_eq!(of(Errno::EMFILE), Some(Lack::Descriptors));
        assert_eq!(of(Errno::ENOBUFS), Some(Lack::Buffers));
        for errno in [Errno::ECONNREFUSED, Errno::ECONNRESET, Errno::ETIMEDOUT, Errno::EHOSTUNREACH, Errno::EAGAIN] {
            assert_eq!(of(errno), None, "{errno}");
        }
        assert_eq!(Lack::of(&io::Error::other("words")), None);
    }
}
