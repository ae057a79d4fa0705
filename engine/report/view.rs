//! Everything that a report shows, computed; templates only lay it out.
//!
//! A template of one's own gets exactly this, and what `lookup` offers: `engine report RESULTS --template FILE`.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::document::tree::written;
use crate::error::Result;
use crate::figures::{counted, lasting, listed};
use crate::key::KEYS;
use crate::key::contract::Of;
use crate::key::settings::{Settings, is_axis};
use crate::plan::fairness::{Difference, of_cells};
use crate::report::advice::{Advice, advice};
use crate::report::ahead::compare;
use crate::report::answer::answer;
use crate::report::aspects::aspects;
use crate::report::by_call;
use crate::report::capacity;
use crate::report::cell::{Cell, cells};
use crate::report::chart::{Chart, Scene, ahead_chart, answer_chart, charts, cost_chart, timeline};
use crate::report::chips::{Chip, chips};
use crate::report::comparison::{Comparison, Contest, Outcome as Standing};
use crate::report::effect::effects;
use crate::report::effect::sample::samples;
use crate::report::effect::told::AxisEffects;
use crate::report::expectations::{Expected, expected};
use crate::report::headline::{Headline, headline};
use crate::report::map::map;
use crate::report::markup::slug;
use crate::report::method::method;
use crate::report::places::{Described, hosts, ways};
use crate::report::reasons::{Reason, reasons};
use crate::report::round_trips::{DELAY, round_trips, sentence};
use crate::report::table::{Table, brief, cost, ranking, tables};
use crate::report::words::{About, Named, Remark, distinct};
use crate::report::workload::Workload;
use crate::results::{Outcome, Record, Results, Session, State};

/// A report, ready to be laid out.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct View {
    /// The title of the scenario.
    pub title: String,
    /// The question that it asks.
    pub question: String,
    /// What makes this run less than a full one, in sentences.
    pub marks: Vec<String>,
    /// What answers the question: a few sentences with figures.
    pub answer: Vec<String>,
    /// What a reader checks first: when, where and how well it was measured.
    pub chips: Vec<Chip>,
    /// Every target by what each workload is about.
    pub headline: Headline,
    /// The picture of the first screen; none where there is nothing to draw.
    pub picture: Option<Chart>,
    /// What each axis does, everything else equal; those that the question is about first.
    pub effects: Vec<AxisEffects>,
    /// When to use which target, where there is something to say.
    pub advice: Vec<Advice>,
    /// What was done, in sentences.
    pub summary: Vec<String>,
    /// Each workload in the order of the scenario.
    pub workloads: Vec<Workload>,
    /// In what targets differ that are compared, where nobody asked for the difference.
    pub differences: Vec<Remark>,
    /// What the scenario expects of each cell, and whether it is so.
    pub expectations: Vec<Expected>,
    /// The combinations that cannot exist.
    pub refusals: Vec<Remark>,
    /// The trials that broke or could not begin, and what was wrong with calls that failed.
    pub failures: Vec<Remark>,
    /// The trials whose figures are suspect, invalid or need a word, and the cells that were not steady.
    pub doubts: Vec<Remark>,
    /// The reasons of failures and doubts, each with how many trials and cells it is said of.
    pub reasons: Vec<Reason>,
    /// How it was measured, in sentences.
    pub method: Vec<String>,
    /// What is true of every target.
    pub common: Vec<Named>,
    /// What each target is: in what they differ, and what was measured of them.
    pub aspects: Table,
    /// The ways between ends on several hosts, where there were some.
    pub ways: Option<Table>,
    /// Every other host on which ends ran.
    pub hosts: Vec<Described>,
    /// The machine.
    pub machine: Vec<Named>,
    /// The engine and the run.
    pub run: Vec<Named>,
    /// The scenario as YAML.
    pub scenario: String,
}

