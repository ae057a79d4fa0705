//! Who is ahead of whom, by the trials and nothing else.
//!
//! A target is ahead of another when each of its trials, at least five, beats each of the other's; else the two
//! are tied. A call that was given up is only known to have taken longer than it was waited for, so such a trial
//! can lose and cannot win, and neither can a trial that failed. A target that answers a smaller share of its calls
//! than another is not ahead of it either, however quick its answers are.

use serde::Serialize;

use crate::report::figures;

/// Trials of either side without which nobody is ahead.
pub const LEAST_TRIALS: usize = 5;

/// What targets are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The median response time of a trial, in nanoseconds; less is better.
    ResponseTime,
    /// Payload bytes for each second of a trial; more is better.
    Bandwidth,
    /// Answered calls for each second of a trial; more is better.
    Rate,
}

impl Measure {
    /// Its name in a report.
    pub fn name(self) -> &'static str {
        match self {
            Measure::ResponseTime => "response time (p50)",
            Measure::Bandwidth => "bandwidth",
            Measure::Rate => "calls/s",
        }
    }

    /// One figure of it with its unit.
    pub fn written(self, value: f64) -> String {
        match self {
            Measure::ResponseTime => figures::time(value),
            Measure::Bandwidth => format!("{} MB/s", figures::number(value / 1e6)),
            Measure::Rate => format!("{}/s", figures::number(value)),
        }
    }

    fn better(self, a: f64, b: f64) -> bool {
        if self == Measure::ResponseTime { a < b } else { a > b }
    }

    /// How many times better the one figure is than the other.
    fn factor(self, better: f64, worse: f64) -> f64 {
        if self == Measure::ResponseTime { worse / better } else { better / worse }
    }
}

/// One trial's figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Score {
    /// It was measured.
    Exact(f64),
    /// A time that was at least this long.
    AtLeast(f64),
    /// There is none, for the trial failed.
    Failed,
}

/// One target among those it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Contender {
    /// Its name.
    pub target: String,
    /// Its trials.
    pub scores: Vec<Score>,
    /// The share of its calls that were answered, from 0 to 1.
    pub answered: f64,
}

/// Targets that were asked the same, in the order of their medians.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The values of the axes that vary in the workload, in the order of the workload's `axes`.
    pub setting: Vec<String>,
    /// What they are ranked by.
    pub measure: Measure,
    /// Its name.
    pub measured_by: &'static str,
    /// What the trials allow to say.
    pub outcome: Outcome,
    /// The targets with trials enough that nobody is ahead of, best median first.
    pub leaders: Vec<String>,
    /// Every target, best median first.
    pub standings: Vec<Standing>,
    /// The outcome in a sentence, without the setting.
    pub sentence: String,
}

/// What the trials allow to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// One target is ahead of every other.
    Ahead,
    /// Several are not told apart.
    Tie,
    /// There are fewer trials than a ranking needs.
    Unranked,
    /// There is nothing to compare with.
    Alone,
}

/// Where one target stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing {
    /// Its name.
    pub target: String,
    /// How many trials count.
    pub trials: usize,
    /// The median of the trials that have a figure; none where none has.
    pub median: Option<f64>,
    /// The least figure of a trial.
    pub least: Option<f64>,
    /// The largest figure of a trial.
    pub most: Option<f64>,
    /// How many times better than this median the best of those with trials enough is.
    pub behind: Option<f64>,
    /// Of whom it is ahead.
    pub ahead_of: Vec<String>,
}

