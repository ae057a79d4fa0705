//! `engine selftest`: proves on this machine that the figures show what is done to a server.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};

use crate::cli::{beside_others, say};
use crate::error::{Error, Exit, Result};
use crate::run::interrupt;
use crate::run::proof::{Figure, Proof, Shown, Standing, all, of_links, show};

/// Disturbs real runs in known ways and compares what they report with what must come out.
///
/// Exit codes: 0 all figures hold; 1 a figure does not hold; 3 none is wrong, but other processes disturbed some proofs
/// at each of three attempts, so that these are undecided.
#[derive(Debug, Args)]
pub(crate) struct Selftest {
    /// What is proved: that figures show what is done to the ends, or that links are as they are asked to be
    #[arg(value_enum, default_value_t = Of::Ends)]
    of: Of,
    /// Only the proofs whose name contains this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Where to write the results of each run
    #[arg(long, value_name = "DIR", default_value = "results/selftest")]
    out: PathBuf,
}

/// What is proved.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    /// What is done to a server or a client must show in the figures.
    Ends,
    /// What is asked of a link must be seen by what goes through it.
    Links,
}

impl Selftest {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut proofs = match self.of {
            Of::Ends => all(),
            Of::Links => of_links(),
        };
        let names: Vec<String> = proofs.iter().map(|proof| proof.name.clone()).collect();
        proofs.retain(|proof| self.only.as_ref().is_none_or(|text| proof.name.contains(text)));
        if proofs.is_empty() {
            return Err(Error::usage("no proof has such a name").help(format!("there are: {}", names.join("; "))));
        }
        interrupt::watch();
        let begun = Instant::now();
        // A closed stderr is the reader's choice.
        let mut tell = |words: &str| drop(writeln!(std::io::stderr(), "{words}"));
        let shown = show(&proofs, &self.out, beside_others(), &mut tell);
        if interrupt::interrupted() {
            return Ok(Exit::Interrupted);
        }
        let (text, exit) = table(&proofs, shown)?;
        say(&text)?;
        say(&format!("it took {:.0} s\n", begun.elapsed().as_secs_f64()))?;
        Ok(exit)
    }
}

/// Expected against measured, what is to be said of all of it, and the exit code that asks for: 1 where a figure is not
/// what it must be, 3 where none is wrong but some are undecided.
fn table(proofs: &[Proof], shown: Vec<Result<Shown>>) -> Result<(String, Exit)> {
    let mut rows = Vec::new();
    let mut undecided = Vec::new();
    for (proof, shown) in proofs.iter().zip(shown) {
        let shown = shown.map_err(|error| error.context(&proof.name))?;
        let standings = shown.figures.iter().map(|figure| shown.standing(figure));
        rows.extend(
            standings.zip(shown.figures.clone()).map(|(standing, figure)| (proof.name.as_str(), standing, figure)),
        );
        undecided.extend(shown.disturbed.map(|why| (proof.name.as_str(), why)));
    }
    let width = |column: fn(&(&str, Standing, Figure)) -> usize| rows.iter().map(column).max().unwrap_or(0);
    let (names, whats) = (width(|row| row.0.chars().count()), width(|row| row.2.what.chars().count()));
    let expecteds = width(|row| row.2.expected.chars().count());
    let mut text = String::new();
    for (name, standing, Figure { what, expected, measured, .. }) in &rows {
        let mark = match standing {
            Standing::Holds => "holds",
            Standing::Fails => "FAILS",
            Standing::Undecided => "undecided",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{mark:9}  {name:names$}  {what:whats$}  {expected:expecteds$}  {measured}");
    }
    for (name, why) in &undecided {
        let _ = writeln!(text, "undecided: disturbed at each attempt, {name}: {why}");
    }
    let count = |standing| rows.iter().filter(|row| row.1 == standing).count();
    let (failed, open) = (count(Standing::Fails), count(Standing::Undecided));
    let _ = match (failed, open) {
        (0, 0) => writeln!(text, "all {} figures of {} proofs hold", rows.len(), proofs.len()),
        (0, open) => writeln!(
            text,
            "none of {} figures fails, but {open} are undecided, since the machine or other processes disturbed {} of {} proofs: run it \
             again on a machine that does nothing else",
            rows.len(),
            undecided.len(),
            proofs.len()
        ),
        (failed, open) => writeln!(text, "{failed} of {} figures do not hold, {open} are undecided", rows.len()),
    };
    let exit = match (failed, open) {
        (0, 0) => Exit::Success,
        (0, _) => Exit::Invalid,
        _ => Exit::Failed,
    };
    Ok((text, exit))
}