impl View {
    /// Computes the view; fails where a histogram cannot be read.
    pub fn of(results: &Results) -> Result<Self> {
        let records: Vec<&Record> = results.tried().into_iter().flat_map(|(_, trials)| trials).collect();
        let cells = cells(results)?;
        let targets = distinct(cells.iter().map(|cell| cell.target.clone()));
        let baseline = results.scenario.get("baseline").and_then(Value::as_str);
        let mut workloads: Vec<Workload> = Vec::new();
        for cells in cells.chunk_by(|a, b| a.workload == b.workload) {
            let made = workload(cells, &targets, baseline, &workloads);
            workloads.push(made);
        }
        let expectations = expected(results, &cells);
        let asked = asked(results);
        let samples = samples(results, &cells);
        let headline = headline(&workloads, &samples, &targets, baseline);
        let mut effects = effects(&samples, &asked, baseline);
        // A delay does to a call what the round trips are that it waits for.
        for effect in effects.iter_mut().filter(|effect| effect.axis == DELAY) {
            effect.sentence = sentence(&workloads).unwrap_or_else(|| std::mem::take(&mut effect.sentence));
        }
        let first = || workloads.iter().find_map(|workload| workload.charts.first().cloned());
        let picture = answer_chart(&effects, &targets, baseline).or_else(first);
        let refusals = refusals(results);
        let text = |key: &str| results.scenario.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let planned: Vec<_> = cells.iter().map(Cell::planned).collect();
        let (common, aspects) = aspects(results, &cells, &targets);
        Ok(View {
            title: text("title"),
            question: text("question"),
            marks: marks(results),
            answer: answer(&workloads, &headline, &effects, &expectations, &asked),
            advice: advice(results, &headline, &cells, &targets, &refusals),
            chips: chips(results, &cells),
            headline,
            picture,
            effects,
            summary: summary(results, &records, &cells, &workloads),
            differences: of_cells(&planned, &results.manifest.terms).iter().map(difference).collect(),
            expectations,
            refusals,
            failures: failures(results, &records, &cells),
            doubts: doubts(results, &records, &cells),
            reasons: reasons(results, &records, &cells),
            method: method(results, &cells),
            common,
            aspects,
            ways: ways(results),
            hosts: hosts(results),
            machine: results.manifest.machine.iter().map(|(name, value)| named(name, value)).collect(),
            run: run(results),
            scenario: written(&results.scenario),
            workloads,
        })
    }
}

