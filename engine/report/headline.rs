//! The first table of a report: every target by what each workload is about, who is best and who is not told from it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{factor, grouped, listed, seeable};
use crate::report::cell::Cell;
use crate::report::comparison::{Comparison, Outcome};
use crate::report::effect::aspect::{Aspect, OR};
use crate::report::effect::sample::Sample;
use crate::report::estimate::Estimate;
use crate::report::quantity::Quantity;
use crate::report::words::distinct;
use crate::report::workload::Workload;
use crate::results::measure::Measure;
use crate::statistics::SIGNIFICANCE;
use crate::statistics::contrast::Contrast;
use crate::statistics::rank::holm;

/// So many columns a reader takes in at a glance.
const COLUMNS: usize = 6;

/// More targets than this are told by the first, the next and the last.
const TOLD: usize = 6;

/// Targets by headline measures.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Headline {
    /// The target that others are multiples of; none where they are multiples of the best.
    pub baseline: Option<String>,
    /// What they are told by, workload by workload.
    pub columns: Vec<HeadlineColumn>,
    /// The targets, the best by the first column first.
    pub rows: Vec<HeadlineRow>,
}

/// One measure of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HeadlineColumn {
    /// Its name: `ping, p50`.
    pub label: String,
    /// Its workload.
    pub workload: String,
    /// The name for links to that.
    pub slug: String,
    /// Over how many settings it is the mean; empty where it is of one.
    pub note: String,
    /// True where more is better.
    pub more: bool,
    /// Who is best by it and by how much, in a sentence.
    pub sentence: String,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct HeadlineRow {
    /// Its name.
    pub target: String,
    /// True where the others are multiples of it.
    pub baseline: bool,
    /// Its figure in each column; none where it has none.
    pub squares: Vec<Option<Square>>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Square {
    /// With its unit, and “≥” before a lower bound.
    pub text: String,
    /// How many times that of the baseline, or of the best, it is; none for that one.
    pub multiple: Option<String>,
    /// True where it is the best figure, and not of a target that cannot be ranked.
    pub best: bool,
    /// True where no difference from the best is shown.
    pub tied: bool,
    /// How far it is from the best, by size: 0 is as good, 1 ten times worse or more.
    pub distance: f64,
}

/// One target in one column.
struct Standing<'a> {
    target: &'a str,
    value: f64,
    at_least: bool,
    cells: Vec<&'a Cell>,
    best: bool,
    tied: bool,
}

/// One column as it is made.
struct Made<'a> {
    workload: &'a Workload,
    measure: Measure,
    call: String,
    settings: usize,
    /// The best first.
    standings: Vec<Standing<'a>>,
    /// The only comparison that it shows.
    comparison: Option<&'a Comparison>,
    /// The smallest difference that would have been shown between those that are tied, and the trials to decide.
    unseen: Option<(f64, Option<usize>)>,
}

/// The first table of a report.
pub fn headline(workloads: &[Workload], samples: &[Sample], targets: &[String], baseline: Option<&str>) -> Headline {
    let made: Vec<Made<'_>> = workloads.iter().filter_map(|workload| column(workload, samples)).take(COLUMNS).collect();
    let baseline = baseline.filter(|name| targets.iter().any(|target| target == name));
    let mut order: Vec<&String> = targets.iter().collect();
    if let Some(first) = made.first() {
        let place = |target: &str| first.standings.iter().position(|it| it.target == target);
        order.sort_by_key(|target| place(target).unwrap_or(usize::MAX));
    }
    let row = |target: &&String| HeadlineRow {
        target: (*target).clone(),
        baseline: baseline == Some(target.as_str()),
        squares: made.iter().map(|column| square(column, target, baseline)).collect(),
    };
    Headline {
        baseline: baseline.map(str::to_owned),
        columns: made.iter().map(|column| told(column, baseline)).collect(),
        rows: order.iter().map(row).collect(),
    }
}

