//! Writes a file for a user, and never over another.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::error::{Context, Error, Result};

/// Writes a file that is not there yet; an error where one is.
pub(crate) fn create(file: &Path, text: &str) -> Result<()> {
    let mut open = match File::create_new(file) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let what = format!("{} is there already, and nothing is written over", file.display());
            return Err(Error::usage(what).help("name another file by --out").because(error));
        }
        open => open.doing(file.display())?,
    };
    open.write_all(text.as_bytes()).doing(file.display())
}