/// The axes that the question is about; none where all are.
fn asked(results: &Results) -> Vec<String> {
    match results.scenario.get("answer") {
        Some(Value::String(one)) => vec![one.clone()],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn named(name: &str, value: impl Into<String>) -> Named {
    Named { name: name.to_owned(), value: value.into() }
}

fn marks(results: &Results) -> Vec<String> {
    let manifest = &results.manifest;
    let marks = [
        (
            manifest.quick,
            "This is a quick run, with fewer trials, calls and bytes than the scenario asks for: a difference that it \
             names is as sure as in any run, but it shows only large ones, and its figures are a first impression.",
        ),
        (manifest.interrupted, "The run ended early. What had been measured by then is here; the rest is missing."),
        (
            manifest.build == "debug",
            "The engine was built for debugging. Such a build spends several times as much on each call, at both ends.",
        ),
    ];
    marks.into_iter().filter(|(is, _)| *is).map(|(_, said)| said.to_owned()).collect()
}

fn run(results: &Results) -> Vec<Named> {
    let manifest = &results.manifest;
    let engine = format!("{} ({} build)", manifest.engine, manifest.build);
    let mut run = vec![named("engine", engine)];
    run.extend(manifest.git.iter().map(|commit| named("commit", commit)));
    run.push(named("started", &manifest.started));
    run.push(named("took", lasting(manifest.took_s)));
    run.push(named("command", manifest.command.join(" ")));
    let session = |it: &Session| format!("{}, with {} of its trials", it.started, it.records);
    run.extend(manifest.resumed.iter().map(|it| named("went on", session(it))));
    run
}

fn summary(results: &Results, records: &[&Record], cells: &[Cell], workloads: &[Workload]) -> Vec<String> {
    let targets = distinct(cells.iter().map(|cell| &cell.target)).len();
    let trials = |count: fn(&Cell) -> usize| cells.iter().map(count).sum::<usize>();
    let mut said = vec![format!(
        "{} met {} in {}; {} in {}.",
        counted(targets, "target", "targets"),
        counted(workloads.len(), "workload", "workloads"),
        counted(cells.len(), "cell", "cells"),
        counted(trials(|cell| cell.trials.all), "trial", "trials"),
        lasting(results.manifest.took_s),
    )];
    let with_care = |record: &&&Record| record.verdict.state == State::Valid && !record.verdict.reasons.is_empty();
    let troubles: Vec<String> = [
        ("failed", trials(|cell| cell.trials.failed)),
        ("invalid", trials(|cell| cell.trials.invalid)),
        ("suspect", trials(|cell| cell.trials.suspect)),
        ("to be read with care", records.iter().filter(with_care).count()),
    ]
    .iter()
    .filter(|(_, count)| *count > 0)
    .map(|(what, count)| format!("{what}: {count}"))
    .collect();
    let in_cells = |which: &dyn Fn(&&Cell) -> bool| match cells.iter().filter(which).count() {
        0 => None,
        count => Some(counted(count, "cell", "cells")),
    };
    let unsteady = in_cells(&|cell| cell.unsteady().is_some());
    let unanswered = in_cells(&|cell| cell.counts.ok < cell.counts.scheduled);
    let whole = troubles.is_empty() && unsteady.is_none() && unanswered.is_none();
    said.push(match troubles.as_slice() {
        _ if cells.is_empty() => "Nothing was measured.".to_owned(),
        [] if results.manifest.interrupted => "Each of these was measured; those still to come are missing.".to_owned(),
        [] if whole && marks(results).is_empty() => {
            "Every trial was measured, and nothing speaks against its figures.".to_owned()
        }
        [] => "Every trial was measured.".to_owned(),
        troubles => format!("Of these trials, {}.", troubles.join(", ")),
    });
    said.extend(unsteady.map(|cells| format!("In {cells} most trials were not steady.")));
    said.extend(unanswered.map(|cells| format!("In {cells} some calls were not answered as asked.")));
    if !results.refusals.is_empty() {
        let count = results.refusals.len();
        said.push(format!("{} cannot exist.", counted(count, "combination", "combinations")));
    }
    said
}

fn workload(cells: &[Cell], targets: &[String], baseline: Option<&str>, others: &[Workload]) -> Workload {
    let asked =
        KEYS.iter().map(|key| (key.name(), key.of())).filter(|(name, of)| of.side() == Of::Workload && is_axis(name));
    let (varying, constant): (Vec<&str>, Vec<&str>) =
        asked.map(|(name, _)| name).partition(|axis| distinct(cells.iter().map(|cell| cell.axis(axis))).len() > 1);
    let axes: Vec<String> = varying.into_iter().map(str::to_owned).collect();
    let comparisons = comparisons(&axes, cells);
    let name = cells.first().map(|cell| cell.workload.clone()).unwrap_or_default();
    let stem = stem(&name, others);
    // What was searched is drawn by what was found, beside what was offered at given rates.
    let (searched, given): (Vec<Cell>, Vec<Cell>) = cells.iter().cloned().partition(|cell| cell.capacity.is_some());
    let scene =
        Scene { stem: &stem, workload: &name, axes: &axes, cells, comparisons: &comparisons, targets, baseline };
    let figures = [searched, given].iter().flat_map(|cells| charts(&Scene { cells, ..scene })).collect();
    let (ahead_chart, cost_chart, timeline) = (ahead_chart(&scene), cost_chart(&scene), timeline(&scene));
    Workload {
        slug: slug(&format!("Workload: {name}")),
        map: map(&name, &axes, cells, &comparisons),
        charts: figures,
        ahead_chart,
        cost_chart,
        cost: cost(&axes, cells),
        brief: brief(&axes, cells),
        timeline,
        stem,
        name,
        setting: setting(&constant, cells),
        summary: standing(&comparisons),
        ranking: ranking(&axes, &comparisons),
        tables: capacity::tables(&axes, cells)
            .into_iter()
            .chain(round_trips(&axes, cells))
            .chain(tables(&axes, cells))
            .chain(by_call::table(&axes, cells))
            .collect(),
        comparisons,
        axes,
        cells: cells.to_vec(),
    }
}

/// What the names of its files begin with: of its own name what every file system takes, and no other workload's.
fn stem(name: &str, others: &[Workload]) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let stem: String = name.chars().map(kept).take(48).collect();
    let stem = stem.trim_matches('-');
    let stem = if stem.is_empty() { "workload" } else { stem };
    let taken = others.iter().any(|other| other.stem == stem);
    if taken { format!("{stem}-{}", others.len() + 1) } else { stem.to_owned() }
}

/// What is the same in all cells of a workload, how long and how often it is measured included.
fn setting(constant: &[&str], cells: &[Cell]) -> Vec<Named> {
    let Some(first) = cells.first() else { return Vec::new() };
    let axes = constant.iter().filter_map(|axis| Some(named(axis, first.axis(axis)?)));
    let scalars = KEYS.iter().filter(|key| !is_axis(key.name()));
    let scalars = scalars.filter_map(|key| Some(named(key.name(), first.axis(key.name())?)));
    let drivers = distinct(cells.iter().map(|cell| &cell.driver));
    let driver = drivers.first().filter(|driver| drivers.len() == 1 && !driver.is_empty());
    axes.chain(scalars).chain(driver.map(|driver| named("driven by", driver.as_str()))).collect()
}

/// Ranks the cells that were asked the same.
fn comparisons(axes: &[String], cells: &[Cell]) -> Vec<Comparison> {
    let groups = cells.chunk_by(|a, b| a.setting() == b.setting());
    let contests = groups.flat_map(|group| {
        let values = |cell: &Cell| axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| "–".to_owned())).collect();
        let setting: Vec<String> = group.first().map(values).unwrap_or_default();
        let measures = distinct(group.iter().flat_map(Cell::measures));
        measures.into_iter().map(move |measure| Contest {
            setting: setting.clone(),
            measure,
            contenders: group.iter().map(|cell| cell.contender(measure)).collect(),
        })
    });
    compare(&contests.collect::<Vec<Contest>>())
}

