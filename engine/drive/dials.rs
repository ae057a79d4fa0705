//! How many connections were dialled, and how long that took.

/// Connections that were dialled, those that could not be made among them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Dials {
    /// How many.
    pub count: u64,
    /// How long all of it took, the handshakes of TLS among it, in nanoseconds.
    pub ns: u64,
}

impl Dials {
    /// A dial is over, which took so long.
    pub fn over(&mut self, took_ns: u64) {
        self.count += 1;
        self.ns += took_ns;
    }
}
