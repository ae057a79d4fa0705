//! Runs with a known disturbance, and the figures that they must show.

mod figure;
mod list;
mod load;
mod server;
mod stall;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::drive::lines::Progress;
use crate::error::{Error, Result};
use crate::plan::{Cell, Plan};
use crate::results::folder::Existing;
use crate::results::{Measured, Record, Results, State};
use crate::run::disturbance::Disturbance;
use crate::run::isolation::isolation;
use crate::run::launcher::Launcher;
use crate::run::placement::Placement;
pub use crate::run::proof::figure::Figure;
pub use crate::run::proof::list::all;
use crate::run::proof::server::{Shared, aborted};
use crate::run::{Settings, Watch, run};
use crate::scenario::read;

/// So many proofs that only wait run side by side: together they are busy for a fraction of the time.
const SIDE_BY_SIDE: usize = 16;
/// A proof that runs alone may be spoiled by what else runs on the machine, and is run so often at most.
const ATTEMPTS: usize = 3;

/// One run, and what is known about its outcome.
pub struct Proof {
    /// What it is called.
    pub name: String,
    /// The only target.
    target: String,
    /// The workloads, but for their names; what is known is known of the last.
    workloads: Vec<String>,
    disturbance: Disturbance,
    how: How,
    /// Whether it looks at what others would disturb.
    alone: bool,
}

/// What the figures of a run are read by.
type Check = fn(&Evidence<'_>) -> Vec<Figure>;

/// How a proof comes by its figures.
enum How {
    /// From the record of a run.
    Record(Check),
    /// From what one abort does to the clients of others.
    Abort(Shared),
}

/// What a run brought.
struct Evidence<'a> {
    record: &'a Record,
    measured: &'a Measured,
    /// The figures of the first workload, which are those of the last where there is but one.
    first: &'a Measured,
    /// How long the stall really lasted, in seconds.
    stalled: f64,
}

/// Shows all of `proofs`, each in a folder of its own inside `out`: those that only wait side by side, and then the
/// others one by one. The figures come in the order of the proofs.
pub fn show(proofs: &[Proof], out: &Path) -> Vec<Result<Vec<Figure>>> {
    let places = |alone: bool| (0..proofs.len()).filter(move |at| proofs[*at].alone == alone);
    let (waiting, next) = (places(false).collect::<Vec<usize>>(), AtomicUsize::new(0));
    let work = || {
        let mut shown = Vec::new();
        while let Some(&at) = waiting.get(next.fetch_add(1, Ordering::Relaxed)) {
            shown.push((at, proofs[at].show(out)));
        }
        shown
    };
    let mut shown: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE.min(waiting.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    shown.extend(places(true).map(|at| (at, proofs[at].show(out))));
    let mut all: Vec<_> = proofs.iter().map(|_| Err(Error::stopped("a proof ended without a word"))).collect();
    for (at, figures) in shown {
        all[at] = figures;
    }
    all
}

impl Proof {
    /// It has the machine to itself.
    fn alone(self) -> Self {
        Proof { alone: true, ..self }
    }

    /// Another workload is run before.
    fn after(mut self, workload: String) -> Self {
        self.workloads.insert(0, workload);
        self
    }

    /// Runs it, writes its results into a folder of its own inside `out`, and reads its figures from there.
    ///
    /// A proof that runs alone is run again, up to three times in all, where its own verdict is that something else
    /// spoiled it: the first run that is not invalid counts, whatever it shows.
    fn show(&self, out: &Path) -> Result<Vec<Figure>> {
        let (plan, settings) = self.plan(out)?;
        let check = match self.how {
            How::Record(check) => check,
            How::Abort(shared) => {
                let cell = plan.cells.first().ok_or_else(|| Error::stopped("the proof has no cell"))?;
                let launcher = Launcher::new(true, Placement::of(None)?, self.disturbance);
                return Ok(aborted(&isolation(cell, &launcher)?, shared));
            }
        };
        if !self.alone {
            run(&plan, &settings, &mut Silent)?;
            return Ok(figures(&Results::read(&settings.out)?, check));
        }
        for attempt in 1..=ATTEMPTS {
            run(&plan, &settings, &mut Silent)?;
            let results = Results::read(&settings.out)?;
            if results.records.iter().all(|record| record.verdict.state != State::Invalid) {
                let mut shown = vec![Figure::that("runs until one is valid", "at most 3", attempt, true)];
                shown.extend(figures(&results, check));
                return Ok(shown);
            }
            if crate::run::interrupt::interrupted() {
                break;
            }
        }
        let results = Results::read(&settings.out)?;
        let why = results.records.iter().flat_map(|record| &record.verdict.reasons).next();
        let why = format!("none: {}", why.map_or("interrupted", String::as_str));
        Ok(vec![Figure::that("runs until one is valid", "at most 3", why, false)])
    }

    fn plan(&self, out: &Path) -> Result<(Plan, Settings)> {
        let name = |(at, workload): (usize, &String)| format!("{{name: load-{}, {workload}}}", at + 1);
        let workloads: Vec<String> = self.workloads.iter().enumerate().map(name).collect();
        let text = format!(
            "title: Selftest\nquestion: Do the figures show what was done?\ntrials: 1\norder: sequential\n\
             targets: [{{{}}}]\nworkloads: [{}]\n",
            self.target,
            workloads.join(", ")
        );
        let scenario = read("selftest", &text, &[]).map_err(|mistakes| Error::stopped(mistakes.render(false)))?;
        let settings = Settings {
            out: out.join(self.name.replace(|c: char| !c.is_alphanumeric(), "-")),
            existing: Existing::Replace,
            scenario: serde_json::to_value(&scenario).unwrap_or_default(),
            offline: true,
            quick: false,
            command: vec!["selftest".to_owned()],
            disturbance: self.disturbance,
            syscalls: false,
        };
        Ok((Plan::of(&scenario), settings))
    }
}

/// What the results of a run show.
fn figures(results: &Results, check: Check) -> Vec<Figure> {
    let failed = |why: &str| vec![Figure::that("trial", "measured", why, false)];
    let (Some(first), Some(record)) = (results.records.first(), results.records.last()) else {
        return failed("not run");
    };
    let (Some(first), Some(measured)) = (&first.measured, &record.measured) else {
        return failed(first.reason.as_deref().or(record.reason.as_deref()).unwrap_or("failed"));
    };
    let stalled = results.manifest.facts.values().find_map(|facts| facts.get("stalled"));
    let stalled = stalled.and_then(|text| text.trim_end_matches(" s").parse().ok()).unwrap_or(0.0);
    let counts = &measured.counts;
    let known = counts.ok + counts.error.total() + counts.timeout + counts.censored;
    let mut figures = vec![Figure::that("calls accounted for", counts.scheduled, known, counts.conserved())];
    figures.extend(check(&Evidence { record, measured, first, stalled }));
    figures
}

/// Nobody looks at how a proof goes on.
struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: &Plan, _: usize) {}
    fn says(&mut self, _: &str) {}
    fn progress(&mut self, _: Progress) {}
    fn recorded(&mut self, _: &Cell, _: &Record) {}
}