/// Who is ahead in a workload: the sentence of its only comparison, or how often who is.
fn standing(comparisons: &[Comparison]) -> String {
    if let [only] = comparisons {
        return format!("by {}, {}", only.measured_by, only.sentence);
    }
    let said = |comparison: &Comparison| match comparison.outcome {
        Standing::Ahead => format!("{} is ahead", comparison.leaders.join(", ")),
        Standing::Tie => {
            let mut leaders = comparison.leaders.clone();
            leaders.sort();
            format!("{} are tied", listed(&leaders))
        }
        Standing::Unranked => format!("no ranking ({})", comparison.unranked().name()),
        Standing::Alone => "a target stands alone".to_owned(),
    };
    let all: Vec<String> = comparisons.iter().map(said).collect();
    let comparisons = counted(all.len(), "comparison", "comparisons");
    match distinct(all.iter()).as_slice() {
        [same] => format!("{same} in all {comparisons}"),
        several => {
            let times = |said: &String| all.iter().filter(|other| *other == said).count();
            let said: Vec<String> = several.iter().map(|said| format!("{said} in {}", times(said))).collect();
            format!("of {comparisons}, {}", said.join(", "))
        }
    }
}

fn difference(difference: &Difference) -> Remark {
    let sides = difference.sides.iter().map(|side| format!("{}: {}", side.is, listed(&side.targets)));
    let sides: Vec<String> = sides.collect();
    let (of, which, reason) = (listed(&difference.workloads), difference.what.clone(), sides.join("; "));
    Remark { of, which, reason, about: About::Targets }
}

fn refusals(results: &Results) -> Vec<Remark> {
    let words = |settings: &Settings| {
        settings.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    };
    let remark = |refused: &crate::results::Refused| Remark {
        of: words(&refused.settings),
        which: String::new(),
        reason: refused.reason.clone(),
        about: About::Targets,
    };
    distinct(results.refusals.iter().map(remark))
}

fn failures(results: &Results, records: &[&Record], cells: &[Cell]) -> Vec<Remark> {
    let broken = records.iter().filter(|record| record.outcome != Outcome::Measured);
    let mut failures = gathered(broken.map(|record| {
        let why = record.reason.clone().unwrap_or_else(|| "it failed without a reason".to_owned());
        (results.id(record), About::Broken, record.trial, why)
    }));
    failures.extend(cells.iter().filter(|cell| !cell.failures.is_empty()).map(|cell| Remark {
        of: cell.id.clone(),
        which: "calls".to_owned(),
        reason: cell.failures.join("; "),
        about: About::Calls,
    }));
    failures
}

fn doubts(results: &Results, records: &[&Record], cells: &[Cell]) -> Vec<Remark> {
    let early = results.manifest.interrupted.then(|| Remark {
        of: "the run".to_owned(),
        which: "ended early".to_owned(),
        reason: "the trials that were still to come are missing".to_owned(),
        about: About::Run,
    });
    early.into_iter().chain(of_trials(results, records)).chain(cells.iter().filter_map(Cell::unsteady)).collect()
}

fn of_trials(results: &Results, records: &[&Record]) -> Vec<Remark> {
    let doubted = records.iter().filter(|record| record.outcome == Outcome::Measured);
    gathered(doubted.filter_map(|record| {
        let verdict = &record.verdict;
        let worth_a_word = verdict.state != State::Valid || !verdict.reasons.is_empty();
        worth_a_word.then(|| (results.id(record), About::Trials(verdict.state), record.trial, verdict.sentence()))
    }))
}

/// One remark for all trials of a cell of which the same is to be said.
fn gathered<'a>(remarks: impl Iterator<Item = (&'a str, About, u32, String)>) -> Vec<Remark> {
    let mut gathered: Vec<(Remark, Vec<u32>)> = Vec::new();
    for (of, about, trial, reason) in remarks {
        let which = match about {
            About::Trials(State::Valid) => "valid, but read with care: ",
            About::Trials(State::Suspect) => "suspect: ",
            About::Trials(State::Invalid) => "invalid: ",
            _ => "",
        };
        let remark = Remark { of: of.to_owned(), which: which.to_owned(), reason, about };
        match gathered.iter_mut().find(|(known, _)| *known == remark) {
            Some((_, trials)) => trials.push(trial),
            None => gathered.push((remark, vec![trial])),
        }
    }
    gathered
        .into_iter()
        .map(|(remark, trials)| {
            let numbers: Vec<String> = trials.iter().map(u32::to_string).collect();
            let word = if numbers.len() == 1 { "trial" } else { "trials" };
            Remark { which: format!("{}{word} {}", remark.which, listed(&numbers)), ..remark }
        })
        .collect()
}
