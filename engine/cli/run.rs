//! `engine run`: runs a scenario and writes its results and reports.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::load::Chosen;
use crate::cli::output::Figures;
use crate::cli::{complain, say};
use crate::error::{Context, Error, Exit, Result};
use crate::plan::{Cell, Plan};
use crate::report;
use crate::report::cell::cells;
use crate::report::expectations::{Expected, expected};
use crate::results::{Outcome, Record, Results, State};
use crate::run::disturbance::Disturbance;
use crate::run::{self, Settings, Watch, interrupt};
use crate::transport::descriptors;

/// Runs FILE and writes results.json, report.md and report.html.
#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    chosen: Chosen,
    /// Where to write [default: results/<name of the scenario file>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Download nothing: use the Python systems that are installed already
    #[arg(long)]
    offline: bool,
    /// Print nothing but errors and the closing summary's path
    #[arg(long)]
    quiet: bool,
    /// Print the results as JSON on stdout when done
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(crate) fn run(self) -> Result<Exit> {
        let read = match self.chosen.load() {
            Ok(read) => read,
            Err(exit) => return Ok(exit),
        };
        if let Some(error) = read.plan.lacks_descriptors(descriptors::most()) {
            return Err(error);
        }
        // Python ends do not raise it themselves.
        descriptors::raise();
        let stem = self.chosen.file.file_stem().unwrap_or_default();
        let settings = Settings {
            out: self.out.unwrap_or_else(|| PathBuf::from("results").join(stem)),
            scenario: read.as_read,
            offline: self.offline,
            quick: self.chosen.quick,
            command: std::env::args().skip(1).collect(),
            disturbance: Disturbance::default(),
        };
        interrupt::watch();
        let mut progress = Progress::new(&read.plan, self.quiet);
        let results = run::run(&read.plan, &settings, &mut progress)?;
        progress.end();
        let mut written = vec![settings.out.join(crate::results::file::RESULTS)];
        written.extend(report::write(&results, &settings.out)?);

        if self.json {
            say(&serde_json::to_string_pretty(&results).doing("cannot write the results as JSON")?)?;
            say("\n")?;
        } else if !self.quiet {
            say(&closing(&read.plan, &results))?;
        }
        for path in written {
            let _ = writeln!(std::io::stderr(), "wrote {}", path.display());
        }
        let unmet: Vec<Expected> =
            expected(&results, &cells(&results)?).into_iter().filter(|expected| !expected.met).collect();
        for expected in &unmet {
            complain(&Error::failed(expected.sentence()));
        }
        Ok(exit(&results, unmet.is_empty()))
    }
}

/// The exit code that results ask for (DESIGN section 4).
fn exit(results: &Results, as_expected: bool) -> Exit {
    if results.manifest.interrupted {
        Exit::Interrupted
    } else if !as_expected || results.records.iter().any(|record| record.outcome == Outcome::Failed) {
        Exit::Failed
    } else if results.records.iter().any(|record| record.verdict.state == State::Invalid) {
        Exit::Invalid
    } else {
        Exit::Success
    }
}

/// The closing table: each cell in one line, medians over its trials.
fn closing(plan: &Plan, results: &Results) -> String {
    let ran = |id: &&str| results.records.iter().any(|record| record.id == *id);
    let ids: Vec<&str> = plan.cells.iter().map(|cell| cell.id.as_str()).filter(ran).collect();
    let width = ids.iter().map(|id| id.chars().count()).max().unwrap_or(0).max(4);
    let mut text =
        format!("{:width$}  {:>9}  {:>9}  {:>11}  {:>12}  trials\n", "cell", "p50", "p99", "calls/s", "MB/s");
    for id in ids {
        let of_cell: Vec<&Record> = results.records.iter().filter(|record| record.id == id).collect();
        let measured: Vec<&Record> = of_cell.iter().copied().filter(|r| r.outcome == Outcome::Measured).collect();
        let figures = Figures::of(&measured);
        text.push_str(&format!("{id:width$}  {figures}  {}", measured.len()));
        if measured.len() < of_cell.len() {
            let why = of_cell.iter().find_map(|record| record.reason.as_deref()).unwrap_or_default();
            text.push_str(&format!(", {} failed: {why}", of_cell.len() - measured.len()));
        }
        text.push('\n');
    }
    text
}

/// Progress on a terminal, plain lines where there is none.
struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    turns: usize,
    done: usize,
    cell: String,
}

impl Progress {
    fn new(plan: &Plan, quiet: bool) -> Self {
        let turns = plan.turns.len();
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::new(turns as u64);
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len} trials, {eta} left  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Progress { bar, plain: !terminal && !quiet, turns, done: 0, cell: String::new() }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Watch for Progress {
    fn begins(&mut self, plan: &Plan, done: usize) {
        let turn = plan.turns[done];
        self.done = done;
        self.cell = format!("{} (trial {})", plan.cells[turn.cell].id, turn.trial);
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            bar.set_message(self.cell.clone());
        }
    }

    fn says(&mut self, words: &str) {
        match &self.bar {
            Some(bar) => bar.println(words),
            None => {
                // A closed stderr is the reader's choice.
                let _ = writeln!(std::io::stderr(), "{words}");
            }
        }
    }

    fn progress(&mut self, ended: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {ended} calls", self.cell));
        }
    }

    fn recorded(&mut self, _: &Cell, record: &Record) {
        let line = match (&record.reason, record.outcome) {
            (Some(reason), _) => format!("[{}/{}] {} failed: {reason}", self.done + 1, self.turns, self.cell),
            (None, _) => format!("[{}/{}] {} {}", self.done + 1, self.turns, self.cell, Figures::of(&[record])),
        };
        match &self.bar {
            Some(bar) if record.reason.is_some() => bar.println(line),
            None if self.plain => {
                // A closed stderr is the reader's choice.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            _ => {}
        }
    }
}
