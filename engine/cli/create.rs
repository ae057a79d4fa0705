//! Writes a file for a user, and never over another.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Context, Error, Result};

/// Writes a file that is not there yet; an error where one is.
pub(crate) fn create(file: &Path, text: &str) -> Result<()> {
    let mut open = match File::create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(there(file).because(error)),
        open => open.doing(file.display())?,
    };
    open.write_all(text.as_bytes()).doing(file.display())
}

/// An error where such a file is there.
pub(crate) fn absent(file: &Path) -> Result<()> {
    if file.symlink_metadata().is_ok() { Err(there(file)) } else { Ok(()) }
}

fn there(file: &Path) -> Error {
    let what = format!("{} is there already, and nothing is written over", file.display());
    Error::usage(what).help("name another file by --out, in another folder where that is in the way")
}
