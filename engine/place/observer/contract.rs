//! What reads something of the processes of an end while it is measured.

use std::collections::BTreeMap;

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::place::processes::{Stat, all};
use crate::registry::Entry;
use crate::results::Spent;

/// Something that can be read of the processes of an end. One file implements it and one line registers it.
pub trait Observer: Entry + Sync {
    /// The counters that it fills, by their names in [`Spent`] or in its `more`: where it is not attached, each says why.
    fn counters(&self) -> &'static [&'static str];

    /// True where it makes what it observes slower, so that it is attached only where somebody asks for it.
    fn slows(&self) -> bool {
        false
    }

    /// Whether it can observe on this machine, or why not.
    fn able(&self) -> Result<()> {
        Ok(())
    }

    /// Observes the group that `leader` leads, which was started just now and has started nothing itself.
    fn attach(&self, leader: Pid) -> Box<dyn Watching>;
}

/// An observer at work on one end.
pub trait Watching: Send {
    /// The end is up, and nobody has called it yet.
    fn idle(&mut self, _group: &Group) {}
    /// The window begins; both ends are connected and wait.
    fn begin(&mut self, group: &Group);
    /// About a second of the window has passed.
    fn look(&mut self, _group: &Group) {}
    /// The window has ended: tells what was seen in it, or why that is not known.
    fn end(&mut self, group: &Group, evidence: &mut Evidence);
}

/// What the observers of one end have seen of one window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// What goes into the record.
    pub spent: Spent,
    /// How long threads waited for a core, in nanoseconds, without those that have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queued_ns: Option<u64>,
    /// By how much the proportional share of memory has grown since nobody had called yet, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grown_memory: Option<u64>,
}

impl Evidence {
    /// Says why a counter is absent.
    pub fn lacks(&mut self, counter: &str, why: &str) {
        self.spent.missing.insert(counter.to_owned(), why.to_owned());
    }
}

/// Which processes are those of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members {
    /// The group that this process leads.
    Group(Pid),
    /// The same without its leader, which only keeps the others.
    Kept(Pid),
    /// These, and all that descend from them.
    Trees(Vec<Pid>),
}

/// The processes of one group at one moment.
pub struct Group(Vec<(Pid, Stat)>);

impl Group {
    /// The group that `leader` leads, now; it reads one small file for each process of the machine.
    pub fn of(leader: Pid) -> Self {
        Self::of_members(&Members::Group(leader))
    }

    /// Those of an end, now.
    pub fn of_members(members: &Members) -> Self {
        let stats: BTreeMap<Pid, Stat> = all().into_iter().filter_map(|pid| Some((pid, Stat::of(pid)?))).collect();
        let descends = |pid: Pid, roots: &[Pid]| {
            let parent = |pid: &Pid| stats.get(pid).map(|stat| Pid::from_raw(stat.parent));
            std::iter::successors(Some(pid), parent).take(1000).any(|ancestor| roots.contains(&ancestor))
        };
        let inside: Vec<Pid> = stats
            .iter()
            .filter(|(pid, stat)| match members {
                Members::Group(leader) => stat.group == *leader,
                Members::Kept(keeper) => stat.group == *keeper && *pid != keeper,
                Members::Trees(roots) => descends(**pid, roots),
            })
            .map(|(pid, _)| *pid)
            .collect();
        Group(stats.into_iter().filter(|(pid, _)| inside.contains(pid)).collect())
    }

    /// All of them, also those that have ended and wait to be reaped.
    pub fn all(&self) -> impl Iterator<Item = (Pid, &Stat)> {
        self.0.iter().map(|(pid, stat)| (*pid, stat))
    }

    /// Those that live.
    pub fn living(&self) -> impl Iterator<Item = (Pid, &Stat)> {
        self.all().filter(|(_, stat)| !stat.zombie)
    }

    /// CPU time of children that have ended and were waited for, in clock ticks.
    pub fn reaped_ticks(&self) -> u64 {
        self.all().map(|(_, stat)| stat.reaped_ticks).sum()
    }

    /// The sum of a figure over the living; none where the kernel does not tell it of one of them.
    pub fn sum<T: std::ops::Add<Output = T>>(&self, zero: T, of: impl Fn(Pid) -> Option<T>) -> Option<T> {
        self.living().try_fold(zero, |sum, (pid, _)| Some(sum + of(pid)?))
    }
}
