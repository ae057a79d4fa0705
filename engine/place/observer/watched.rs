//! All observers of one end, from its launch to the end of its window.

use nix::unistd::Pid;

use crate::error::Error;
use crate::place::observer::contract::{Evidence, Group, Observer, Watching};

/// The observers that are attached to one end.
pub struct Watched {
    leader: Pid,
    watching: Vec<Box<dyn Watching>>,
    /// What is not observed, and why.
    absent: Evidence,
}

impl Watched {
    /// Attaches those of `observers` that are named to the group that `leader` leads, which has just been started.
    pub fn attach(leader: Pid, observers: &[&dyn Observer], observe: &[String]) -> Self {
        let (mut watching, mut absent) = (Vec::new(), Evidence::default());
        for observer in observers {
            let asked = observe.iter().any(|name| name == observer.name());
            let unasked = || Err(Error::failed(format!("not counted, since `--{}` was not given", observer.name())));
            match if asked { observer.able() } else { unasked() } {
                Ok(()) => watching.push(observer.attach(leader)),
                Err(why) => observer.counters().iter().for_each(|counter| absent.lacks(counter, why.message())),
            }
        }
        Watched { leader, watching, absent }
    }

    /// The end is up, and nobody has called it yet.
    pub fn idle(&mut self) {
        self.each(|watching, group| watching.idle(group));
    }

    /// The window begins.
    pub fn begin(&mut self) {
        self.each(|watching, group| watching.begin(group));
    }

    /// About a second of it has passed.
    pub fn look(&mut self) {
        self.each(|watching, group| watching.look(group));
    }

    /// The window has ended: what was seen in it.
    pub fn end(&mut self) -> Evidence {
        let mut evidence = self.absent.clone();
        self.each(|watching, group| watching.end(group, &mut evidence));
        evidence
    }

    fn each(&mut self, mut what: impl FnMut(&mut dyn Watching, &Group)) {
        let group = Group::of(self.leader);
        self.watching.iter_mut().for_each(|watching| what(watching.as_mut(), &group));
    }
}

impl std::fmt::Debug for Watched {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watched({}, {} observers)", self.leader, self.watching.len())
    }
}
