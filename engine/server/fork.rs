//! Processes that a server forks, which must be one thread.

use std::fs;
use std::marker::PhantomData;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::{ForkResult, Pid, fork, getpid, getppid};

use crate::error::{Context, Error, Result};

/// A process that was seen to have one thread, so that it may fork: of a child's memory nothing is held by a thread that
/// is not there. Whoever has it starts no thread.
#[derive(Debug)]
pub(crate) struct OneThread {
    process: Pid,
    /// It stays on its thread.
    here: PhantomData<*const ()>,
}

impl OneThread {
    /// This process; an error where it has several threads.
    pub(crate) fn seen() -> Result<Self> {
        let threads = fs::read_dir("/proc/self/task").doing("cannot count the threads of this server")?.count();
        match threads {
            1 => Ok(OneThread { process: getpid(), here: PhantomData }),
            _ => Err(Error::stopped(format!("a server of {threads} threads cannot fork"))),
        }
    }

    /// Forks, and says which of the two this is.
    pub(crate) fn fork(&self) -> nix::Result<Forked> {
        // SAFETY: this process has one thread, so the child's heap and locks are in order.
        Ok(match unsafe { fork() }? {
            ForkResult::Parent { .. } => Forked::Parent,
            ForkResult::Child => Forked::Child(Child { parent: self.process }),
        })
    }
}

/// Which of two processes this is.
#[derive(Debug)]
pub(crate) enum Forked {
    /// The one that forked.
    Parent,
    /// The new one.
    Child(Child),
}

/// A forked process, which ends by [`Child::end`] and never returns into its parent's code.
#[derive(Debug)]
pub(crate) struct Child {
    parent: Pid,
}

impl Child {
    /// Ties the life of this process to its parent's; an error where that one is gone already.
    pub(crate) fn die_with_parent(&self) -> Result<()> {
        let doing = "cannot end with the parent";
        // The parent-death signal is not inherited, and the parent may be gone before it is set.
        set_pdeathsig(Signal::SIGKILL).doing(doing)?;
        SigSet::all().thread_unblock().doing(doing)?;
        if getppid() == self.parent { Ok(()) } else { Err(Error::failed("the parent is gone")) }
    }

    /// Ends this process, without the exit handlers that are its parent's to run.
    pub(crate) fn end(self, code: i32) -> ! {
        // SAFETY: it never returns, and nothing of ours is to be written or flushed after it.
        unsafe { libc::_exit(code) }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::OneThread;

    #[test]
    fn a_process_of_several_threads_does_not_fork() {
        // A test is a thread beside its harness; here are three at least.
        let (count, error) = thread::scope(|scope| {
            let other = scope.spawn(thread::park);
            let seen = OneThread::seen();
            other.thread().unpark();
            (2, seen.expect_err("there is another thread"))
        });
        assert!(count == 2 && error.to_string().ends_with("threads cannot fork"), "{error}");
    }
}
