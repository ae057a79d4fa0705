//! The folder of a run: one run at a time writes into it, and what it holds is not overwritten unasked.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::results::Results;
use crate::results::file::RESULTS;
use crate::results::journal::JOURNAL;

/// What the lock is called in the folder of a run.
pub const LOCK: &str = "results.lock";

/// What points to the last run of those that got a folder of their own.
pub const LATEST: &str = "latest";

/// What becomes of results that the folder of a run holds already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// They stay, and the run does not begin.
    Refuse,
    /// The run takes their place.
    Replace,
    /// The run goes on with them; where there are none it begins.
    Resume,
}

/// Whose run it is, for whoever else wants the folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// When its run began, RFC 3339, UTC.
    pub started: String,
    /// Its command line, without the path of the program.
    pub command: Vec<String>,
}

/// A folder that this process alone writes a run into, as long as this value lives.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Locked by `flock`, which the kernel undoes when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Takes a folder, which is made where it is missing; where another run has it, the error says whose.
    pub fn claim(path: &Path, holder: &Holder) -> Result<Self> {
        let stopped = |error: std::io::Error| Error::unwritable(path, error);
        fs::create_dir_all(path).map_err(stopped)?;
        let lock = path.join(LOCK);
        let mut file = loop {
            let mut file =
                File::options().read(true).write(true).create(true).truncate(false).open(&lock).map_err(stopped)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(taken(path, &mut file)),
                Err(TryLockError::Error(error)) => return Err(stopped(error)),
            }
            // Whoever had it before may have removed the file between our opening and our locking it.
            let own = file.metadata().map_err(stopped)?;
            if fs::metadata(&lock).is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())) {
                break file;
            }
        };
        let told = serde_json::to_vec(holder).unwrap_or_default();
        file.set_len(0).and_then(|()| file.write_all(&told)).map_err(stopped)?;
        Ok(Folder { path: path.to_owned(), _lock: file })
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The results that a run into this folder goes on with, none where it begins; fails where the folder holds results
    /// that may not be replaced.
    pub fn open(&self, existing: Existing) -> Result<Option<Results>> {
        if existing == Existing::Replace || !self.holds_results() {
            return Ok(None);
        }
        if existing == Existing::Resume {
            return Results::read(&self.path).map(Some);
        }
        let interrupted = Results::read(&self.path).is_ok_and(|results| results.manifest.interrupted);
        let (what, resume) =
            if interrupted { ("a run that was interrupted", "go on with it by --resume, ") } else { ("results", "") };
        Err(Error::usage(format!("{} holds {what} already", self.path.display()))
            .help(format!("{resume}name another folder by --out, or let them be replaced by --replace")))
    }

    /// True where it holds results, whole ones or not; a journal of one line holds none.
    fn holds_results(&self) -> bool {
        let lines = |text: Vec<u8>| text.iter().filter(|byte| **byte == b'\n').count();
        self.file(RESULTS).exists() || fs::read(self.file(JOURNAL)).is_ok_and(|text| lines(text) > 1)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Before the lock is: nobody may hold a file that is gone. One that stays is only a file without a lock.
        let _ = fs::remove_file(self.file(LOCK));
    }
}

/// That another run has the folder.
fn taken(path: &Path, lock: &mut File) -> Error {
    let mut text = String::new();
    let holder = lock.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str::<Holder>(&text).ok());
    let who = holder.map_or_else(
        || "another process".to_owned(),
        |Holder { pid, started, command }| format!("process {pid} since {started}: `engine {}`", command.join(" ")),
    );
    Error::usage(format!("a run writes into {} already: {who}", path.display()))
        .help("wait for its end, or name another folder by --out")
}

/// Makes the folder of a run that begins at `started`, among the `runs` of its scenario, and lets `latest` there point
/// to it.
pub fn fresh(runs: &Path, started: &str) -> Result<PathBuf> {
    let stopped = |path: &Path, error: &std::io::Error| {
        Error::stopped(format!("{} cannot be made: {error}", path.display()))
            .help("see that the folder may be written to, or name another by --out")
    };
    fs::create_dir_all(runs).map_err(|error| stopped(runs, &error))?;
    // Colons are no part of a file's name everywhere that a folder may be copied to.
    let when = started.replace(':', "-");
    for number in 1.. {
        let name = if number == 1 { when.clone() } else { format!("{when}-{number}") };
        let path = runs.join(&name);
        match fs::create_dir(&path) {
            Ok(()) => {
                point(runs, &name).map_err(|error| stopped(&runs.join(LATEST), &error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(stopped(&path, &error)),
        }
    }
    Err(Error::stopped(format!("{} has no room for a run", runs.display())))
}

/// The folder that `latest` points to among the `runs` of a scenario.
pub fn latest(runs: &Path) -> Option<PathBuf> {
    fs::read_link(runs.join(LATEST)).ok().map(|name| runs.join(name))
}

/// Lets `latest` point to the folder of that name, at once and whatever it pointed to; what is no link stays.
fn point(runs: &Path, name: &str) -> std::io::Result<()> {
    let link = runs.join(LATEST);
    if fs::symlink_metadata(&link).is_ok_and(|there| !there.is_symlink()) {
        return Err(std::io::Error::other("it is there, and no link"));
    }
    let new = runs.join(format!(".{LATEST}-{}", std::process::id()));
    let _ = fs::remove_file(&new);
    std::os::unix::fs::symlink(name, &new)?;
    fs::rename(&new, &link)
}
