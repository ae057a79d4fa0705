//! The observer `written`: how many bytes the living processes of an end have written by calls of `write`.

use std::fs;

use engine::error::{Error, Result};
use engine::place::observer::contract::{Evidence, Group, Observer, Watching};
use engine::registry::Entry;
use nix::unistd::{Pid, getpid};

/// The observer `written`.
pub(crate) struct Written;

impl Entry for Written {
    fn name(&self) -> &'static str {
        "written"
    }
    fn about(&self) -> &'static str {
        "bytes written by calls of `write`"
    }
}

const COUNTER: &str = "written_bytes";
const WHY: &str = "this kernel does not tell what a process writes";

impl Observer for Written {
    fn counters(&self) -> &'static [&'static str] {
        &[COUNTER]
    }

    fn able(&self) -> Result<()> {
        bytes(getpid()).map(drop).ok_or_else(|| Error::failed(WHY))
    }

    fn attach(&self, _: Pid) -> Box<dyn Watching> {
        Box::new(Watch { before: None })
    }
}

struct Watch {
    before: Option<u64>,
}

impl Watching for Watch {
    fn begin(&mut self, group: &Group) {
        self.before = group.sum(0, bytes);
    }

    fn end(&mut self, group: &Group, evidence: &mut Evidence) {
        match self.before.zip(group.sum(0, bytes)) {
            Some((before, after)) => {
                evidence.spent.more.insert(COUNTER.to_owned(), after.saturating_sub(before));
            }
            None => evidence.lacks(COUNTER, WHY),
        }
    }
}

/// What a process has written since it began (proc_pid_io(5)).
fn bytes(pid: Pid) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
}