/// What a workload is told by: what all of its cells are ranked by, the last of these.
fn column<'a>(workload: &'a Workload, samples: &[Sample]) -> Option<Made<'a>> {
    let measures = distinct(workload.cells.iter().flat_map(Cell::measures));
    // Of transfers that the client limited the times stand, and those of the others are as good.
    let takes_part = |cell: &Cell, measure: Measure| {
        let planned = &cell.planned().measures;
        planned.contains(&measure) || measure == Measure::ResponseTime && planned.contains(&Measure::Bandwidth)
    };
    let has = |measure: &Measure| {
        let exact = |cell: &&Cell| {
            let figure = cell.figure(Quantity::of(*measure));
            takes_part(cell, *measure) && figure.is_some_and(|figure| !figure.at_least)
        };
        workload.cells.iter().filter(exact).count()
    };
    let most = measures.iter().map(has).max()?;
    let measure = *measures.iter().rev().find(|measure| has(measure) == most)?;
    let cells: Vec<&Cell> = workload.cells.iter().filter(|cell| takes_part(cell, measure)).collect();
    let value = |cell: &Cell| cell.figure(Quantity::of(measure));
    let with: Vec<&&Cell> = cells.iter().filter(|cell| value(cell).is_some()).collect();
    let targets = distinct(with.iter().map(|cell| cell.target.as_str()));
    let settings = distinct(with.iter().map(|cell| cell.setting()));
    let count = |setting: &Vec<(&str, String)>| with.iter().filter(|cell| cell.setting() == *setting).count();
    // A mean is taken over the settings that all have; where there is none, the one that most have is shown.
    let whole: Vec<_> = settings.iter().filter(|setting| count(setting) == targets.len()).collect();
    let shown = match whole.is_empty() {
        true => settings.iter().rev().max_by_key(|setting| count(setting)).into_iter().collect(),
        false => whole,
    };
    let mut standings: Vec<Standing<'a>> = targets
        .into_iter()
        .filter_map(|target| {
            let own = |cell: &&&Cell| cell.target == target && shown.iter().any(|setting| **setting == cell.setting());
            let own: Vec<&'a Cell> = cells.iter().filter(own).copied().collect();
            let figures: Vec<Estimate> = own.iter().filter_map(|cell| value(cell)).collect();
            let at_least = figures.iter().any(|figure| figure.at_least);
            Some(Standing { target, value: mean(&figures)?, at_least, cells: own, best: false, tied: false })
        })
        .collect();
    standings.sort_by(|a, b| measure.cost(a.value).total_cmp(&measure.cost(b.value)));
    let call = distinct(cells.iter().filter_map(|cell| cell.axis("call"))).join(OR);
    let call = if call.is_empty() { workload.name.clone() } else { call };
    let mut made = Made { workload, measure, call, settings: shown.len(), standings, comparison: None, unseen: None };
    match shown.as_slice() {
        [_] => by_ranks(&mut made),
        _ => by_means(&mut made, samples),
    }
    (!made.standings.is_empty()).then_some(made)
}

/// The geometric mean of figures, one as it is; none of none.
fn mean(figures: &[Estimate]) -> Option<f64> {
    let logs = figures.iter().map(|figure| figure.value.ln()).sum::<f64>() / figures.len() as f64;
    match figures {
        [] => None,
        [only] => Some(only.value),
        _ => Some(logs.exp()),
    }
}

/// Of one setting: as it is compared everywhere else.
fn by_ranks(made: &mut Made<'_>) {
    let cell = made.standings.first().and_then(|first| first.cells.first());
    let setting: Vec<String> = cell.map_or_else(Vec::new, |cell| {
        made.workload.axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| "–".to_owned())).collect()
    });
    let same = |it: &&Comparison| it.setting == setting && it.measure == made.measure;
    let Some(comparison) = made.workload.comparisons.iter().find(same) else { return };
    made.comparison = Some(comparison);
    let leaders: &[String] = match comparison.outcome {
        Outcome::Ahead | Outcome::Tie => &comparison.leaders,
        Outcome::Unranked | Outcome::Alone => &[],
    };
    for standing in &mut made.standings {
        standing.best = leaders.first().is_some_and(|leader| leader == standing.target);
        standing.tied = !standing.best && leaders.iter().any(|leader| leader == standing.target);
    }
    made.unseen = comparison.would_show.map(|factor| (factor, comparison.would_decide));
}

