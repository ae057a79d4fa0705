//! Two runs of the same cells against each other: what became faster, what slower, and how sure that is.
//!
//! A figure has changed where the whole interval of its ratio lies beyond the tolerance, and where that is no chance
//! among all figures that are looked at (Holm). Of calls that fail the share of all trials is compared, and a cell with
//! trials that fail now where they did not is worse whatever its figures are.

pub mod by;
pub mod circumstances;

use serde::Serialize;

use crate::error::Result;
use crate::figures::{NONE, counted, number};
use crate::key::setting::Setting;
use crate::report::cell::Cell;
use crate::report::changes::by::{By, counts};
use crate::report::changes::circumstances::{Machine, of_cells, of_machines, of_settings};
use crate::report::estimate::{Estimate, Score};
use crate::report::words::distinct;
use crate::results::cell::Planned;
use crate::results::{Outcome, Record, Results, State};
use crate::statistics::SIGNIFICANCE;
use crate::statistics::change::{Calls, chance_of_no_growth, chance_of_no_more_failures};
use crate::statistics::interval::{BOOTSTRAP_FROM, Interval, Trials, ratio};
use crate::statistics::rank::holm;

/// What became of every cell between two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// By how large a part a figure may change before it is called faster or slower.
    pub tolerance: f64,
    /// How much slower the machine itself was; none where a run does not tell it.
    pub machine: Option<Machine>,
    /// In what the two runs differ besides their figures.
    pub warnings: Vec<String>,
    /// Each figure of each cell, in the order of the new run, and then what only the old one has.
    pub changes: Vec<Change>,
    /// Why the new run does not pass, in sentences; none where something was compared and nothing is worse.
    pub wrong: Vec<String>,
}

/// What became of one figure of one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The cell.
    pub cell: String,
    /// Which figure.
    pub by: By,
    /// It in the old run: nanoseconds, bytes, a number for each second, or the share of all calls from 0 to 1.
    pub old: Option<Estimate>,
    /// It in the new one.
    pub new: Option<Estimate>,
    /// How many times the old figure the new one is.
    pub ratio: Option<Interval>,
    /// What that says.
    pub verdict: Verdict,
    /// Why it cannot be compared, or what became of its trials.
    pub reason: Option<String>,
}

/// What may be said of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// The whole interval is better by more than the tolerance.
    #[serde(rename = "faster")]
    Faster,
    /// The whole interval is worse by more than the tolerance.
    #[serde(rename = "slower")]
    Slower,
    /// Of a cost or of failures: less by more than the tolerance.
    #[serde(rename = "less")]
    Less,
    /// Of a cost or of failures: more by more than the tolerance.
    #[serde(rename = "more")]
    More,
    /// Neither.
    #[serde(rename = "no difference shown")]
    NotShown,
    /// Trials fail now.
    #[serde(rename = "fails")]
    Fails,
    /// The new run has no such cell.
    #[serde(rename = "missing")]
    Missing,
    /// There is nothing to compare; the reason says why.
    #[serde(rename = "not comparable")]
    NotComparable,
}

impl Verdict {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Faster => "faster",
            Verdict::Slower => "slower",
            Verdict::Less => "less",
            Verdict::More => "more",
            Verdict::NotShown => "no difference shown",
            Verdict::Fails => "fails",
            Verdict::Missing => "missing",
            Verdict::NotComparable => "not comparable",
        }
    }

    /// True where two figures were held against each other.
    fn compared(self) -> bool {
        !matches!(self, Verdict::Fails | Verdict::Missing | Verdict::NotComparable)
    }
}

/// A cell with its trials.
struct Tried<'a> {
    cell: Cell,
    records: Vec<&'a Record>,
}

