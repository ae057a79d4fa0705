//! What a report tells of effects: figures as text with their unit, and numbers for pictures.

use schemars::JsonSchema;
use serde::Serialize;

use crate::statistics::interval::Interval;

/// What one axis does, everything else equal.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AxisEffects {
    /// The axis: `tls`, `server`, `payload`.
    pub axis: String,
    /// A name for links to it: `effect-tls`.
    pub slug: String,
    /// True where the question is about it.
    pub asked: bool,
    /// What it does to what cells are ranked by, in a sentence or two.
    pub sentence: String,
    /// One for each kind of figure, kind of call, and value but the first.
    pub effects: Vec<Effect>,
    /// How each kind of figure runs along it, where it is an axis of three numbers or more.
    pub shapes: Vec<Shape>,
}

/// What one value does in place of another to one kind of figure.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Effect {
    /// On what: `connect, p50`, `bandwidth, upload`.
    pub what: String,
    /// The value that is compared with.
    pub from: String,
    /// The other one.
    pub to: String,
    /// The geometric mean of the matched cells with the first value.
    pub before: String,
    /// That of those with the other.
    pub after: String,
    /// How many times the one the other is, with its interval of 95 %.
    pub ratio: Interval,
    /// The same with an interval that holds for all effects of the report at once.
    pub simultaneous: Interval,
    /// The latter in words: `4.10 × (3.90 – 4.30)`.
    pub text: String,
    /// True where it is shown that there is a difference, corrected for all effects of the report (Holm).
    pub shown: bool,
    /// True where the other value is the better one.
    pub better: bool,
    /// The least ratio of a matched pair.
    pub least: f64,
    /// The greatest.
    pub most: f64,
    /// True where cells are ranked by it.
    pub main: bool,
    /// Each matched pair of cells.
    pub pairs: Vec<PairEffect>,
    /// Along which other axis it differs most, where it is shown that it does.
    pub split: Option<Split>,
}

/// One matched pair of cells.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PairEffect {
    /// In what it differs from the other pairs: `latency, clients 8`.
    pub setting: String,
    /// The number of the cell with the first value.
    pub from_cell: usize,
    /// That of the cell with the other.
    pub to_cell: usize,
    /// Its figure.
    pub before: String,
    /// The other's.
    pub after: String,
    /// How many times the one the other is, with its interval of 95 %.
    pub ratio: Interval,
}

/// An effect that differs along another axis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Split {
    /// That axis.
    pub axis: String,
    /// The effect at each of its values.
    pub parts: Vec<SplitPart>,
    /// Where along it the effect turns into its opposite.
    pub crossing: Option<Crossover>,
}

/// An effect at one value of another axis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SplitPart {
    /// The value.
    pub value: String,
    /// The geometric mean of the matched cells with the first value.
    pub before: String,
    /// That of those with the other.
    pub after: String,
    /// How many times the one the other is, with its interval of 95 %.
    pub ratio: Interval,
}

/// Where an effect turns into its opposite.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Crossover {
    /// About there, in the smallest unit of the axis, drawn straight between logarithms.
    pub at: f64,
    /// Where its interval of 95 % begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// All of it in words: `near 12.0 KiB (8.00 KiB – 20.0 KiB)`.
    pub text: String,
}

/// How a kind of figure runs along an axis of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Shape {
    /// Of what: `connect, p50`.
    pub what: String,
    /// Its workload.
    pub workload: String,
    /// Of which part, where parts differ: `server forking`; else empty.
    pub of: String,
    /// Its kind.
    pub kind: Kind,
    /// In words, with figures.
    pub text: String,
    /// The slope, in the unit of the figure for each smallest unit of the axis, with its interval of 95 %.
    pub slope: Option<Interval>,
    /// Its points, from the least value on.
    pub points: Vec<ShapePoint>,
}

/// The kinds of shapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// No difference is shown.
    Flat,
    /// A straight line.
    Linear,
    /// No difference up to some value, and one from there on.
    Knee,
    /// More and more.
    Grows,
    /// Less and less.
    Falls,
    /// Up and down.
    Varies,
}

/// One point of a shape.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ShapePoint {
    /// The value of the axis.
    pub value: String,
    /// The number that it stands for, in the smallest unit.
    pub number: f64,
    /// The figure with its interval of 95 %: the geometric mean of the cells with that value.
    pub figure: Interval,
    /// It with its unit.
    pub text: String,
}
