//! Runs a plan: every trial in its turn, every record kept as soon as it is there.

pub mod attempts;
pub mod bracket;
pub mod capacity;
pub mod hosts;
pub mod interrupt;
pub mod isolation;
pub mod launcher;
pub mod origin;
pub mod proof;
mod resume;
pub mod secrets;
pub mod serving;
pub mod trial;
pub mod verdict;
pub mod windows;
pub mod yardsticks;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::drive::messages::Progress;
use crate::error::Result;
use crate::figures::counted;
use crate::place::contract::Place;
use crate::place::disturbance::Disturbance;
use crate::place::manifest::manifest;
use crate::place::pinning::Pinning;
use crate::place::site::Site;
use crate::plan::{Cell, Plan, Turn};
use crate::results::file::RESULTS;
use crate::results::folder::{Existing, Folder, Holder};
use crate::results::journal::{JOURNAL, Journal};
use crate::results::{Manifest, Outcome, Record, Results, SCHEMA};
use crate::run::attempts::{again, attempt};
use crate::run::hosts::Hosts;
use crate::run::interrupt::interrupted;
use crate::run::launcher::Launcher;
use crate::run::origin::origins;
use crate::run::resume::resumed;
use crate::run::secrets::{KEY, seal};
use crate::run::verdict::{Circumstances, disturbed, judge, lacking};
use crate::run::yardsticks::Yardsticks;
use crate::scenario::Pin;
use crate::secret::Secret;
use crate::transport::terms::Terms;

/// What a run is told besides its plan.
#[derive(Clone)]
pub struct Settings {
    /// Where both ends run.
    pub place: &'static dyn Place,
    /// The folder that everything is written into.
    pub out: PathBuf,
    /// What becomes of results that it holds already.
    pub existing: Existing,
    /// The scenario as it was read, with `--set` and `--quick` applied.
    pub scenario: serde_json::Value,
    /// What of the scenario results may not hold, as one text; none where there is nothing to hide.
    pub secrets: Option<Secret>,
    /// Whether nothing may be downloaded.
    pub offline: bool,
    /// Whether `--quick` made the plan smaller.
    pub quick: bool,
    /// The command line, without the path of the program.
    pub command: Vec<String>,
    /// What is done to the ends on purpose.
    pub disturbance: Disturbance,
    /// Whether nobody looks at what others use of the ends' cores: for runs that have to share them, above all in tests.
    pub beside_others: bool,
    /// Whether the system calls of both ends are counted, which makes each of them slower:
    /// a ping of two at either end by 15 to 20 %, measured side by side on one core.
    pub syscalls: bool,
}

/// Whoever shows how a run goes on.
pub trait Watch {
    /// A trial begins; `done` of `plan.turns` are over.
    fn begins(&mut self, plan: &Plan, done: usize);
    /// Something takes long for a reason that is worth a line.
    fn says(&mut self, words: &str);
    /// How far it has come, about once a second.
    fn progress(&mut self, so_far: Progress);
    /// It searches, and tries so many calls per second next.
    fn probes(&mut self, _rate: f64) {}
    /// A trial is over.
    fn recorded(&mut self, cell: &Cell, record: &Record);
}

