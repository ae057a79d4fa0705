//! How far a run has come: on a terminal in place, elsewhere a plain line for each trial.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::{columns, shortened};
use crate::drive::messages::Progress as SoFar;
use crate::figures::{NONE, counted, grouped, lasting, number, time};
use crate::plan::{Cell, Plan};
use crate::results::search::Search;
use crate::results::{Measured, Record, State};
use crate::run::Watch;

/// Calls that a trial needs for its 99th percentile: ten must lie beyond it, as in a report.
const ENOUGH: u64 = 1_000;

/// A terminal with fewer columns has no room for a bar.
const ROOM: usize = 60;

/// Tells of each trial as it goes.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    quiet: bool,
    turns: usize,
    done: usize,
    /// The cell whose turn it is.
    id: String,
    /// Its trial, in words.
    trial: String,
    /// The rate that is tried, in words, where one is searched.
    rate: String,
    /// The figures of the trial before, by cell.
    before: BTreeMap<String, String>,
    clock: Clock,
    /// What the plan estimated for the trials that an earlier session of the run has made.
    skipped: Option<Duration>,
}

impl Progress {
    /// Of a run of `plan`, which begins now; a quiet one says nothing.
    pub(crate) fn new(plan: &Plan, quiet: bool) -> Self {
        let turns = plan.turns.len();
        let bar = (!quiet).then(|| ProgressBar::new(turns as u64)).filter(|bar| !bar.is_hidden());
        if let Some(bar) = &bar {
            let all = "{pos}/{len} trials, {msg}";
            let wide = columns(&std::io::stderr()).is_none_or(|columns| columns >= ROOM);
            let template = if wide { format!("{{bar:24}} {all}") } else { all.to_owned() };
            bar.set_style(ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        }
        let clock = Clock { begun: Instant::now(), turn: Duration::ZERO, past: Duration::ZERO, all: plan.estimate };
        Progress {
            bar,
            quiet,
            turns,
            done: 0,
            id: String::new(),
            trial: String::new(),
            rate: String::new(),
            before: BTreeMap::new(),
            clock,
            skipped: None,
        }
    }

    /// Clears what is shown in place.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&self, so_far: SoFar) {
        let Some(bar) = &self.bar else { return };
        // Until calls enough have ended the figures of the trial before stand in.
        let figures = live(so_far)
            .or_else(|| self.before.get(&self.id).map(|figures| format!("before: {figures}")))
            .map_or_else(String::new, |figures| format!(", {figures}"));
        let columns = columns(&std::io::stderr()).unwrap_or(usize::MAX);
        let calls = format!("{}{}: {} calls{figures}", self.trial, self.rate, grouped(so_far.ended));
        let left = lasting(self.clock.left(self.clock.begun.elapsed()).as_secs_f64().round());
        bar.set_message(format!("{left} left\n{}\n{}", shortened(&self.id, columns), shortened(&calls, columns)));
    }

    fn line(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.quiet => {}
            None => {
                // A closed stderr is the reader's choice.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
        }
    }
}

/// What a trial has shown so far, in a few words; none where too few calls have ended.
fn live(so_far: SoFar) -> Option<String> {
    let p99 = so_far.p99_ns.map_or_else(|| NONE.to_owned(), about);
    Some(format!("p50 {}, p99 {p99} so far", about(so_far.p50_ns?)))
}

/// A time that is exact to one sixteenth, in two digits.
fn about(ns: u64) -> String {
    let power = 10u64.pow(ns.max(1).ilog10().saturating_sub(1));
    format!("≈ {}", time(((ns + power / 2) / power * power) as f64))
}

/// What a trial measured, in a few words; its rate is a lower bound where the client was the limit.
fn figures(measured: &Measured, search: Option<&Search>, limited: bool) -> String {
    let bound = if limited { "≥ " } else { "" };
    if let Some((search, capacity)) = search.and_then(|search| Some((search, search.capacity?))) {
        let probes = counted(search.probes.len(), "probe", "probes");
        return format!("capacity {bound}{}/s, by {probes}", number(capacity));
    }
    let times = &measured.response_time;
    let p99 = if times.count >= ENOUGH { time(times.p99_ns as f64) } else { NONE.to_owned() };
    format!("p50 {}, p99 {p99}, {bound}{} calls/s", time(times.p50_ns as f64), number(measured.calls_per_s))
}

