//! What each end of a trial spent.

use std::collections::BTreeMap;

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
