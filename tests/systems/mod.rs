//! The Python systems that tests talk to, installed once under the target folder.
#![allow(dead_code, reason = "not every test file needs everything")]

use std::path::{Path, PathBuf};

use engine::stack::environment::Environment;

/// Where they are kept from one run of the tests to the next.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("systems")
}

/// The pinned Python systems, or none where this machine cannot have them. In CI they must be there.
pub(crate) fn environment() -> Option<Environment> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    match Environment::ready_in(&cache(), &path, false, &mut |_| {}) {
        Ok(environment) => Some(environment),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "in CI the pinned Python systems must install: {error}");
            eprintln!("skipped for want of the Python systems: {error}");
            None
        }
    }
}

/// A Python with the pinned systems, or none where this machine cannot have it.
pub(crate) fn python() -> Option<PathBuf> {
    environment().map(|environment| environment.python().to_owned())
}
