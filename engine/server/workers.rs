//! The option `workers`, which every model with a fixed number of them understands.

use std::thread::available_parallelism;

use crate::transport::option::{OptionKind, OptionSpec, Options};

/// How many workers share the calls.
pub const WORKERS: OptionSpec = OptionSpec {
    name: "workers",
    about: "how many threads or processes share the calls, or of async the connections",
    // As many as the cores of the largest machines, and few enough to start them all.
    kind: OptionKind::Count(1, 1_024),
    default: "the number of the server's cores, but 1 for async",
};

/// The number of workers that `options` ask for, else one for each of so many cores.
pub fn workers(options: &Options, cores: u64) -> u64 {
    options.count(WORKERS.name).unwrap_or(cores)
}

/// The number of cores that this process may run on.
pub fn cores() -> u64 {
    available_parallelism().map_or(1, |cores| cores.get() as u64)
}
