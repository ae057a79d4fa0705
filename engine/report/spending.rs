//! What the trials of a cell cost at one end.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::estimate::{Estimate, Score};
use crate::results::Spent;
use crate::statistics::median;

/// What one end spent. What is given for each call besides CPU time is counted over the calls of all trials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, JsonSchema)]
pub struct Spending {
    /// CPU time for each answered call, in nanoseconds; absent where the counter is too coarse for it.
    pub cpu_ns_per_call: Option<Estimate>,
    /// The largest resident memory of one process in any trial, in bytes.
    pub peak_memory: Option<u64>,
    /// The most processes of a trial.
    pub processes: Option<u64>,
    /// The most threads of a trial.
    pub threads: Option<u64>,
    /// The part of the CPU time that was spent in the kernel, from 0 to 1.
    pub system: Option<f64>,
    /// Context switches, voluntary and not, for each answered call.
    pub switches_per_call: Option<f64>,
    /// System calls for each answered call, where they were counted.
    pub syscalls_per_call: Option<f64>,
    /// The median over the trials of how much memory each idle client took, in bytes.
    pub memory_per_client: Option<f64>,
}

/// What one end spent in each trial, with how many calls were answered in it. A cost per call is given only where the
/// counter's steps are less than 2 % of what it counted.
pub fn spending(ends: &[(Spent, u64)]) -> Spending {
    let spent = || ends.iter().map(|(end, _)| end);
    let sum = |of: fn(&Spent) -> Option<u64>| spent().map(of).sum::<Option<u64>>();
    let (cpu, steps) = (sum(|end| end.cpu_ns), sum(|end| end.cpu_step_ns));
    let fine = matches!((cpu, steps), (Some(cpu), Some(steps)) if (steps as f64) < 0.02 * cpu as f64);
    let per_call = |(end, answered): &(Spent, u64)| over(end.cpu_ns.filter(|ns| *ns > 0)? as f64, *answered as f64);
    let costs: Option<Vec<Score>> = ends.iter().map(|end| per_call(end).map(Score::Exact)).collect();
    let answered = ends.iter().map(|(_, answered)| answered).sum::<u64>() as f64;
    Spending {
        cpu_ns_per_call: costs.filter(|_| fine).and_then(|costs| Estimate::of(&costs, &[])),
        peak_memory: spent().filter_map(|end| end.peak_memory).max(),
        processes: spent().filter_map(|end| end.most_processes.or(end.processes)).max(),
        threads: spent().filter_map(|end| end.most_threads.or(end.threads)).max(),
        system: sum(|end| end.system_ns).zip(sum(|end| end.user_ns)).and_then(|(s, u)| over(s as f64, (s + u) as f64)),
        switches_per_call: sum(|end| Some(end.voluntary_switches? + end.involuntary_switches?))
            .and_then(|switches| over(switches as f64, answered)),
        syscalls_per_call: sum(|end| end.syscalls).and_then(|calls| over(calls as f64, answered)),
        memory_per_client: median(
            &spent().filter_map(|end| end.memory_per_client.map(|bytes| bytes as f64)).collect::<Vec<f64>>(),
        ),
    }
}

/// A part of a whole; none where the whole is nothing.
pub fn over(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