impl Tried<'_> {
    /// The trials whose figures count.
    fn counting(&self) -> impl Iterator<Item = &Record> {
        self.records.iter().copied().filter(|record| counts(record))
    }

    /// What became of the calls of each trial that the client did not spoil.
    fn calls(&self) -> Vec<Calls> {
        let sound = self.records.iter().filter(|record| record.verdict.state != State::Invalid);
        let counts = sound.filter_map(|record| Some(record.measured.as_ref()?.counts));
        counts.map(|counts| Calls { failed: counts.scheduled - counts.ok, all: counts.scheduled }).collect()
    }

    /// What is compared where nothing else is asked for: what it is ranked by.
    fn ranked_by(&self) -> Vec<By> {
        self.cell.measures().into_iter().map(By::from).collect()
    }
}

/// A change before it is known how many others were looked at.
struct Drafted {
    change: Change,
    /// What it is where it is no chance, and the chance that it is one.
    claim: Option<(Verdict, f64)>,
    /// True where it need not be shown, for there is nothing to see.
    silent: bool,
}

impl Drafted {
    fn plain(change: Change) -> Self {
        Drafted { change, claim: None, silent: false }
    }
}

impl Changes {
    /// Compares cells that have the same coordinates by some figures, or by what each is ranked by where `by` is empty;
    /// failures are always looked at. Fails where a histogram or a scenario cannot be read.
    pub fn of(old: &Results, new: &Results, tolerance: f64, by: &[By]) -> Result<Self> {
        let (before, after) = (tried(old)?, tried(new)?);
        let machine = Machine::of(old, new);
        let slower = machine.and_then(|machine| machine.differs());
        let of = |cell: &Tried<'_>| if by.is_empty() { cell.ranked_by() } else { by.to_vec() };
        let mut drafted: Vec<Drafted> = Vec::new();
        let mut common = Vec::new();
        for cell in &after {
            match before.iter().find(|was| was.cell.planned().is(cell.cell.planned())) {
                Some(was) => {
                    common.push((was.cell.planned(), cell.cell.planned()));
                    drafted.push(failures(was, cell, tolerance, by.contains(&By::Errors)));
                    let figures = of(cell).into_iter().filter(|by| *by != By::Errors);
                    for by in figures {
                        drafted.push(compared(by, was, cell, tolerance, slower.as_deref())?);
                    }
                }
                None => {
                    let reason = absent("old", cell, &before, old);
                    let new = |by| empty(by, &cell.cell, Verdict::NotComparable, reason.clone());
                    drafted.extend(of(cell).into_iter().map(new).map(Drafted::plain));
                }
            }
        }
        for was in before.iter().filter(|was| !common.iter().any(|(known, _)| known.id == was.cell.id)) {
            let reason = absent("new", was, &after, new);
            let gone = |by| empty(by, &was.cell, Verdict::Missing, reason.clone());
            drafted.extend(of(was).into_iter().map(gone).map(Drafted::plain));
        }
        let changes = judged(drafted);
        let mut warnings = of_cells((old, new), common.iter().copied());
        if machine.is_none() {
            warnings
                .push("whether the machine was as quick is not known, for not both runs hold yardsticks".to_owned());
        }
        warnings.extend(of_machines(&old.manifest, &new.manifest));
        let wrong = wrong(&changes, tolerance, common.is_empty(), slower);
        Ok(Changes { tolerance, machine, warnings, changes, wrong })
    }

    /// The heading and the rows of a table: cell, figure, old, new, ratio with its interval, verdict.
    pub fn table(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let row = |change: &Change| {
            let written = |side: Option<Estimate>| {
                side.map_or(NONE.to_owned(), |side| side.written(|value| change.by.written(value)))
            };
            let ratio = change.ratio.map_or(NONE.to_owned(), |Interval { value, low, high }| {
                format!("{} × ({} – {})", number(value), number(low), number(high))
            });
            let verdict = match &change.reason {
                Some(reason) => format!("{}: {reason}", change.verdict.name()),
                None => change.verdict.name().to_owned(),
            };
            vec![
                change.cell.clone(),
                change.by.name().to_owned(),
                written(change.old),
                written(change.new),
                ratio,
                verdict,
            ]
        };
        (vec!["cell", "by", "old", "new", "new ÷ old (95 %)", "verdict"], self.changes.iter().map(row).collect())
    }
}

