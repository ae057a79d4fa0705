//! `engine selftest`: proves on this machine that the figures show what is done to a server.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;

use crate::cli::say;
use crate::error::{Error, Exit, Result};
use crate::run::interrupt;
use crate::run::proof::{Figure, Proof, all, show};

/// Disturbs real runs in known ways and compares what they report with what must come out.
#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// Only the proofs whose name contains this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where to write the results of each run
    #[arg(long, value_name = "DIR", default_value = "results/selftest")]
    out: PathBuf,
}

impl Selftest {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut proofs = all();
        let names: Vec<String> = proofs.iter().map(|proof| proof.name.clone()).collect();
        proofs.retain(|proof| self.only.as_ref().is_none_or(|text| proof.name.contains(text)));
        if proofs.is_empty() {
            return Err(Error::usage("no proof has such a name").help(format!("there are: {}", names.join("; "))));
        }
        interrupt::watch();
        let begun = Instant::now();
        let shown = show(&proofs, &self.out);
        if interrupt::interrupted() {
            return Ok(Exit::Interrupted);
        }
        let (text, hold) = table(&proofs, shown)?;
        say(&text)?;
        say(&format!("it took {:.0} s\n", begun.elapsed().as_secs_f64()))?;
        Ok(if hold { Exit::Success } else { Exit::Failed })
    }
}

/// Expected against measured, and whether all of it holds.
fn table(proofs: &[Proof], shown: Vec<Result<Vec<Figure>>>) -> Result<(String, bool)> {
    let mut rows = Vec::new();
    for (proof, figures) in proofs.iter().zip(shown) {
        let figures = figures.map_err(|error| error.context(&proof.name))?;
        rows.extend(figures.into_iter().map(|figure| (proof.name.as_str(), figure)));
    }
    let width = |column: fn(&(&str, Figure)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (names, whats) = (width(|row| row.0.chars().count()), width(|row| row.1.what.chars().count()));
    let expecteds = width(|row| row.1.expected.chars().count());
    let mut text = String::new();
    for (name, figure) in &rows {
        let Figure { what, expected, measured, holds } = figure;
        let mark = if *holds { "holds" } else { "FAILS" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark}  {name:names$}  {what:whats$}  {expected:expecteds$}  {measured}");
    }
    let failed = rows.iter().filter(|(_, figure)| !figure.holds).count();
    let _ = match failed {
        0 => writeln!(text, "all {} figures of {} proofs hold", rows.len(), proofs.len()),
        failed => writeln!(text, "{failed} of {} figures do not hold", rows.len()),
    };
    Ok((text, failed == 0))
}
