//! What is compared in one setting, what came of it, and how that is said.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures;
use crate::report::estimate::{Estimate, Score};
use crate::results::measure::Measure;
use crate::statistics::interval::Interval;
use crate::statistics::power::MOST;
use crate::statistics::rank::trials_to_differ;

/// One target among those it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name.
    pub target: String,
    /// Its trials that count or failed.
    pub scores: Vec<Score>,
    /// Their figure as the cell shows it; none where it shows none.
    pub figure: Option<Estimate>,
    /// How many further trials are invalid.
    pub invalid: usize,
    /// The share of its calls that were answered, from 0 to 1.
    pub answered: f64,
    /// True where the client limited what is measured, so that its figures are only lower bounds.
    pub limited: bool,
    /// For each trial the figures that other calls would have given; empty where they are not known.
    pub redraws: Vec<Vec<f64>>,
}

impl Contender {
    /// Every trial's figure; none where one of them has none.
    pub fn exact(&self) -> Option<Vec<f64>> {
        let exact = |score: &Score| if let Score::Exact(value) = score { Some(*value) } else { None };
        self.scores.iter().map(exact).collect()
    }
}

/// Targets that were asked the same, not yet compared.
#[derive(Debug, Clone, PartialEq)]
pub struct Contest {
    /// The values of the axes that vary in the workload, in the order of the workload's `axes`.
    pub setting: Vec<String>,
    /// What they are ranked by.
    pub measure: Measure,
    /// The targets.
    pub contenders: Vec<Contender>,
}

/// Targets that were asked the same, in the order of their figures.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    /// The values of the axes that vary in the workload, in the order of the workload's `axes`.
    pub setting: Vec<String>,
    /// What they are ranked by.
    pub measure: Measure,
    /// Its name.
    pub measured_by: &'static str,
    /// What the trials allow to say.
    pub outcome: Outcome,
    /// In how many settings of the workload the same targets are compared: the family of this comparison.
    pub comparisons: usize,
    /// The smallest factor between tied leaders that this run would have shown four times in five.
    pub would_show: Option<f64>,
    /// How many trials of each would tell all tied leaders apart four times in five, if they differ by as much as it
    /// seems; none where that takes more than 1,000.
    pub would_decide: Option<usize>,
    /// The ranked targets that nobody is ahead of, best figure first.
    pub leaders: Vec<String>,
    /// Every target, best figure first.
    pub standings: Vec<Standing>,
    /// The outcome in a sentence, without the setting.
    pub sentence: String,
}

impl Comparison {
    /// How many trials of each would decide a tie, in words.
    pub fn deciding(&self) -> String {
        match self.would_decide {
            Some(trials) => format!("{} trials would decide", figures::grouped(trials as u64)),
            None => format!("more than {} trials would decide", figures::grouped(MOST as u64)),
        }
    }

    /// Why nobody is ranked, where nobody is.
    pub fn unranked(&self) -> Unranked {
        let compared = || self.standings.iter().filter(|standing| !standing.limited);
        let because = |why| compared().any(|standing| standing.unranked == Some(why));
        if compared().count() < 2.min(self.standings.len()) {
            return Unranked::Limited;
        }
        let first = [Unranked::Invalid, Unranked::Failed, Unranked::FewCalls].into_iter().find(|why| because(*why));
        first.unwrap_or(Unranked::FewTrials)
    }
}

/// Why a target cannot be told from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unranked {
    /// The client was the limit.
    Limited,
    /// Trials are invalid; were they not, there would be enough.
    Invalid,
    /// Every trial failed, and nobody's was better beyond doubt.
    Failed,
    /// The trials have too few calls for a figure.
    FewCalls,
    /// There are fewer trials than it takes.
    FewTrials,
}

impl Unranked {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Unranked::Limited => "limited by the client",
            Unranked::Invalid => "invalid trials",
            Unranked::Failed => "every trial failed",
            Unranked::FewCalls => "too few calls",
            Unranked::FewTrials => "too few trials",
        }
    }
}

/// What the trials allow to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// One target is ahead of every other.
    Ahead,
    /// Several are not told apart.
    Tie,
    /// Nobody can be told from another; [`Comparison::unranked`] says why.
    Unranked,
    /// There is nothing to compare with.
    Alone,
}

