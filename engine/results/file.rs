//! `results.json`, and what is read of the folder of a run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::results::journal::{self, JOURNAL};
use crate::results::{Results, SCHEMA, old};

/// What the results are called in the folder of a run.
pub const RESULTS: &str = "results.json";

/// What is read of a file before all of it is.
#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    schema: Option<Value>,
}

impl Results {
    /// Writes `results.json` to `path` so that a reader finds the old file or the new one, never half of it.
    pub fn write(&self, path: &Path) -> Result<()> {
        let partial = path.with_extension("json.partial");
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::new(File::create(&partial)?);
            serde_json::to_writer(&mut file, self)?;
            file.write_all(b"\n")?;
            file.into_inner()?.sync_all()?;
            fs::rename(&partial, path)
        };
        write().map_err(|error| Error::unwritable(path, error))
    }

    /// Reads a `results.json`, the journal of a killed run, or a folder that holds one of them.
    ///
    /// Of a folder with both it takes the journal where that belongs to a later run or holds more records, and the one
    /// that is whole where the other is not.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_noting(path).map(|(results, _)| results)
    }

    /// The same, and what a reader should know of a file in the folder that could not be read.
    pub fn read_noting(path: &Path) -> Result<(Self, Option<String>)> {
        if !path.is_dir() {
            return Ok((read_file(path)?, None));
        }
        let present = |name: &str| Some(path.join(name)).filter(|file| file.exists());
        // A journal that ends in its first line holds nothing yet, and hides nothing.
        let journal = present(JOURNAL);
        let begun = journal.as_ref().filter(|journal| fs::read(journal).is_ok_and(|text| text.contains(&b'\n')));
        match (present(RESULTS), begun.or(journal.as_ref())) {
            (Some(results), Some(_)) if begun.is_none() => Ok((read_file(&results)?, None)),
            (Some(results), Some(journal)) => match (read_file(&results), read_file(journal)) {
                (Ok(results), Ok(journal)) => {
                    let reach = |results: &Results| (results.manifest.started.clone(), results.records.len());
                    Ok((if reach(&journal) > reach(&results) { journal } else { results }, None))
                }
                (Ok(results), Err(error)) => Ok((results, Some(format!("{error}; {RESULTS} beside it was read")))),
                (Err(error), Ok(journal)) => Ok((journal, Some(format!("{error}; {JOURNAL} beside it was read")))),
                (Err(error), Err(_)) => Err(error),
            },
            (Some(file), None) => Ok((read_file(&file)?, None)),
            (None, Some(file)) => Ok((read_file(file)?, None)),
            (None, None) => Err(Error::usage(format!("{} holds neither {RESULTS} nor {JOURNAL}", path.display()))
                .help("name the folder that `engine run` wrote, or its results.json")),
        }
    }

    /// The results in the text of a `results.json`.
    pub fn parse(text: &str) -> Result<Self> {
        // Read twice, since a tree of all values would take several times the memory of what they stand for.
        let format: Format = serde_json::from_str(text).map_err(|error| {
            Error::usage(format!("not JSON: {error}"))
                .help("name a results.json that `engine run` wrote, or the folder that holds it")
        })?;
        match format.schema.as_ref().and_then(Value::as_u64) {
            Some(version) if version == u64::from(SCHEMA) => {}
            Some(old::VERSION) => return old::parse(text)?.complete(),
            Some(version) => {
                return Err(Error::usage(format!(
                    "results of format {version}; this engine reads formats {} and {SCHEMA}",
                    old::VERSION
                ))
                .help("use the version of the engine that wrote them; `manifest.engine` names it"));
            }
            None => {
                return Err(Error::usage("no `schema` number, so these are not results of the engine")
                    .help("name a results.json that `engine run` wrote"));
            }
        }
        let results: Results =
            serde_json::from_str(text).map_err(|error| Error::usage(format!("not results: {error}")))?;
        results.complete()
    }
}

fn read_file(path: &Path) -> Result<Results> {
    let text = fs::read_to_string(path).map_err(|error| {
        Error::usage(format!("{} cannot be read: {error}", path.display()))
            .help("name a results.json that `engine run` wrote, or the folder that holds it")
    })?;
    if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
        let path = path.display();
        return Err(Error::usage(format!("{path} is a scenario, and results are wanted"))
            .help(format!("`engine run {path}` measures it; name the folder that it then writes")));
    }
    let journal = path.extension().is_some_and(|extension| extension == "journal");
    if journal { journal::parse(&text) } else { Results::parse(&text) }.map_err(|error| error.context(path.display()))
}
