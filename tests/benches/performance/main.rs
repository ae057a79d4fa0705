//! Ours beside its peers and the raw floors, side by side in one run: `cargo bench --bench performance`.
//!
//! Each comparison has sides that have their turns one after the other, round after round; what counts is the ratio of
//! two sides in the same round, and the median of the rounds. Servers run on the first core, generators on the second.

#![expect(clippy::print_stdout, reason = "a bench is there to print")]

mod bulk;
mod c_library;
mod exchange;
mod floors;
mod generator;
mod harness;
mod http2;
mod kernel;
mod link;
mod measure;
mod open_loop;
mod ours;
mod own_calls;
mod page;
mod peers;
mod processes;
mod rpyc;
mod servers;
mod several;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use engine::error::{Context, Error, Result};
use engine::transport::descriptors;

use crate::measure::Comparison;
use crate::page::{Suite, page};

/// Measures ours beside its peers, and tells what is met and what is missed.
#[derive(Debug, Parser)]
#[command(name = "performance")]
struct Arguments {
    /// Only the comparisons whose names have this part; may be repeated
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// How often each side has its turn
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Put what was measured into this JSON file, beside what is there of other comparisons, and lay out its page
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Measure nothing: lay out the page of this JSON file again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "out"])]
    page: Option<PathBuf>,
    /// Tell the names of the comparisons
    #[arg(long)]
    list: bool,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// Every comparison, in the order of the page.
fn comparisons() -> Vec<Comparison> {
    let parts = [
        generator::comparisons(),
        several::comparisons(),
        own_calls::comparisons(),
        kernel::comparisons(),
        http2::comparisons(),
        exchange::comparisons(),
        servers::comparisons(),
        bulk::comparisons(),
        rpyc::comparisons(),
        open_loop::comparisons(),
        harness::comparisons(),
        link::comparisons(),
        c_library::comparisons(),
    ];
    parts.into_iter().flatten().collect()
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, floor)) if first == floors::FLOOR => floors::run(floor),
        _ => run(Arguments::parse()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("performance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    if arguments.list {
        comparisons().iter().for_each(|comparison| println!("{}", comparison.name));
        return Ok(());
    }
    if let Some(file) = &arguments.page {
        return lay_out(file, &read(file)?);
    }
    descriptors::raise();
    let mut suite = match &arguments.out {
        Some(file) if file.exists() => read(file)?,
        _ => Suite::default(),
    };
    suite.machine = engine::place::manifest::machine();
    suite.peers = peers::versions();
    let all = comparisons();
    let order: Vec<String> = all.iter().map(|comparison| comparison.name.clone()).collect();
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|part| name.contains(part.as_str()));
    for comparison in all.into_iter().filter(|comparison| wanted(&comparison.name)) {
        println!("{}", comparison.name);
        let begun = Instant::now();
        let compared = comparison.measure(arguments.rounds, |line| println!("{line}"));
        compared.trouble.iter().for_each(|trouble| println!("  not measured: {trouble}"));
        compared.claims.iter().for_each(|claim| println!("  {}", claim.line()));
        println!("  {:.1} s", begun.elapsed().as_secs_f64());
        suite.comparisons.retain(|other| other.name != compared.name);
        suite.comparisons.push(compared);
        // What is in the file of comparisons that are no more goes.
        suite.comparisons.retain(|compared| order.contains(&compared.name));
        suite.comparisons.sort_by_key(|compared| order.iter().position(|name| *name == compared.name));
        if let Some(file) = &arguments.out {
            let text = serde_json::to_string_pretty(&suite).doing("writing what was measured")?;
            fs::write(file, text + "\n").doing(file.display())?;
            lay_out(file, &suite)?;
        }
    }
    Ok(())
}

fn read(file: &Path) -> Result<Suite> {
    let text = fs::read_to_string(file).doing(file.display())?;
    serde_json::from_str(&text).map_err(|error| Error::failed(format!("{}: {error}", file.display())))
}

/// Writes the page beside the file that it is made of.
fn lay_out(file: &Path, suite: &Suite) -> Result<()> {
    let to = file.with_extension("md");
    fs::write(&to, page(suite)?).doing(to.display())
}
