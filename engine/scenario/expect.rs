//! What is expected of a cell: one of its figures against a bound, as in `p99 < 5ms`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::call::Word;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{Read, parsed};
use crate::error::ParseError;
use crate::key::word::one_or_several;
use crate::registry::suggestion;
use crate::units::{Size, Time};
use crate::words::words;

words! {
    /// A figure of a cell over all its trials.
    Figure {
        /// The mean response time.
        Mean = "mean",
        /// The median response time.
        P50 = "p50",
        /// 90 of 100 calls are at most this long.
        P90 = "p90",
        /// 95 of 100 calls are at most this long.
        P95 = "p95",
        /// 99 of 100 calls are at most this long.
        P99 = "p99",
        /// 999 of 1,000 calls are at most this long.
        P999 = "p999",
        /// The longest response time.
        Max = "max",
        /// Calls that failed, of all classes.
        Errors = "errors",
        /// Calls that had no answer within the time-out.
        Timeouts = "timeouts",
        /// Calls still unanswered when draining ended.
        Censored = "censored",
        /// Answered calls for each second.
        CallsPerS = "calls_per_s",
        /// Payload bytes, both ways together, for each second.
        Bandwidth = "bandwidth",
        /// CPU time of the server for each answered call.
        CpuPerCall = "cpu_per_call",
        /// The largest resident memory of one of the server's processes.
        Memory = "memory",
    }
}

words! {
    /// How a figure stands to its bound.
    Relation {
        /// Less.
        Below = "<",
        /// Less or the same.
        AtMost = "<=",
        /// The same.
        Equal = "==",
        /// More or the same.
        AtLeast = ">=",
        /// More.
        Above = ">",
    }
}

/// The unit of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// A number of calls.
    Count,
    /// Calls for each second.
    Rate,
    /// Bytes for each second.
    Bandwidth,
    /// Bytes.
    Size,
}

impl Figure {
    /// In what it is given.
    pub fn unit(self) -> Unit {
        match self {
            Figure::Errors | Figure::Timeouts | Figure::Censored => Unit::Count,
            Figure::CallsPerS => Unit::Rate,
            Figure::Bandwidth => Unit::Bandwidth,
            Figure::Memory => Unit::Size,
            _ => Unit::Time,
        }
    }
}

impl Unit {
    /// How a bound in it is written.
    fn example(self) -> &'static str {
        match self {
            Unit::Time => "5ms",
            Unit::Count => "0",
            Unit::Rate => "1000",
            Unit::Bandwidth => "100MB/s",
            Unit::Size => "64MiB",
        }
    }

    fn read(self, text: &str) -> Result<f64, ParseError> {
        let wrong = || {
            let help = format!("write it like `{}`", self.example());
            ParseError::new(format!("`{text}` is not such a bound")).help(help)
        };
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        match self {
            Unit::Time => text.parse::<Time>().map(|time| time.ns() as f64),
            Unit::Size => text.parse::<Size>().map(|size| size.bytes() as f64),
            Unit::Bandwidth => match text.strip_suffix("/s") {
                Some(size) => size.parse::<Size>().map(|size| size.bytes() as f64),
                None => Err(wrong()),
            },
            Unit::Count if digits(text, 15) => text.parse().map_err(|_| wrong()),
            Unit::Rate => {
                let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
                let rate = (digits(whole, 15) && digits(decimals, 9)).then(|| text.parse().ok());
                rate.flatten().ok_or_else(wrong)
            }
            Unit::Count => Err(wrong()),
        }
    }

    /// The pattern of what `read` takes.
    fn pattern(self) -> String {
        match self {
            Unit::Time => format!("({})", Time::any()),
            Unit::Size => format!("({})", Size::any()),
            Unit::Bandwidth => format!("({})/s", Size::any()),
            Unit::Count => "[0-9]{1,15}".to_owned(),
            Unit::Rate => r"[0-9]{1,15}(\.[0-9]{1,9})?".to_owned(),
        }
    }
}

/// One expectation, in the words of the scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Which figure.
    pub figure: Figure,
    /// How it is to stand to the bound.
    pub relation: Relation,
    /// The bound: nanoseconds, bytes, calls, or those for each second.
    pub bound: f64,
    text: String,
}

impl Expectation {
    /// True where it holds a figure down, so that a rate can be too high for it. One that asks for enough, as
    /// `calls_per_s > 1000` does, is no limit.
    pub fn is_limit(&self) -> bool {
        let down = matches!(self.relation, Relation::Below | Relation::AtMost | Relation::Equal);
        down && !matches!(self.figure, Figure::CallsPerS | Figure::Bandwidth)
    }

    /// True where it holds a response time down, which every rate breaks that the server cannot serve.
    pub fn limits_response(&self) -> bool {
        let down = matches!(self.relation, Relation::Below | Relation::AtMost);
        let time = matches!(
            self.figure,
            Figure::Mean | Figure::P50 | Figure::P90 | Figure::P95 | Figure::P99 | Figure::P999 | Figure::Max
        );
        down && time
    }

    /// True where a figure of `value` is as expected. Where it is only known to be at least that, it is so only if it
    /// is so however large it is.
    pub fn holds(&self, value: f64, at_least: bool) -> bool {
        match self.relation {
            Relation::Below => !at_least && value < self.bound,
            Relation::AtMost => !at_least && value <= self.bound,
            Relation::Equal => !at_least && value == self.bound,
            Relation::AtLeast => value >= self.bound,
            Relation::Above => value > self.bound,
        }
    }
}

