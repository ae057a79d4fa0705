//! Which trials are tried again: those that others disturbed, whatever their figures are.

use crate::call::SplitMix;
use crate::plan::{Plan, Turn};
use crate::results::{Record, Results};

/// The next block of turns that are taken again, in an order that is random and yet the same for the same seed: every
/// trial whose last attempt was disturbed, as long as there are at most half as many further attempts as the plan had
/// `trials` at first. It follows from the records alone, so that a run that goes on later decides alike.
pub fn again(plan: &Plan, trials: usize, results: &Results) -> Vec<Turn> {
    let spent = results.records.iter().filter(|record| record.attempt > 1).count();
    let block = results.records.iter().map(|record| record.block).max().unwrap_or(0) + 1;
    let of = |record: &Record| Turn { cell: record.cell, trial: record.trial, block };
    let mut disturbed: Vec<Turn> = results.counting().filter(|record| record.disturbed()).map(of).collect();
    let seed = plan.cells.first().map_or(0, |cell| cell.load.seed);
    SplitMix::new(seed ^ u64::from(block)).shuffle(&mut disturbed);
    disturbed.truncate((trials / 2).saturating_sub(spent));
    disturbed
}

/// Which attempt at its trial a turn is, from 1.
pub fn attempt(turn: Turn, results: &Results) -> u32 {
    let of = |record: &&Record| record.cell == turn.cell && record.trial == turn.trial;
    results.records.iter().filter(of).map(|record| record.attempt).max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::{again, attempt};
    use crate::plan::{Plan, Turn};
    use crate::results::machine::Interference;
    use crate::results::{Outcome, Record, Results, SCHEMA, State, Verdict};
    use crate::scenario::read;

    fn plan() -> Plan {
        let text = "title: t\nquestion: q\ntargets: [{transport: tcp, server: [threaded, async]}]\n\
                    workloads: [{name: w, call: ping, iterations: 1}]\ntrials: 4\n";
        Plan::of(&read("test.yaml", text, &[]).expect("a scenario"))
    }

    fn results(plan: &Plan, share: impl Fn(usize) -> f64) -> Results {
        let record = |(at, turn): (usize, &Turn)| Record {
            cell: turn.cell,
            trial: turn.trial,
            block: turn.block,
            attempt: 1,
            outcome: Outcome::Failed,
            reason: Some("whatever became of it".to_owned()),
            measured: None,
            search: None,
            cost: None,
            interference: Some(Interference { share: share(at), stretch_ns: 1, largest: None, run_queue_ns: None }),
            stalled: None,
            hosts: None,
            link: None,
            verdict: Verdict { state: State::Invalid, reasons: Vec::new() },
        };
        let records = plan.turns.iter().enumerate().map(record).collect();
        let manifest = crate::results::Manifest::default();
        let (scenario, cells) = (serde_json::Value::Null, plan.cells.iter().map(|cell| cell.planned.clone()).collect());
        Results { schema: SCHEMA, scenario, manifest, refusals: Vec::new(), cells, records }
    }

    /// Another attempt at the trial of `turn`, of which others used such a share.
    fn retried(results: &Results, turn: Turn, share: f64) -> Record {
        let last = results.counting().find(|record| record.cell == turn.cell && record.trial == turn.trial);
        let mut record = last.expect("it was tried before").clone();
        (record.block, record.attempt) = (turn.block, attempt(turn, results));
        record.interference = Some(Interference { share, stretch_ns: 1, largest: None, run_queue_ns: None });
        record
    }

    #[test]
    fn nothing_but_interference_has_a_trial_tried_again() {
        let plan = plan();
        assert_eq!(again(&plan, 8, &results(&plan, |_| 0.049)), [], "all have failed, and none was disturbed");
        let one = again(&plan, 8, &results(&plan, |at| if at == 5 { 0.05 } else { 0.0 }));
        assert_eq!(one, [Turn { block: 5, ..plan.turns[5] }]);
        let mut unknown = results(&plan, |_| 0.5);
        unknown.records.iter_mut().for_each(|record| record.interference = None);
        assert_eq!(again(&plan, 8, &unknown), []);
    }

    #[test]
    fn there_are_at_most_half_as_many_further_attempts_as_trials() {
        let plan = plan();
        let mut results = results(&plan, |_| 0.5);
        let mut taken = 0;
        loop {
            let block = again(&plan, 8, &results);
            assert_eq!(block, again(&plan, 8, &results), "the order is that of the seed");
            if block.is_empty() {
                break;
            }
            for turn in block {
                let record = retried(&results, turn, 0.5);
                assert_eq!((record.attempt, record.block), (2, 5));
                results.records.push(record);
                taken += 1;
            }
        }
        assert_eq!((taken, results.counting().count()), (4, 8), "half of eight, and each trial counts once");
    }

    #[test]
    fn a_trial_is_tried_until_an_attempt_is_calm() {
        let plan = plan();
        let mut results = results(&plan, |at| if at == 0 { 0.5 } else { 0.0 });
        for (share, expected) in [(0.5, 2), (0.06, 3), (0.01, 4)] {
            let block = again(&plan, 8, &results);
            assert_eq!(block.len(), 1, "attempt {expected}");
            let record = retried(&results, block[0], share);
            assert_eq!((record.attempt, record.block), (expected, 3 + expected));
            results.records.push(record);
        }
        assert_eq!(again(&plan, 8, &results), []);
    }
}
