//! Why trials of a cell are invalid, and what would help: more trials would not.

use schemars::JsonSchema;
use serde::Serialize;

use crate::results::{Outcome, Record, State};

/// Trials whose figures count nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Spoiled {
    /// How many they are.
    pub trials: usize,
    /// What is said of the first of them.
    pub reason: String,
    /// What would help.
    pub remedy: String,
}

impl Spoiled {
    /// Of the trials of one cell; none where none is invalid. Calls of an `open` loop are due by the clock.
    pub fn of(records: &[&Record], open: bool) -> Option<Self> {
        let invalid = |record: &&&Record| {
            record.outcome == Outcome::Measured && record.verdict.state == State::Invalid && record.measured.is_some()
        };
        let spoiled: Vec<&Record> = records.iter().filter(invalid).copied().collect();
        let reason = spoiled.first()?.verdict.sentence();
        let measured = || spoiled.iter().filter_map(|record| record.measured.as_ref());
        let wrong = measured().any(|it| it.counts.error.corrupt > 0 || !it.counts.conserved());
        let disturbed = spoiled.iter().all(|record| record.disturbed());
        let remedies: &[&str] = match (wrong, open) {
            (true, _) => &["see what the server answers"],
            _ if disturbed => &[QUIET],
            // Calls that are due by the clock can be due too often for this client.
            (false, true) => &["ask for a lower rate", OWN_CORES, QUIET],
            (false, false) => &[OWN_CORES, QUIET],
        };
        let (last, others) = remedies.split_last()?;
        let remedy = if others.is_empty() { (*last).to_owned() } else { format!("{} or {last}", others.join(", ")) };
        Some(Spoiled { trials: spoiled.len(), reason, remedy })
    }

    /// Reason and remedy in words.
    pub fn sentence(&self) -> String {
        let reason = if self.reason.is_empty() { "no reason is given" } else { &self.reason };
        format!("{reason}; {}", self.remedy)
    }
}

const OWN_CORES: &str = "see that `pin` gives each end cores of its own";
const QUIET: &str = "leave the machine to the run alone";
