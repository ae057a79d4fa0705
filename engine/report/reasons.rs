//! What is to be said of trials and calls, taken together by the reason, with how many trials and cells it is said of.

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{counted, listed};
use crate::report::cell::Cell;
use crate::report::words::{About, Remark, distinct};
use crate::results::{Outcome, Record, Results, State};

/// One reason why trials failed, do not count, or are to be read with care.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Reason {
    /// What became of them: `failed`, `invalid`, `suspect`, `read with care`, `not steady`, `calls failed`,
    /// `ended early`.
    pub state: &'static str,
    /// Why, with the range of each number that differs between them.
    pub text: String,
    /// Of how many trials and cells it is said: `35 trials of 12 cells`.
    pub count: String,
    /// The same cell by cell.
    pub remarks: Vec<Remark>,
}

/// One thing that was said of one trial, or of all of a cell.
struct Said<'a> {
    about: About,
    of: &'a str,
    trial: Option<u32>,
    text: String,
}

/// Every reason, what weighs most first, and among these what is said of most.
pub fn reasons(results: &Results, records: &[&Record], cells: &[Cell]) -> Vec<Reason> {
    let trials = records.iter().flat_map(|record| of_trial(results, record));
    let calls = cells.iter().flat_map(|cell| {
        cell.failures.iter().map(|text| Said { about: About::Calls, of: &cell.id, trial: None, text: text.clone() })
    });
    let paces = cells.iter().filter(|cell| cell.unsteady().is_some());
    let paces = paces.map(|cell| Said {
        about: About::Pace,
        of: &cell.id,
        trial: None,
        text: "the pace of most trials changed by more than chance does".to_owned(),
    });
    let mut groups: Vec<(Vec<String>, Vec<Said<'_>>)> = Vec::new();
    for said in trials.chain(calls).chain(paces) {
        let key = [vec![state(said.about).to_owned()], pieces(&said.text).0].concat();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(said),
            None => groups.push((key, vec![said])),
        }
    }
    let early = results.manifest.interrupted.then(|| Reason {
        state: state(About::Run),
        text: "the trials that were still to come are missing".to_owned(),
        count: "the run".to_owned(),
        remarks: Vec::new(),
    });
    let mut reasons: Vec<(usize, usize, Reason)> = groups.into_iter().map(|(_, group)| reason(group)).collect();
    reasons.sort_by(|(a, many, _), (b, more, _)| a.cmp(b).then(more.cmp(many)));
    early.into_iter().chain(reasons.into_iter().map(|(_, _, reason)| reason)).collect()
}

/// What is said of a trial.
fn of_trial<'a>(results: &'a Results, record: &&'a Record) -> Vec<Said<'a>> {
    let said =
        |about, text: &str| Said { about, of: results.id(record), trial: Some(record.trial), text: text.to_owned() };
    match record.outcome {
        Outcome::Failed => vec![said(About::Broken, record.reason.as_deref().unwrap_or("it failed without a reason"))],
        Outcome::Measured => {
            let about = About::Trials(record.verdict.state);
            record.verdict.reasons.iter().map(|reason| said(about, &reason.text)).collect()
        }
    }
}

/// What became of those that something is said of, in a word or two.
fn state(about: About) -> &'static str {
    match about {
        About::Run => "ended early",
        About::Targets => "cannot exist",
        About::Broken => "failed",
        About::Calls => "calls failed",
        About::Trials(State::Invalid) => "invalid",
        About::Trials(State::Suspect) => "suspect",
        About::Trials(State::Valid) => "read with care",
        About::Pace => "not steady",
    }
}

/// In this order they are told.
const ORDER: [About; 6] = [
    About::Broken,
    About::Trials(State::Invalid),
    About::Calls,
    About::Trials(State::Suspect),
    About::Pace,
    About::Trials(State::Valid),
];

