//! What whoever starts the engine lets it have, met before anything else is done.

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};

use crate::error::{Error, Result};
use crate::units::Size;

/// The stack that the main thread is given where it may be, in bytes.
const STACK: u64 = 8 << 20;

/// The least with which everything works, in bytes.
const LEAST: u64 = 512 << 10;

/// Raises the limit of the stack as far as is wanted, and lets a file that may not grow be an error in place of the end
/// of the process; fails where the stack cannot be enough.
pub(crate) fn meet() -> Result<()> {
    // SAFETY: to ignore a signal runs no handler.
    let _ = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_STACK) else { return Ok(()) };
    let wanted = soft.max(STACK.min(hard));
    // The kernel looks at the limit whenever the stack grows, so that it holds for this process already.
    let has = if soft < wanted && setrlimit(Resource::RLIMIT_STACK, wanted, hard).is_err() { soft } else { wanted };
    if has >= LEAST {
        return Ok(());
    }
    Err(Error::stopped(format!("the stack may only have {}, and {} are needed", Size(has), Size(LEAST)))
        .help("raise the limit before the engine is started, such as by `ulimit -s 8192`"))
}
