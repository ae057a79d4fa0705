//! `engine check`: reads and plans, and tells every mistake.

use std::path::PathBuf;

use clap::Args;

use crate::cli::{load, say};
use crate::error::{Exit, Result};
use crate::plan::Plan;

/// Reads and plans scenarios without running them, and tells every mistake at once.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The scenarios
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Check {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut exit = Exit::Success;
        for file in &self.files {
            match load::scenario(file, &[]) {
                Err(wrong) => exit = wrong,
                Ok(scenario) => {
                    let plan = Plan::of(&scenario);
                    say(&format!("{}: {}\n", file.display(), plan.summary()))?;
                }
            }
        }
        Ok(exit)
    }
}