/// How long is left: what the plan estimates for the trials to come, at the pace of those that are over.
struct Clock {
    begun: Instant,
    /// When the present trial began, from the beginning.
    turn: Duration,
    /// What the plan estimated for the trials that are over.
    past: Duration,
    /// What it estimated for all.
    all: Duration,
}

impl Clock {
    /// How long is left when this much time has passed.
    fn left(&self, passed: Duration) -> Duration {
        let pace = if self.past.is_zero() { 1.0 } else { self.turn.as_secs_f64() / self.past.as_secs_f64() };
        let coming = self.all.saturating_sub(self.past).as_secs_f64() * pace;
        Duration::try_from_secs_f64(coming).unwrap_or_default().saturating_sub(passed.saturating_sub(self.turn))
    }
}

impl Watch for Progress {
    fn begins(&mut self, plan: &Plan, done: usize) {
        let turn = plan.turns[done];
        // A plan grows by the trials that are tried again.
        (self.turns, self.clock.all) = (plan.turns.len(), plan.estimated());
        let cell = &plan.cells[turn.cell];
        self.done = done;
        self.id = cell.planned.id.clone();
        self.trial = format!("trial {} of {}", turn.trial, cell.trials);
        self.rate.clear();
        self.clock.turn = self.clock.begun.elapsed();
        let past: Duration = plan.turns[..done].iter().map(|turn| plan.cells[turn.cell].estimate()).sum();
        let skipped = *self.skipped.get_or_insert(past);
        self.clock.past = past - skipped;
        self.clock.all = plan.estimate.saturating_sub(skipped);
        self.show(SoFar::default());
        // After the words: the first that is drawn is whole.
        if let Some(bar) = &self.bar {
            bar.set_length(plan.turns.len() as u64);
            bar.set_position(done as u64);
        }
    }

    fn says(&mut self, words: &str) {
        self.line(words);
    }

    fn progress(&mut self, so_far: SoFar) {
        self.show(so_far);
    }

    fn probes(&mut self, rate: f64) {
        self.rate = format!(", {}/s", number(rate));
        self.show(SoFar::default());
    }

    fn recorded(&mut self, cell: &Cell, record: &Record) {
        let told = match (&record.reason, &record.measured) {
            (Some(reason), _) => format!("failed: {reason}"),
            (None, Some(measured)) => figures(measured, record.search.as_ref(), record.verdict.state == State::Suspect),
            (None, None) => NONE.to_owned(),
        };
        if self.bar.is_none() || record.reason.is_some() {
            self.line(&format!("[{}/{}] {}, {}: {told}", self.done + 1, self.turns, self.id, self.trial));
        }
        if record.reason.is_none() {
            self.before.insert(cell.planned.id.clone(), told);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Clock, SoFar, live};

    #[test]
    fn a_trial_shows_what_enough_of_its_calls_tell() {
        let so_far = |p50_ns, p99_ns| live(SoFar { ended: 9, p50_ns, p99_ns });
        assert_eq!(so_far(None, None), None);
        assert_eq!(so_far(Some(14_399), None).as_deref(), Some("p50 ≈ 14.0 µs, p99 – so far"));
        assert_eq!(so_far(Some(7), Some(1_262_485)).as_deref(), Some("p50 ≈ 7 ns, p99 ≈ 1.30 ms so far"));
    }

    #[test]
    fn time_left_follows_the_pace_and_never_runs_below_nothing() {
        let seconds = Duration::from_secs;
        let clock =
            |turn, past| Clock { begun: Instant::now(), turn: seconds(turn), past: seconds(past), all: seconds(100) };
        assert_eq!(clock(0, 0).left(seconds(0)), seconds(100));
        assert_eq!(clock(0, 0).left(seconds(30)), seconds(70));
        // Half the plan took twice what was estimated, and so will the other half.
        assert_eq!(clock(100, 50).left(seconds(100)), seconds(100));
        assert_eq!(clock(100, 50).left(seconds(110)), seconds(90));
        assert_eq!(clock(100, 50).left(seconds(900)), seconds(0));
    }
}
