//! What a command writes to stdout and stderr: kept in memory, of much of it only the two ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::AsRawFd;
use std::process::Stdio;

use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::error::{Context, Result};

/// From so many bytes on the middle is forgotten.
const MOST: u64 = 1 << 20;
/// How much is kept of each end, in bytes.
const KEPT: u64 = 4 << 10;

/// A file without a name that takes all that is written, and is cut short while it grows: a pipe would have to be read
/// while the command is measured, on its own cores.
#[derive(Debug)]
pub struct Output {
    file: File,
    begin: Option<Vec<u8>>,
    last: Vec<u8>,
}

impl Output {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let file = File::from(memfd_create("output", MFdFlags::MFD_CLOEXEC).doing("making room for what it writes")?);
        Ok(Output { file, begin: None, last: Vec::new() })
    }

    /// An end to write to. It appends, so that cutting the file short leaves no hole before what comes next.
    pub fn writer(&self) -> Result<Stdio> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        Ok(OpenOptions::new().append(true).open(path).doing("opening what it writes to")?.into())
    }

    /// Forgets the middle of what was written, where that is much; true where it was.
    pub fn shorten(&mut self) -> bool {
        let len = self.file.metadata().map_or(0, |metadata| metadata.len());
        if len <= MOST {
            return false;
        }
        if self.begin.is_none() {
            self.begin = Some(self.read(0));
        }
        self.last = self.read(len - KEPT);
        // What is written between the two calls is lost, as the middle is.
        let _ = self.file.set_len(0);
        true
    }

    fn read(&mut self, from: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What cannot be read is not quoted.
        let _ = self.file.seek(SeekFrom::Start(from)).and_then(|_| (&self.file).take(KEPT).read_to_end(&mut bytes));
        bytes
    }

    /// Both ends of what was written, or all of it where it is little.
    pub fn text(&mut self) -> String {
        self.shorten();
        let len = self.file.metadata().map_or(0, |metadata| metadata.len());
        let mut text = match &self.begin {
            Some(begin) => [begin.as_slice(), b"\n\xe2\x80\xa6\n", &self.last].concat(),
            None => self.read(0),
        };
        let from = if self.begin.is_none() { KEPT.min(len) } else { 0 };
        text.extend(self.read(from.max(len.saturating_sub(KEPT))));
        String::from_utf8_lossy(&text).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{MOST, Output};

    #[test]
    fn of_much_that_is_written_only_both_ends_are_kept() {
        let mut output = Output::new().expect("memory is there");
        let write = |script: &str, output: &Output| {
            let status = Command::new("sh").args(["-c", script]).stdout(output.writer().expect("it opens")).status();
            assert!(status.is_ok_and(|status| status.success()));
        };
        write("echo first; echo second", &output);
        assert_eq!((output.shorten(), output.text().as_str()), (false, "first\nsecond\n"));
        write("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo middle", &output);
        assert!(output.shorten(), "it has grown beyond {MOST} bytes");
        assert_eq!(output.file.metadata().map(|it| it.len()).ok(), Some(0), "and takes no memory any more");
        write("echo last", &output);
        let text = output.text();
        assert!(text.starts_with("first\nsecond\nxxx") && text.ends_with("middle\nlast\n"), "{text}");
        assert!(text.len() < 20_000, "{}", text.len());
    }
}
