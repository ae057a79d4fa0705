//! What a proof is: one run, and what is known about its outcome.

use crate::place::disturbance::Disturbance;
use crate::run::proof::evidence::Check;
use crate::run::proof::link::Tried;
use crate::run::proof::server::Shared;

/// One run, and what is known about its outcome.
pub struct Proof {
    /// What it is called.
    pub name: String,
    /// The only target.
    pub(super) target: String,
    /// The workloads, but for their names; what is known is known of the last.
    pub(super) workloads: Vec<String>,
    pub(super) disturbance: Disturbance,
    pub(super) how: How,
    /// Whether it looks at what other proofs would disturb.
    pub(super) alone: bool,
}

/// How a proof comes by its figures.
pub(super) enum How {
    /// From the record of a run.
    Record(Check),
    /// From what one abort does to the clients of others.
    Abort(Shared),
    /// From what is tried of a link by itself.
    Link(Tried),
}

impl Proof {
    /// It has the machine to itself.
    pub(super) fn alone(self) -> Self {
        Proof { alone: true, ..self }
    }

    /// Another workload is run before the last, after those that already are.
    pub(super) fn after(mut self, workload: String) -> Self {
        self.workloads.insert(self.workloads.len() - 1, workload);
        self
    }
}
