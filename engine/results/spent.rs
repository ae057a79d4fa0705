//! What each end of a trial spent.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What each end spent between the barrier and the last reply.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The server's whole process group.
    pub server: Spent,
    /// The client's process.
    pub client: Spent,
}

/// What one end spent; a counter that is not there is absent, and `missing` says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spent {
    /// CPU time of all its processes, reaped children included, in nanoseconds. Of a client without what its
    /// watching thread took (`generator.hiccups.cpu_ns`), which of the other counters only `syscalls` leaves out.
    pub cpu_ns: Option<u64>,
    /// The smallest step that counter can take, in nanoseconds.
    pub cpu_step_ns: Option<u64>,
    /// The part of it in its own code, in nanoseconds and in steps of a clock tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_ns: Option<u64>,
    /// The part of it in the kernel, in nanoseconds and in steps of a clock tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_ns: Option<u64>,
    /// How often its threads gave the processor up to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voluntary_switches: Option<u64>,
    /// How often the processor was taken from its threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub involuntary_switches: Option<u64>,
    /// System calls of all its processes, those that ended included, where counting was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syscalls: Option<u64>,
    /// The largest resident memory of one of its processes since launch, in bytes.
    pub peak_memory: Option<u64>,
    /// By how much its proportional share of memory grew for each client, from before they connected to when all
    /// were connected and idle, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_per_client: Option<u64>,
    /// Its processes at the end of the window.
    pub processes: Option<u64>,
    /// Its threads at the end of the window.
    pub threads: Option<u64>,
    /// The most processes that were seen, looking once a second and at both ends of the window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_processes: Option<u64>,
    /// The most threads that were seen likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_threads: Option<u64>,
    /// What further observers counted, by the name of the counter, which ends with its unit.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub more: BTreeMap<String, u64>,
    /// Why a counter is absent, by its name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, String>,
}

impl Spent {
    /// What several processes spent together; a counter that one of them lacks is absent.
    pub fn together<'s>(parts: impl Iterator<Item = &'s Spent>) -> Spent {
        let parts: Vec<&Spent> = parts.collect();
        let sum = |of: fn(&Spent) -> Option<u64>| parts.iter().map(|part| of(part)).sum::<Option<u64>>();
        let most = |of: fn(&Spent) -> Option<u64>| parts.iter().filter_map(|part| of(part)).max();
        let names: BTreeSet<&String> = parts.iter().flat_map(|part| part.more.keys()).collect();
        let more = |name: &String| parts.iter().map(|part| part.more.get(name)).sum::<Option<u64>>();
        Spent {
            cpu_ns: sum(|part| part.cpu_ns),
            cpu_step_ns: most(|part| part.cpu_step_ns),
            user_ns: sum(|part| part.user_ns),
            system_ns: sum(|part| part.system_ns),
            voluntary_switches: sum(|part| part.voluntary_switches),
            involuntary_switches: sum(|part| part.involuntary_switches),
            syscalls: sum(|part| part.syscalls),
            peak_memory: most(|part| part.peak_memory),
            memory_per_client: None,
            processes: sum(|part| part.processes),
            threads: sum(|part| part.threads),
            most_processes: None,
            most_threads: None,
            more: names.into_iter().filter_map(|name| Some((name.clone(), more(name)?))).collect(),
            missing: parts.iter().flat_map(|part| part.missing.clone()).collect(),
        }
    }

    /// Without the reasons for absent counters that `known` has already; those that it has not are added to it.
    pub fn said_once(&mut self, known: &mut BTreeMap<String, String>) {
        self.missing.retain(|counter, reason| match known.get(counter) {
            Some(told) => told != reason,
            None => {
                known.insert(counter.clone(), std::mem::take(reason));
                false
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Spent;

    #[test]
    fn what_several_processes_spent_adds_where_each_was_counted() {
        let spent = |cpu_ns, syscalls, peak, faults: Option<u64>| Spent {
            cpu_ns: Some(cpu_ns),
            syscalls,
            peak_memory: Some(peak),
            more: faults.map(|faults| ("page_faults".to_owned(), faults)).into_iter().collect(),
            ..Spent::default()
        };
        let parts = [spent(3, Some(10), 50, Some(1)), spent(4, None, 70, Some(2))];
        let both = Spent::together(parts.iter());
        assert_eq!((both.cpu_ns, both.syscalls, both.peak_memory), (Some(7), None, Some(70)));
        assert_eq!(both.more, BTreeMap::from([("page_faults".to_owned(), 3)]));
        let lacking = [spent(3, None, 1, None), spent(4, None, 1, Some(2))];
        assert!(Spent::together(lacking.iter()).more.is_empty());
    }
}
