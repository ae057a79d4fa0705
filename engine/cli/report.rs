//! `engine report`: the report of results, written, checked, or laid out by a template of one's own.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::say;
use crate::error::{Error, Exit, Result};
use crate::report;
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
    /// Write nothing; fail where the report in DIR is not what the results give
    #[arg(long, value_name = "DIR", conflicts_with_all = ["out", "template"])]
    check: Option<PathBuf>,
}

impl Report {
    pub(crate) fn run(self) -> Result<Exit> {
        let results = Results::read(&self.results)?;
        if let Some(dir) = &self.check {
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

/// Renders a user's template to stdout or into a folder.
fn own(results: &Results, template: &Path, out: Option<&Path>) -> Result<()> {
    let text = fs::read_to_string(template)
        .map_err(|error| Error::usage(format!("{} cannot be read: {error}", template.display())))?;
    let name = template.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".jinja").unwrap_or(&name);
    let rendered = report::render(&View::of(results)?, name, &text)?;
    let Some(dir) = out else {
        return say(&rendered);
    };
    let path = dir.join(name);
    if path.canonicalize().is_ok_and(|path| template.canonicalize().is_ok_and(|template| template == path)) {
        return Err(Error::usage(format!("{} would be overwritten by what it makes", template.display()))
            .help("let its name end in .jinja, or name another folder"));
    }
    fs::create_dir_all(dir)
        .and_then(|()| fs::write(&path, rendered))
        .map_err(|error| Error::stopped(format!("{} cannot be written: {error}", path.display())))
}
