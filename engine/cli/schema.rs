//! `engine schema`: the JSON Schema that the types make, printed or put where editors find it.

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use schemars::generate::SchemaSettings;

use crate::cli::say;
use crate::error::{Context, Error, Exit, Result};
use crate::report::view::View;
use crate::results::Results;
use crate::scenario::schema;

/// Prints the JSON Schema of a scenario, of results, or of what a template of a report gets.
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of what
    #[arg(value_enum, default_value = "scenario")]
    of: Of,
    /// Write all three into DIR [default: engine/schemas in your data folder, ~/.local/share], and print the first line of a
    /// scenario by which editors find its schema there
    #[arg(long, value_name = "DIR", num_args = 0..=1, conflicts_with = "of", value_hint = ValueHint::DirPath)]
    install: Option<Option<PathBuf>>,
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

impl Of {
    /// The schema as text.
    fn text(self) -> Result<String> {
        let schema = match self {
            Of::Scenario => schema::scenario(),
            Of::Results => schemars::schema_for!(Results),
            Of::View => SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<View>(),
        };
        Ok(serde_json::to_string_pretty(&schema).doing("writing the schema")? + "\n")
    }

    /// The name of its file.
    fn file(self) -> &'static str {
        match self {
            Of::Scenario => "scenario.schema.json",
            Of::Results => "results.schema.json",
            Of::View => "view.schema.json",
        }
    }
}

impl Schema {
    pub(crate) fn run(self) -> Result<Exit> {
        match self.install {
            None => say(&self.of.text()?)?,
            Some(dir) => install(&dir.map_or_else(of_the_user, Ok)?)?,
        }
        Ok(Exit::Success)
    }
}

/// Where the user's programs keep what is shared.
fn of_the_user() -> Result<PathBuf> {
    let given = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    given("XDG_DATA_HOME")
        .or_else(|| given("HOME").map(|home| home.join(".local/share")))
        .map(|data| data.join("engine/schemas"))
        .ok_or_else(|| Error::usage("there is no data folder: HOME is not set").help("name a folder: `--install DIR`"))
}

/// Writes every schema into a folder, and says how a scenario names its own.
fn install(dir: &Path) -> Result<()> {
    for of in Of::value_variants() {
        let path = dir.join(of.file());
        spare(&path)?;
        let text = of.text()?;
        let written = fs::create_dir_all(dir).and_then(|()| fs::write(&path, text));
        written.map_err(|error| Error::unwritable(&path, error))?;
        say(&format!("{}\n", path.display()))?;
    }
    say(&format!(
        "Begin a scenario with this line, and an editor that knows YAML completes and explains its keys:\n{}\n",
        header(&dir.join(Of::Scenario.file()))
    ))
}

/// Fails where a file is none of ours, and would be lost.
fn spare(path: &Path) -> Result<()> {
    let is_schema = |text: &str| text.contains("\"$schema\": \"https://json-schema.org/");
    match fs::read_to_string(path) {
        Ok(text) if !is_schema(&text) => Err(Error::usage(format!("{} is there, and is no schema", path.display()))
            .help("name another folder: `--install DIR`")),
        _ => Ok(()),
    }
}

/// The line by which the language server of YAML, and so most editors, find a schema; it takes no space in a path.
fn header(schema: &Path) -> String {
    let path = schema.display().to_string();
    let path = match path.contains(char::is_whitespace) {
        true if schema.is_absolute() => format!("file://{}", path.replace('%', "%25").replace(' ', "%20")),
        _ => path,
    };
    format!("# yaml-language-server: $schema={path}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::header;

    #[test]
    fn a_line_names_a_schema_without_a_space() {
        for (path, named) in [
            ("schemas/s.json", "schemas/s.json"),
            ("/home/me/s.json", "/home/me/s.json"),
            ("/home/my own/100%/s.json", "file:///home/my%20own/100%25/s.json"),
        ] {
            assert_eq!(header(Path::new(path)), format!("# yaml-language-server: $schema={named}"));
        }
    }
}
