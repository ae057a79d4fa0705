//! Which workloads have too few trials for any difference to show, known before anything is run.

use crate::plan::{Cell, Plan};
use crate::statistics::rank::{can_differ, trials_to_differ};

/// A workload whose trials cannot show a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TooFew {
    /// Its name.
    pub workload: String,
    /// What cannot show, and with how many trials it could.
    pub sentence: String,
}

impl Plan {
    /// One sentence for each workload whose trials cannot show a difference between any two targets: neither the best
    /// nor the worst luck would give a chance small enough for so many comparisons.
    pub fn too_few_trials(&self) -> Vec<TooFew> {
        let mut said: Vec<TooFew> = Vec::new();
        for cell in &self.cells {
            let (workload, comparisons) = (cell.planned.workload.as_str(), self.comparisons(cell));
            let known = said.iter().any(|known| known.workload == workload);
            if known || comparisons == 0 || can_differ(cell.trials as usize, cell.trials as usize, comparisons) {
                continue;
            }
            let settings = if comparisons == 1 { "one setting".to_owned() } else { format!("{comparisons} settings") };
            let sentence = format!(
                "workload `{workload}`: with `trials: {}` no difference between two targets can show in {settings}; \
                 `trials: {}` would do",
                cell.trials,
                trials_to_differ(comparisons)
            );
            said.push(TooFew { workload: workload.to_owned(), sentence });
        }
        said
    }

    /// In how many settings the target of `cell` meets any other by the same figure: searches are compared by the rate
    /// that they find, transfers by their bandwidth, other calls by their response time.
    pub(crate) fn comparisons(&self, cell: &Cell) -> usize {
        let by = |cell: &Cell| (cell.search.is_some(), cell.load.is_transfer());
        let alike = |other: &&Cell| other.planned.workload == cell.planned.workload && by(other) == by(cell);
        let own = self.cells.iter().filter(alike).filter(|other| other.target.name == cell.target.name).count();
        let all = self.cells.iter().filter(alike).count();
        if all > own { own } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::scenario::read;

    fn said(server: &str, workload: &str) -> Vec<String> {
        let text = format!(
            "title: t\nquestion: q\ntargets: [{{transport: tcp, server: {server}}}]\nworkloads: [{{name: w, {workload}}}]\n"
        );
        Plan::of(&read("test.yaml", &text, &[]).expect("a scenario"))
            .too_few_trials()
            .into_iter()
            .map(|few| few.sentence)
            .collect()
    }

    #[test]
    fn so_few_trials_are_told_with_how_many_would_do() {
        let pair = "[threaded, async]";
        assert!(said(pair, "call: ping, iterations: 1").is_empty(), "ten are enough");
        let one = said(pair, "call: ping, iterations: 1, trials: 3");
        assert_eq!(one.len(), 1);
        assert!(one[0].contains("`trials: 3`") && one[0].ends_with("in one setting; `trials: 4` would do"), "{one:?}");
        let six = "call: [upload, download], payload: [1KiB, 2KiB, 3KiB], iterations: 1, trials: 5";
        assert!(said(pair, six).is_empty());
        let seven = "call: upload, payload: [1B, 2B, 3B, 4B, 5B, 6B, 7B], iterations: 1, trials: 5";
        assert!(said(pair, seven)[0].ends_with("in 7 settings; `trials: 6` would do"));
        assert!(said("threaded", "call: ping, iterations: 1, trials: 1").is_empty(), "there is nothing to compare");
    }
}
