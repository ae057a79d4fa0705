//! What processes that are not of the run used of the cores of both ends, between two looks at the machine.
//!
//! What others used is the sum of what each of them spent, by the kernel's exact clock of each process, and not what is
//! left of the cores' time after the run has taken its share: that remainder holds the kernel's own work too, above all
//! the exits of a server's processes. What ended in between is found at the process that waited for it. Only inside a
//! container, where others cannot be seen, the remainder has to do, as far as two ways to tell it agree.

use std::collections::BTreeMap;

use nix::sched::CpuSet;

use crate::place::processes::{Moment, Process};
use crate::results::machine::Interference;

/// The process that used most is named from this share on.
const NAMED: f64 = 0.01;

/// What others used between two moments, and who used most of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The figures, without the name of the largest process.
    pub interference: Interference,
    /// The id of the largest process, and its share.
    pub largest: Option<(i32, f64)>,
}

/// What processes that are none of `ours`, and descend from none of them, used of the cores of each of `ends`: the share of the end that they
/// hit harder.
pub fn between(before: &Moment, after: &Moment, ours: &[i32], ends: [&[usize]; 2]) -> Used {
    let length_ns = after.at.saturating_duration_since(before.at).as_nanos() as u64;
    let mut free = Free::of(before, after, length_ns);
    let spent = spent(before, after);
    let of_run = |pid: i32| after.processes.get(&pid).is_some_and(|it| it.kernel) || descends(after, pid, ours);
    let (own, others): (Vec<_>, Vec<_>) = spent.into_iter().partition(|(pid, _)| of_run(*pid));
    for (pid, time) in &own {
        free.take(&after.processes[pid].cores, time.all_ns as f64, time.user_ns as f64);
    }
    let of_end = |cores: &[usize]| {
        let room_ns = (cores.len() as u64 * length_ns).max(1) as f64;
        let (mut sum, mut user, mut largest): (f64, f64, Option<(i32, f64)>) = (0.0, 0.0, None);
        for (pid, time) in &others {
            let part = free.part(&after.processes[pid].cores, cores);
            let used = time.all_ns as f64 * part / room_ns;
            sum += used;
            user += time.user_ns as f64 * part;
            if largest.is_none_or(|(_, most)| used > most) && used >= NAMED {
                largest = Some((*pid, used));
            }
        }
        if !(before.whole && after.whole) {
            sum += free.unseen(cores, sum * room_ns, user, length_ns) / room_ns;
        }
        (sum.min(1.0), largest)
    };
    let [server, client] = ends.map(of_end);
    let (share, largest) = if client.0 > server.0 { client } else { server };
    let interference = Interference { share, stretch_ns: length_ns, largest: None, run_queue_ns: None };
    Used { interference, largest }
}

/// What a process and those that it waited for spent in a stretch.
#[derive(Debug, Clone, Copy, Default)]
struct Spent {
    all_ns: u64,
    user_ns: u64,
}

/// What each process that lives at the end spent, and those that it waited for. What these had spent before the stretch
/// does not count.
fn spent(before: &Moment, after: &Moment) -> BTreeMap<i32, Spent> {
    let lives = |pid: i32| {
        let started = before.processes.get(&pid).map(|it| it.started);
        after.processes.get(&pid).is_some_and(|it| Some(it.started) == started)
    };
    let mut carried: BTreeMap<i32, Spent> = BTreeMap::new();
    for (pid, gone) in before.processes.iter().filter(|(pid, _)| !lives(**pid)) {
        let heir = ancestors(before, *pid).find(|ancestor| lives(*ancestor));
        if let Some(heir) = heir {
            let sum = carried.entry(heir).or_default();
            sum.all_ns += gone.own_ns + gone.reaped_ns;
            sum.user_ns += gone.user_ns;
        }
    }
    let since = |pid: i32, now: &Process| {
        let then = before.processes.get(&pid).filter(|then| then.started == now.started);
        let of = |figure: fn(&Process) -> u64| figure(now).saturating_sub(then.map_or(0, figure));
        let carried = carried.get(&pid).copied().unwrap_or_default();
        let reaped_ns = of(|it| it.reaped_ns).saturating_sub(carried.all_ns);
        Spent { all_ns: of(|it| it.own_ns) + reaped_ns, user_ns: of(|it| it.user_ns).saturating_sub(carried.user_ns) }
    };
    after.processes.iter().map(|(pid, now)| (*pid, since(*pid, now))).filter(|(_, spent)| spent.all_ns > 0).collect()
}

/// The parent of a process, its parent, and so on.
fn ancestors(moment: &Moment, pid: i32) -> impl Iterator<Item = i32> {
    // Each has started before its child, so there is no circle; a chain that was read while it changed is cut off.
    std::iter::successors(Some(pid), |pid| moment.processes.get(pid).map(|it| it.parent).filter(|it| *it > 0))
        .skip(1)
        .take(1000)
}

fn descends(moment: &Moment, pid: i32, from: &[i32]) -> bool {
    from.contains(&pid) || ancestors(moment, pid).any(|ancestor| from.contains(&ancestor))
}

