//! Who is ahead of whom, by the trials and nothing else.
//!
//! A target is ahead of another where the ranks of their trials differ (Mann and Whitney), corrected for the settings
//! of the workload in which the two are compared (Holm): they are one family; and where the ratio of their figures has
//! an interval, that lies on the same side of 1. Else no difference was shown. A call
//! that was given up is only known to have taken longer than it was waited for, so such a trial ranks last where it
//! could win and at its bound where it could lose; a trial that failed ranks last. A target that answers a smaller
//! share of its calls than another is not ahead of it either, however quick its answers are. Whose rates the client
//! limited is compared with nobody by them.

use crate::report::comparison::{Comparison, Contender, Contest, Outcome, Standing, Unranked, sentence};
use crate::report::estimate::Score;
use crate::results::measure::Measure;
use crate::statistics::SIGNIFICANCE;
use crate::statistics::interval::{Interval, Trials, ratio};
use crate::statistics::power::{smallest_factor, trials_to_decide};
use crate::statistics::rank::{can_differ, holm, mann_whitney};

/// Ranks the targets of each setting of one workload.
pub fn compare(contests: &[Contest]) -> Vec<Comparison> {
    let verdicts = verdicts(contests);
    contests.iter().enumerate().map(|(at, contest)| ranked(contest, &verdicts, at)).collect()
}

/// What the trials say of two targets in one setting.
struct Verdict {
    contest: usize,
    own: usize,
    other: usize,
    comparisons: usize,
    /// True where they have trials enough for a difference to show.
    decidable: bool,
    /// True where they would have, were none of their trials invalid.
    spoiled: bool,
    /// True where the first is ahead of the second.
    ahead: bool,
}

/// Two contenders of a contest: its index, and theirs in it.
type Pair = (usize, usize, usize);

/// What makes comparisons one family: the measure and the names of the two targets.
type Key<'a> = (Measure, &'a str, &'a str);

