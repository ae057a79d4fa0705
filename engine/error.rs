//! What went wrong and what would be right.

use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;

use crate::lack::Lack;

/// An error that a user can act on: what is wrong first, what would be right after it.
#[derive(Debug, Clone)]
pub struct Error {
    message: String,
    help: Option<String>,
    exit: Exit,
    lack: Option<Lack>,
}

/// The exit codes of the command line (DESIGN section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All measured and as expected.
    Success = 0,
    /// An expectation or a cell failed.
    Failed = 1,
    /// The scenario or the command line is wrong.
    Usage = 2,
    /// Measured, but a record is invalid.
    Invalid = 3,
    /// Something stopped the whole run.
    Stopped = 4,
    /// Ended by Ctrl-C.
    Interrupted = 130,
}

/// The result of everything that can fail with an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The command line or the scenario is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Error { message: message.into(), help: None, exit: Exit::Usage, lack: None }
    }

    /// One cell, or what was asked of one process, failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Error { message: message.into(), help: None, exit: Exit::Failed, lack: None }
    }

    /// The whole run cannot go on.
    pub fn stopped(message: impl Into<String>) -> Self {
        Error { message: message.into(), help: None, exit: Exit::Stopped, lack: None }
    }

    /// A file or folder cannot be written, for that reason.
    pub fn unwritable(path: &Path, error: &io::Error) -> Self {
        let plain = path.ancestors().find(|path| path.is_file());
        if let (Some(file), ErrorKind::NotADirectory | ErrorKind::AlreadyExists) = (plain, error.kind()) {
            return Error::usage(format!("{} is a file, and a folder is wanted", file.display()))
                .help("name a folder, which is made where it is missing");
        }
        Error::stopped(format!("{} cannot be written: {error}", path.display())).help(match error.kind() {
            ErrorKind::FileTooLarge => "files may not grow that long here: raise the limit, which `ulimit -f` tells",
            _ => "see that the disk has room and the folder may be written to",
        })
    }

    /// Adds what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// It is this machine's own fault, which lacks that.
    pub fn for_want_of(mut self, lack: Lack) -> Self {
        self.lack = Some(lack);
        self
    }

    /// What this machine lacks, where that is why.
    pub fn lack(&self) -> Option<Lack> {
        self.lack
    }

    /// Says what was being done when the error came, before the error itself.
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be right, if it is known.
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The exit code that this error asks for.
    pub fn exit(&self) -> Exit {
        self.exit
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, " (help: {help})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// Turns any failure into an [`Error`] that says what was being done.
pub trait Context<T> {
    /// A failure of one cell or process.
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::failed(format!("{what}: {error}")))
    }
}