/// The time of each core that is not accounted for: who may use several cores has likely been where most of it is.
struct Free {
    /// By core: the time that it was busy, in nanoseconds.
    busy_ns: Vec<f64>,
    /// By core: the time in the code of processes, as far as clock ticks tell.
    user_ns: Vec<f64>,
    /// The least weight of a core.
    floor_ns: f64,
}

impl Free {
    fn of(before: &Moment, after: &Moment, length_ns: u64) -> Self {
        let core =
            |at: usize| Some((before.cores.get(at).copied().flatten()?, after.cores.get(at).copied().flatten()?));
        let busy = |at: usize| {
            core(at).map_or(0.0, |(then, now)| {
                let idle = now.idle_ns.saturating_sub(then.idle_ns) + now.stolen_ns.saturating_sub(then.stolen_ns);
                length_ns.saturating_sub(idle) as f64
            })
        };
        let user = |at: usize| core(at).map_or(0.0, |(then, now)| now.user_ns.saturating_sub(then.user_ns) as f64);
        let cores = 0..after.cores.len();
        Free {
            busy_ns: cores.clone().map(busy).collect(),
            user_ns: cores.map(user).collect(),
            floor_ns: length_ns as f64 / 100.0,
        }
    }

    /// Accounts for time that was spent somewhere on `cores`.
    fn take(&mut self, cores: &CpuSet, all_ns: f64, user_ns: f64) {
        let open: Vec<usize> = (0..self.busy_ns.len()).filter(|core| cores.is_set(*core).unwrap_or(false)).collect();
        for &core in &open {
            self.busy_ns[core] -= all_ns / open.len() as f64;
            self.user_ns[core] -= user_ns / open.len() as f64;
        }
    }

    /// Which part of what was spent on `cores` was likely spent on `wanted`.
    fn part(&self, cores: &CpuSet, wanted: &[usize]) -> f64 {
        let weight = |core: usize| self.busy_ns[core].max(self.floor_ns);
        let open = (0..self.busy_ns.len()).filter(|core| cores.is_set(*core).unwrap_or(false));
        let (mut all, mut inside) = (0.0, 0.0);
        for core in open {
            all += weight(core);
            inside += if wanted.contains(&core) { weight(core) } else { 0.0 };
        }
        if all > 0.0 { inside / all } else { 0.0 }
    }

