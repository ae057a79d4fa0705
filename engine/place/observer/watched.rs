//! All observers of one end, from its launch to the end of its window.

use std::collections::BTreeMap;

use nix::unistd::Pid;

use crate::error::Error;
use crate::place::observer::contract::{Evidence, Group, Members, Observer, Watching};
use crate::place::processes::{all, cpu_ns, name};

/// The observers that are attached to one end.
pub struct Watched {
    members: Members,
    watching: Vec<Box<dyn Watching>>,
    /// What is not observed, and why.
    absent: Evidence,
    /// The names of processes that belong to it and are counted apart, and what each had spent when the window began.
    with: BTreeMap<String, BTreeMap<Pid, u64>>,
}

impl Watched {
    /// Attaches those of `observers` that are named to the group that `leader` leads, which has just been started.
    pub fn attach(leader: Pid, observers: &[&dyn Observer], observe: &[String]) -> Self {
        Self::attach_to(Members::Group(leader), leader, observers, observe)
    }

    /// The same to processes of which `leader` was started just now, or the first.
    pub fn attach_to(members: Members, leader: Pid, observers: &[&dyn Observer], observe: &[String]) -> Self {
        let (mut watching, mut absent) = (Vec::new(), Evidence::default());
        for observer in observers {
            let asked = observe.iter().any(|name| name == observer.name());
            let unasked = || Err(Error::failed(format!("not counted, since `--{}` was not given", observer.name())));
            match if asked { observer.able() } else { unasked() } {
                Ok(()) => watching.push(observer.attach(leader)),
                Err(why) => observer.counters().iter().for_each(|counter| absent.lacks(counter, why.message())),
            }
        }
        Watched { members, watching, absent, with: BTreeMap::new() }
    }

    /// Nobody is watched: each counter is absent for that reason.
    pub fn nobody(observers: &[&dyn Observer], why: &str) -> Self {
        let mut absent = Evidence::default();
        observers.iter().flat_map(|observer| observer.counters()).for_each(|counter| absent.lacks(counter, why));
        Watched { members: Members::Trees(Vec::new()), watching: Vec::new(), absent, with: BTreeMap::new() }
    }

    /// Processes of these names are counted too, apart from the others.
    pub fn with(mut self, names: &[String]) -> Self {
        self.with = names.iter().map(|name| (name.clone(), BTreeMap::new())).collect();
        self
    }

    /// Its living processes.
    pub fn members(&self) -> Group {
        Group::of_members(&self.members)
    }

    /// The end is up, and nobody has called it yet.
    pub fn idle(&mut self) {
        self.each(|watching, group| watching.idle(group));
    }

    /// The window begins.
    pub fn begin(&mut self) {
        self.each(|watching, group| watching.begin(group));
        self.with.iter_mut().for_each(|(name, spent)| *spent = spent_by(name));
    }

    /// About a second of it has passed.
    pub fn look(&mut self) {
        self.each(|watching, group| watching.look(group));
    }

    /// The window has ended: what was seen in it.
    pub fn end(&mut self) -> Evidence {
        let mut evidence = self.absent.clone();
        self.each(|watching, group| watching.end(group, &mut evidence));
        for (name, before) in &self.with {
            let after = spent_by(name);
            let counter = format!("{name}_cpu_ns");
            if after.is_empty() {
                evidence.lacks(&counter, "no process of that name is there");
                continue;
            }
            let spent = |(pid, now): (&Pid, &u64)| now.saturating_sub(before.get(pid).copied().unwrap_or(0));
            evidence.spent.more.insert(counter, after.iter().map(spent).sum());
        }
        evidence
    }

    fn each(&mut self, mut what: impl FnMut(&mut dyn Watching, &Group)) {
        if self.watching.is_empty() {
            return;
        }
        let group = self.members();
        self.watching.iter_mut().for_each(|watching| what(watching.as_mut(), &group));
    }
}

/// The CPU time of each living process of that name, in nanoseconds.
fn spent_by(wanted: &str) -> BTreeMap<Pid, u64> {
    let named = all().into_iter().filter(|pid| name(pid.as_raw()).as_deref() == Some(wanted));
    named.filter_map(|pid| Some((pid, cpu_ns(pid)?))).collect()
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watched({:?}, {} observers)", self.members, self.watching.len())
    }
}
