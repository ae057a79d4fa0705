//! Sides that are measured in turn, round after round, and the ratios that the rounds give.

use std::collections::BTreeMap;

use engine::error::Result;

use crate::page::{Bound, Claimed, Compared, Sided, Value, quantity};

/// What one side gave in one round, by the names of [`Metric`]s.
pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// A figure that sides are compared by.
#[derive(Clone, Copy)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    /// `ns`, `bytes`, `bytes/s`, or nothing for a plain number.
    pub(crate) unit: &'static str,
}

pub(crate) const CALLS_PER_CPU_SECOND: Metric = Metric { name: "calls per CPU-second", unit: "" };
pub(crate) const CALLS_PER_WINDOW_CPU_SECOND: Metric =
    Metric { name: "calls per CPU-second of the window alone", unit: "" };
pub(crate) const CALLS_PER_CPU_SECOND_OF_BOTH: Metric = Metric { name: "calls per CPU-second of both ends", unit: "" };
pub(crate) const CALLS_PER_SECOND: Metric = Metric { name: "calls per second", unit: "" };
pub(crate) const REPLIES_PER_CPU_SECOND: Metric = Metric { name: "replies per CPU-second of the server", unit: "" };
pub(crate) const P50: Metric = Metric { name: "p50", unit: "ns" };
pub(crate) const P99_LATENESS: Metric = Metric { name: "p99 of lateness", unit: "ns" };
pub(crate) const START_LATENESS: Metric = Metric { name: "lateness of a start, median", unit: "ns" };
pub(crate) const LATEST_START: Metric = Metric { name: "lateness of the latest start", unit: "ns" };
pub(crate) const BANDWIDTH: Metric = Metric { name: "bandwidth", unit: "bytes/s" };
pub(crate) const PEAK_MEMORY: Metric = Metric { name: "peak memory", unit: "bytes" };
pub(crate) const MEMORY_PER_CONNECTION: Metric = Metric { name: "memory (PSS) per idle connection", unit: "bytes" };
pub(crate) const TIME: Metric = Metric { name: "time", unit: "ns" };
pub(crate) const TIME_PER_CELL: Metric = Metric { name: "time around the measured one, per trial", unit: "ns" };
pub(crate) const TIME_PER_CALL: Metric = Metric { name: "time per call", unit: "ns" };
pub(crate) const CPU_PER_PACKET: Metric = Metric { name: "CPU of the relay per packet", unit: "ns" };

/// All of them.
const METRICS: [Metric; 16] = [
    CALLS_PER_CPU_SECOND,
    CALLS_PER_CPU_SECOND_OF_BOTH,
    CALLS_PER_WINDOW_CPU_SECOND,
    CALLS_PER_SECOND,
    REPLIES_PER_CPU_SECOND,
    P50,
    P99_LATENESS,
    START_LATENESS,
    LATEST_START,
    BANDWIDTH,
    PEAK_MEMORY,
    MEMORY_PER_CONNECTION,
    TIME,
    TIME_PER_CELL,
    TIME_PER_CALL,
    CPU_PER_PACKET,
];

/// One of the things that are compared.
pub(crate) struct Side {
    name: &'static str,
    run: std::result::Result<Box<dyn FnMut() -> Result<Figures>>, String>,
}

impl Side {
    /// A side that is measured by `run`, once a round.
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> Result<Figures> + 'static) -> Side {
        Side { name, run: Ok(Box::new(run)) }
    }

    /// The same for what takes minutes: it is measured in the first round alone, and the page says so.
    pub(crate) fn once(name: &'static str, mut run: impl FnMut() -> Result<Figures> + 'static) -> Side {
        let mut begun = false;
        Side::new(name, move || if std::mem::replace(&mut begun, true) { Ok(Figures::new()) } else { run() })
    }

    /// The same for a peer, which may not be there.
    pub(crate) fn peer(
        name: &'static str,
        found: std::result::Result<(), String>,
        run: impl FnMut() -> Result<Figures> + 'static,
    ) -> Side {
        Side { run: found.map(|()| Box::new(run) as _), name }
    }
}

/// What is wanted of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    /// At least this many times the other side's.
    AtLeast(f64),
    /// At most this many times the other side's.
    AtMost(f64),
    /// At most so much more than the other side's, in the unit of the metric.
    Within(f64),
    /// Less than so much, whatever others need, in the unit of the metric.
    Below(f64),
    /// Nothing: the ratio is shown.
    Shown,
}

/// What one side's figure is to be, beside another's.
#[derive(Clone, Copy)]
pub(crate) struct Claim {
    metric: Metric,
    of: &'static str,
    against: &'static str,
    goal: Goal,
}

impl Claim {
    /// The figure of one side beside that of another.
    pub(crate) fn ratio(metric: Metric, of: &'static str, against: &'static str, goal: Goal) -> Claim {
        Claim { metric, of, against, goal }
    }

    /// The figure of one side alone, to stay below `bound`.
    pub(crate) fn below(metric: Metric, of: &'static str, bound: f64) -> Claim {
        Claim { metric, of, against: "", goal: Goal::Below(bound) }
    }
}

/// Sides that do the same, and what is claimed of them.
pub(crate) struct Comparison {
    /// The part of the suite that it belongs to.
    pub(crate) group: &'static str,
    /// What it is called; `--only` matches a part of it.
    pub(crate) name: String,
    /// What the sides do, in a sentence.
    pub(crate) about: String,
    /// What is claimed.
    pub(crate) claims: Vec<Claim>,
    /// Launches what all rounds share, and gives the sides.
    pub(crate) stage: Box<dyn FnOnce() -> Result<Vec<Side>>>,
}