    /// What processes used of `cores` that cannot be seen, in nanoseconds: of the time that neither the run nor those
    /// seen used. It is the less of two remainders. That of all time holds the kernel's work too; that of time in
    /// processes' own code rests on clock ticks, which meet a steady rhythm too often or never, and on few of them.
    fn unseen(&self, cores: &[usize], seen_ns: f64, seen_user_ns: f64, length_ns: u64) -> f64 {
        const TICK_NS: f64 = 10e6;
        let left = |of: &[f64], seen: f64| cores.iter().filter_map(|core| of.get(*core)).sum::<f64>() - seen;
        let ticks = cores.len() as f64 * length_ns as f64 / TICK_NS;
        // Three times the error of a share that is estimated from so many ticks.
        let chance = 3.0 * (ticks / 4.0).sqrt() * TICK_NS;
        (left(&self.busy_ns, seen_ns).min(left(&self.user_ns, seen_user_ns)) - chance).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::{Duration, Instant};

    use nix::sched::CpuSet;

    use super::{Used, between};
    use crate::place::processes::{Core, Moment, Process};

    const MS: u64 = 1_000_000;
    const RUN: i32 = 100;
    const SERVER: i32 = 101;
    const CLIENT: i32 = 102;
    const OTHER: i32 = 50;

    fn cores(of: &[usize]) -> CpuSet {
        let mut set = CpuSet::new();
        of.iter().for_each(|core| set.set(*core).expect("there are so many"));
        set
    }

    fn process(parent: i32, own_ms: u64, reaped_ms: u64, on: &[usize]) -> Process {
        let (own_ns, reaped_ns) = (own_ms * MS, reaped_ms * MS);
        Process { parent, started: 7, kernel: false, own_ns, reaped_ns, user_ns: own_ns + reaped_ns, cores: cores(on) }
    }

    /// A machine of two cores, the server on the first and the client on the second, at the beginning of a stretch and
    /// a second later.
    struct Story {
        before: Moment,
        after: Moment,
    }

    impl Story {
        /// Each core is busy for so many milliseconds; the server has spent 600 ms and the client 400.
        fn new(busy_ms: [u64; 2]) -> Self {
            let at = Instant::now();
            let old = [
                (1, process(0, 500, 9_000, &[0, 1])),
                (OTHER, process(1, 5_000, 700, &[0, 1])),
                (RUN, process(1, 10, 0, &[0, 1])),
                (SERVER, process(RUN, 0, 0, &[0])),
                (CLIENT, process(RUN, 0, 0, &[1])),
            ];
            let before =
                Moment { at, processes: BTreeMap::from(old), cores: vec![Some(Core::default()); 2], whole: true };
            let mut after = Moment { at: at + Duration::from_secs(1), ..before.clone() };
            for (core, busy_ms) in busy_ms.into_iter().enumerate() {
                let (user_ns, idle_ns) = (busy_ms * MS, (1000 - busy_ms) * MS);
                after.cores[core] = Some(Core { user_ns, idle_ns, stolen_ns: 0 });
            }
            let mut story = Story { before, after };
            story.now(SERVER, process(RUN, 600, 0, &[0]));
            story.now(CLIENT, process(RUN, 400, 0, &[1]));
            story
        }

        fn now(&mut self, pid: i32, process: Process) {
            self.after.processes.insert(pid, process);
        }

        fn used(&self) -> Used {
            between(&self.before, &self.after, &[RUN], [&[0], &[1]])
        }

        fn share(&self) -> f64 {
            (self.used().interference.share * 1000.0).round() / 1000.0
        }
    }

    #[test]
    fn what_the_run_itself_does_is_no_interference_however_busy_the_cores_are() {
        // Both cores are busy all the time: with exits of the server's processes, interrupts and threads of the kernel.
        let mut story = Story::new([1000, 1000]);
        story.now(SERVER, process(RUN, 600, 300, &[0]));
        story.now(200, process(SERVER, 90, 0, &[0]));
        story.now(201, Process { kernel: true, ..process(2, 100, 0, &[0]) });
        assert_eq!((story.share(), story.used().largest), (0.0, None));
        assert_eq!(story.used().interference.stretch_ns, 1_000 * MS);
        // A server's child whose parent has ended is taken over by the run, which waits for it.
        story.after.processes.remove(&SERVER);
        story.now(RUN, process(1, 20, 900, &[0, 1]));
        story.now(200, process(RUN, 90, 0, &[0]));
        assert_eq!(story.share(), 0.0);
    }

    #[test]
    fn a_process_that_is_bound_to_a_core_is_charged_to_the_end_that_has_it() {
        let mut story = Story::new([900, 500]);
        story.now(OTHER, process(1, 5_300, 700, &[0]));
        assert_eq!((story.share(), story.used().largest), (0.3, Some((OTHER, 0.3))));
        let mut elsewhere = Story::new([900, 500]);
        elsewhere.after.cores.push(Some(Core::default()));
        elsewhere.now(OTHER, process(1, 6_000, 700, &[2]));
        assert_eq!((elsewhere.share(), elsewhere.used().largest), (0.0, None));
    }

    #[test]
    fn a_process_that_may_roam_is_charged_to_where_time_is_unaccounted_for() {
        // The server's core was busy for 200 ms more than the server, the client's for 50 ms more than the client.
        let mut story = Story::new([800, 450]);
        story.now(OTHER, process(1, 5_250, 700, &[0, 1]));
        assert_eq!(story.share(), 0.2);
    }

    #[test]
    fn who_came_and_went_is_found_at_the_process_that_waited_for_it() {
        let mut story = Story::new([900, 500]);
        story.now(OTHER, process(1, 5_000, 1_000, &[0]));
        assert_eq!((story.share(), story.used().largest), (0.3, Some((OTHER, 0.3))));
        // Of one that was there before, only what it spent in the stretch: 9.9 s of the 10 s are old.
        story.before.processes.insert(60, process(OTHER, 9_000, 0, &[0]));
        story.before.processes.insert(61, process(60, 800, 100, &[0]));
        story.now(OTHER, process(1, 5_000, 10_700, &[0]));
        assert_eq!(story.share(), 0.1);
        // An id that was given again is another process.
        story.now(61, Process { started: 8, ..process(1, 250, 0, &[1]) });
        assert_eq!((story.share(), story.used().largest), (0.25, Some((61, 0.25))));
    }

    #[test]
    fn a_process_that_nobody_waited_for_takes_nothing_from_what_others_used() {
        let mut story = Story::new([900, 500]);
        story.before.processes.insert(60, process(1, 9_000, 0, &[0]));
        story.now(OTHER, process(1, 5_300, 700, &[0]));
        assert_eq!(story.share(), 0.3);
    }

    #[test]
    fn inside_a_container_the_rest_of_the_time_tells_where_it_is_beyond_chance() {
        let contained = |busy_ms| {
            let mut story = Story::new(busy_ms);
            (story.before.whole, story.after.whole) = (false, false);
            story
        };
        assert_eq!(contained([740, 500]).share(), 0.0, "so few ticks can be chance");
        let burnt = contained([1000, 500]);
        assert_eq!((burnt.share(), burnt.used().largest), (0.25, None), "400 ms less what may be chance");
        let mut known = contained([1000, 500]);
        known.now(OTHER, process(1, 5_400, 700, &[0]));
        assert_eq!(known.share(), 0.4, "what is seen is not counted twice");
        // The kernel's own work is in no process' code.
        let mut exits = contained([1000, 500]);
        exits.after.cores[0] = Some(Core { user_ns: 600 * MS, ..Core::default() });
        assert_eq!(exits.share(), 0.0);
        // A rhythm that every tick meets is not believed either.
        let mut rhythm = contained([600, 400]);
        rhythm.after.cores[0] = Some(Core { user_ns: 1000 * MS, idle_ns: 400 * MS, stolen_ns: 0 });
        assert_eq!(rhythm.share(), 0.0);
    }
}
