//! Runs with a known disturbance, and the figures that they must show.

mod contract;
mod evidence;
mod figure;
mod link;
mod links;
mod list;
mod load;
mod server;
mod stall;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::drive::messages::Progress;
use crate::error::{Error, Result};
use crate::place::here::Here;
use crate::place::pinning::Pinning;
use crate::place::site::Site;
use crate::plan::{Cell, Plan};
use crate::results::folder::Existing;
use crate::results::machine::Interference;
use crate::results::{Record, Results};
use crate::run::hosts::Hosts;
use crate::run::interrupt::interrupted;
use crate::run::isolation::isolation;
use crate::run::launcher::Launcher;
use crate::run::proof::contract::How;
pub use crate::run::proof::contract::Proof;
use crate::run::proof::evidence::{SEED, figures};
pub use crate::run::proof::figure::Figure;
pub use crate::run::proof::links::of_links;
pub use crate::run::proof::list::all;
use crate::run::proof::server::aborted;
use crate::run::{Settings, Watch, run};
use crate::scenario::read;

/// So many proofs that only wait run side by side: together they are busy for a fraction of the time.
const SIDE_BY_SIDE: usize = 16;
/// A proof that other processes disturbed is tried so often at most.
const ATTEMPTS: usize = 3;

/// What the last attempt at a proof showed.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Each figure against what it must be.
    pub figures: Vec<Figure>,
    /// Who used the cores of an end meanwhile, where it was so much that figures of time prove nothing; or that the relay
    /// of a link was held up.
    pub disturbed: Option<String>,
}

/// What is known of one figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is what it must be.
    Holds,
    /// It is not.
    Fails,
    /// Other processes disturbed the proof, so that it says nothing either way.
    Undecided,
}

impl Shown {
    /// What is known of one of its figures. Whether it was disturbed is decided by what others used of the cores,
    /// never by the figure; and what does not depend on time must hold all the same.
    pub fn standing(&self, figure: &Figure) -> Standing {
        match (figure.timed && self.disturbed.is_some(), figure.holds) {
            (true, _) => Standing::Undecided,
            (false, true) => Standing::Holds,
            (false, false) => Standing::Fails,
        }
    }
}

/// Shows all of `proofs`, each in a folder of its own inside `out`: those that only wait side by side, and then the
/// others one by one. Those that other processes disturbed are tried again when all had their turn, up to three times in
/// all, and `say` is told so; with `beside_others` nobody looks at them. What was shown last comes in the order of the
/// proofs.
pub fn show(proofs: &[Proof], out: &Path, beside_others: bool, say: &mut dyn FnMut(&str)) -> Vec<Result<Shown>> {
    let mut all: Vec<_> = proofs.iter().map(|_| Err(Error::stopped("a proof ended without a word"))).collect();
    let mut due: Vec<usize> = (0..proofs.len()).collect();
    for attempt in 1..=ATTEMPTS {
        for (at, shown) in try_all(proofs, &due, &|proof: &Proof| proof.show(out, attempt, beside_others)) {
            all[at] = shown;
        }
        due.retain(|at| all[*at].as_ref().is_ok_and(|shown| shown.disturbed.is_some()));
        let Some(Ok(Shown { disturbed: Some(why), .. })) = due.first().map(|at| &all[*at]) else { break };
        if interrupted() || attempt == ATTEMPTS {
            break;
        }
        let count = due.len();
        say(&format!("{count} of {} proofs were disturbed and are tried again: {why}", proofs.len()));
    }
    all
}