/// The cells of a run that were tried, with their trials.
fn tried<'a>(results: &'a Results) -> Result<Vec<Tried<'a>>> {
    let of_cell = |(planned, records): (&Planned, Vec<&'a Record>)| {
        let cell = Cell::of(planned, &records).map_err(|error| error.context(&planned.id))?;
        Ok(Tried { cell, records })
    };
    results.tried().into_iter().map(of_cell).collect()
}

fn empty(by: By, cell: &Cell, verdict: Verdict, reason: String) -> Change {
    Change { cell: cell.id.clone(), by, old: None, new: None, ratio: None, verdict, reason: Some(reason) }
}

/// Why a cell is not among those of another run.
fn absent(which: &str, cell: &Tried<'_>, others: &[Tried<'_>], run: &Results) -> String {
    let cell = &cell.cell;
    if let Some(other) = others.iter().find(|other| other.cell.id == cell.id) {
        let (old, new) = (cell.planned(), other.cell.planned());
        let (old, new) = if which == "old" { (new, old) } else { (old, new) };
        return format!("it is asked something else: {}", of_settings(old, new));
    }
    let refused =
        run.refusals.iter().find(|refused| refused.settings.iter().all(|(name, value)| holds(cell, name, value)));
    match refused {
        Some(refused) => format!("the {which} run refuses it: {}", refused.reason),
        None => format!("the {which} run has no such cell"),
    }
}

/// True where a cell has that value of a key, its target and its workload among them.
fn holds(cell: &Cell, name: &str, value: &Setting) -> bool {
    match name {
        "target" => value.as_word() == Some(&cell.target),
        "workload" => value.as_word() == Some(&cell.workload),
        _ => cell.settings.get(name) == Some(value),
    }
}

/// What became of the calls of a cell that fail, and of its trials.
fn failures(was: &Tried<'_>, is: &Tried<'_>, tolerance: f64, asked: bool) -> Drafted {
    let (before, after) = (was.calls(), is.calls());
    let (old, new) = (share(&before), share(&after));
    let mut change = Change {
        cell: is.cell.id.clone(),
        by: By::Errors,
        old,
        new,
        ratio: None,
        verdict: Verdict::NotShown,
        reason: None,
    };
    let (then, now) = (was.cell.trials, is.cell.trials);
    if then.counted > 0 && now.failed * then.all > then.failed * now.all {
        let broke = is.records.iter().filter(|record| record.outcome == Outcome::Failed);
        let why = broke.filter_map(|record| record.reason.as_deref()).next().unwrap_or("no call was answered");
        change.verdict = Verdict::Fails;
        change.reason = Some(format!("{} of {} failed: {why}", now.failed, counted(now.all, "trial", "trials")));
        return Drafted::plain(change);
    }
    let (Some(old), Some(new)) = (old.map(|it| it.value), new.map(|it| it.value)) else {
        let which = if old.is_none() { "old" } else { "new" };
        change.verdict = Verdict::NotComparable;
        change.reason = Some(format!("the {which} run has no calls that count"));
        return Drafted { silent: !asked, ..Drafted::plain(change) };
    };
    if old + new == 0.0 {
        return Drafted { silent: !asked, ..Drafted::plain(change) };
    }
    let (more, less) = (chance_of_no_more_failures(&before, &after), chance_of_no_more_failures(&after, &before));
    let verdict = match () {
        () if new > old * (1.0 + tolerance) => Verdict::More,
        () if new * (1.0 + tolerance) < old => Verdict::Less,
        () => Verdict::NotShown,
    };
    Drafted { change, claim: Some((verdict, (2.0 * more.min(less)).min(1.0))), silent: false }
}

