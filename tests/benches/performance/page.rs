//! What the suite found, as its JSON file holds it, and the page that a template makes of it.

use std::collections::BTreeMap;

use engine::error::{Context, Result};
use engine::report::{figures, markup};
use minijinja::value::{self as jinja, Serde};
use minijinja::{Environment, UndefinedBehavior};
use serde::{Deserialize, Serialize};

/// The template of the page.
const TEMPLATE: &str = include_str!("../../../templates/performance.md.jinja");

/// Everything that was measured.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Suite {
    /// The machine.
    pub(crate) machine: BTreeMap<String, String>,
    /// Each peer with its version; none where it is not installed.
    pub(crate) peers: BTreeMap<String, Option<String>>,
    /// In the order of the suite.
    pub(crate) comparisons: Vec<Compared>,
}

/// One comparison with what all rounds gave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Compared {
    /// The part of the suite that it belongs to.
    pub(crate) group: String,
    /// What it is called.
    pub(crate) name: String,
    /// What the sides do, in a sentence.
    pub(crate) about: String,
    /// When it was measured.
    pub(crate) measured: String,
    /// The commit that was measured, where there is one.
    pub(crate) commit: Option<String>,
    /// How often each side had its turn.
    pub(crate) rounds: usize,
    /// Why there are no sides, where there are none.
    pub(crate) trouble: Option<String>,
    /// The sides in the order of their turns.
    pub(crate) sides: Vec<Sided>,
    /// What is claimed, and what the rounds say of it.
    pub(crate) claims: Vec<Claimed>,
}

impl Compared {
    /// Begun now, with the engine as it is.
    pub(crate) fn now() -> Compared {
        let manifest = engine::run::manifest::of_this_machine();
        Compared { measured: manifest.started, commit: manifest.git, ..Compared::default() }
    }
}

/// One side with its figures.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sided {
    /// What it is called.
    pub(crate) name: String,
    /// Why it was never measured: it is not installed.
    pub(crate) missing: Option<String>,
    /// What went wrong in single rounds.
    pub(crate) failures: Vec<String>,
    /// For each metric, what each round gave.
    pub(crate) figures: BTreeMap<String, BTreeMap<usize, f64>>,
}

impl Sided {
    /// A side that has not been measured yet.
    pub(crate) fn named(name: &str) -> Sided {
        Sided { name: name.to_owned(), ..Sided::default() }
    }

    /// Keeps what a round gave.
    pub(crate) fn put(&mut self, metric: &str, round: usize, value: f64) {
        self.figures.entry(metric.to_owned()).or_default().insert(round, value);
    }

    /// What a round gave.
    pub(crate) fn get(&self, metric: &str, round: usize) -> Option<f64> {
        self.figures.get(metric)?.get(&round).copied()
    }
}

/// What a claim is about.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Value {
    /// One side's figure divided by the other's, round by round.
    Ratio,
    /// One side's figure less the other's, round by round.
    Difference,
    /// One side's figure.
    Itself,
}

/// What a value has to be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bound {
    /// So much or more.
    AtLeast(f64),
    /// So much or less.
    AtMost(f64),
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

/// A claim with what the rounds say of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claimed {
    /// The figure.
    pub(crate) metric: String,
    /// Its unit.
    pub(crate) unit: String,
    /// Whose.
    pub(crate) of: String,
    /// Beside whose.
    pub(crate) against: Option<String>,
    /// What is made of the two.
    pub(crate) value: Value,
    /// What it has to be; none where it is only shown.
    pub(crate) goal: Option<Bound>,
    /// The middle of the rounds; none where a side is missing.
    pub(crate) median: Option<f64>,
    /// The least of the rounds.
    pub(crate) min: Option<f64>,
    /// The most of the rounds.
    pub(crate) max: Option<f64>,
    /// Whether the median keeps to the goal.
    pub(crate) met: Option<bool>,
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

/// A value with its unit, as reports write it.
fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "ratio" => format!("{value:.3} ×"),
        "ns" if value < 0.0 => format!("−{}", figures::time(-value)),
        "ns" => figures::time(value),
        "bytes" => figures::size(value.max(0.0).round() as u64),
        "bytes/s" => format!("{}/s", figures::size(value.max(0.0).round() as u64)),
        _ => figures::number(value),
    }
}

/// The page; the same suite always gives the same one.
pub(crate) fn page(suite: &Suite) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = environment.syntax().to_builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.doing("preparing the template")?);
    environment.set_auto_escape_callback(markup::escaping);
    environment.set_formatter(markup::formatter);
    environment.add_filter("quantity", |value: f64, unit: String| quantity(value, &unit));
    environment.add_filter("middle", middle);
    environment.render_named_str("performance.md", TEMPLATE, Serde(suite)).doing("laying out the page")
}

/// The median of what the rounds gave.
fn middle(rounds: &jinja::Value) -> std::result::Result<f64, minijinja::Error> {
    let mut values = Vec::new();
    for round in rounds.try_iter()? {
        values.push(f64::try_from(rounds.get_item(&round)?)?);
    }
    values.sort_by(f64::total_cmp);
    let missing = || minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, "no round gave this figure");
    values.get(values.len() / 2).copied().ok_or_else(missing)
}
