//! Why a link cannot be laid here, and what would mend it.

use std::fmt;

use nix::errno::Errno;

use crate::error::Error;

/// Why a link cannot be laid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obstacle {
    /// Whoever runs this may make no network of their own.
    Namespaces(Errno),
    /// There is no device for a network that a program serves, or it may not be opened.
    Device(Errno),
    /// Something that should be possible then was not.
    Step {
        /// What was being done.
        doing: &'static str,
        /// What the kernel said.
        source: Errno,
    },
}

impl Obstacle {
    /// What would mend it, where that is known.
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Obstacle::Namespaces(_) => Some(
                "allow it by `sysctl kernel.apparmor_restrict_unprivileged_userns=0` and \
                 `sysctl user.max_user_namespaces=10000`, or run as root; a container needs CAP_SYS_ADMIN and CAP_NET_ADMIN",
            ),
            Obstacle::Device(Errno::ENOENT | Errno::ENXIO | Errno::ENODEV) => {
                Some("load the kernel's module by `modprobe tun`; give it to a container by `--device /dev/net/tun`")
            }
            Obstacle::Device(_) => {
                Some("let whoever runs this read and write /dev/net/tun (mode 0666), or run as root")
            }
            Obstacle::Step { .. } => None,
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no link can be laid here: ")?;
        match self {
            Obstacle::Namespaces(source) => write!(f, "no user and network namespaces can be made ({})", source.desc()),
            Obstacle::Device(source) => write!(f, "/dev/net/tun cannot be opened ({})", source.desc()),
            Obstacle::Step { doing, source } => write!(f, "{doing} ({})", source.desc()),
        }
    }
}

impl std::error::Error for Obstacle {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Obstacle::Namespaces(source) | Obstacle::Device(source) | Obstacle::Step { source, .. } => Some(source),
        }
    }
}

impl From<Obstacle> for Error {
    fn from(obstacle: Obstacle) -> Self {
        let error = Error::failed(obstacle.to_string());
        match obstacle.remedy() {
            Some(remedy) => error.help(remedy),
            None => error,
        }
    }
}

/// Says what was being done when the kernel refused.
pub(crate) fn step(doing: &'static str) -> impl Fn(Errno) -> Obstacle {
    move |source| Obstacle::Step { doing, source }
}
