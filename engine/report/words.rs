//! What every part of a report says: named values, remarks, and lists without what stands twice.

use schemars::JsonSchema;
use serde::Serialize;

use crate::results::State;

/// A value under its name.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// What it is.
    pub value: String,
}

/// Something that has to be said about some trials of a cell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Remark {
    /// The cell or combination.
    pub of: String,
    /// Which trials, or what state they are in.
    pub which: String,
    /// What is to be said.
    pub reason: String,
    /// What it is about, for programs.
    #[serde(skip)]
    pub about: About,
}

/// What a remark is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The whole run.
    Run,
    /// Targets and their combinations.
    Targets,
    /// Trials that broke.
    Broken,
    /// Calls that failed.
    Calls,
    /// Trials with such a verdict.
    Trials(State),
    /// Trials that were not steady.
    Pace,
}

/// Each value once, in the order of first appearance.
pub fn distinct<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}
