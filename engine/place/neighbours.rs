//! Looks at the machine whenever a trial begins or ends, and says what others did to it in between.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use crate::place::interference::between;
use crate::place::messages::Tree;
use crate::place::processes::{Moment, Stat, command, name};
use crate::results::machine::{Interference, Neighbour};

/// Over less than this nothing is said: a shorter stretch is looked at together with what was before it.
const STRETCH: Duration = Duration::from_millis(500);
/// What lies further back says nothing about a trial.
const PAST: Duration = Duration::from_secs(2);

/// Who else uses the cores of the two ends.
#[derive(Debug)]
pub struct Neighbours {
    run: i32,
    ends: [Vec<usize>; 2],
    /// The oldest first.
    seen: Vec<Moment>,
    unseen: bool,
    /// Other processes that are measured, and names of such.
    spared: (Vec<i32>, Vec<String>),
}

impl Neighbours {
    /// Others than this process and its descendants, on the cores of the two ends.
    pub fn of(ends: [Vec<usize>; 2]) -> Self {
        Neighbours { run: root(), ends, seen: Vec::new(), unseen: false, spared: Default::default() }
    }

    /// Nobody: nothing is looked at, and nothing can be said.
    pub fn unseen() -> Self {
        Neighbours {
            run: 0,
            ends: [Vec::new(), Vec::new()],
            seen: Vec::new(),
            unseen: true,
            spared: Default::default(),
        }
    }

    /// These processes with all that descend from them, and all of these names, are measured: they are no neighbours.
    pub fn spare(&mut self, pids: &[i32], names: &[String]) {
        let (known, named) = &mut self.spared;
        known.extend(pids.iter().filter(|pid| !known.contains(pid)).copied().collect::<Vec<_>>());
        named.extend(names.iter().filter(|name| !named.contains(name)).cloned().collect::<Vec<_>>());
    }

    /// Looks, and returns the moment, from which [`Neighbours::since`] can tell.
    pub fn look(&mut self) -> Instant {
        match (!self.unseen).then(Moment::now).flatten() {
            Some(moment) => {
                let at = moment.at;
                self.seen.push(moment);
                at
            }
            None => Instant::now(),
        }
    }

    /// The same at the beginning of a trial: what lies long before it is forgotten.
    pub fn begin(&mut self) -> Instant {
        let at = self.look();
        self.seen.retain(|moment| at.duration_since(moment.at) < PAST + STRETCH);
        at
    }

    /// What others did since a moment that was looked at, over at least half a second: where it is less, over what was
    /// before too, else it waits until so much has passed. None where this kernel does not tell.
    pub fn since(&mut self, moment: Instant) -> Option<Interference> {
        if self.seen.is_empty() {
            return None;
        }
        let mut now = self.look();
        let ages = |seen: &[Moment]| -> Vec<Duration> { seen.iter().map(|it| now.duration_since(it.at)).collect() };
        let from = match start(&ages(&self.seen), now.duration_since(moment)) {
            Some(at) => at,
            None => {
                thread::sleep(STRETCH.saturating_sub(now.duration_since(moment)));
                now = self.look();
                self.seen.iter().position(|it| it.at == moment)?
            }
        };
        let (before, after) = (self.seen.get(from)?, self.seen.iter().find(|it| it.at == now)?);
        let (spared, named) = &self.spared;
        let of_name = |pid: &&i32| !named.is_empty() && name(**pid).is_some_and(|name| named.contains(&name));
        let ours: Vec<i32> =
            spared.iter().chain(after.processes.keys().filter(of_name)).copied().chain([self.run]).collect();
        let used = between(before, after, &ours, [&self.ends[0], &self.ends[1]]);
        let largest = used.largest.and_then(|(pid, share)| Some(Neighbour { name: name(pid)?, pid, share }));
        Some(Interference { largest, ..used.interference })
    }

