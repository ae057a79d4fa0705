//! How many processes and threads an end has: at the end of the window, and the most that were seen in it.

use nix::unistd::Pid;

use crate::place::observer::contract::{Evidence, Group, Observer, Watching};
use crate::registry::Entry;

/// The observer `threads`.
pub struct Threads;

impl Entry for Threads {
    fn name(&self) -> &'static str {
        "threads"
    }
    fn about(&self) -> &'static str {
        "processes and threads at the end of the window, and the most of them that were seen"
    }
}

impl Observer for Threads {
    fn counters(&self) -> &'static [&'static str] {
        &["processes", "threads"]
    }
    fn attach(&self, _: Pid) -> Box<dyn Watching> {
        Box::new(Watch::default())
    }
}

/// The most that were seen.
#[derive(Default)]
struct Watch {
    processes: u64,
    threads: u64,
}

impl Watching for Watch {
    fn begin(&mut self, group: &Group) {
        *self = Watch::default();
        self.look(group);
    }

    fn look(&mut self, group: &Group) {
        let (processes, threads) = count(group);
        self.processes = self.processes.max(processes);
        self.threads = self.threads.max(threads);
    }

    fn end(&mut self, group: &Group, evidence: &mut Evidence) {
        self.look(group);
        let (processes, threads) = count(group);
        let spent = &mut evidence.spent;
        (spent.processes, spent.threads) = (Some(processes), Some(threads));
        (spent.most_processes, spent.most_threads) = (Some(self.processes), Some(self.threads));
    }
}

/// Living processes, and their threads.
fn count(group: &Group) -> (u64, u64) {
    group.living().fold((0, 0), |(processes, threads), (_, stat)| (processes + 1, threads + stat.threads))
}
