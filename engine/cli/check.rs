//! `engine check`: reads and plans, and tells every mistake.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{completions, load, say};
use crate::error::{Exit, Result};
use crate::plan::Plan;

/// Reads and plans scenarios without running them, and tells every mistake at once.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The scenarios
    #[arg(required = true, value_name = "FILE", add = completions::scenarios())]
    files: Vec<PathBuf>,
    /// Targets that differ in what the scenario does not ask about are a mistake, not only worth a warning
    #[arg(long)]
    strict: bool,
}

impl Check {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut exit = Exit::Success;
        for file in &self.files {
            match load::scenario(file, &[]) {
                Err(wrong) => exit = wrong,
                Ok((scenario, source)) => {
                    let plan = Plan::of(&scenario);
                    if let Err(wrong) = load::warn(&plan, &source, self.strict) {
                        exit = wrong;
                        continue;
                    }
                    load::warn_of_limits(&plan, &source);
                    say(&format!("{}: {}\n", file.display(), plan.summary()))?;
                    load::warn_of_trials(&plan, &source);
                }
            }
        }
        Ok(exit)
    }
}
