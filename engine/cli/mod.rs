//! The commands, and what each prints where.

mod report;
mod serve;

use std::ffi::OsString;
use std::io::Write;

use clap::{Parser, Subcommand};

use crate::error::{Error, Exit};

/// Compares RPC protocols and server models by running a scenario and writing a report.
#[derive(Debug, Parser)]
#[command(name = "engine", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the report of results
    Report(report::Report),
    /// Serve one transport on one server model, by hand
    Serve(serve::Serve),
}

/// Runs the command line and says how it ended.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is the reader's choice.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Success };
        }
    };
    let outcome = match arguments.command {
        Command::Report(report) => report.run(),
        Command::Serve(serve) => serve.run(),
    };
    outcome.unwrap_or_else(|error| {
        complain(&error);
        error.exit()
    })
}

/// Prints an error to stderr: what is wrong first, what would be right next.
fn complain(error: &Error) {
    let mut stderr = std::io::stderr().lock();
    let _ = writeln!(stderr, "error: {}", error.message());
    if let Some(help) = error.remedy() {
        let _ = writeln!(stderr, "  = help: {help}");
    }
}
