//! Two runs of the same cells against each other: what became faster, what slower, and how sure that is.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::Result;
use crate::report::ahead::{Contender, Measure};
use crate::report::cell::{Cell, cells};
use crate::report::figures::{NONE, counted, number};
use crate::report::method::distinct;
use crate::report::order::Written;
use crate::results::{Manifest, Results};
use crate::statistics::interval::{Interval, Trials, figure, ratio};

/// What became of every cell between two runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Changes {
    /// By how large a part a figure may change before it is called faster or slower.
    pub tolerance: f64,
    /// In what the two runs differ besides their figures.
    pub warnings: Vec<String>,
    /// Each figure of each cell, in the order of the new run, and then what only the old one has.
    pub changes: Vec<Change>,
}

/// What became of one figure of one cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The cell.
    pub cell: String,
    /// Which figure.
    pub measure: Measure,
    /// Its name.
    pub measured_by: &'static str,
    /// The geometric mean of the old trials with its interval: nanoseconds, bytes a second or calls a second.
    pub old: Option<Interval>,
    /// The same of the new trials.
    pub new: Option<Interval>,
    /// How many times the old figure the new one is.
    pub ratio: Option<Interval>,
    /// What that says.
    pub verdict: Verdict,
    /// Why it cannot be compared.
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
    /// Neither.
    #[serde(rename = "no difference shown")]
    NotShown,
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
            Verdict::NotShown => "no difference shown",
            Verdict::NotComparable => "not comparable",
        }
    }
}

impl Changes {
    /// Compares cells that have the same coordinates; fails where a histogram cannot be read.
    pub fn of(old: &Results, new: &Results, tolerance: f64) -> Result<Self> {
        let cells = |of: &Results| cells(&Written::of(of)?.sorted(of));
        let (before, after) = (cells(old)?, cells(new)?);
        let mut changes = Vec::new();
        for cell in &after {
            let was = before.iter().find(|was| was.coordinates == cell.coordinates);
            changes.extend(cell.measures().into_iter().map(|measure| match was {
                Some(was) => change(measure, was, cell, tolerance),
                None => incomparable(measure, cell, "the old run has no such cell".to_owned()),
            }));
        }
        for was in before.iter().filter(|was| !after.iter().any(|cell| cell.coordinates == was.coordinates)) {
            let missing = |measure| incomparable(measure, was, "the new run has no such cell".to_owned());
            changes.extend(was.measures().into_iter().map(missing));
        }
        Ok(Changes { tolerance, warnings: warnings(old, new), changes })
    }

    /// The cells that have become slower, each once.
    pub fn slower(&self) -> Vec<&str> {
        let slower = self.changes.iter().filter(|change| change.verdict == Verdict::Slower);
        distinct(slower.map(|change| change.cell.as_str()))
    }

    /// The heading and the rows of a table: cell, figure, old, new, ratio with its interval, verdict.
    pub fn table(&self) -> (Vec<&'static str>, Vec<Vec<String>>) {
        let row = |change: &Change| {
            let written = |side: Option<Interval>| {
                side.map_or(NONE.to_owned(), |interval| change.measure.written(interval.value))
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
                change.measured_by.to_owned(),
                written(change.old),
                written(change.new),
                ratio,
                verdict,
            ]
        };
        (vec!["cell", "by", "old", "new", "new ÷ old (95 %)", "verdict"], self.changes.iter().map(row).collect())
    }
}

fn incomparable(measure: Measure, cell: &Cell, reason: String) -> Change {
    Change {
        cell: cell.id.clone(),
        measure,
        measured_by: measure.name(),
        old: None,
        new: None,
        ratio: None,
        verdict: Verdict::NotComparable,
        reason: Some(reason),
    }
}

fn change(measure: Measure, old: &Cell, new: &Cell, tolerance: f64) -> Change {
    let (before, after) = (old.contender(measure), new.contender(measure));
    let because = |reason: String| incomparable(measure, new, reason);
    if old.driver != new.driver {
        return because(format!("the load was driven by {}, now by {}", old.driver, new.driver));
    }
    for (when, side) in [("old", &before), ("new", &after)] {
        if side.scores.len() < 2 {
            return because(format!(
                "the {when} run has {} that count, and it takes two",
                counted(side.scores.len(), "trial", "trials")
            ));
        }
    }
    if before.limited || after.limited {
        return because("the client was the limit".to_owned());
    }
    let (Some(was), Some(is)) = (before.exact(), after.exact()) else {
        return because("a trial failed, or gave up half of its calls".to_owned());
    };
    let of = |values: &[f64], side: &Contender| figure(Trials::new(values, &side.redraws));
    let ratio = ratio(Trials::new(&is, &after.redraws), Trials::new(&was, &before.redraws));
    let Some(between) = ratio else { return because("a figure is zero".to_owned()) };
    let limit = 1.0 + tolerance;
    let (more, less) = (between.low > limit, between.high < 1.0 / limit);
    let (slower, faster) = if measure == Measure::ResponseTime { (more, less) } else { (less, more) };
    Change {
        old: of(&was, &before),
        new: of(&is, &after),
        ratio,
        verdict: match (faster, slower) {
            (true, _) => Verdict::Faster,
            (_, true) => Verdict::Slower,
            _ => Verdict::NotShown,
        },
        reason: None,
        ..because(String::new())
    }
}

/// What differs between the circumstances of two runs, in sentences.
fn warnings(old: &Results, new: &Results) -> Vec<String> {
    let unset = || NONE.to_owned();
    let about = |manifest: &Manifest| -> BTreeMap<String, String> {
        let mut about: BTreeMap<String, String> =
            manifest.lasting().map(|(name, value)| (name.clone(), value.clone())).collect();
        about.insert("engine".to_owned(), manifest.engine.clone());
        about.insert("build".to_owned(), manifest.build.clone());
        about.insert("commit".to_owned(), manifest.git.clone().unwrap_or_else(unset));
        about.insert("quick".to_owned(), manifest.quick.to_string());
        about.insert("interrupted".to_owned(), manifest.interrupted.to_string());
        for (target, facts) in &manifest.facts {
            about.extend(facts.iter().map(|(name, fact)| (format!("{target}: {name}"), fact.clone())));
        }
        about
    };
    let (before, after) = (about(&old.manifest), about(&new.manifest));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let known = |side: &BTreeMap<String, String>, name: &String| side.get(name).cloned().unwrap_or_else(unset);
    names
        .into_iter()
        .map(|name| (name, known(&before, name), known(&after, name)))
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| format!("{name} was {before}, and is {after}"))
        .collect()
}