    /// What is worth a line before a run begins: another run on this machine, or others that use its cores. It takes
    /// half a second, over which the first trial may be looked at too.
    pub fn warning(&mut self) -> Option<String> {
        let begun = self.look();
        if self.seen.is_empty() {
            return None;
        }
        thread::sleep(STRETCH);
        let busy = self.since(begun).filter(Interference::disturbs);
        let last = self.seen.last()?;
        let own = name(self.run)?;
        let runs = |pid: &i32| {
            let words = command(*pid);
            let runs = words.get(1).is_some_and(|word| matches!(word.as_str(), "run" | "try" | "selftest"));
            runs && name(*pid).as_ref() == Some(&own)
        };
        let other = last.processes.keys().copied().filter(|pid| *pid != self.run).find(runs);
        let what = match (other, busy) {
            (Some(pid), _) => format!("another `engine {}` (pid {pid}) is under way", command(pid).get(1)?),
            (None, Some(busy)) => busy.sentence(),
            (None, None) => return None,
        };
        Some(format!("this machine is busy: {what}; trials that others disturb are marked and tried again"))
    }
}

/// The processes of this run here, where the kernel tells.
pub fn tree() -> Option<Tree> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    let namespace = fs::read_link("/proc/self/ns/pid").ok()?.to_string_lossy().into_owned();
    Some(Tree { root: root(), boot, namespace })
}

/// The process of this run from which all others of it descend: this one, or the one that started it as its agent.
fn root() -> i32 {
    let own = std::process::id() as i32;
    let parent = |pid: &i32| Stat::of(Pid::from_raw(*pid)).map(|stat| stat.parent);
    let alike = |pid: &i32| name(*pid).is_some() && name(*pid) == name(own);
    std::iter::successors(Some(own), |pid| parent(pid).filter(alike)).last().unwrap_or(own)
}

/// Which of the moments, told by their age and the oldest first, a trial of such an age is judged from: the youngest
/// that is at least as old as the trial and as a stretch must be; none where there is none, or only one long before.
fn start(ages: &[Duration], trial: Duration) -> Option<usize> {
    let at = ages.iter().rposition(|age| *age >= trial.max(STRETCH))?;
    (ages[at] <= trial.max(STRETCH) + PAST).then_some(at)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Neighbours, start};
    use crate::place::pinning::cores;

    #[test]
    fn a_stretch_lasts_half_a_second_at_least_and_spans_short_trials() {
        let of = |ages: &[u64], trial| {
            let ages: Vec<Duration> = ages.iter().map(|age| Duration::from_millis(*age)).collect();
            start(&ages, Duration::from_millis(trial))
        };
        assert_eq!(of(&[9_000, 2_000, 1_000, 0], 1_000), Some(2), "a long trial is a stretch of its own");
        assert_eq!(of(&[9_000, 700, 520, 300, 100, 0], 100), Some(2), "short trials share one");
        assert_eq!(of(&[2_400, 100, 0], 100), Some(0));
        assert_eq!(of(&[9_000, 100, 0], 100), None, "what lies long before says nothing");
        assert_eq!(of(&[100, 0], 100), None, "the first trial of all");
    }

    #[test]
    fn a_short_look_lasts_half_a_second_all_the_same() {
        let mut neighbours = Neighbours::of([cores().expect("there are cores"), cores().expect("there are cores")]);
        let begun = neighbours.begin();
        let interference = neighbours.since(begun).expect("this system has /proc");
        assert!(interference.stretch_ns >= 500_000_000, "{interference:?}");
        assert!((0.0..=1.0).contains(&interference.share), "{interference:?}");
        let mut unseen = Neighbours::unseen();
        let begun = unseen.begin();
        assert_eq!((unseen.since(begun), unseen.warning()), (None, None));
        let short = neighbours.look();
        let shared = neighbours.since(short).expect("this system has /proc");
        assert!(shared.stretch_ns >= 500_000_000, "{shared:?}");
    }
}
