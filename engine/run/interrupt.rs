//! Ctrl-C and SIGTERM, noticed between one step and the next.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: i32) {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// From now on an interrupt is noted instead of ending the process; a second one ends it.
pub fn watch() {
    let action = SigAction::new(SigHandler::Handler(note), SaFlags::SA_RESETHAND, SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// True once an interrupt has come.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
