//! What the suite found, as its JSON file holds it, and the page that a template makes of it.

use std::collections::BTreeMap;

use engine::error::{Context, Result};
use engine::figures;
use engine::report::markup;
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
    pub(crate) figures: BTreeMap<String, Figure>,
}

/// What one metric was in each round.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// `ns`, `bytes`, `bytes/s`, or nothing for a plain number.
    pub(crate) unit: String,
    /// By the number of the round, from 1.
    pub(crate) rounds: BTreeMap<usize, f64>,
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
    /// In how many rounds both sides were measured.
    #[serde(default)]
    pub(crate) rounds: Option<usize>,
    /// The middle of the rounds; none where a side is missing.
    pub(crate) median: Option<f64>,
    /// The least of the rounds.
    pub(crate) min: Option<f64>,
    /// The most of the rounds.
    pub(crate) max: Option<f64>,
    /// Whether the median keeps to the goal.
    pub(crate) met: Option<bool>,
}

/// A value with its unit, as reports write it.
pub(crate) fn quantity(value: f64, unit: &str) -> String {
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
    let view = View::of(suite);
    environment.render_named_str("performance.md", TEMPLATE, Serde(&view)).doing("laying out the page")
}

/// What the template gets: the suite by its parts.
#[derive(Serialize)]
struct View<'a> {
    groups: Vec<Group<'a>>,
    machine: &'a BTreeMap<String, String>,
    peers: &'a BTreeMap<String, Option<String>>,
}

/// The comparisons of one part of the suite.
#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    comparisons: &'a [Compared],
}

impl View<'_> {
    fn of(suite: &Suite) -> View<'_> {
        let groups = suite.comparisons.chunk_by(|a, b| a.group == b.group);
        View {
            groups: groups.map(|comparisons| Group { name: &comparisons[0].group, comparisons }).collect(),
            machine: &suite.machine,
            peers: &suite.peers,
        }
    }
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
