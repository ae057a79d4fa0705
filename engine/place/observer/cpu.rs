//! CPU time, exact for the living, in steps of a clock tick for children that were reaped.

use nix::unistd::Pid;

use crate::place::observer::contract::{Evidence, Group, Observer, Watching};
use crate::place::processes::{cpu_ns, tick_ns};
use crate::registry::Entry;

/// The observer `cpu`.
pub struct Cpu;

impl Entry for Cpu {
    fn name(&self) -> &'static str {
        "cpu"
    }
    fn about(&self) -> &'static str {
        "CPU time of all processes, reaped children included"
    }
}

impl Observer for Cpu {
    fn counters(&self) -> &'static [&'static str] {
        &["cpu_ns"]
    }
    fn attach(&self, _: Pid) -> Box<dyn Watching> {
        Box::new(Watch::default())
    }
}

#[derive(Default)]
struct Watch(Times);

/// CPU times of a group, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Times {
    living: u64,
    reaped: u64,
    user: u64,
    system: u64,
}

impl Times {
    fn of(group: &Group) -> Self {
        let tick_ns = tick_ns();
        let mut times = Times::default();
        for (pid, stat) in group.all() {
            times.living += cpu_ns(pid).unwrap_or(stat.own_ticks * tick_ns);
            times.reaped += stat.reaped_ticks * tick_ns;
            times.user += stat.user_ticks * tick_ns;
            times.system += (stat.own_ticks + stat.reaped_ticks - stat.user_ticks) * tick_ns;
        }
        times
    }
}

impl Watching for Watch {
    fn begin(&mut self, group: &Group) {
        self.0 = Times::of(group);
    }

    fn end(&mut self, group: &Group, evidence: &mut Evidence) {
        let (before, after) = (self.0, Times::of(group));
        if group.living().next().is_none() {
            return;
        }
        let reaped = after.reaped != before.reaped;
        let spent = &mut evidence.spent;
        spent.cpu_ns = Some((after.living + after.reaped).saturating_sub(before.living + before.reaped));
        spent.cpu_step_ns = Some(if reaped { tick_ns() } else { 1 });
        spent.user_ns = Some(after.user.saturating_sub(before.user));
        spent.system_ns = Some(after.system.saturating_sub(before.system));
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::getpgrp;

    use crate::place::observer::contract::{Evidence, Group, Observer};

    #[test]
    fn this_very_process_is_found_with_its_cpu_time() {
        let mut watch = super::Cpu.attach(getpgrp());
        watch.begin(&Group::of(getpgrp()));
        let mut x = 1u64;
        let own =
            || nix::time::clock_gettime(nix::time::ClockId::CLOCK_PROCESS_CPUTIME_ID).expect("own clock").tv_nsec();
        let (begun, mut now) = (own(), own());
        while (now - begun).unsigned_abs() < 2_000_000 {
            x = std::hint::black_box(x.wrapping_mul(3));
            now = own();
        }
        let mut evidence = Evidence::default();
        watch.end(&Group::of(getpgrp()), &mut evidence);
        assert!(evidence.spent.cpu_ns.expect("CPU time") >= 2_000_000, "{evidence:?}");
    }
}
