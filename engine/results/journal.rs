//! The journal of a run: every record as soon as it is measured, so that a killed run loses none.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::results::cell::Planned;
use crate::results::machine::Yardstick;
use crate::results::{Manifest, Record, Refused, Results, SCHEMA};

/// What the journal is called in the folder of a run.
pub const JOURNAL: &str = "results.journal";

/// Every record of a run as soon as it is measured: lines of JSON, on the disk before `append` returns.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// The manifest as a reader of the journal has it by now.
    told: Manifest,
}

/// The first line of a journal: all that is known before anything is measured.
#[derive(Serialize, Deserialize)]
struct Run {
    scenario: Value,
    manifest: Manifest,
    refusals: Vec<Refused>,
    cells: Vec<Planned>,
}

/// What the manifest has gained since the line before.
#[derive(Serialize, Deserialize)]
struct Gained {
    took_s: f64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<String, BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    yardsticks: Vec<Yardstick>,
    /// All reasons why counters are absent, where there is a new one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    missing: BTreeMap<String, BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Line<'a> {
    Run(&'a Run),
    Gained(&'a Gained),
    Record(&'a Record),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum ReadLine {
    Run(Box<Run>),
    Gained(Gained),
    Record(Box<Record>),
}

impl Journal {
    /// Begins the journal of the run that `results` opens, with the records that it has already. A journal that is
    /// there stays whole until this one is.
    pub fn create(path: &Path, results: &Results) -> Result<Self> {
        let run = Run {
            scenario: results.scenario.clone(),
            manifest: results.manifest.clone(),
            refusals: results.refusals.clone(),
            cells: results.cells.clone(),
        };
        let mut text = Vec::new();
        for line in std::iter::once(Line::Run(&run)).chain(results.records.iter().map(Line::Record)) {
            put(&mut text, &line).map_err(|error| Error::unwritable(path, error))?;
        }
        let partial = path.with_extension("journal.partial");
        let write = || -> std::io::Result<File> {
            let mut file = File::create(&partial)?;
            file.write_all(&text)?;
            file.sync_all()?;
            fs::rename(&partial, path)?;
            Ok(file)
        };
        let file = write().map_err(|error| Error::unwritable(path, error))?;
        Ok(Journal { file, path: path.to_owned(), told: results.manifest.clone() })
    }

    /// Adds a record, and what the manifest has gained since the last one, and waits until the disk has both.
    pub fn append(&mut self, record: &Record, manifest: &Manifest) -> Result<()> {
        let new = |(target, _): &(&String, &BTreeMap<String, String>)| !self.told.facts.contains_key(*target);
        let gained = Gained {
            took_s: manifest.took_s,
            facts: manifest.facts.iter().filter(new).map(|(target, facts)| (target.clone(), facts.clone())).collect(),
            missing: if manifest.missing == self.told.missing { BTreeMap::new() } else { manifest.missing.clone() },
            yardsticks: manifest.yardsticks.iter().skip(self.told.yardsticks.len()).copied().collect(),
        };
        let mut text = Vec::new();
        put(&mut text, &Line::Gained(&gained))
            .and_then(|()| put(&mut text, &Line::Record(record)))
            .and_then(|()| self.file.write_all(&text))
            .and_then(|()| self.file.sync_data())
            .map_err(|error| Error::unwritable(&self.path, error))?;
        gained.join(&mut self.told);
        Ok(())
    }
}

impl Gained {
    fn join(self, manifest: &mut Manifest) {
        manifest.took_s = self.took_s;
        manifest.facts.extend(self.facts);
        manifest.yardsticks.extend(self.yardsticks);
        manifest.missing.extend(self.missing);
    }
}

fn put(text: &mut Vec<u8>, line: &Line<'_>) -> std::io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}

/// The results in the text of a journal; a last line that is cut short is left out, and the run is marked as
/// interrupted.
pub fn parse(text: &str) -> Result<Results> {
    let mut results: Option<Results> = None;
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        let Some(line) = line.strip_suffix('\n') else { break };
        let wrong = |what: String| Error::usage(format!("line {number}: {what}"));
        match (serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?, &mut results) {
            (ReadLine::Run(run), None) => {
                let Run { scenario, manifest, refusals, cells } = *run;
                let manifest = Manifest { interrupted: true, ..manifest };
                results = Some(Results { schema: SCHEMA, scenario, manifest, refusals, cells, records: Vec::new() });
            }
            (ReadLine::Record(record), Some(results)) => results.records.push(*record),
            (ReadLine::Gained(gained), Some(results)) => gained.join(&mut results.manifest),
            (ReadLine::Run(_), Some(_)) => return Err(wrong("a second run begins".to_owned())),
            (_, None) => return Err(wrong("a record comes before the run".to_owned())),
        }
    }
    results.ok_or_else(|| Error::usage("the journal was cut short before its first line ended"))?.complete()
}