/// One group as a reason, its place in the order, and how often it is said.
fn reason(group: Vec<Said<'_>>) -> (usize, usize, Reason) {
    let about = group.first().map_or(About::Run, |said| said.about);
    let cells = distinct(group.iter().map(|said| said.of));
    let trials = group.iter().filter(|said| said.trial.is_some()).count();
    let of_cells = counted(cells.len(), "cell", "cells");
    let count = match trials {
        0 => of_cells,
        trials => format!("{} of {of_cells}", counted(trials, "trial", "trials")),
    };
    let remarks = cells.iter().map(|cell| {
        let own: Vec<&Said<'_>> = group.iter().filter(|said| said.of == *cell).collect();
        let trials: Vec<String> = own.iter().filter_map(|said| said.trial).map(|trial| trial.to_string()).collect();
        let which = match trials.len() {
            0 => String::new(),
            1 => format!("trial {}", trials[0]),
            _ => format!("trials {}", listed(&trials)),
        };
        Remark { of: (*cell).to_owned(), which, reason: common(&own), about }
    });
    let remarks: Vec<Remark> = remarks.collect();
    let text = common(&group.iter().collect::<Vec<_>>());
    let place = ORDER.iter().position(|known| *known == about).unwrap_or(ORDER.len());
    (place, group.len(), Reason { state: state(about), text, count, remarks })
}

/// What stands between the numbers of a text, and the numbers: there is one piece more than there are numbers.
fn pieces(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut between, mut numbers) = (vec![String::new()], Vec::<String>::new());
    let characters: Vec<char> = text.chars().collect();
    let mut inside = false;
    for (at, &c) in characters.iter().enumerate() {
        let digit = |at: usize| characters.get(at).is_some_and(char::is_ascii_digit);
        let of_number = c.is_ascii_digit() || inside && ".,".contains(c) && digit(at + 1);
        // The number of a name, as in `p99` or `http1`, is a part of it.
        let begins =
            of_number && !inside && !at.checked_sub(1).is_some_and(|before| characters[before].is_alphanumeric());
        if begins {
            numbers.push(String::new());
            between.push(String::new());
        }
        inside = begins || inside && of_number;
        let place = if inside { numbers.last_mut() } else { between.last_mut() };
        place.into_iter().for_each(|text| text.push(c));
    }
    (between, numbers)
}

/// A text for several that differ in their numbers only: of those that differ the least and the largest.
fn common(said: &[&Said<'_>]) -> String {
    let all: Vec<(Vec<String>, Vec<String>)> = said.iter().map(|said| pieces(&said.text)).collect();
    let Some((between, _)) = all.first() else { return String::new() };
    let value = |number: &String| number.replace(',', "").parse::<f64>().unwrap_or(0.0);
    let mut text = String::new();
    for (at, piece) in between.iter().enumerate() {
        if at > 0 {
            let mut numbers: Vec<&String> = all.iter().filter_map(|(_, numbers)| numbers.get(at - 1)).collect();
            numbers.sort_by(|a, b| value(a).total_cmp(&value(b)));
            match (numbers.first(), numbers.last()) {
                (Some(least), Some(most)) if value(least) < value(most) => text.push_str(&format!("{least} – {most}")),
                (Some(only), _) => text.push_str(only),
                _ => {}
            }
        }
        text.push_str(piece);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Said, common, pieces};
    use crate::report::words::About;

    #[test]
    fn numbers_are_told_from_names() {
        let (between, numbers) = pieces("http1 took p99 of 1,234.5 ms, 3 %.");
        assert_eq!(numbers, ["1,234.5", "3"]);
        assert_eq!(between, ["http1 took p99 of ", " ms, ", " %."]);
    }

    #[test]
    fn what_differs_is_told_by_its_range() {
        let said = |text: &str| Said { about: About::Pace, of: "a", trial: Some(1), text: text.to_owned() };
        let all = [said("busy 99 % of 2 s"), said("busy 8 % of 2 s"), said("busy 70 % of 2 s")];
        assert_eq!(common(&all.iter().collect::<Vec<_>>()), "busy 8 – 99 % of 2 s");
    }
}
