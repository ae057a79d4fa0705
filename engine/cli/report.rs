//! `engine report`: the report of results, written, checked, or laid out by a template of one's own.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use crate::cli::{read, say};
use crate::error::{Error, Exit, Result};
use crate::report;
use crate::report::export::Format;
use crate::report::template::render;
use crate::report::view::View;
use crate::results::Results;

/// Writes report.md and report.html; the same results always give the same report.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A results.json, the results.journal of a killed run, or a folder that holds one of them
    #[arg(value_name = "RESULTS")]
    results: PathBuf,
    /// The folder to write into [default: that of the results]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Render this template instead, to stdout, or into DIR under its name without `.jinja`
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Write the results in this format instead, to stdout, or into DIR
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["template", "check"])]
    export: Option<Export>,
    /// Write nothing; fail where the report in DIR is not what the results give
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "template"])]
    check: Option<PathBuf>,
}

/// The formats of other tools.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Export {
    /// A line for each trial, comma-separated
    Csv,
    /// The response times of each trial as an HdrHistogram log
    Hlog,
    /// Each cell as a test case of JUnit
    Junit,
    /// Each cell's figures as OpenMetrics text
    Openmetrics,
}

impl From<Export> for Format {
    fn from(export: Export) -> Format {
        match export {
            Export::Csv => Format::Csv,
            Export::Hlog => Format::Hlog,
            Export::Junit => Format::Junit,
            Export::Openmetrics => Format::Openmetrics,
        }
    }
}

impl Report {
    pub(crate) fn run(self) -> Result<Exit> {
        let results = read(&self.results)?;
        if let Some(format) = self.export {
            export(&results, format.into(), self.out.as_deref())?;
        } else if let Some(dir) = &self.check {
            report::check(&results, dir)?;
        } else if let Some(template) = &self.template {
            own(&results, template, self.out.as_deref())?;
        } else {
            let beside = if self.results.is_dir() { Some(self.results.as_path()) } else { self.results.parent() };
            for path in report::write(&results, self.out.as_deref().or(beside).unwrap_or(Path::new(".")))? {
                say(&format!("{}\n", path.display()))?;
            }
        }
        Ok(Exit::Success)
    }
}

/// Writes the results in another tool's format to stdout or into a folder.
fn export(results: &Results, format: Format, out: Option<&Path>) -> Result<()> {
    let text = format.text(results)?;
    out.map_or_else(|| say(&text), |dir| put(dir, format.file(), &text))
}

/// Writes one file into a folder, which is made where it is missing.
fn put(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    report::spare(&path, text)?;
    fs::create_dir_all(dir).and_then(|()| fs::write(&path, text)).map_err(|error| Error::unwritable(&path, error))
}

/// Renders a user's template to stdout or into a folder.
fn own(results: &Results, template: &Path, out: Option<&Path>) -> Result<()> {
    let text = fs::read_to_string(template)
        .map_err(|error| Error::usage(format!("{} cannot be read: {error}", template.display())))?;
    let rendered = render(&Arc::new(View::of(results)?), &template.display().to_string(), &text)?;
    let name = template.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".jinja").unwrap_or(&name);
    let Some(dir) = out else {
        return say(&rendered);
    };
    let path = dir.join(name);
    if path.canonicalize().is_ok_and(|path| template.canonicalize().is_ok_and(|template| template == path)) {
        return Err(Error::usage(format!("{} would be overwritten by what it makes", template.display()))
            .help("let its name end in .jinja, or name another folder"));
    }
    put(dir, name, &rendered)
}