/// Ranks the targets of one setting.
pub fn compare(setting: Vec<String>, measure: Measure, contenders: &[Contender]) -> Comparison {
    let mut standings: Vec<Standing> = contenders
        .iter()
        .map(|own| {
            let others = contenders.iter().filter(|other| is_ahead(measure, own, other));
            standing(own, others.map(|other| other.target.clone()).collect())
        })
        .collect();
    standings.sort_by(|a, b| match (a.median, b.median) {
        (Some(x), Some(y)) if measure.better(x, y) => std::cmp::Ordering::Less,
        (Some(x), Some(y)) if measure.better(y, x) => std::cmp::Ordering::Greater,
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let enough = |standing: &&Standing| standing.trials >= LEAST_TRIALS;
    if let Some(best) = standings.iter().find(enough).or(standings.first()).and_then(|best| best.median) {
        for standing in &mut standings {
            standing.behind = standing.median.map(|median| measure.factor(best, median));
        }
    }
    let ranked: Vec<&Standing> = standings.iter().filter(enough).collect();
    let leaders: Vec<String> = ranked
        .iter()
        .map(|standing| &standing.target)
        .filter(|target| !ranked.iter().any(|other| other.ahead_of.contains(target)))
        .cloned()
        .collect();
    let outcome = match (contenders.len(), ranked.len(), leaders.len()) {
        (0 | 1, _, _) => Outcome::Alone,
        (_, 0 | 1, _) => Outcome::Unranked,
        (_, _, 1) => Outcome::Ahead,
        _ => Outcome::Tie,
    };
    let sentence = sentence(measure, outcome, &leaders, &standings);
    Comparison { setting, measure, measured_by: measure.name(), outcome, leaders, standings, sentence }
}

fn is_ahead(measure: Measure, own: &Contender, other: &Contender) -> bool {
    let beats = |mine: &Score, theirs: &Score| match (mine, theirs) {
        (Score::Exact(_), Score::Failed) => true,
        (Score::Exact(mine), Score::Exact(theirs) | Score::AtLeast(theirs)) => measure.better(*mine, *theirs),
        (Score::AtLeast(_) | Score::Failed, _) => false,
    };
    own.target != other.target
        && own.answered >= other.answered
        && own.scores.len().min(other.scores.len()) >= LEAST_TRIALS
        && own.scores.iter().all(|mine| other.scores.iter().all(|theirs| beats(mine, theirs)))
}

fn standing(own: &Contender, ahead_of: Vec<String>) -> Standing {
    let mut values: Vec<f64> = own
        .scores
        .iter()
        .filter_map(|score| match score {
            Score::Exact(value) | Score::AtLeast(value) => Some(*value),
            Score::Failed => None,
        })
        .collect();
    values.sort_by(f64::total_cmp);
    Standing {
        target: own.target.clone(),
        trials: own.scores.len(),
        median: median(&values),
        least: values.first().copied(),
        most: values.last().copied(),
        behind: None,
        ahead_of,
    }
}

fn median(sorted: &[f64]) -> Option<f64> {
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len().is_multiple_of(2) { (sorted[sorted.len() / 2 - 1] + upper) / 2.0 } else { upper })
}

fn sentence(measure: Measure, outcome: Outcome, leaders: &[String], standings: &[Standing]) -> String {
    let figure =
        |standing: &Standing| standing.median.map_or(figures::NONE.to_owned(), |median| measure.written(median));
    let best = standings.iter().find(|standing| leaders.contains(&standing.target)).or(standings.first());
    let best = best.map(|best| (best.target.as_str(), figure(best))).unwrap_or_default();
    let behind = |standing: &&Standing| standing.trials >= LEAST_TRIALS && !leaders.contains(&standing.target);
    let others: Vec<String> = standings
        .iter()
        .filter(behind)
        .map(|other| match other.behind {
            Some(behind) => format!("{} by {}", other.target, figures::factor(behind)),
            None => other.target.clone(),
        })
        .collect();
    let few: Vec<&str> =
        standings.iter().filter(|own| own.trials < LEAST_TRIALS).map(|own| own.target.as_str()).collect();
    let ranking = match outcome {
        Outcome::Alone => return format!("{} stands alone with {}", best.0, best.1),
        Outcome::Unranked => return format!("not ranked, which takes {LEAST_TRIALS} trials of each target"),
        Outcome::Ahead => format!("{} is ahead with {}, of {}", best.0, best.1, figures::listed(&others)),
        Outcome::Tie if others.is_empty() => format!("{} are tied", figures::listed(leaders)),
        Outcome::Tie => format!("{} are tied, ahead of {}", figures::listed(leaders), figures::listed(&others)),
    };
    if few.is_empty() { ranking } else { format!("{ranking}; too few trials of {}", figures::listed(&few)) }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Contender, Measure, Outcome, Score, compare};

    fn contender(target: &str, scores: &[f64]) -> Contender {
        Contender {
            target: target.to_owned(),
            scores: scores.iter().map(|score| Score::Exact(*score)).collect(),
            answered: 1.0,
        }
    }

    fn times(contenders: &[Contender]) -> Comparison {
        compare(Vec::new(), Measure::ResponseTime, contenders)
    }

    #[test]
    fn each_trial_must_beat_each_of_the_other() {
        let quick = contender("quick", &[100.0, 101.0, 102.0, 103.0, 104.0]);
        let slow = contender("slow", &[150.0, 152.0, 154.0, 156.0, 105.0]);
        let comparison = times(&[slow.clone(), quick.clone()]);
        assert_eq!(comparison.outcome, Outcome::Ahead);
        assert_eq!(comparison.leaders, ["quick"]);
        assert_eq!(comparison.sentence, "quick is ahead with 102 ns, of slow by 1.49 ×");

        let overlapping = contender("slow", &[150.0, 152.0, 154.0, 156.0, 104.0]);
        let comparison = times(&[overlapping, quick.clone()]);
        assert_eq!(comparison.outcome, Outcome::Tie);
        assert_eq!(comparison.sentence, "quick and slow are tied");

        let bandwidth = compare(Vec::new(), Measure::Bandwidth, &[quick, slow]);
        assert_eq!(bandwidth.leaders, ["slow"], "more is better");
    }

    #[test]
    fn fewer_than_five_trials_rank_nobody() {
        let four = [100.0, 101.0, 102.0, 103.0];
        let comparison = times(&[contender("a", &four), contender("b", &four.map(|ns| ns * 9.0))]);
        assert_eq!(comparison.outcome, Outcome::Unranked);
        let five = [100.0, 101.0, 102.0, 103.0, 104.0];
        let third = times(&[contender("a", &five), contender("b", &five.map(|ns| ns * 2.0)), contender("c", &four)]);
        assert_eq!(third.sentence, "a is ahead with 102 ns, of b by 2.00 ×; too few trials of c");
        assert_eq!(times(&[contender("a", &four)]).outcome, Outcome::Alone);
        assert_eq!(times(&[]).outcome, Outcome::Alone);
    }

    #[test]
    fn of_three_one_may_be_behind_a_tie() {
        let a = contender("a", &[100.0, 101.0, 102.0, 103.0, 110.0]);
        let b = contender("b", &[105.0, 106.0, 107.0, 108.0, 109.0]);
        let c = contender("c", &[200.0, 201.0, 202.0, 203.0, 204.0]);
        let comparison = times(&[c, b, a]);
        assert_eq!(comparison.sentence, "a and b are tied, ahead of c by 1.98 ×");
        assert_eq!(comparison.standings[0].ahead_of, ["c"]);
    }

    #[test]
    fn what_was_given_up_or_failed_cannot_win_but_can_lose() {
        let waited = Contender { target: "waited".to_owned(), scores: vec![Score::AtLeast(50.0); 5], answered: 1.0 };
        let sound = contender("sound", &[100.0; 5]);
        assert_eq!(times(&[waited.clone(), sound.clone()]).outcome, Outcome::Tie);
        let soon = contender("soon", &[10.0; 5]);
        assert_eq!(times(&[waited, soon.clone()]).leaders, ["soon"]);

        let mut broken = soon.clone();
        broken.target = "broken".to_owned();
        broken.scores[0] = Score::Failed;
        assert_eq!(times(&[broken.clone(), sound]).outcome, Outcome::Tie);
        let sooner = contender("sooner", &[5.0; 5]);
        assert_eq!(times(&[broken, sooner]).leaders, ["sooner"]);
    }

    #[test]
    fn quick_answers_to_fewer_calls_are_not_ahead() {
        let flaky = Contender { answered: 0.75, ..contender("flaky", &[10.0; 5]) };
        let sound = contender("sound", &[100.0; 5]);
        assert_eq!(times(&[flaky, sound]).outcome, Outcome::Tie);
    }
}
