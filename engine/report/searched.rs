//! The highest rate that holds of a cell, from the searches of its trials.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::estimate::Estimate;
use crate::report::words::distinct;
use crate::results::Record;
use crate::results::search::Search;

/// The highest rate that holds, over all trials of a cell.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Capacity {
    /// In calls per second; none where no trial that counts found one.
    pub figure: Option<Estimate>,
    /// True where not the server was the limit of some trial, so that these are lower bounds.
    pub at_least: bool,
    /// What the trials were limited by, in words.
    pub limited_by: Vec<&'static str>,
    /// Each trial's search.
    pub trials: Vec<Searched>,
}

/// The search of one trial.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Searched {
    /// Which trial.
    pub trial: u32,
    /// What was found, and how.
    pub search: Search,
}

impl Capacity {
    /// Of the trials of one cell whose rate was searched, with its figure. `at_least` says that one of
    /// them was not limited by its server.
    pub fn of(records: &[&Record], figure: Option<Estimate>, at_least: bool) -> Self {
        let with = |record: &&Record| Some(Searched { trial: record.trial, search: record.search.clone()? });
        let mut trials: Vec<Searched> = records.iter().filter_map(with).collect();
        trials.sort_by_key(|searched| searched.trial);
        // A trial that broke before its search ended has none, and is one that found nothing.
        Capacity {
            figure,
            at_least,
            limited_by: distinct(trials.iter().map(|searched| searched.search.limited_by.about())),
            trials,
        }
    }
}