impl Comparison {
    /// Measures all sides in turn, `rounds` times over; `say` is told each figure as it comes.
    pub(crate) fn measure(self, rounds: usize, mut say: impl FnMut(&str)) -> Compared {
        let mut compared =
            Compared { group: self.group.to_owned(), name: self.name, about: self.about, ..Compared::now() };
        compared.rounds = rounds;
        let mut sides = match (self.stage)() {
            Ok(sides) => sides,
            Err(error) => {
                compared.trouble = Some(error.to_string());
                Vec::new()
            }
        };
        let mut measured: Vec<Sided> = sides.iter().map(|side| Sided::named(side.name)).collect();
        for round in 1..=rounds {
            for (side, sided) in sides.iter_mut().zip(&mut measured) {
                match &mut side.run {
                    Err(missing) => sided.missing = Some(missing.clone()),
                    Ok(run) => match run() {
                        Ok(figures) => {
                            say(&format!("  {round} {}: {}", side.name, told(&figures)));
                            figures.into_iter().for_each(|(name, value)| sided.put(name, round, value));
                        }
                        Err(error) => {
                            say(&format!("  {round} {}: {error}", side.name));
                            sided.failures.push(error.to_string());
                        }
                    },
                }
            }
        }
        compared.claims = self.claims.iter().map(|claim| judged(claim, &measured, rounds)).collect();
        compared.sides = measured;
        compared
    }
}

fn told(figures: &Figures) -> String {
    let told: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {value:.1}")).collect();
    told.join(", ")
}

/// The claim with what the rounds say of it; rounds that lack a side say nothing.
fn judged(claim: &Claim, sides: &[Sided], rounds: usize) -> Claimed {
    let figure = |side: &str, round: usize| {
        sides.iter().find(|sided| sided.name == side).and_then(|sided| sided.get(claim.metric.name, round))
    };
    let value = |round| {
        let of = figure(claim.of, round)?;
        Some(match claim.goal {
            Goal::Below(_) => of,
            Goal::Within(_) => of - figure(claim.against, round)?,
            _ => of / figure(claim.against, round)?,
        })
    };
    let mut values: Vec<f64> = (1..=rounds).filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    let (value, goal) = match claim.goal {
        Goal::AtLeast(bound) => (Value::Ratio, Some(Bound::AtLeast(bound))),
        Goal::AtMost(bound) => (Value::Ratio, Some(Bound::AtMost(bound))),
        Goal::Within(bound) => (Value::Difference, Some(Bound::AtMost(bound))),
        Goal::Below(bound) => (Value::Itself, Some(Bound::AtMost(bound))),
        Goal::Shown => (Value::Ratio, None),
    };
    let median = median(&values);
    Claimed {
        metric: claim.metric.name.to_owned(),
        unit: claim.metric.unit.to_owned(),
        of: claim.of.to_owned(),
        against: Some(claim.against.to_owned()).filter(|against| !against.is_empty()),
        value,
        goal,
        median,
        rounds: Some(values.len()),
        min: values.first().copied(),
        max: values.last().copied(),
        met: median.zip(goal).map(|(median, goal)| goal.holds(median)),
    }
}

/// The one in the middle of sorted values, or the mean of the two that are.
pub(crate) fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

impl Compared {
    /// Begun now, with the engine as it is.
    pub(crate) fn now() -> Compared {
        let manifest = engine::place::manifest::manifest(engine::place::manifest::machine());
        Compared { measured: manifest.started, commit: manifest.git, ..Compared::default() }
    }
}

impl Sided {
    /// A side that has not been measured yet.
    pub(crate) fn named(name: &str) -> Sided {
        Sided { name: name.to_owned(), ..Sided::default() }
    }

    /// Keeps what a round gave.
    pub(crate) fn put(&mut self, metric: &str, round: usize, value: f64) {
        let unit = METRICS.iter().find(|known| known.name == metric).map_or("", |known| known.unit);
        let figure = self.figures.entry(metric.to_owned()).or_default();
        figure.unit = unit.to_owned();
        figure.rounds.insert(round, value);
    }

    /// What a round gave.
    pub(crate) fn get(&self, metric: &str, round: usize) -> Option<f64> {
        self.figures.get(metric)?.rounds.get(&round).copied()
    }
}

impl Bound {
    /// True where the value keeps to it.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(bound) => value >= bound,
            Bound::AtMost(bound) => value <= bound,
        }
    }
}

impl Claimed {
    /// The claim in a line of plain text.
    pub(crate) fn line(&self) -> String {
        let against = self.against.as_ref().map_or(String::new(), |against| format!(" beside {against}"));
        let verdict = match (self.met, self.goal) {
            (Some(true), _) => "met",
            (Some(false), _) => "MISSED",
            (None, Some(_)) => "not measured",
            (None, None) => "shown",
        };
        let told = |value: Option<f64>| value.map_or("–".to_owned(), |value| quantity(value, self.kind()));
        let goal = match self.goal {
            Some(Bound::AtLeast(bound)) => format!("at least {}", quantity(bound, self.kind())),
            Some(Bound::AtMost(bound)) => format!("at most {}", quantity(bound, self.kind())),
            None => "none".to_owned(),
        };
        let (median, min, max) = (told(self.median), told(self.min), told(self.max));
        format!("{verdict}: {} of {}{against}: {median} ({min} to {max}), goal {goal}", self.metric, self.of)
    }

    fn kind(&self) -> &str {
        if self.value == Value::Ratio { "ratio" } else { &self.unit }
    }
}