/// The share of all calls that failed; none where there are none.
fn share(trials: &[Calls]) -> Option<Estimate> {
    let shares = || trials.iter().filter(|calls| calls.all > 0).map(|calls| calls.failed as f64 / calls.all as f64);
    let (failed, all) = trials.iter().fold((0, 0), |(failed, all), it| (failed + it.failed, all + it.all));
    Some(Estimate {
        value: failed as f64 / all as f64,
        at_least: false,
        low: None,
        high: None,
        least: shares().min_by(f64::total_cmp)?,
        most: shares().max_by(f64::total_cmp)?,
        trials: trials.len(),
    })
}

/// The figures of the trials of one run that count.
struct Figures {
    values: Vec<f64>,
    redraws: Vec<Vec<f64>>,
    estimate: Estimate,
}

impl Figures {
    /// Of one cell, or why it has none.
    fn of(by: By, tried: &Tried<'_>) -> Result<std::result::Result<Self, &'static str>> {
        if by == By::CpuPerCall && tried.cell.server.cpu_ns_per_call.is_none() {
            return Ok(Err("the CPU time is not known, or its counter is too coarse"));
        }
        let found: std::result::Result<Vec<Score>, &str> = tried.counting().map(|record| by.of(record)).collect();
        let scores = match found {
            Ok(scores) => scores,
            Err(why) => return Ok(Err(why)),
        };
        let exact = scores.iter().all(|score| matches!(score, Score::Exact(_)));
        let many = scores.len() >= BOOTSTRAP_FROM && exact;
        let redraws =
            if many { tried.counting().map(|record| by.redraws(record)).collect::<Result<_>>()? } else { Vec::new() };
        let Some(estimate) = Estimate::of(&scores, &redraws) else { return Ok(Err("no trial has a figure")) };
        // Where the client was the limit, the server would have given more.
        let estimate = estimate.bounded(by.is_rate() && tried.cell.limited());
        Ok(Ok(Figures { values: scores.iter().filter_map(|score| score.value()).collect(), redraws, estimate }))
    }

    fn trials(&self) -> Trials<'_> {
        Trials::new(&self.values, &self.redraws)
    }
}

/// One figure of a cell that both runs have.
fn compared(by: By, was: &Tried<'_>, is: &Tried<'_>, tolerance: f64, slower: Option<&str>) -> Result<Drafted> {
    let because = |reason: String| Drafted::plain(empty(by, &is.cell, Verdict::NotComparable, reason));
    let (old, new) = (&was.cell, &is.cell);
    if old.driver != new.driver && !old.driver.is_empty() && !new.driver.is_empty() {
        return Ok(because(format!("the load was driven by {}, now by {}", old.driver, new.driver)));
    }
    for (when, cell) in [("old", old), ("new", new)] {
        if cell.trials.counted < 2 {
            return Ok(because(format!(
                "the {when} run has {} that count, and it takes two",
                counted(cell.trials.counted, "trial", "trials")
            )));
        }
    }
    let (old, new) = match (Figures::of(by, was)?, Figures::of(by, is)?) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(why), _) | (_, Err(why)) => return Ok(because(why.to_owned())),
    };
    let mut drafted = because(String::new());
    drafted.change = Change { old: Some(old.estimate), new: Some(new.estimate), reason: None, ..drafted.change };
    let unknown = |mut drafted: Drafted, reason: &str| {
        drafted.change.reason = Some(reason.to_owned());
        Ok(drafted)
    };
    if let Some(slower) = slower.filter(|_| by.needs_the_machine()) {
        return unknown(drafted, slower);
    }
    let Some(between) = ratio(new.trials(), old.trials()) else { return unknown(drafted, "a figure is zero") };
    let limit = 1.0 + tolerance;
    let (grown, shrunk) = (between.low > limit, between.high < 1.0 / limit);
    // A bound proves in one direction only: the truth may lie anywhere above it.
    if old.estimate.at_least && (grown || new.estimate.at_least) || shrunk && new.estimate.at_least {
        let which = match (old.estimate.at_least, new.estimate.at_least) {
            (true, true) => "both figures are",
            (true, false) => "the old figure is",
            _ => "the new figure is",
        };
        return unknown(drafted, &format!("{which} only known to be at least that"));
    }
    let chances =
        (chance_of_no_growth(&old.values, &new.values, limit), chance_of_no_growth(&new.values, &old.values, limit));
    let (Some(more), Some(less)) = chances else { return unknown(drafted, "a figure is zero") };
    let verdict = match (grown, shrunk) {
        (false, false) => Verdict::NotShown,
        (true, _) if matches!(by, By::CpuPerCall | By::Memory) => Verdict::More,
        (_, true) if matches!(by, By::CpuPerCall | By::Memory) => Verdict::Less,
        (grown, _) if grown == by.less_is_better() => Verdict::Slower,
        _ => Verdict::Faster,
    };
    drafted.change.ratio = Some(between);
    drafted.change.verdict = Verdict::NotShown;
    drafted.claim = Some((verdict, (2.0 * more.min(less)).min(1.0)));
    Ok(drafted)
}