impl FromStr for Expectation {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let is_relation = |c: char| "<>=".contains(c);
        let Some(begin) = text.find(is_relation) else {
            return Err(ParseError::new(format!("`{text}` compares nothing")).help("write it like `p99 < 5ms`"));
        };
        let (name, rest) = text.split_at(begin);
        let (relation, bound) = rest.split_at(rest.find(|c| !is_relation(c)).unwrap_or(rest.len()));
        let figures: Vec<&str> = Figure::ALL.iter().map(|figure| figure.word()).collect();
        let name = name.trim_matches(' ');
        let figure = Figure::ALL.iter().find(|figure| figure.word() == name);
        let figure = *figure
            .ok_or_else(|| ParseError::new(format!("unknown figure `{name}`")).help(suggestion(name, &figures)))?;
        let relations: Vec<&str> = Relation::ALL.iter().map(|relation| relation.word()).collect();
        let known = Relation::ALL.iter().find(|known| known.word() == relation);
        let relation = *known.ok_or_else(|| {
            let help = format!("known: {}", relations.join(", "));
            ParseError::new(format!("unknown relation `{relation}`")).help(help)
        })?;
        let bound = figure.unit().read(bound.trim_matches(' '));
        let bound = bound.map_err(|error| error.within(format_args!("the bound of `{figure}`")))?;
        Ok(Expectation { figure, relation, bound, text: text.trim_matches(' ').to_owned() })
    }
}

impl Read for Expectation {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        parsed(key, node, "a figure and its bound", mistakes)
    }
}

impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl Serialize for Expectation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Expectation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Expectation {
    fn schema_name() -> Cow<'static, str> {
        "Expectation".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        const UNITS: [Unit; 5] = [Unit::Time, Unit::Count, Unit::Rate, Unit::Bandwidth, Unit::Size];
        let of_unit = |unit: Unit| {
            let figures = Figure::ALL.iter().filter(|figure| figure.unit() == unit).map(|figure| figure.word());
            format!("({}) *(<=?|>=?|==) *{}", figures.collect::<Vec<_>>().join("|"), unit.pattern())
        };
        json_schema!({
            "type": "string",
            "pattern": format!("^ *({}) *$", UNITS.map(of_unit).join("|")),
            "description": "A figure over all trials of a cell, a relation, and a bound with the figure's unit.",
            "examples": ["p99 < 5ms", "errors == 0", "calls_per_s > 1000", "bandwidth >= 100MB/s"]
        })
    }
}

/// One expectation, or a list of them.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let one = generator.subschema_for::<Expectation>();
    one_or_several(&one)
}

#[cfg(test)]
mod tests {
    use super::{Expectation, Figure, Relation};

    #[test]
    fn an_expectation_is_read_with_its_unit() {
        for (text, figure, relation, bound) in [
            ("p99 < 5ms", Figure::P99, Relation::Below, 5e6),
            ("errors==0", Figure::Errors, Relation::Equal, 0.0),
            ("calls_per_s >= 1500.5", Figure::CallsPerS, Relation::AtLeast, 1500.5),
            ("bandwidth > 1.5MiB/s", Figure::Bandwidth, Relation::Above, 1_572_864.0),
            (" memory<=64MiB ", Figure::Memory, Relation::AtMost, 67_108_864.0),
        ] {
            let read: Expectation = text.parse().expect(text);
            assert_eq!((read.figure, read.relation, read.bound), (figure, relation, bound));
            assert_eq!(read.to_string(), text.trim());
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_what_would_be_right() {
        for (text, wrong) in [
            ("p99", "compares nothing"),
            ("p98 < 5ms", "unknown figure `p98`"),
            ("p99 =< 5ms", "unknown relation `=<`"),
            ("p99 < 5", "the bound of `p99`: `5` has no unit"),
            ("errors == 1.5", "the bound of `errors`: `1.5` is not such a bound; write it like `0`"),
            ("bandwidth > 5MB", "write it like `100MB/s`"),
        ] {
            let told = text.parse::<Expectation>().expect_err(text);
            assert!(told.to_string().contains(wrong), "{told}");
        }
    }

    #[test]
    fn a_limit_is_what_a_rate_can_be_too_high_for() {
        for (text, limit, response) in [
            ("p99 < 5ms", true, true),
            ("max <= 1s", true, true),
            ("errors == 0", true, false),
            ("memory < 64MiB", true, false),
            ("cpu_per_call < 1ms", true, false),
            ("p99 > 5ms", false, false),
            ("calls_per_s > 1000", false, false),
            ("calls_per_s < 1000", false, false),
        ] {
            let read: Expectation = text.parse().expect(text);
            assert_eq!((read.is_limit(), read.limits_response()), (limit, response), "{text}");
        }
    }

    #[test]
    fn a_lower_bound_can_only_exceed() {
        let below: Expectation = "p99 < 5ms".parse().expect("an expectation");
        let above: Expectation = "p99 > 5ms".parse().expect("an expectation");
        assert!(below.holds(4e6, false) && !below.holds(4e6, true) && !below.holds(5e6, false));
        assert!(above.holds(6e6, true) && !above.holds(4e6, true));
    }
}
