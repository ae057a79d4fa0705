//! What is expected of a cell: one of its figures against a bound (`p99 < 5ms`) or another target's (`p99 < 110% of main`).

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
use crate::key::call::is_name;
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

    /// True where each trial has one that spreads by factors, so that the ratio to another target's has an interval.
    pub fn has_ratio(self) -> bool {
        !matches!(self, Figure::Max | Figure::Errors | Figure::Timeouts | Figure::Censored | Figure::Memory)
    }

    /// True where each call of a mix has its own.
    pub fn of_a_call(self) -> bool {
        !matches!(self, Figure::CallsPerS | Figure::Bandwidth | Figure::CpuPerCall | Figure::Memory)
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

/// The target that `baseline` names, where an expectation is told against it.
pub const BASELINE: &str = "baseline";

/// What a figure is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Bound {
    /// Nanoseconds, bytes, calls, or those for each second.
    Fixed(f64),
    /// So many times the same figure of another target that is asked the same: `110% of main` is 1.1.
    Share {
        /// How many times.
        of_it: f64,
        /// The name of that target, or [`BASELINE`].
        target: String,
    },
}

/// One expectation, in the words of the scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// Of which call of a mix, as in `buy.p99`; none where it is of all together.
    pub call: Option<String>,
    /// Which figure.
    pub figure: Figure,
    /// How it is to stand to the bound.
    pub relation: Relation,
    /// The bound.
    pub bound: Bound,
    text: String,
}

impl Expectation {
    /// True where it holds a figure down, so that a rate can be too high for it. One that asks for enough, as
    /// `calls_per_s > 1000` does, is no limit.
    pub fn is_limit(&self) -> bool {
        let down = matches!(self.relation, Relation::Below | Relation::AtMost | Relation::Equal);
        down && self.fixed().is_some() && !matches!(self.figure, Figure::CallsPerS | Figure::Bandwidth)
    }

    /// True where it holds a response time down, which every rate breaks that the server cannot serve.
    pub fn limits_response(&self) -> bool {
        let down = matches!(self.relation, Relation::Below | Relation::AtMost);
        let time = matches!(
            self.figure,
            Figure::Mean | Figure::P50 | Figure::P90 | Figure::P95 | Figure::P99 | Figure::P999 | Figure::Max
        );
        down && time && self.fixed().is_some()
    }

    /// The bound; none where it is another target's figure.
    pub fn fixed(&self) -> Option<f64> {
        match self.bound {
            Bound::Fixed(bound) => Some(bound),
            Bound::Share { .. } => None,
        }
    }

    /// The target whose figure it is held against, in a scenario with that `baseline`; none where its bound is fixed.
    pub fn than<'a>(&'a self, baseline: Option<&'a str>) -> Option<&'a str> {
        match &self.bound {
            Bound::Share { target, .. } if target == BASELINE => baseline.or(Some(target)),
            Bound::Share { target, .. } => Some(target),
            Bound::Fixed(_) => None,
        }
    }

    /// True where a figure of `value` is as expected of it by `bound`. Where it is only known to be at least that, it is so
    /// only if it is so however large it is.
    pub fn holds(&self, value: f64, at_least: bool, bound: f64) -> bool {
        match self.relation {
            Relation::Below => !at_least && value < bound,
            Relation::AtMost => !at_least && value <= bound,
            Relation::Equal => !at_least && value == bound,
            Relation::AtLeast => value >= bound,
            Relation::Above => value > bound,
        }
    }
}