/// Of several settings: the mean of the differences to the best.
fn by_means(made: &mut Made<'_>, samples: &[Sample]) {
    let aspect = Aspect::of(made.measure);
    let means = |standing: &Standing<'_>| -> Option<Contrast> {
        let of = |cell: &&Cell| {
            let sample = samples.iter().find(|sample| sample.cell == cell.number)?;
            Contrast::of_logs(sample.figures.get(&aspect)?)
        };
        Contrast::mean_of(&standing.cells.iter().map(of).collect::<Option<Vec<_>>>()?)
    };
    let means: Vec<Option<Contrast>> = made.standings.iter().map(means).collect();
    let Some((best, first)) = means.iter().enumerate().find_map(|(at, mean)| Some((at, (*mean)?))) else { return };
    let differences: Vec<Option<Contrast>> = means.iter().map(|mean| Some(mean.as_ref()?.minus(first))).collect();
    let others: Vec<usize> = (0..means.len()).filter(|at| *at != best && differences[*at].is_some()).collect();
    let chances: Vec<f64> =
        others.iter().filter_map(|at| differences[*at]).map(|difference| difference.chance_of(0.0)).collect();
    made.standings[best].best = !others.is_empty();
    for (at, chance) in others.iter().zip(holm(&chances)) {
        made.standings[*at].tied = chance > SIGNIFICANCE;
    }
    let trials = |at: usize| made.standings[at].cells.iter().map(|cell| cell.trials.counted).min().unwrap_or(0);
    let unseen = others.iter().filter(|at| made.standings[**at].tied).filter_map(|at| Some((*at, differences[*at]?)));
    let unseen: Vec<(f64, Option<usize>)> =
        unseen.map(|(at, it)| (it.would_show(others.len()), it.would_decide(trials(at), others.len()))).collect();
    let widest = unseen.iter().map(|(factor, _)| *factor).fold(1.0, f64::max);
    let trials: Option<Vec<usize>> = unseen.iter().map(|(_, trials)| *trials).collect();
    made.unseen = (!unseen.is_empty()).then(|| (widest, trials.and_then(|all| all.into_iter().max())));
}

fn square(column: &Made<'_>, target: &str, baseline: Option<&str>) -> Option<Square> {
    let own = column.standings.iter().find(|it| it.target == target)?;
    let best = column.standings.iter().find(|it| it.best).or(column.standings.first())?;
    let base = baseline.and_then(|name| column.standings.iter().find(|it| it.target == name)).unwrap_or(best);
    let worse = column.measure.factor(best.value, own.value);
    Some(Square {
        text: written(column.measure, own),
        multiple: (base.target != own.target).then(|| factor(own.value / base.value)),
        best: own.best,
        tied: own.tied,
        distance: worse.log10().clamp(0.0, 1.0),
    })
}

fn written(measure: Measure, own: &Standing<'_>) -> String {
    format!("{}{}", if own.at_least { "≥ " } else { "" }, Aspect::of(measure).written(own.value))
}

fn told(column: &Made<'_>, baseline: Option<&str>) -> HeadlineColumn {
    let aspect = Aspect::of(column.measure);
    HeadlineColumn {
        label: aspect.what(&column.call),
        workload: column.workload.name.clone(),
        slug: column.workload.slug.clone(),
        note: if column.settings > 1 { format!("mean of {} settings", column.settings) } else { String::new() },
        more: aspect.more(),
        sentence: sentence(column, baseline),
    }
}

