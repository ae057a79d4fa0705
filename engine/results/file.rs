//! The files of a run: `results.json`, and the journal that outlives a killed run.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::results::{Manifest, Outcome, Record, Refused, Results, SCHEMA};

/// What the results are called in the folder of a run.
pub const RESULTS: &str = "results.json";

/// What the journal is called in the folder of a run.
pub const JOURNAL: &str = "results.journal";

/// Every record of a run as soon as it is measured: one line of JSON each, on the disk before `append` returns.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
}

/// The first line of a journal: all that is known before anything is measured.
#[derive(Serialize, Deserialize)]
struct Run {
    scenario: Value,
    manifest: Manifest,
    refusals: Vec<Refused>,
}

/// What is read of a file before all of it is.
#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    schema: Option<Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Run(&'a Run),
    Record(&'a Record),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReadLine {
    Run(Box<Run>),
    Record(Box<Record>),
}

impl Journal {
    /// Begins the journal of the run that `results` opens, in place of an older one.
    pub fn create(path: &Path, results: &Results) -> Result<Self> {
        let file = File::create(path).map_err(|error| unwritable(path, &error))?;
        let mut journal = Journal { file, path: path.to_owned() };
        journal.line(&Line::Run(&Run {
            scenario: results.scenario.clone(),
            manifest: results.manifest.clone(),
            refusals: results.refusals.clone(),
        }))?;
        for record in &results.records {
            journal.append(record)?;
        }
        Ok(journal)
    }

    /// Adds a record and waits until the disk has it.
    pub fn append(&mut self, record: &Record) -> Result<()> {
        self.line(&Line::Record(record))
    }

    fn line(&mut self, line: &Line<'_>) -> Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|error| unwritable(&self.path, &error))?;
        text.push(b'\n');
        self.file.write_all(&text).and_then(|()| self.file.sync_data()).map_err(|error| unwritable(&self.path, &error))
    }
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
        write().map_err(|error| unwritable(path, &error))
    }

    /// Reads a `results.json`, the journal of a killed run, or a folder that holds one of them.
    ///
    /// Of a folder with both it takes the journal where that belongs to a later run or holds more records.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            return read_file(path);
        }
        let present = |name: &str| Some(path.join(name)).filter(|file| file.exists());
        match (present(RESULTS), present(JOURNAL)) {
            (Some(results), Some(journal)) => {
                let (results, journal) = (read_file(&results)?, read_file(&journal)?);
                let reach = |results: &Results| (results.manifest.started.clone(), results.records.len());
                Ok(if reach(&journal) > reach(&results) { journal } else { results })
            }
            (Some(file), None) | (None, Some(file)) => read_file(&file),
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
            Some(version) => {
                return Err(Error::usage(format!("results of format {version}; this engine reads format {SCHEMA}"))
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

    /// The results in the text of a journal; a last line that is cut short is left out, and the run is marked
    /// as interrupted.
    pub fn parse_journal(text: &str) -> Result<Self> {
        let mut results: Option<Results> = None;
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            let Some(line) = line.strip_suffix('\n') else { break };
            let wrong = |what: String| Error::usage(format!("line {number}: {what}"));
            match (serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?, &mut results) {
                (ReadLine::Run(run), None) => {
                    let Run { scenario, manifest, refusals } = *run;
                    let manifest = Manifest { interrupted: true, ..manifest };
                    results = Some(Results { schema: SCHEMA, scenario, manifest, refusals, records: Vec::new() });
                }
                (ReadLine::Record(record), Some(results)) => results.records.push(*record),
                (ReadLine::Run(_), Some(_)) => return Err(wrong("a second run begins".to_owned())),
                (ReadLine::Record(_), None) => return Err(wrong("a record comes before the run".to_owned())),
            }
        }
        results.ok_or_else(|| Error::usage("the journal was cut short before its first line ended"))?.complete()
    }

    /// Itself, if each measured record has its figures; a failed one may have them, where no call succeeded.
    fn complete(self) -> Result<Self> {
        match self.records.iter().find(|record| record.outcome == Outcome::Measured && record.measured.is_none()) {
            Some(record) => Err(Error::usage(format!(
                "`{}`, trial {}, is called measured and has no figures",
                record.id, record.trial
            ))
            .help("a measured record has every figure of the results schema")),
            None => Ok(self),
        }
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
    if journal { Results::parse_journal(&text) } else { Results::parse(&text) }
        .map_err(|error| error.context(path.display()))
}

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::stopped(format!("{} cannot be written: {error}", path.display()))
        .help("see that the disk has room and the folder may be written to")
}