/// A bound such as `110% of main`; none where a text does not begin with a percentage.
fn share(text: &str, figure: Figure, relation: Relation) -> Option<Result<Bound, ParseError>> {
    let (percent, rest) = text.split_once('%')?;
    let wrong = |what: String, help: &str| Some(Err(ParseError::new(what).help(help)));
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
    let digits =
        |text: &str, most: usize| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = (digits(whole, 6) && digits(decimals, 3)).then(|| percent.parse::<f64>().ok()).flatten();
    let named = rest.strip_prefix(' ').and_then(|rest| rest.trim_start_matches(' ').strip_prefix("of "));
    let named = named.map(|name| name.trim_matches(' ')).filter(|name| !name.trim().is_empty() && !name.contains('/'));
    let (Some(number), Some(target)) = (number, named) else {
        return wrong(
            format!("`{text}` is not such a bound"),
            "write it like `110% of main`, with the name of a target",
        );
    };
    if !figure.has_ratio() {
        let help = "give it a bound of its own; a time, a rate and the CPU time of a call can be told against another target's";
        return wrong(format!("`{figure}` cannot be told against another target's: it has no interval"), help);
    }
    if relation == Relation::Equal {
        return wrong(
            "trials never show that two figures are equal".to_owned(),
            "write `<` or `>`, and how far it may be",
        );
    }
    Some(Ok(Bound::Share { of_it: number / 100.0, target: target.to_owned() }))
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
        let (call, name) = name.rsplit_once('.').map_or((None, name), |(call, name)| (Some(call), name));
        if let Some(call) = call.filter(|call| !is_name(call)) {
            let what = format!("`{call}` is no name of a call");
            return Err(ParseError::new(what).help("write it like `buy.p99 < 5ms`"));
        }
        let figure = Figure::ALL.iter().find(|figure| figure.word() == name);
        let figure = *figure
            .ok_or_else(|| ParseError::new(format!("unknown figure `{name}`")).help(suggestion(name, &figures)))?;
        let relations: Vec<&str> = Relation::ALL.iter().map(|relation| relation.word()).collect();
        let known = Relation::ALL.iter().find(|known| known.word() == relation);
        let relation = *known.ok_or_else(|| {
            let help = format!("known: {}", relations.join(", "));
            ParseError::new(format!("unknown relation `{relation}`")).help(help)
        })?;
        if let Some(call) = call.filter(|_| !figure.of_a_call()) {
            let what = format!("`{call}` has no `{figure}` of its own: that is counted of all calls together");
            return Err(ParseError::new(what).help(format!("write `{figure}` for all of them")));
        }
        let bound = bound.trim_matches(' ');
        let bound = share(bound, figure, relation).unwrap_or_else(|| figure.unit().read(bound).map(Bound::Fixed));
        let bound = bound.map_err(|error| error.within(format_args!("the bound of `{figure}`")))?;
        let (call, text) = (call.map(str::to_owned), text.trim_matches(' ').to_owned());
        Ok(Expectation { call, figure, relation, bound, text })
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
        let figures = |wanted: &dyn Fn(Figure) -> bool| {
            let wanted = Figure::ALL.iter().filter(|figure| wanted(**figure));
            let named = |figure: &Figure| match figure.of_a_call() {
                true => format!(r"([A-Za-z0-9._-]+\.)?{figure}"),
                false => figure.to_string(),
            };
            wanted.map(named).collect::<Vec<_>>().join("|")
        };
        let of_unit =
            |unit: Unit| format!("({}) *(<=?|>=?|==) *{}", figures(&|figure| figure.unit() == unit), unit.pattern());
        let share = r"[0-9]{1,6}(\.[0-9]{1,3})?% +of +[^/]*[^/ \t\r\n][^/]*";
        let shares = format!("({}) *(<=?|>=?) *{share}", figures(&Figure::has_ratio));
        json_schema!({
            "type": "string",
            "pattern": format!("^ *({}|{shares}) *$", UNITS.map(of_unit).join("|")),
            "description": "A figure over all trials of a cell, a relation, and a bound with the figure's unit, or a part \
                of what another target has: `p99 < 110% of main`, where `baseline` is the target that the scenario names so. \
                `buy.p99` is that of one call of a mix.",
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
    use super::{Bound, Expectation, Figure, Relation};

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
            assert_eq!((read.figure, read.relation, read.fixed()), (figure, relation, Some(bound)));
            assert_eq!((read.to_string().as_str(), read.call), (text.trim(), None));
        }
    }

    #[test]
    fn an_expectation_is_told_against_another_target_or_of_one_call() {
        for (text, call, of_it, target) in [
            ("p99 < 110% of main", None, 1.1, "main"),
            ("calls_per_s>=95.5%  of  the old one ", None, 0.955, "the old one"),
            ("buy.p50 <= 100% of baseline", Some("buy"), 1.0, "baseline"),
            ("v1.buy.mean > 50% of shop-workers=1", Some("v1.buy"), 0.5, "shop-workers=1"),
        ] {
            let read: Expectation = text.parse().expect(text);
            let bound = Bound::Share { of_it, target: target.to_owned() };
            assert_eq!((read.call.as_deref(), &read.bound), (call, &bound), "{text}");
            assert!(!read.is_limit() && !read.limits_response(), "no rate is too high for it");
            assert_eq!(read.than(Some("x")), Some(if target == "baseline" { "x" } else { target }));
        }
        let fixed: Expectation = "buy.p99 < 5ms".parse().expect("of one call");
        assert_eq!((fixed.call.as_deref(), fixed.than(Some("x"))), (Some("buy"), None));
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
            ("p99 < 110%", "`110%` is not such a bound; write it like `110% of main`"),
            ("p99 < 110% main", "is not such a bound"),
            ("p99 < ten% of main", "is not such a bound"),
            ("p99 < 110% of ", "is not such a bound"),
            ("errors < 110% of main", "`errors` cannot be told against another target's: it has no interval"),
            ("p99 == 100% of main", "trials never show that two figures are equal"),
            ("buy.memory < 1GiB", "`buy` has no `memory` of its own"),
            ("b/y.p99 < 1s", "`b/y` is no name of a call"),
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
        assert!(below.holds(4e6, false, 5e6) && !below.holds(4e6, true, 5e6) && !below.holds(5e6, false, 5e6));
        assert!(above.holds(6e6, true, 5e6) && !above.holds(4e6, true, 5e6));
    }
}