/// The changes that are to be shown, each with what may be said among so many.
fn judged(drafted: Vec<Drafted>) -> Vec<Change> {
    let chances: Vec<f64> = drafted.iter().filter_map(|it| it.claim.map(|(_, chance)| chance)).collect();
    let mut corrected = holm(&chances).into_iter();
    let judge = |Drafted { mut change, claim, silent }: Drafted| {
        let sure = claim.is_some() && corrected.next().is_some_and(|chance| chance <= SIGNIFICANCE);
        if let Some((verdict, _)) = claim.filter(|_| sure) {
            change.verdict = verdict;
        }
        (!silent).then_some(change)
    };
    drafted.into_iter().filter_map(judge).collect()
}

/// Why the new run does not pass.
fn wrong(changes: &[Change], tolerance: f64, nothing_common: bool, slower: Option<String>) -> Vec<String> {
    let cells = |verdict: Verdict, by: Option<By>| -> Vec<&str> {
        let these = changes.iter().filter(|it| it.verdict == verdict && by.is_none_or(|by| it.by == by));
        distinct(these.map(|change| change.cell.as_str()))
    };
    let told = |cells: Vec<&str>, words: &dyn Fn(&str) -> String| {
        (!cells.is_empty()).then(|| format!("{}: {}", words(&counted(cells.len(), "cell", "cells")), cells.join(", ")))
    };
    let percent = (tolerance * 1e4).round() / 100.0;
    let mut wrong = Vec::new();
    if nothing_common {
        wrong.push("the two runs have no cell in common".to_owned());
    }
    wrong.extend(told(cells(Verdict::Fails, None), &|cells| format!("{cells} with trials that fail now")));
    wrong.extend(told(cells(Verdict::Slower, None), &|cells| format!("{cells} slower by more than {percent} %")));
    let more = [(By::Errors, "failed calls"), (By::CpuPerCall, "CPU time per call"), (By::Memory, "memory")];
    wrong.extend(more.into_iter().filter_map(|(by, what)| {
        told(cells(Verdict::More, Some(by)), &|cells| format!("{cells} with more {what}, by more than {percent} %"))
    }));
    if !nothing_common {
        wrong.extend(told(cells(Verdict::Missing, None), &|cells| format!("{cells} missing in the new run")));
    }
    let for_the_machine = |change: &Change| change.verdict == Verdict::NotComparable && change.reason == slower;
    match slower.as_ref().filter(|_| changes.iter().any(for_the_machine)) {
        Some(slower) => wrong.push(format!("not comparable: {slower}")),
        None if nothing_common || changes.iter().any(|change| change.verdict.compared()) => {}
        None => {
            let why = changes.iter().find_map(|change| change.reason.as_deref()).unwrap_or("no run has a cell");
            wrong.push(format!("nothing could be compared: {why}"));
        }
    }
    wrong
}
