//! What went wrong and what would be right.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::Arc;

use crate::lack::Lack;

/// An error that a user can act on: what is wrong first, what would be right after it.
#[derive(Debug, Clone)]
pub struct Error {
    message: String,
    help: Option<String>,
    exit: Exit,
    lack: Option<Lack>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
    wrote: Option<String>,
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
    fn new(message: String, exit: Exit) -> Self {
        Error { message, help: None, exit, lack: None, source: None, wrote: None }
    }

    /// The command line or the scenario is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Error::new(message.into(), Exit::Usage)
    }

    /// One cell, or what was asked of one process, failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Error::new(message.into(), Exit::Failed)
    }

    /// The whole run cannot go on.
    pub fn stopped(message: impl Into<String>) -> Self {
        Error::new(message.into(), Exit::Stopped)
    }

    /// A file or folder cannot be written, for that reason.
    pub fn unwritable(path: &Path, error: io::Error) -> Self {
        let plain = path.ancestors().find(|path| path.is_file());
        if let (Some(file), ErrorKind::NotADirectory | ErrorKind::AlreadyExists) = (plain, error.kind()) {
            return Error::usage(format!("{} is a file, and a folder is wanted", file.display()))
                .help("name a folder, which is made where it is missing");
        }
        let help = match error.kind() {
            ErrorKind::FileTooLarge => "files may not grow that long here: raise the limit, which `ulimit -f` tells",
            _ => "see that the disk has room and the folder may be written to",
        };
        Error::stopped(format!("{} cannot be written: {error}", path.display())).help(help).because(error)
    }

    /// Keeps what led to it, which its message has told already.
    pub fn because(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
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

    /// Adds what a command of the user's own wrote: it may hold what nobody may keep, and is for the terminal alone.
    pub fn wrote(mut self, text: impl Into<String>) -> Self {
        self.wrote = Some(text.into());
        self
    }

    /// What a command of the user's own wrote, where that is why.
    pub fn output(&self) -> Option<&str> {
        self.wrote.as_deref()
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

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// Turns any failure into an [`Error`] that says what was being done.
pub trait Context<T> {
    /// A failure of one cell or process.
    fn doing(self, what: impl fmt::Display) -> Result<T>;
}

impl<T, E: StdError + Send + Sync + 'static> Context<T> for std::result::Result<T, E> {
    fn doing(self, what: impl fmt::Display) -> Result<T> {
        self.map_err(|error| Error::failed(format!("{what}: {error}")).because(error))
    }
}

/// A text that stands for no value of its kind: what is wrong with it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    what: String,
    help: Option<String>,
}

impl ParseError {
    /// What is wrong.
    pub fn new(what: impl Into<String>) -> Self {
        ParseError { what: what.into(), help: None }
    }

    /// Adds what would be right.
    pub fn help(self, help: impl Into<String>) -> Self {
        ParseError { help: Some(help.into()), ..self }
    }

    /// Says of what the text is a part, before what is wrong with it.
    pub fn within(self, whole: impl fmt::Display) -> Self {
        ParseError { what: format!("{whole}: {}", self.what), ..self }
    }

    /// What is wrong, in one sentence.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// What would be right, if it is known.
    pub fn remedy(&self) -> Option<&str> {
        self.help.as_deref()
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl StdError for ParseError {}

impl From<ParseError> for Error {
    fn from(error: ParseError) -> Self {
        let told = Error::usage(error.what.clone());
        let told = match &error.help {
            Some(help) => told.help(help.clone()),
            None => told,
        };
        told.because(error)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::io;
    use std::path::Path;

    use super::{Context, Error, ParseError};

    #[test]
    fn an_error_keeps_what_led_to_it() {
        let refused = || io::Error::from(io::ErrorKind::PermissionDenied);
        let doing = Err::<(), _>(refused()).doing("cannot listen").expect_err("it is refused");
        for error in [doing, Error::unwritable(Path::new("/x"), refused()).context("a run")] {
            let source = error.source().and_then(|source| source.downcast_ref::<io::Error>()).expect("the kernel's");
            assert_eq!(source.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.message().ends_with(&source.to_string()), "{error}");
        }
        let error = Error::from(ParseError::new("`5` has no unit").help("write it like `5ms`").within("the bound"));
        assert_eq!((error.message(), error.remedy()), ("the bound: `5` has no unit", Some("write it like `5ms`")));
        assert_eq!(
            error.source().map(ToString::to_string).as_deref(),
            Some("the bound: `5` has no unit; write it like `5ms`")
        );
    }
}