/// Tries those of `proofs` that are `due` once.
fn try_all(
    proofs: &[Proof],
    due: &[usize],
    attempt: &(dyn Fn(&Proof) -> Result<Shown> + Sync),
) -> Vec<(usize, Result<Shown>)> {
    let (alone, waiting): (Vec<usize>, Vec<usize>) = due.iter().partition(|at| proofs[**at].alone);
    let next = AtomicUsize::new(0);
    let work = || {
        let mut shown = Vec::new();
        while let Some(&at) = waiting.get(next.fetch_add(1, Ordering::Relaxed)) {
            shown.push((at, attempt(&proofs[at])));
        }
        shown
    };
    let mut shown: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE.min(waiting.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    shown.extend(alone.into_iter().map(|at| (at, attempt(&proofs[at]))));
    shown
}

/// Who disturbed the measurements of a run, where others used so much of an end's cores that it matters.
fn disturbed(results: &Results) -> Option<String> {
    let interference = results.counting().filter_map(|record| record.interference.as_ref());
    interference.filter(|interference| interference.disturbs()).map(Interference::sentence).next()
}

impl Proof {
    /// Runs it once, writes its results into a folder of its own inside `out`, and reads its figures from there.
    fn show(&self, out: &Path, attempt: usize, beside_others: bool) -> Result<Shown> {
        if let How::Link(tried) = &self.how {
            let (figures, disturbed) = tried.show(beside_others)?;
            return Ok(Shown { figures, disturbed });
        }
        let (plan, settings) = self.plan(out, attempt)?;
        let settings = Settings { beside_others, ..settings };
        let check = match self.how {
            How::Record(check) => check,
            How::Link(_) => return Err(Error::stopped("a link is tried without a plan")),
            How::Abort(shared) => {
                let cell = plan.cells.first().ok_or_else(|| Error::stopped("the proof has no cell"))?;
                let site = Site::reach(&Here)?;
                let pinning = Pinning::among(&plan.pin, &site.hello().cores, false, 1)?;
                let hosts = Hosts::only(site, &plan.pin);
                let launcher = Launcher::new(hosts, plan.folder.clone(), pinning, self.disturbance, true, false);
                return Ok(Shown { figures: aborted(&isolation(cell, &launcher)?, shared), disturbed: None });
            }
        };
        run(&plan, &settings, &mut Silent)?;
        let results = Results::read(&settings.out)?;
        Ok(Shown { figures: figures(&results, check), disturbed: disturbed(&results) })
    }

    fn plan(&self, out: &Path, attempt: usize) -> Result<(Plan, Settings)> {
        let name = |(at, workload): (usize, &String)| format!("{{name: load-{}, {workload}}}", at + 1);
        let workloads: Vec<String> = self.workloads.iter().enumerate().map(name).collect();
        let text = format!(
            "title: Selftest\nquestion: Do the figures show what was done?\ntrials: 1\nseed: {SEED}\norder: sequential\n\
             targets: [{{{}}}]\nworkloads: [{}]\n",
            self.target,
            workloads.join(", ")
        );
        let scenario = read("selftest", &text, &[]).map_err(|mistakes| Error::stopped(mistakes.render(false)))?;
        let settings = Settings {
            place: &Here,
            out: out.join(self.name.replace(|c: char| !c.is_alphanumeric(), "-")).join(format!("attempt-{attempt}")),
            existing: Existing::Replace,
            scenario: serde_json::to_value(&scenario).unwrap_or_default(),
            offline: true,
            quick: false,
            command: vec!["selftest".to_owned()],
            disturbance: self.disturbance,
            beside_others: false,
            secrets: None,
            syscalls: false,
        };
        Ok((Plan::of(&scenario), settings))
    }
}

/// Nobody looks at how a proof goes on.
struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: &Plan, _: usize) {}
    fn says(&mut self, _: &str) {}
    fn progress(&mut self, _: Progress) {}
    fn recorded(&mut self, _: &Cell, _: &Record) {}
}

#[cfg(test)]
mod tests {
    use super::{Figure, Shown, Standing};

    #[test]
    fn a_disturbed_proof_decides_nothing_by_time_and_everything_else() {
        let figures = |timed: bool| [true, false].map(|holds| Figure { timed, ..Figure::that("f", 1, 1, holds) });
        let standings = |disturbed: Option<String>, timed| {
            let shown = Shown { figures: figures(timed).to_vec(), disturbed };
            [0, 1].map(|at| shown.standing(&shown.figures[at]))
        };
        let (calm, busy) = (None, Some("other processes used 50 % of the cores of an end".to_owned()));
        let (holds, fails, undecided) = (Standing::Holds, Standing::Fails, Standing::Undecided);
        assert_eq!(standings(calm.clone(), true), [holds, fails]);
        assert_eq!(standings(calm, false), [holds, fails]);
        assert_eq!(standings(busy.clone(), false), [holds, fails], "what does not depend on time must hold");
        assert_eq!(standings(busy, true), [undecided, undecided], "also what looks right");
    }
}
