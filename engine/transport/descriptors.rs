//! How many file descriptors a process may have: each connection over a stream takes one at either end.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// What a process of ours has open besides its connections, generously.
const MARGIN: u64 = 48;

/// The descriptors that one end needs for so many connections.
pub fn needed(connections: u64) -> u64 {
    connections.saturating_add(MARGIN)
}

/// How many descriptors a process may have here once it has raised its limit as far as it may; none where unknown.
pub fn most() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(_, hard)| hard)
}

/// Raises this process's limit as far as it may, for itself and for what it launches.
pub fn raise() {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        // A limit that cannot be raised is met, if at all, by a connection that cannot be made, which is counted.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
