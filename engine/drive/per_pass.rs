//! What became of the passes through the steps of a load, while it is recorded.

use crate::drive::buckets::Fine;
use crate::results::calls::Passes;
use crate::results::distribution::Distribution;

/// Counts and times of passes.
pub struct PerPass {
    count: u64,
    times: Fine,
    given_up: Option<u64>,
    skipped: u64,
}

impl Default for PerPass {
    fn default() -> Self {
        PerPass { count: 0, times: Fine::touched(), given_up: None, skipped: 0 }
    }
}

impl PerPass {
    /// A pass is whole; its steps took so long together.
    pub(super) fn whole(&mut self, ns: u64) {
        self.count += 1;
        self.times.record(ns);
    }

    /// A pass has lasted so long, and was given up with a call that had no answer.
    pub(super) fn gave_up(&mut self, ns: u64) {
        self.times.record(ns);
        self.given_up = Some(self.given_up.map_or(ns, |least| least.min(ns)));
    }

    /// So many steps are not made, since one before them did not succeed.
    pub(super) fn skip(&mut self, steps: u64) {
        self.skipped += steps;
    }

    pub(super) fn clear(&mut self) {
        (self.count, self.given_up, self.skipped) = (0, None, 0);
        self.times.clear();
    }

    pub(super) fn figures(&self) -> Passes {
        Passes {
            count: self.count,
            response_time: Distribution::of(&self.times.histogram(), self.given_up),
            skipped_steps: self.skipped,
        }
    }
}

/// How a call of a pass ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With the answer that was asked for.
    Right,
    /// It failed.
    Wrong,
    /// It was given up.
    GivenUp,
}

/// How far a client is in its pass.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    /// How long its steps have taken so far, in nanoseconds.
    spent: u64,
}

impl Progress {
    /// The call of that number is over, of so many steps in a pass, and took so long from when it was due; the number of the
    /// next one. What is left of a pass after a step that did not succeed is skipped.
    pub(super) fn over(
        &mut self,
        number: u64,
        steps: u64,
        (outcome, response): (Outcome, u64),
        passes: Option<&mut PerPass>,
    ) -> u64 {
        self.spent = self.spent.saturating_add(response);
        let left = steps - 1 - number % steps;
        if outcome == Outcome::Right && left > 0 {
            return number + 1;
        }
        let spent = std::mem::take(&mut self.spent);
        if let Some(passes) = passes {
            match outcome {
                Outcome::Right => passes.whole(spent),
                Outcome::Wrong => passes.skip(left),
                Outcome::GivenUp => {
                    passes.gave_up(spent);
                    passes.skip(left);
                }
            }
        }
        number + 1 + left
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, PerPass, Progress};

    #[test]
    fn the_rest_of_a_pass_is_skipped_where_a_step_fails() {
        let (mut passes, mut progress) = (PerPass::default(), Progress::default());
        let mut number = 0;
        for (outcome, next) in [
            (Outcome::Right, 1),
            (Outcome::Right, 2),
            (Outcome::Right, 3),
            (Outcome::Wrong, 6),
            (Outcome::Right, 7),
            (Outcome::GivenUp, 9),
            (Outcome::Right, 10),
            (Outcome::Right, 11),
            (Outcome::Wrong, 12),
        ] {
            number = progress.over(number, 3, (outcome, 100), Some(&mut passes));
            assert_eq!(number, next);
        }
        let figures = passes.figures();
        assert_eq!((figures.count, figures.skipped_steps), (1, 2 + 1));
        let times = &figures.response_time;
        assert_eq!((times.count, times.min_ns, times.max_ns, times.at_least_from), (2, 200, 300, Some(0.0)));
        passes.clear();
        assert_eq!(passes.figures(), PerPass::default().figures());
        // A single call is a pass by itself.
        assert_eq!(Progress::default().over(7, 1, (Outcome::Wrong, 1), None), 8);
    }
}
