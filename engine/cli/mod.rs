//! The commands, and what each prints where.

mod agent;
mod catalogue;
mod check;
mod closing;
mod compare;
mod completions;
mod create;
mod doctor;
mod drive;
mod keep;
mod limits;
mod link;
mod list;
mod load;
mod man;
mod new;
mod one_of;
mod output;
mod plan;
mod progress;
mod report;
mod run;
mod schema;
mod selftest;
mod serve;
mod trial;

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;

use clap::{Parser, Subcommand};
use nix::sys::signal::{SigHandler, Signal, signal};

use crate::error::{Error, Exit, Result};
use crate::place::contract::Place;
use crate::place::here::{Here, Piped};
use crate::results::Results;

/// What the exit codes say; the first that applies of 130, 2, 4, 1 and 3.
const EXITS: &str = "Exit codes:
  0    all was measured, and is as expected
  1    a cell or an expectation failed; of compare: something is worse, fails, is missing, or nothing could be compared
  2    the scenario or the command line is wrong
  3    all was measured, but other processes or the generator itself made a record invalid
  4    the run could not go on
  130  ended by Ctrl-C, with what was measured so far written";

/// Compares RPC protocols and server models by running a scenario and writing a report.
#[derive(Debug, Parser)]
#[command(name = "engine", version, about, max_term_width = 100, after_long_help = EXITS)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario, and write its results and reports
    Run(run::Run),
    /// Measure what answers at a URL, and write the scenario that did it
    Try(trial::Try),
    /// Write a commented scenario to start from
    New(new::New),
    /// Read and plan scenarios, and tell every mistake
    Check(check::Check),
    /// Print the cells of a scenario, the refusals, and how long it should take
    Plan(plan::Show),
    /// Print what there is to compare, with its options, and who fits whom
    List(list::List),
    /// Print the JSON Schema of a scenario or of results
    Schema(schema::Schema),
    /// Write the report of results
    Report(report::Report),
    /// Compare two runs, cell by cell, with confidence
    ///
    /// The exit code is 0 only where something could be compared and nothing is worse, fails or is missing; 1 else.
    Compare(compare::Compare),
    /// Prove on this machine that the figures show what is done to a server
    Selftest(selftest::Selftest),
    /// Say what this machine can and cannot measure, and how to mend it
    Doctor(doctor::Doctor),
    /// Serve one transport on one server model, by hand
    Serve(serve::Serve),
    /// Print a script by which a shell completes command lines
    Completions(completions::Completions),
    /// Write the manual, a page for each command
    Man(man::Manual),
    /// Be one client process: an assignment on stdin, measurements on stdout
    Drive(drive::Drive),
    /// Start, observe and end the processes of a run at this place, as it says on stdin
    #[command(hide = true)]
    Agent(agent::Agent),
    /// Launch a command of the user's own, as it says on stdin, and leave nothing of it running
    #[command(hide = true)]
    Keep(keep::Keep),
    /// Lay the emulated network between two ends, and carry their packets
    #[command(hide = true)]
    Link(link::Link),
}

/// Runs the command line and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    await_children();
    if let Err(error) = limits::meet() {
        complain(&error);
        return error.exit();
    }
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    if let Some(exit) = completions::answered(&arguments) {
        return exit;
    }
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is the reader's choice.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    let outcome = match arguments.command {
        Command::Run(run) => run.run(),
        Command::Try(attempt) => attempt.run(),
        Command::New(new) => new.run(),
        Command::Check(check) => check.run(),
        Command::Plan(plan) => plan.run(),
        Command::List(list) => list.run(),
        Command::Schema(schema) => schema.run(),
        Command::Report(report) => report.run(),
        Command::Compare(compare) => compare.run(),
        Command::Selftest(selftest) => selftest.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Serve(serve) => serve.run(),
        Command::Completions(completions) => completions.run(),
        Command::Man(manual) => manual.run(),
        Command::Drive(drive) => drive.run(),
        Command::Agent(agent) => agent.run(),
        Command::Keep(keep) => keep.run(),
        Command::Link(link) => link.run(),
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        error.exit()
    })
}

/// The results in a file or the folder of a run; a file in the folder that could not be read is told on stderr.
fn read(path: &Path) -> Result<Results> {
    let (results, note) = Results::read_noting(path)?;
    if let Some(note) = note {
        caution(&Error::usage(note));
    }
    Ok(results)
}

/// With this in the environment a run looks at nobody else's use of its cores, and its results say so: tests run side by
/// side, and prove other things.
const BESIDE_OTHERS: &str = "ENGINE_BESIDE_OTHERS";

/// Whether that is set.
fn beside_others() -> bool {
    std::env::var_os(BESIDE_OTHERS).is_some()
}

/// With this in the environment a run reaches this very machine by a pipe, as it does others: for tests of that way.
const BY_PIPE: &str = "ENGINE_HERE_BY_PIPE";

/// Where both ends of a run are.
fn place() -> &'static dyn Place {
    if std::env::var_os(BY_PIPE).is_some() { &Piped } else { &Here }
}

/// Lets children be waited for, also where whoever started this program ignores how its own end (SIGCHLD), which is
/// inherited: the kernel would then tell nobody how they ended.
fn await_children() {
    // SAFETY: the default action of a signal runs no code of ours.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
}

/// Prints to stdout. That nobody reads any more, as behind `| head`, is the reader's choice.
fn say(text: &str) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::stopped(format!("stdout cannot be written: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints an error to stderr: what is wrong first, what would be right next.
fn complain(error: &Error) {
    tell("error", error);
}

/// Prints to stderr what is no mistake, but worth knowing.
fn caution(error: &Error) {
    tell("warning", error);
}

/// Prints to stderr what is as it should be, and belongs to what is told of it.
fn remark(error: &Error) {
    tell("note", error);
}

fn tell(kind: &str, error: &Error) {
    let mut stderr = std::io::stderr().lock();
    // Nobody is left to tell where stderr is closed.
    let _ = writeln!(stderr, "{kind}: {}", error.message());
    if let Some(help) = error.remedy() {
        let _ = writeln!(stderr, "  = help: {help}");
    }
}
