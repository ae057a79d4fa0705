//! How often two equal targets are told apart beside processes that burn the cores, and how often trials are marked
//! without any: `cargo bench --bench interference`.

#![expect(clippy::print_stdout, reason = "a bench is there to print")]

#[path = "../burners/mod.rs"]
mod burners;

use std::path::Path;

use clap::Parser;
use engine::call::SplitMix;
use engine::report::comparison::Outcome;
use engine::report::view::View;
use engine::results::{Record, Results, State};

use crate::burners::{Burners, LOADS, Ran, equals, run};

/// Runs two equal targets again and again, beside burners and without.
#[derive(Debug, Parser)]
#[command(name = "interference")]
struct Arguments {
    /// How many runs of each kind
    #[arg(long, value_name = "N", default_value_t = 20)]
    runs: usize,
    /// How many trials each target has
    #[arg(long, value_name = "N", default_value_t = 10)]
    trials: u32,
    /// Only the loads and servers whose names have this part
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Only without burners
    #[arg(long)]
    quiet: bool,
    /// What cargo says to every bench
    #[arg(long, hide = true)]
    bench: bool,
}

/// What became of several runs.
#[derive(Debug, Default)]
struct Tally {
    runs: usize,
    winners: usize,
    first: usize,
    marked: usize,
    burnt: usize,
    burnt_marked: usize,
    again: usize,
    still: usize,
    /// By how much the share that is told is off, of those that were burnt.
    off: Vec<f64>,
}

fn main() {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().expect("a folder");
    for (name, transport, clients) in LOADS.iter().filter(|load| load.0.contains(&arguments.only)) {
        let scenario = equals(transport, clients, arguments.trials);
        if !arguments.quiet {
            tell(&format!("{name}, burnt"), &burnt(folder.path(), &scenario, &arguments));
        }
        tell(&format!("{name}, quiet"), &calm(folder.path(), &scenario, arguments.runs));
    }
    // Forks, exits and threads without end: none of it is anybody else's.
    for server in ["threaded", "forking", "async"].into_iter().filter(|name| name.contains(&arguments.only)) {
        let scenario = format!(
            "title: t\nquestion: q\ntrials: {}\n\
             targets: [{{transport: http1, server: {server}, options: {{keep-alive: false}}}}]\n\
             workloads: [{{name: w, call: ping, clients: 16, duration: 1s}}]\n",
            2 * arguments.trials
        );
        tell(&format!("{server}, quiet"), &calm(folder.path(), &scenario, arguments.runs));
    }
}

/// Runs with the cores burnt during a random half of the first attempts.
fn burnt(folder: &Path, scenario: &str, arguments: &Arguments) -> Tally {
    let mut tally = Tally::default();
    let trials = 2 * arguments.trials as usize;
    for at in 0..arguments.runs {
        let mut plan: Vec<bool> = (0..trials).map(|trial| trial < trials / 2).collect();
        SplitMix::new(at as u64 + 1).shuffle(&mut plan);
        let mut burning = plan[0].then(Burners::light);
        let mut truth: Vec<Option<f64>> = Vec::new();
        let ran = run(folder, scenario, |recorded| {
            truth.push(burning.as_mut().map(|burning| burning.shares().into_iter().fold(0.0, f64::max)));
            match plan.get(recorded) {
                Some(true) if burning.is_none() => burning = Some(Burners::light()),
                Some(true) => {}
                _ => burning = None,
            }
        });
        // Before the first trial of a run they burn alone.
        let known = ran.results.records[..trials].iter().zip(&truth).skip(1);
        for (record, truth) in known.filter_map(|(record, truth)| Some((record, (*truth)?))) {
            tally.burnt += 1;
            tally.burnt_marked += usize::from(marked(record));
            let told = record.interference.as_ref().map_or(f64::NAN, |others| others.share);
            tally.off.push((told - truth).abs());
        }
        tally.add(&ran);
    }
    tally
}

fn calm(folder: &Path, scenario: &str, runs: usize) -> Tally {
    let mut tally = Tally::default();
    for _ in 0..runs {
        tally.add(&run(folder, scenario, |_| {}));
    }
    tally
}

/// True where a trial is suspect or invalid for what others used.
fn marked(record: &Record) -> bool {
    record.disturbed() && record.verdict.state != State::Valid
}

impl Tally {
    fn add(&mut self, ran: &Ran) {
        let first = || ran.results.records.iter().filter(|record| record.attempt == 1);
        self.runs += 1;
        self.winners += usize::from(names_a_winner(&ran.results));
        self.first += first().count();
        self.marked += first().filter(|record| marked(record)).count();
        self.again += ran.results.records.len() - first().count();
        self.still += ran.results.counting().filter(|record| marked(record)).count();
    }
}

fn names_a_winner(results: &Results) -> bool {
    let view = View::of(results).expect("results that were just measured can be shown");
    let mut comparisons = view.workloads.iter().flat_map(|workload| &workload.comparisons);
    comparisons.any(|comparison| comparison.outcome == Outcome::Ahead)
}

fn tell(name: &str, tally: &Tally) {
    let Tally { runs, winners, first, marked, burnt, burnt_marked, again, still, off } = tally;
    let worst = off.iter().copied().fold(0.0, f64::max) * 100.0;
    let within = off.iter().filter(|off| **off <= 0.10).count();
    println!(
        "{name}: {winners} of {runs} runs name a winner; {marked} of {first} first attempts marked for interference \
         ({:.2} %); {again} tried again, {still} still disturbed",
        *marked as f64 * 100.0 / (*first).max(1) as f64
    );
    if *burnt > 0 {
        println!(
            "    of those burnt {burnt_marked} of {burnt} are marked, and {within} told within 10 points of the truth \
             (worst: {worst:.1})"
        );
    }
}