/// Where one target stands.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Standing {
    /// Its name.
    pub target: String,
    /// How many trials count.
    pub trials: usize,
    /// True where the trials are enough to tell it from another.
    pub ranked: bool,
    /// Why they are not.
    pub unranked: Option<Unranked>,
    /// True where the client limited it: its figures are lower bounds, and nobody is compared with it.
    pub limited: bool,
    /// Its figure, as its cell shows it.
    pub figure: Option<Estimate>,
    /// How many times better than this the best of those ranked is: the ratio of their figures.
    pub behind: Option<f64>,
    /// True where this one's figure is a lower bound, so that it is this far behind or farther.
    pub behind_at_least: bool,
    /// The interval of 95 % of that ratio; none where a trial has no figure.
    pub behind_interval: Option<Interval>,
    /// Of whom it is ahead.
    pub ahead_of: Vec<String>,
}

/// How far one is behind, with its interval: `1.49 × (1.40 – 1.60)`.
pub fn how_far(standing: &Standing) -> Option<String> {
    let behind = figures::factor(standing.behind?);
    let behind = if standing.behind_at_least { format!("≥ {behind}") } else { behind };
    Some(match standing.behind_interval {
        Some(Interval { low, high, .. }) => format!("{behind} ({} – {})", figures::number(low), figures::number(high)),
        None => behind,
    })
}

pub(crate) fn sentence(comparison: &Comparison) -> String {
    let Comparison { measure, leaders, standings, .. } = comparison;
    let figure = |standing: &Standing| {
        let written = |figure: Estimate| figure.written(|value| measure.written(value));
        standing.figure.map_or(figures::NONE.to_owned(), written)
    };
    let named = |why: Unranked| -> Option<String> {
        let of = standings.iter().filter(|own| own.unranked == Some(why)).map(|own| own.target.as_str());
        let of: Vec<&str> = of.collect();
        (!of.is_empty()).then(|| figures::listed(&of))
    };
    let best = standings.iter().find(|standing| leaders.contains(&standing.target)).or(standings.first());
    let best = best.map(|best| (best.target.as_str(), figure(best))).unwrap_or_default();
    let behind = |standing: &&Standing| standing.ranked && !leaders.contains(&standing.target);
    let others: Vec<String> = standings
        .iter()
        .filter(behind)
        .map(|other| match how_far(other) {
            Some(behind) => format!("{} by {behind}", other.target),
            None => other.target.clone(),
        })
        .collect();
    let few = named(Unranked::FewTrials).map(|few| format!("too few trials of {few}"));
    let failed = named(Unranked::Failed).map(|failed| format!("not ranked, for every trial failed: {failed}"));
    let brief = named(Unranked::FewCalls).map(|brief| format!("too few calls of {brief}"));
    let invalid = named(Unranked::Invalid).map(|invalid| format!("not ranked for invalid trials: {invalid}"));
    let bounded =
        named(Unranked::Limited).map(|limited| format!("not ranked by this, for the client was the limit: {limited}"));
    let ranking = match comparison.outcome {
        Outcome::Alone => return format!("{} stands alone with {}", best.0, best.1),
        Outcome::Unranked if comparison.unranked() == Unranked::Limited => return bounded.unwrap_or_default(),
        Outcome::Unranked if comparison.unranked() == Unranked::Invalid => {
            return "not ranked, for too many trials are invalid".to_owned();
        }
        Outcome::Unranked if comparison.unranked() == Unranked::Failed => {
            return "not ranked, for every trial failed".to_owned();
        }
        Outcome::Unranked if comparison.unranked() == Unranked::FewCalls => {
            return "not ranked, for there are too few calls".to_owned();
        }
        Outcome::Unranked => {
            let trials = trials_to_differ(comparison.comparisons);
            let among = match comparison.comparisons {
                1 => String::new(),
                several => format!(", for they are compared in {several} settings"),
            };
            return format!("not ranked, which takes {trials} trials of each target{among}");
        }
        Outcome::Ahead => format!("{} is ahead with {}, of {}", best.0, best.1, figures::listed(&others)),
        Outcome::Tie if others.is_empty() => format!("{} are tied", figures::listed(leaders)),
        Outcome::Tie => format!("{} are tied, ahead of {}", figures::listed(leaders), figures::listed(&others)),
    };
    let shown = comparison.would_show.filter(|_| comparison.outcome == Outcome::Tie);
    let shown = shown.map(|factor| {
        format!(" (minimum detectable difference: {}; {})", figures::factor(factor), comparison.deciding())
    });
    let ranking = ranking + &shown.unwrap_or_default();
    [Some(ranking), few, failed, brief, invalid, bounded].into_iter().flatten().collect::<Vec<String>>().join("; ")
}