/// Runs every turn of `plan` that the folder has no record of yet, and returns what was measured, also when it was
/// interrupted.
pub fn run(plan: &Plan, settings: &Settings, watch: &mut dyn Watch) -> Result<Results> {
    let site = Site::reach(settings.place)?;
    // What `pin` says of other hosts is of no use here.
    let pin = if plan.meets_here() { &plan.pin } else { &Pin::None };
    let pinning = Pinning::among(pin, &site.hello().cores, plan.has_links(), plan.processes)?;
    let begun = Instant::now();
    let mut manifest = Manifest {
        quick: settings.quick,
        command: settings.command.clone(),
        planned: Some(plan.turns.len()),
        order: settings.scenario.get("order").and_then(|order| order.as_str()).map(str::to_owned),
        seed: settings.scenario.get("seed").and_then(|seed| seed.as_u64()),
        terms: terms(plan, pinning.server.len() as u64),
        targets: origins(plan),
        ..manifest(site.hello().machine.clone())
    };
    if plan.meets_here() {
        manifest.machine.insert("server cores".to_owned(), pinning.server.len().to_string());
    }
    if settings.beside_others {
        manifest.machine.insert("other processes".to_owned(), "not looked at, as was asked for".to_owned());
    }
    if pinning.pinned {
        manifest.machine.insert("pinned".to_owned(), pinning.to_string());
    }
    let holder =
        Holder { pid: std::process::id(), started: manifest.started.clone(), command: settings.command.clone() };
    let mut results = Results {
        schema: SCHEMA,
        scenario: settings.scenario.clone(),
        manifest,
        refusals: plan.refusals.clone(),
        cells: plan.cells.iter().map(|cell| cell.planned.clone()).collect(),
        records: Vec::with_capacity(plan.turns.len()),
    };
    let folder = Folder::claim(&settings.out, &holder)?;
    let held = folder.open(settings.existing)?;
    let hidden = settings.secrets.as_ref().map(Secret::reveal);
    results.manifest.secrets = seal(hidden, &folder.file(KEY), held.is_none())?;
    if let Some(held) = held {
        results = resumed(held, results, plan, settings.syscalls)?;
        watch.says(&format!("goes on with {} of {} trials", results.counting().count(), plan.turns.len()));
    }
    let before = results.manifest.took_s;
    let mut yardsticks = Yardsticks::new(&site, &pinning, Duration::try_from_secs_f64(before).unwrap_or_default());
    let recorded: BTreeSet<(usize, u32)> = results.records.iter().map(|record| (record.cell, record.trial)).collect();
    let mut journal = Journal::create(&folder.file(JOURNAL), &results)?;
    let hosts = Hosts::only(site, &plan.pin).reach(plan, &mut |words| watch.says(words));
    results.manifest.hosts = hosts.facts();
    for cell in plan.cells.iter().filter(|cell| cell.target.place.is_some()) {
        // Of a host that is not reached nobody knows its cores, and nothing is measured there.
        if let Ok(pinning) = hosts.pinning(cell, &pinning) {
            let terms = cell.target.pairing.terms(&cell.target.options, pinning.server.len() as u64);
            results.manifest.terms.insert(cell.target.name.clone(), terms);
        }
    }
    if !settings.beside_others {
        hosts.look_at_neighbours(plan, &pinning)?;
    }
    let mut launcher =
        Launcher::new(hosts, plan.folder.clone(), pinning, settings.disturbance, settings.offline, settings.syscalls);
    launcher.go_on(results.records.len());
    launcher.prepare(&plan.cells, &mut |words| watch.says(words));
    if let Some(warning) = launcher.site().warning()? {
        watch.says(&warning);
    }
    // The plan grows by what is tried again.
    let (mut plan, trials, mut done) = (plan.clone(), plan.turns.len(), 0);
    while !interrupted() {
        if done == plan.turns.len() {
            let more = again(&plan, trials, &results);
            if !more.is_empty() {
                watch.says(&format!("{} that others disturbed: tried again", counted(more.len(), "trial", "trials")));
            }
            plan.turns.extend(more);
        }
        let Some(turn) = plan.turns.get(done).copied() else { break };
        let cell = &plan.cells[turn.cell];
        if done < trials && recorded.contains(&(turn.cell, turn.trial)) {
            done += 1;
            continue;
        }
        results.manifest.yardsticks.extend(yardsticks.before(turn.block));
        watch.begins(&plan, done);
        let attempt = attempt(turn, &results);
        let mut wrote = None;
        let taken = one_turn(cell, turn, &launcher, &mut results.manifest, watch, &mut wrote);
        let Some(record) = taken.map(|record| Record { attempt, ..record }) else { break };
        results.manifest.took_s = seconds(before, begun);
        journal.append(&record, &results.manifest)?;
        // What cannot be had was told before the run, not of each trial alone.
        if launcher.lacks(cell).is_none() {
            watch.recorded(cell, &record);
        }
        // It may hold what nobody may keep, so it is shown and not recorded.
        if let Some(wrote) = wrote {
            watch.says(&format!("{}, trial {}: your command wrote: {wrote}", cell.planned.id, turn.trial));
        }
        results.records.push(record);
        done += 1;
    }
    if let Err(error) = launcher.finish() {
        watch.says(&format!("warning: {error}"));
    }
    results.manifest.yardsticks.extend(yardsticks.after());
    results.manifest.interrupted = interrupted();
    results.manifest.took_s = seconds(before, begun);
    results.write(&folder.file(RESULTS))?;
    // All of it is in results.json now; a journal that cannot be removed is only in the way.
    let _ = std::fs::remove_file(folder.file(JOURNAL));
    if !results.manifest.interrupted {
        // Nobody goes on with it.
        let _ = std::fs::remove_file(folder.file(KEY));
    }
    Ok(results)
}

