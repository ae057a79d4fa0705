//! `engine run`: runs a scenario and writes its results and reports.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::closing::{Screen, answer, table};
use crate::cli::load::{self, Chosen};
use crate::cli::output::{Summary, columns, lines, suspicions, troubles};
use crate::cli::progress::Progress;
use crate::cli::{beside_others, caution, complain, place, say};
use crate::error::{Context, Error, Exit, Result};
use crate::place::disturbance::Disturbance;
use crate::place::manifest;
use crate::report;
use crate::report::cell::Cell;
use crate::report::expectations::Expected;
use crate::report::relative::Judgement;
use crate::report::view::View;
use crate::results::folder::{Existing, fresh, latest};
use crate::results::{Outcome, Results, State};
use crate::run::{self, Settings, interrupt};
use crate::scenario::set;
use crate::transport::descriptors;

/// Runs FILE and writes results.json, report.md and report.html.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    chosen: Chosen,
    /// Where to write [default: a new folder, results/<name of the scenario file>/<when>, to which `latest` beside it
    /// points]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Go on with a killed or interrupted run of the same scenario in DIR (in `latest`, where no DIR is named); begin
    /// where there is none
    #[arg(long, conflicts_with = "replace")]
    resume: bool,
    /// Let this run take the place of results that DIR holds
    #[arg(long)]
    replace: bool,
    /// Download nothing: use the Python systems that are installed already
    #[arg(long)]
    offline: bool,
    /// Count the system calls of both ends too, where the kernel lets us: times are then longer, of tiny calls by a fifth
    #[arg(long)]
    syscalls: bool,
    /// Print nothing but errors
    #[arg(long)]
    quiet: bool,
    /// Print where the results are and a summary of them as JSON on stdout when done
    #[arg(long)]
    json: bool,
    /// Its folder is nothing to be told of, since it is not there for long
    #[arg(skip)]
    passing: bool,
}

impl Run {
    /// A run of that scenario as it is written, into a new folder.
    pub(crate) fn once(file: &Path, out: &Path) -> Self {
        let (file, sets, only) = (file.to_owned(), Vec::new(), None);
        let chosen = Chosen { file, sets, only, strict: false, quick: false };
        let out = Some(out.to_owned());
        Run {
            chosen,
            out,
            resume: false,
            replace: false,
            offline: false,
            syscalls: false,
            quiet: false,
            json: false,
            passing: true,
        }
    }

