//! `engine schema`: the JSON Schema that the types make.

use clap::{Args, ValueEnum};
use schemars::generate::SchemaSettings;

use crate::cli::say;
use crate::error::{Context, Exit, Result};
use crate::report::view::View;
use crate::results::Results;
use crate::scenario::schema;

/// Prints the JSON Schema of a scenario, of results, or of what a template of a report gets.
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
    /// What a template of a report gets
    View,
}

impl Schema {
    pub(crate) fn run(self) -> Result<Exit> {
        let schema = match self.of {
            Of::Scenario => schema::scenario(),
            Of::Results => schemars::schema_for!(Results),
            Of::View => SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<View>(),
        };
        let text = serde_json::to_string_pretty(&schema).doing("writing the schema")?;
        say(&(text + "\n"))?;
        Ok(Exit::Success)
    }
}