/// On what terms each target serves, on so many cores.
fn terms(plan: &Plan, cores: u64) -> BTreeMap<String, Terms> {
    let of = |cell: &Cell| (cell.target.name.clone(), cell.target.pairing.terms(&cell.target.options, cores));
    plan.cells.iter().map(of).collect()
}

/// How long a run has taken, its earlier sessions included, to the millisecond.
fn seconds(before: f64, begun: Instant) -> f64 {
    ((before + begun.elapsed().as_secs_f64()) * 1e3).round() / 1e3
}

/// The record of one trial; none where the run was interrupted.
fn one_turn(
    cell: &Cell,
    turn: Turn,
    launcher: &Launcher,
    manifest: &mut Manifest,
    watch: &mut dyn Watch,
    wrote: &mut Option<String>,
) -> Option<Record> {
    let mut record = Record {
        cell: turn.cell,
        trial: turn.trial,
        block: turn.block,
        attempt: 1,
        outcome: Outcome::Failed,
        reason: None,
        measured: None,
        search: None,
        cost: None,
        interference: None,
        stalled: None,
        hosts: None,
        link: None,
        verdict: crate::results::Verdict::valid(),
    };
    if let Some(error) = launcher.lacks(cell) {
        record.reason = Some(error.to_string());
        return Some(record);
    }
    let begun = launcher.begun(cell, true);
    let found = match &cell.search {
        None => trial::measure(cell, launcher, &mut |so_far| watch.progress(so_far)).and_then(|trial| {
            let verdict = judge(&trial, &Circumstances::of(&launcher.pinning(cell)?, &cell.load, &trial));
            // Where no call came due, or this machine lacked something, the target has not failed; the verdict says so.
            let (counts, lacked) = (&trial.measured.counts, trial.measured.generator.lacked);
            let why = (counts.ok == 0 && counts.scheduled > 0 && lacked.is_none()).then(|| {
                let why = trial.measured.failures.first().map_or("no call was answered in time", String::as_str);
                format!("no call succeeded: {why}")
            });
            Ok((trial, verdict, why, None))
        }),
        Some(limits) => capacity::find(cell, limits, turn.trial, launcher, watch)
            .map(|found| (found.trial, found.verdict, found.failed, Some(found.search))),
    };
    match found {
        Ok((trial, verdict, why, search)) => {
            manifest.facts.entry(cell.target.name.clone()).or_insert(trial.facts);
            record.outcome = if why.is_none() { Outcome::Measured } else { Outcome::Failed };
            record.reason = why;
            record.verdict = verdict;
            record.measured = Some(trial.measured);
            record.search = search;
            record.cost = Some(trial.cost);
            record.interference = trial.interference;
            record.stalled = trial.stalled;
            record.hosts = trial.hosts;
            record.link = trial.link;
        }
        Err(_) if interrupted() => return None,
        Err(error) => {
            if let Some(lack) = error.lack() {
                // The verdict says that nothing is known of the target.
                record.verdict = lacking(lack, "it could not begin");
            }
            *wrote = error.output().map(str::to_owned);
            record.reason = Some(error.to_string());
            record.interference = begun.and_then(|begun| begun.since()).ok().flatten();
            record.verdict = disturbed(record.verdict, record.interference.as_ref());
        }
    }
    Some(record.said_once(&mut manifest.missing))
}