/// Who is best and by how much.
fn sentence(column: &Made<'_>, baseline: Option<&str>) -> String {
    let Made { workload, measure, standings, .. } = column;
    let aspect = Aspect::of(*measure);
    let head = format!("{} ({}): ", aspect.best(&column.call), workload.name);
    let with = |own: &Standing<'_>| format!("{} with {}", own.target, written(*measure, own));
    let Some(first) = standings.first() else { return String::new() };
    if standings.len() == 1 {
        // Nobody asks of one alone how often before how soon.
        let times = first.cells.iter().filter_map(|cell| cell.figure(Quantity::of(Measure::ResponseTime)));
        let times: Vec<Estimate> = times.filter(|_| *measure != Measure::ResponseTime).collect();
        let (what, told) = match mean(&times) {
            Some(time) => (Aspect::P50, format!("{}, at {}", Aspect::P50.written(time), written(*measure, first))),
            None => (aspect, written(*measure, first)),
        };
        return format!("{}: {} of {} is {told}.", workload.name, what.what(&column.call), first.target);
    }
    let unranked = column.comparison.filter(|it| it.outcome == Outcome::Unranked);
    if let Some(comparison) = unranked {
        let all: Vec<String> = standings.iter().take(TOLD).map(with).collect();
        return format!("{head}not ranked ({}): {}.", comparison.unranked().name(), listed(&all));
    }
    let leads: Vec<&Standing<'_>> = standings.iter().filter(|it| it.best || it.tied).collect();
    let base = baseline.and_then(|name| standings.iter().find(|it| it.target == name));
    let base = base.filter(|base| leads.first().is_some_and(|best| best.target != base.target));
    // Of a rate that only is at least so much nobody can say how far behind it is.
    let limited = |it: &&Standing<'_>| aspect.more() && it.at_least;
    let others = || standings.iter().filter(|it| !it.best && !it.tied);
    let behind: Vec<&Standing<'_>> =
        others().filter(|it| !limited(it) && base.is_none_or(|base| base.target != it.target)).collect();
    let bounds: Vec<String> = others().filter(limited).take(TOLD).map(with).collect();
    let Some(best) = leads.first() else {
        let all: Vec<String> = standings.iter().take(TOLD).map(with).collect();
        return format!("{head}not ranked: {}.", listed(&all));
    };
    let lead = match leads.as_slice() {
        [only] => with(only),
        several => {
            let names: Vec<String> = several.iter().take(TOLD).map(|it| with(it)).collect();
            let more = several.len().saturating_sub(TOLD);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let unseen = column.unseen.map_or_else(String::new, |(factor_, trials)| {
                let decide = trials.map_or_else(
                    || "no number of trials up to 1,000 would decide it".to_owned(),
                    |trials| format!("{} trials would decide it", grouped(trials as u64)),
                );
                let seen = seeable(factor_).map_or_else(
                    || "not even a difference of 100 ×".to_owned(),
                    |least| format!("no difference above {least}"),
                );
                format!(": {seen} could be seen; {decide}")
            });
            format!("{}{more} (tied{unseen})", listed(&names))
        }
    };
    let lead = match base {
        Some(base) => format!("{lead}, {} {}", factor(best.value / base.value), base.target),
        None => lead,
    };
    let far = |own: &&Standing<'_>| {
        let at_least = if own.at_least && !aspect.more() { "≥ " } else { "" };
        format!("{} {at_least}{}", own.target, factor(own.value / best.value))
    };
    let others: Vec<String> = match behind.as_slice() {
        [] => Vec::new(),
        few if few.len() <= TOLD => few.iter().map(far).collect(),
        [next, .., last] => vec![format!("next {}", far(next)), format!("last {}", far(last))],
        [_] => Vec::new(),
    };
    let bounds = match bounds.is_empty() {
        true => Vec::new(),
        false => vec![format!("not ranked, for the client was the limit: {}", listed(&bounds))],
    };
    let others = if others.is_empty() { Vec::new() } else { vec![others.join(", ")] };
    format!("{head}{}.", [vec![lead], others, bounds].concat().join("; "))
}