/// Looks at each two targets in every setting that has both, by each measure; these are one family.
fn verdicts(contests: &[Contest]) -> Vec<Verdict> {
    let mut families: Vec<(Key<'_>, Vec<Pair>)> = Vec::new();
    for (at, contest) in contests.iter().enumerate() {
        let contenders = &contest.contenders;
        for (own, other) in (0..contenders.len()).flat_map(|own| (0..own).map(move |other| (own, other))) {
            if contenders[own].limited || contenders[other].limited {
                continue;
            }
            let (a, b) = (contenders[own].target.as_str(), contenders[other].target.as_str());
            let (key, pair) = if a < b { ((a, b), (at, own, other)) } else { ((b, a), (at, other, own)) };
            let key = (contest.measure, key.0, key.1);
            match families.iter_mut().find(|(known, _)| *known == key) {
                Some((_, family)) => family.push(pair),
                None => families.push((key, vec![pair])),
            }
        }
    }
    families.into_iter().flat_map(|(_, family)| judged(contests, &family)).collect()
}

/// The verdict on each pair of one family, both ways round.
fn judged(contests: &[Contest], family: &[Pair]) -> Vec<Verdict> {
    let contenders = |(at, own, other): &Pair| {
        let Contest { measure, contenders, .. } = &contests[*at];
        (*measure, &contenders[*own], &contenders[*other])
    };
    let chances: Vec<f64> =
        family.iter().map(contenders).map(|(measure, own, other)| chance(measure, own, other)).collect();
    let both = family
        .iter()
        .zip(holm(&chances))
        .flat_map(|(&(at, own, other), chance)| [((at, own, other), chance), ((at, other, own), chance)]);
    both.map(|(pair, chance)| {
        let (measure, own, other) = contenders(&pair);
        Verdict {
            contest: pair.0,
            own: pair.1,
            other: pair.2,
            comparisons: family.len(),
            decidable: can_differ(own.scores.len(), other.scores.len(), family.len()),
            spoiled: can_differ(own.scores.len() + own.invalid, other.scores.len() + other.invalid, family.len()),
            ahead: chance <= SIGNIFICANCE
                && wins(measure, own, other)
                && own.answered >= other.answered
                && behind(measure, own, other).is_none_or(|ratio| ratio.low > 1.0),
        }
    })
    .collect()
}

/// The trials of two targets, less being better, to the disadvantage of the first.
fn doubted(measure: Measure, own: &Contender, other: &Contender) -> (Vec<f64>, Vec<f64>) {
    let cost = |score: &Score, bound: bool| match score {
        Score::Exact(value) => measure.cost(*value),
        Score::AtLeast(value) if bound => measure.cost(*value),
        Score::AtLeast(_) | Score::Failed => f64::INFINITY,
    };
    let costs = |of: &Contender, bound: bool| of.scores.iter().map(|score| cost(score, bound)).collect();
    (costs(own, false), costs(other, true))
}

fn chance(measure: Measure, own: &Contender, other: &Contender) -> f64 {
    // Whoever loses is judged by what speaks for the one that wins, and the other way round.
    let (own, other) = if wins(measure, own, other) { (own, other) } else { (other, own) };
    let (own, other) = doubted(measure, own, other);
    mann_whitney(&own, &other)
}

/// True where trials of the first beat trials of the second more often than the other way round.
fn wins(measure: Measure, own: &Contender, other: &Contender) -> bool {
    let (own, other) = doubted(measure, own, other);
    let pairs = || own.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    pairs().filter(|(a, b)| a < b).count() > pairs().filter(|(a, b)| a > b).count()
}

fn ranked(contest: &Contest, verdicts: &[Verdict], at: usize) -> Comparison {
    let (measure, contenders) = (contest.measure, contest.contenders.as_slice());
    let of = |own: usize| verdicts.iter().filter(move |verdict| verdict.contest == at && verdict.own == own);
    let mut standings: Vec<(usize, Standing)> = (0..contenders.len())
        .map(|own| {
            let beaten =
                of(own).filter(|verdict| verdict.ahead).map(|verdict| contenders[verdict.other].target.clone());
            let beaten_by = |verdict: &Verdict| verdict.contest == at && verdict.other == own && verdict.ahead;
            let beaten_too = verdicts.iter().any(beaten_by);
            let unranked = unranked(&contenders[own], &of(own).collect::<Vec<_>>(), beaten_too);
            (own, standing(&contenders[own], unranked, beaten.collect()))
        })
        .collect();
    let value = |standing: &Standing| standing.figure.map(|figure| figure.value);
    standings.sort_by(|(_, a), (_, b)| match (value(a), value(b)) {
        (Some(x), Some(y)) if measure.better(x, y) => std::cmp::Ordering::Less,
        (Some(x), Some(y)) if measure.better(y, x) => std::cmp::Ordering::Greater,
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
    let best = standings
        .iter()
        .find(|(_, standing)| standing.ranked)
        .or(standings.iter().find(|(_, standing)| !standing.limited));
    if let Some((best, figure)) = best.and_then(|(best, standing)| Some((*best, standing.figure?))) {
        for (own, standing) in standings.iter_mut().filter(|(_, standing)| !standing.limited) {
            standing.behind = standing.figure.map(|own| measure.factor(figure.value, own.value));
            standing.behind_at_least = standing.figure.is_some_and(|own| own.at_least);
            standing.behind_interval = behind(measure, &contenders[best], &contenders[*own]);
        }
    }
    let standings: Vec<Standing> = standings.into_iter().map(|(_, standing)| standing).collect();
    let leaders = leaders(&standings.iter().collect::<Vec<_>>());
    let here = || verdicts.iter().filter(|verdict| verdict.contest == at);
    let tied = || {
        here()
            .map(|verdict| (&contenders[verdict.own], &contenders[verdict.other], verdict.comparisons))
            .filter(|(own, other, _)| leaders.contains(&own.target) && leaders.contains(&other.target))
            .filter_map(|(own, other, comparisons)| Some((own.exact()?, other.exact()?, comparisons)))
    };
    let would_show = tied().filter_map(|(own, other, all)| smallest_factor(&own, &other, all)).max_by(f64::total_cmp);
    let decided: Option<Vec<usize>> = tied().map(|(own, other, all)| trials_to_decide(&own, &other, all)).collect();
    let would_decide = decided.and_then(|trials| trials.into_iter().max());
    let outcome = match (contenders.len(), leaders.len()) {
        (1, _) if matches!(standings[0].unranked, Some(Unranked::Failed | Unranked::Invalid)) => Outcome::Unranked,
        (0 | 1, _) => Outcome::Alone,
        (_, 0) => Outcome::Unranked,
        (_, 1) => Outcome::Ahead,
        _ => Outcome::Tie,
    };
    let mut comparison = Comparison {
        setting: contest.setting.clone(),
        measure,
        measured_by: measure.name(),
        outcome,
        comparisons: here().map(|verdict| verdict.comparisons).max().unwrap_or(0),
        would_show,
        would_decide,
        leaders,
        standings,
        sentence: String::new(),
    };
    comparison.sentence = sentence(&comparison);
    comparison
}

/// Those that nobody is ahead of, and those that none of these is ahead of.
fn leaders(standings: &[&Standing]) -> Vec<String> {
    let ranked = || standings.iter().copied().filter(|standing| standing.ranked);
    let beaten = |own: &Standing, by: &[&Standing]| by.iter().any(|other| other.ahead_of.contains(&own.target));
    let unbeaten: Vec<&Standing> = ranked().filter(|own| !beaten(own, standings)).collect();
    ranked().filter(|own| !beaten(own, &unbeaten)).map(|standing| standing.target.clone()).collect()
}

/// How many times better the best is than this one.
fn behind(measure: Measure, best: &Contender, own: &Contender) -> Option<Interval> {
    let (better, worse) = (best.exact()?, own.exact()?);
    let (better, worse) = (Trials::new(&better, &best.redraws), Trials::new(&worse, &own.redraws));
    if measure == Measure::ResponseTime { ratio(worse, better) } else { ratio(better, worse) }
}

/// Why a target cannot be told from any other, by what is known of it and each of them.
fn unranked(own: &Contender, verdicts: &[&Verdict], beaten: bool) -> Option<Unranked> {
    let measured = own.scores.iter().any(|score| score.value().is_some());
    match own {
        _ if own.limited => Some(Unranked::Limited),
        // What always failed may be behind, but it is tied with nobody.
        _ if !measured && !own.scores.is_empty() && !beaten => Some(Unranked::Failed),
        _ if measured && own.figure.is_none() => Some(Unranked::FewCalls),
        _ if verdicts.iter().any(|verdict| verdict.decidable) => None,
        _ if verdicts.iter().any(|verdict| verdict.spoiled) => Some(Unranked::Invalid),
        _ if verdicts.is_empty() && own.scores.is_empty() && own.invalid > 0 => Some(Unranked::Invalid),
        _ => Some(Unranked::FewTrials),
    }
}

fn standing(own: &Contender, unranked: Option<Unranked>, ahead_of: Vec<String>) -> Standing {
    Standing {
        target: own.target.clone(),
        trials: own.scores.len(),
        ranked: unranked.is_none(),
        unranked,
        limited: own.limited,
        figure: own.figure,
        behind: None,
        behind_at_least: false,
        behind_interval: None,
        ahead_of,
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, Contender, Contest, Outcome, Unranked, compare};
    use crate::report::estimate::{Estimate, Score};
    use crate::results::measure::Measure;

    fn contender(target: &str, scores: &[f64]) -> Contender {
        of(target, scores.iter().map(|score| Score::Exact(*score)).collect())
    }

    fn of(target: &str, scores: Vec<Score>) -> Contender {
        Contender {
            target: target.to_owned(),
            figure: Estimate::of(&scores, &[]),
            scores,
            invalid: 0,
            answered: 1.0,
            limited: false,
            redraws: Vec::new(),
        }
    }

    fn contest(measure: Measure, contenders: &[Contender]) -> Contest {
        Contest { setting: Vec::new(), measure, contenders: contenders.to_vec() }
    }

    fn times(contenders: &[Contender]) -> Comparison {
        compare(&[contest(Measure::ResponseTime, contenders)]).remove(0)
    }

    const QUICK: [f64; 5] = [100.0, 101.0, 102.0, 103.0, 104.0];

    #[test]
    fn a_difference_in_rank_is_named_with_its_interval() {
        let quick = contender("quick", &QUICK);
        let slow = contender("slow", &[150.0, 152.0, 154.0, 156.0, 105.0]);
        let comparison = times(&[slow.clone(), quick.clone()]);
        assert_eq!(comparison.outcome, Outcome::Ahead);
        assert_eq!(comparison.leaders, ["quick"]);
        assert_eq!(comparison.sentence, "quick is ahead with 102 ns, of slow by 1.39 × (1.13 – 1.72)");

        let overlapping = contender("slow", &[150.0, 103.5, 101.5, 102.5, 99.0]);
        let comparison = times(&[overlapping, quick.clone()]);
        assert_eq!(comparison.outcome, Outcome::Tie);
        let shown = comparison.would_show.expect("five trials can show something");
        assert!(
            comparison.sentence.starts_with("quick and slow are tied (minimum detectable difference: 1."),
            "{}",
            comparison.sentence
        );
        assert!((1.2..2.0).contains(&shown), "{shown}");
        let trials = comparison.would_decide.expect("they differ");
        assert!(trials > 5 && comparison.sentence.ends_with(&format!("; {trials} trials would decide)")));
        let equals = times(&[contender("a", &QUICK), contender("b", &QUICK)]);
        assert!(equals.sentence.ends_with("; more than 1,000 trials would decide)"), "{}", equals.sentence);

        let bandwidth = compare(&[contest(Measure::Bandwidth, &[quick, slow])]).remove(0);
        assert_eq!(bandwidth.leaders, ["slow"], "more is better");
    }

    #[test]
    fn too_few_trials_rank_nobody() {
        let three = [100.0, 101.0, 102.0];
        let comparison = times(&[contender("a", &three), contender("b", &three.map(|ns| ns * 9.0))]);
        assert_eq!(comparison.outcome, Outcome::Unranked);
        assert_eq!(comparison.sentence, "not ranked, which takes 4 trials of each target");
        let doubled = QUICK.map(|ns| ns * 2.0);
        let two = [100.0, 101.0];
        let third = times(&[contender("a", &QUICK), contender("b", &doubled), contender("c", &two)]);
        assert!(third.sentence.ends_with("; too few trials of c"), "{}", third.sentence);
        assert_eq!(times(&[contender("a", &three)]).outcome, Outcome::Alone);
        assert_eq!(times(&[]).outcome, Outcome::Alone);
    }

    #[test]
    fn who_looks_often_needs_more_trials() {
        let pair = contest(Measure::ResponseTime, &[contender("a", &QUICK), contender("b", &QUICK.map(|ns| ns * 2.0))]);
        let outcomes = |settings: usize| compare(&vec![pair.clone(); settings]).remove(0);
        assert_eq!(outcomes(6).outcome, Outcome::Ahead);
        assert_eq!(outcomes(7).outcome, Outcome::Unranked);
        let sentence = "not ranked, which takes 6 trials of each target, for they are compared in 7 settings";
        assert_eq!(outcomes(7).sentence, sentence);
        let other = contest(Measure::Rate, &pair.contenders);
        let mixed = compare(&[vec![pair; 6], vec![other; 6]].concat());
        assert!(mixed.iter().all(|comparison| comparison.outcome == Outcome::Ahead), "each measure is a family");
    }

    #[test]
    fn of_three_one_may_be_behind_a_tie() {
        let a = contender("a", &[100.0, 101.0, 102.0, 103.0, 110.0]);
        let b = contender("b", &[105.0, 106.0, 107.0, 101.5, 102.5]);
        let c = contender("c", &[200.0, 201.0, 202.0, 203.0, 204.0]);
        let comparison = times(&[c, b, a]);
        assert!(comparison.sentence.starts_with("a and b are tied, ahead of c by 1.9"), "{}", comparison.sentence);
        assert_eq!(comparison.standings[0].ahead_of, ["c"]);
    }

    #[test]
    fn what_was_given_up_or_failed_cannot_win_but_can_lose() {
        let waited = of("waited", vec![Score::AtLeast(50.0); 5]);
        let sound = contender("sound", &[100.0; 5]);
        assert_eq!(times(&[waited.clone(), sound.clone()]).outcome, Outcome::Tie);
        let soon = contender("soon", &[10.0; 5]);
        let behind = times(&[waited, soon.clone()]);
        assert_eq!(behind.leaders, ["soon"]);
        assert_eq!(behind.sentence, "soon is ahead with 10 ns, of waited by ≥ 5.00 ×");

        let mut broken = soon.clone();
        broken.target = "broken".to_owned();
        broken.scores[0] = Score::Failed;
        broken.scores[1] = Score::Failed;
        broken.figure = Estimate::of(&broken.scores, &[]);
        assert_eq!(times(&[broken.clone(), sound]).outcome, Outcome::Tie);
        let sooner = contender("sooner", &[5.0; 5]);
        assert_eq!(times(&[broken, sooner]).leaders, ["sooner"]);
    }

    #[test]
    fn who_always_failed_is_tied_with_nobody() {
        let failed = |target| of(target, vec![Score::Failed; 5]);
        let both = times(&[failed("a"), failed("b")]);
        assert_eq!((both.outcome, both.unranked()), (Outcome::Unranked, Unranked::Failed));
        assert_eq!(both.sentence, "not ranked, for every trial failed");
        let third = times(&[failed("a"), failed("b"), contender("sound", &QUICK)]);
        assert_eq!((third.outcome, third.leaders), (Outcome::Ahead, vec!["sound".to_owned()]));
        let alone = times(&[failed("a")]);
        assert_eq!((alone.outcome, alone.unranked()), (Outcome::Unranked, Unranked::Failed));
        let spoiled = times(&[Contender { invalid: 5, ..contender("spoiled", &[]) }]);
        assert_eq!((spoiled.outcome, spoiled.unranked()), (Outcome::Unranked, Unranked::Invalid));
    }

    #[test]
    fn whom_an_interval_with_one_does_not_set_apart_is_not_ahead() {
        // By ranks the first five come first; one slow trial of theirs makes the ratio anybody's guess.
        let quick = contender("quick", &[100.0, 101.0, 102.0, 103.0, 104.0, 105.0, 106.0, 900.0]);
        let slow = contender("slow", &[120.0, 121.0, 122.0, 123.0, 124.0, 125.0, 126.0, 127.0]);
        assert_eq!(times(&[quick, slow]).outcome, Outcome::Tie);
    }

    #[test]
    fn more_trials_are_asked_for_only_where_they_would_help() {
        let spoiled = Contender { invalid: 5, ..contender("spoiled", &[]) };
        let comparison = times(&[spoiled.clone(), contender("sound", &QUICK)]);
        assert_eq!((comparison.outcome, comparison.unranked()), (Outcome::Unranked, Unranked::Invalid));
        assert_eq!(comparison.sentence, "not ranked, for too many trials are invalid");
        let third = times(&[spoiled, contender("a", &QUICK), contender("b", &QUICK.map(|ns| ns * 2.0))]);
        assert!(third.sentence.ends_with("; not ranked for invalid trials: spoiled"), "{}", third.sentence);
        let both = Contender { invalid: 1, ..contender("both", &[100.0]) };
        let few = times(&[both, contender("sound", &QUICK)]);
        assert_eq!(few.unranked(), Unranked::FewTrials, "two trials would not be enough either");
        let brief = Contender { figure: None, ..contender("brief", &QUICK) };
        assert_eq!(times(&[brief, contender("sound", &QUICK)]).unranked(), Unranked::FewCalls);
    }

    #[test]
    fn quick_answers_to_fewer_calls_are_not_ahead() {
        let flaky = Contender { answered: 0.75, ..contender("flaky", &[10.0; 5]) };
        let sound = contender("sound", &[100.0; 5]);
        assert_eq!(times(&[flaky, sound]).outcome, Outcome::Tie);
    }
}
