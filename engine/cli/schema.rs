//! `engine schema`: the JSON Schema that the types make.

use clap::{Args, ValueEnum};

use crate::cli::say;
use crate::error::{Context, Exit, Result};
use crate::results::Results;
use crate::scenario::schema;

/// Prints the JSON Schema of a scenario or of results.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum, default_value = "scenario")]
    of: Of,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// What a user writes
    Scenario,
    /// What a run measured
    Results,
}

impl Schema {
    pub(crate) fn run(self) -> Result<Exit> {
        let schema = match self.of {
            Of::Scenario => schema::scenario(),
            Of::Results => schemars::schema_for!(Results),
        };
        let text = serde_json::to_string_pretty(&schema).doing("writing the schema")?;
        say(&(text + "\n"))?;
        Ok(Exit::Success)
    }
}
