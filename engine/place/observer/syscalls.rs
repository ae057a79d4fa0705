//! How many system calls the processes of one end make, counted by the kernel.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::unistd::{Pid, getpid};

use crate::error::{Context, Error, Result};
use crate::place::observer::contract::{Evidence, Group, Observer, Watching};
use crate::registry::Entry;

/// Where the number of the tracepoint stands, inside tracefs.
const ID: &str = "events/raw_syscalls/sys_enter/id";
/// Where tracefs may be mounted.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// `struct perf_event_attr` in its first version, which every kernel understands (perf_event_open(2)).
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint: u32,
    config1: u64,
}

const TRACEPOINT: u32 = 2;
/// Processes and threads that come later are counted too.
const INHERIT: u64 = 1 << 1;
const CLOSE_ON_EXEC: u64 = 1 << 3;

/// The observer `syscalls`.
pub struct SystemCalls;

impl Entry for SystemCalls {
    fn name(&self) -> &'static str {
        "syscalls"
    }
    fn about(&self) -> &'static str {
        "system calls of all processes and threads, be they gone or not"
    }
}

impl Observer for SystemCalls {
    fn counters(&self) -> &'static [&'static str] {
        &["syscalls"]
    }

    /// Each call of the kernel is longer: a ping of two at either end by 15 to 20 %, side by side on one core.
    fn slows(&self) -> bool {
        true
    }

    fn able(&self) -> Result<()> {
        open(getpid()).map(drop)
    }

    fn attach(&self, leader: Pid) -> Box<dyn Watching> {
        let alone = fs::read_dir(format!("/proc/{leader}/task")).is_ok_and(|threads| threads.count() == 1);
        // What had been started before would be left out without a word.
        let late = || Err(Error::failed("it had started threads before they could be counted"));
        let counter = open(leader).and_then(|file| if alone { Ok(file) } else { late() });
        Box::new(Watch { counter, before: Ok(0) })
    }
}

struct Watch {
    counter: Result<File>,
    before: Result<u64>,
}

impl Watch {
    /// How many there have been so far, or why that is not known.
    fn so_far(&self) -> Result<u64> {
        let mut count = [0; 8];
        let mut file = self.counter.as_ref().map_err(Error::clone)?;
        file.read_exact(&mut count).doing("the counter cannot be read")?;
        Ok(u64::from_ne_bytes(count))
    }
}

impl Watching for Watch {
    fn begin(&mut self, _: &Group) {
        self.before = self.so_far();
    }

    fn end(&mut self, _: &Group, evidence: &mut Evidence) {
        let after = self.so_far();
        match self.before.clone().and_then(|before| Ok(after?.saturating_sub(before))) {
            Ok(calls) => evidence.spent.syscalls = Some(calls),
            Err(why) => evidence.lacks("syscalls", why.message()),
        }
    }
}

fn open(process: Pid) -> Result<File> {
    let mut attributes = Attributes {
        kind: TRACEPOINT,
        size: size_of::<Attributes>() as u32,
        config: tracepoint().doing("raw_syscalls:sys_enter cannot be looked up")?,
        flags: INHERIT,
        ..Attributes::default()
    };
    let (any_cpu, no_group): (libc::c_int, libc::c_int) = (-1, -1);
    // SAFETY: the attributes live through the call and are as long as they say.
    let opened = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw mut attributes,
            process.as_raw(),
            any_cpu,
            no_group,
            CLOSE_ON_EXEC,
        )
    };
    descriptor(opened).map(File::from).doing("perf_event_open is refused")
}

/// The number of the tracepoint at which every system call passes.
fn tracepoint() -> io::Result<u64> {
    let read = |place: &str| fs::read_to_string(format!("{place}/{ID}"));
    let text = match PLACES.iter().find_map(|place| read(place).ok()) {
        Some(text) => text,
        None => {
            let tracefs = tracefs()?;
            fs::read_to_string(format!("/proc/self/fd/{}/{ID}", tracefs.as_raw_fd()))?
        }
    };
    text.trim().parse().map_err(io::Error::other)
}

/// A tracefs of our own where none is mounted: it is attached nowhere, and gone when it is dropped.
fn tracefs() -> io::Result<OwnedFd> {
    const CREATE: libc::c_int = 6;
    const NOTHING: *const libc::c_char = std::ptr::null();
    // SAFETY: the name ends with a zero; the other calls take descriptors and null where nothing is meant.
    unsafe {
        let context = descriptor(libc::syscall(libc::SYS_fsopen, c"tracefs".as_ptr(), 1))?;
        let made = libc::syscall(libc::SYS_fsconfig, context.as_raw_fd(), CREATE, NOTHING, NOTHING, 0);
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        descriptor(libc::syscall(libc::SYS_fsmount, context.as_raw_fd(), 1, 0))
    }
}

/// The descriptor that a system call returned, or its error.
fn descriptor(returned: libc::c_long) -> io::Result<OwnedFd> {
    if returned < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made it, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(returned as RawFd) })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use crate::place::child::{Child, Heard};
    use crate::place::observer::contract::{Evidence, Group, Observer};
    use crate::place::observer::syscalls::SystemCalls;

    /// What a shell makes that waits for a line and has a child copy a thousand bytes one by one.
    fn counted() -> Evidence {
        let mut command = Command::new("sh");
        command.args(["-c", "read line; dd if=/dev/zero of=/dev/null bs=1 count=1000 2>&1; echo done; read line"]);
        let mut shell = Child::start("a shell", command).expect("it starts");
        let mut watch = SystemCalls.attach(shell.pid());
        watch.begin(&Group::of(shell.pid()));
        shell.tell("go").expect("it listens");
        while shell.hear().expect("it talks") != Heard::Line("done".to_owned()) {}
        let mut evidence = Evidence::default();
        watch.end(&Group::of(shell.pid()), &mut evidence);
        evidence
    }

    #[test]
    fn those_of_children_are_counted_or_it_is_said_why_not() {
        let spent = counted().spent;
        match (spent.syscalls, spent.missing.get("syscalls"), SystemCalls.able()) {
            (Some(made), None, Ok(())) => {
                assert!((2000..2400).contains(&made), "a thousand reads and as many writes, not {made}");
            }
            (None, Some(why), Err(also)) => assert_eq!(why, also.message()),
            other => panic!("either all of it can be counted or none: {other:?}"),
        }
    }
}