    pub(crate) fn run(self) -> Result<Exit> {
        let read = match self.chosen.load(self.quiet) {
            Ok(read) => read,
            Err(exit) => return Ok(exit),
        };
        if let Some(error) = read.plan.lacks_descriptors(descriptors::most()) {
            return Err(error);
        }
        load::warn_of_limits(&read.plan, &read.source);
        // Python ends do not raise it themselves.
        descriptors::raise();
        let out = self.folder()?;
        report::replaceable(&out)?;
        let settings = Settings {
            place: place(),
            out,
            existing: match (self.resume, self.replace) {
                (true, _) => Existing::Resume,
                (_, true) => Existing::Replace,
                _ => Existing::Refuse,
            },
            scenario: read.as_read,
            secrets: read.scenario.secrets(),
            offline: self.offline,
            quick: self.chosen.quick,
            command: secretless(std::env::args().skip(1)),
            disturbance: Disturbance::default(),
            beside_others: beside_others(),
            syscalls: self.syscalls,
        };
        interrupt::watch();
        let mut progress = Progress::new(&read.plan, self.quiet);
        let results = run::run(&read.plan, &settings, &mut progress)?;
        progress.end();
        let file = settings.out.join(crate::results::file::RESULTS);
        let reports = report::write(&results, &settings.out)?;
        let view = View::of(&results)?;
        let cells: Vec<Cell> = view.workloads.iter().flat_map(|workload| workload.cells.clone()).collect();
        let judged = |judgement: Judgement| -> Vec<Expected> {
            view.expectations.iter().filter(|expected| expected.judgement == judgement).cloned().collect()
        };
        let (unmet, undecided) = (judged(Judgement::Missed), judged(Judgement::Undecided));
        let troubles = troubles(&cells, &results);
        if self.json {
            let summary = Summary::of(&results, (&view.answer, &cells), (&unmet, &undecided), &file, &reports);
            say(&serde_json::to_string_pretty(&summary).doing("cannot write the summary as JSON")?)?;
            say("\n")?;
        }
        if !self.quiet && !self.passing {
            // A closed stderr is the reader's choice.
            let _ = writeln!(std::io::stderr(), "{}", written(&results, &settings.out));
        }
        let shown = !self.json && !self.quiet;
        let stdout = std::io::stdout();
        let screen = Screen { columns: columns(&stdout), lines: lines(&stdout) };
        let answer = answer(&view, screen);
        if shown {
            let remarks = [troubles.as_slice(), &suspicions(&cells, &results)].concat();
            say(&table(&view, &remarks, screen, answer.lines().count() + unmet.len() + undecided.len()))?;
        }
        for trouble in troubles.into_iter().filter(|_| self.quiet) {
            complain(&Error::failed(trouble));
        }
        for expected in &unmet {
            complain(&Error::failed(expected.sentence()));
        }
        for expected in &undecided {
            let told = Error::failed(expected.sentence());
            match self.chosen.strict {
                true => complain(&told),
                false if !self.quiet => caution(&told),
                false => {}
            }
        }
        if shown {
            say(&answer)?;
        }
        Ok(exit(&results, unmet.is_empty() && (undecided.is_empty() || !self.chosen.strict)))
    }

    /// The folder to write into.
    fn folder(&self) -> Result<PathBuf> {
        if let Some(out) = &self.out {
            return Ok(out.clone());
        }
        let runs = PathBuf::from("results").join(self.chosen.file.file_stem().unwrap_or_default());
        let latest = if self.resume { latest(&runs) } else { None };
        latest.map_or_else(|| fresh(&runs, &manifest::now()), Ok)
    }
}

/// A command line as results may show it.
fn secretless(arguments: impl Iterator<Item = String>) -> Vec<String> {
    let mut is_edit = false;
    let shown = |argument: String| {
        let edit = std::mem::replace(&mut is_edit, argument == "--set");
        match argument.strip_prefix("--set=") {
            Some(edit) => format!("--set={}", set::shown(edit)),
            None if edit => set::shown(&argument),
            None => argument,
        }
    };
    arguments.map(shown).collect()
}

/// Where everything is, in a line; of an interrupted run how much of it.
fn written(results: &Results, out: &Path) -> String {
    let place = format!("{}: report.html, report.md, results.json", out.display());
    if !results.manifest.interrupted {
        return place;
    }
    let kept = results.counting().count();
    let of = results.manifest.planned.map_or_else(String::new, |planned| format!(" of {planned}"));
    format!("interrupted: {kept}{of} trials kept; go on with --resume --out {}\n{place}", out.display())
}

/// The exit code that results ask for (DESIGN section 4).
fn exit(results: &Results, as_expected: bool) -> Exit {
    if results.manifest.interrupted {
        Exit::Interrupted
    } else if !as_expected || results.counting().any(|record| record.outcome == Outcome::Failed) {
        Exit::Failed
    } else if results.counting().any(|record| record.verdict.state == State::Invalid) {
        Exit::Invalid
    } else {
        Exit::Success
    }
}

#[cfg(test)]
mod tests {
    use super::secretless;

    #[test]
    fn the_values_of_calls_are_not_shown() {
        let line = ["run", "a.yaml", "--set", "calls.buy.json.key=s3cret", "--set=calls=[]", "--set", "trials=3"];
        let shown = secretless(line.iter().map(|word| (*word).to_owned()));
        assert_eq!(shown[3..], ["calls.buy.json.key=(6 bytes)", "--set=calls=(2 bytes)", "--set", "trials=3"]);
    }
}
