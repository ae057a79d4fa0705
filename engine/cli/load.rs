//! Reads the scenario that a command names, edited as the command asks, and plans it.

use std::fs::File;
use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;

use crate::cli::{caution, complain, completions, remark};
use crate::document::Mistakes;
use crate::error::{Context, Error, Exit, Result};
use crate::plan::Plan;
use crate::plan::quick::Quick;
use crate::scenario::{LARGEST, Scenario, line_of_workload, read};
use crate::transport::descriptors;
use crate::transport::ports::Ports;

/// Which scenario, with which changes.
#[derive(Debug, Args)]
pub(crate) struct Chosen {
    /// The scenario
    #[arg(add = completions::scenarios())]
    pub(crate) file: PathBuf,
    /// Change a value, such as trials=3 or workloads.latency.clients=10; may be repeated
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) sets: Vec<String>,
    /// Only the cells whose id contains this text
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
    /// Targets that differ in what the scenario does not ask about are a mistake, not only worth a warning; and what is
    /// expected of a target and was not decided is not met
    #[arg(long)]
    pub(crate) strict: bool,
    /// A look in about a minute: as many trials as a ranking takes, short loads, rough searches, bodies up to 1 MiB
    #[arg(long)]
    pub(crate) quick: bool,
}

/// A scenario with all changes, and what it multiplies to.
#[derive(Debug)]
pub(crate) struct Loaded<'a> {
    /// The file it was read from.
    pub(crate) source: Source<'a>,
    /// The scenario.
    pub(crate) scenario: Scenario,
    /// The same as results hold it.
    pub(crate) as_read: Value,
    /// What will run.
    pub(crate) plan: Plan,
    /// What `--quick` will not be able to tell, in words.
    pub(crate) untold: Vec<String>,
}

impl Chosen {
    /// The scenario and its plan; or the exit code, after every mistake was told on stderr. What is no mistake is not
    /// told where it is to be `quiet`.
    pub(crate) fn load(&self, quiet: bool) -> std::result::Result<Loaded<'_>, Exit> {
        let (scenario, source) = scenario(&self.file, &self.sets)?;
        let source = Source { quiet, ..source };
        let whole = Plan::of(&scenario);
        if whole.cells.is_empty()
            && let Some(refused) = whole.refusals.first()
        {
            let error = Error::usage("every cell of this scenario is refused");
            return Err(told(error.help(refused.reason.clone())));
        }
        let only = |plan: Plan| match &self.only {
            None => plan,
            Some(text) => plan.only(text),
        };
        let (scenario, plan, untold) = if self.quick {
            let Quick { scenario, plan, untold } = Plan::quick(&scenario, only);
            (scenario, plan, untold)
        } else {
            (scenario, only(whole.clone()), Vec::new())
        };
        if plan.cells.is_empty() {
            let example = whole.cells.first().map(|cell| cell.planned.id.as_str()).unwrap_or_default();
            let error = Error::usage(format!("no cell's id contains `{}`", self.only.as_deref().unwrap_or_default()));
            return Err(told(error.help(format!("ids look like `{example}`; `engine plan` prints them all"))));
        }
        warn(&plan, &source, self.strict)?;
        warn_of_trials(&plan, &source);
        let as_read = serde_json::to_value(&scenario).doing("writing the scenario").map_err(told)?;
        Ok(Loaded { source, scenario, as_read, plan, untold })
    }
}

/// The file that a scenario was read from.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    file: &'a Path,
    text: String,
    quiet: bool,
}

impl Source<'_> {
    /// Tells on stderr what is no mistake, but worth knowing, with the line of the workload that it is about.
    pub(crate) fn caution(&self, workload: Option<&str>, error: &Error) {
        if !self.quiet {
            caution(&self.placed(workload, error));
        }
    }

    fn placed(&self, workload: Option<&str>, error: &Error) -> Error {
        let line = workload.and_then(|name| line_of_workload(&self.text, name));
        let line = line.map(|line| format!(":{line}")).unwrap_or_default();
        let placed = Error::usage(format!("{}{line}: {}", self.file.display(), error.message()));
        match error.remedy() {
            Some(help) => placed.help(help),
            None => placed,
        }
    }
}

/// Tells on stderr what makes the plan's comparisons unfair; the exit code where that is a mistake.
pub(crate) fn warn(plan: &Plan, source: &Source<'_>, strict: bool) -> std::result::Result<(), Exit> {
    let differences = plan.differences();
    for difference in &differences {
        let error = Error::usage(difference.to_string()).help(&difference.help);
        let error = source.placed(difference.workloads.first().map(String::as_str), &error);
        match difference.note {
            false if strict => complain(&error),
            _ if source.quiet => {}
            true => remark(&error),
            false => caution(&error),
        }
    }
    if strict && differences.iter().any(|difference| !difference.note) { Err(Exit::Usage) } else { Ok(()) }
}

/// Tells on stderr what this machine does not let the plan have: it may well be run on another.
pub(crate) fn warn_of_limits(plan: &Plan, source: &Source<'_>) {
    if let Some(error) = plan.lacks_descriptors(descriptors::most()) {
        source.caution(None, &error);
    }
    if let Some((workload, error)) = plan.lacks_ports(Ports::of_this_machine()) {
        source.caution(Some(workload), &error);
    }
}

/// Tells on stderr which comparisons of the plan cannot come out, whatever is measured, and which commands may not be found.
pub(crate) fn warn_of_trials(plan: &Plan, source: &Source<'_>) {
    for (workload, error) in plan.untold_addresses() {
        source.caution(Some(workload), &error);
    }
    for few in plan.too_few_trials() {
        source.caution(Some(&few.workload), &Error::usage(few.sentence));
    }
}

/// The scenario in a file, with the file; or the exit code, after every mistake was told on stderr.
pub(crate) fn scenario<'a>(file: &'a Path, sets: &[String]) -> std::result::Result<(Scenario, Source<'a>), Exit> {
    let text = text(file).map_err(told)?;
    match read(&file.display().to_string(), &text, sets) {
        Ok(scenario) => Ok((scenario, Source { file, text, quiet: false })),
        Err(mistakes) => Err(tell_mistakes(&mistakes)),
    }
}

/// The text of a file, no more of it than a scenario can have.
fn text(file: &Path) -> Result<String> {
    let wrong = |reason: &str| Error::usage(format!("{} cannot be read: {reason}", file.display()));
    let mut bytes = Vec::new();
    File::open(file).and_then(|open| open.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(|error| {
        wrong(&error.to_string()).help("give the path of a scenario, such as scenarios/quickstart.yaml")
    })?;
    String::from_utf8(bytes).map_err(|_| wrong("it is not text in UTF-8"))
}

fn told(error: Error) -> Exit {
    complain(&error);
    error.exit()
}

fn tell_mistakes(mistakes: &Mistakes) -> Exit {
    let stderr = std::io::stderr();
    let colour = stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    // Nobody is left to tell where stderr is closed.
    let _ = writeln!(stderr.lock(), "{}{}", mistakes.render(colour), mistakes.summary());
    Exit::Usage
}
