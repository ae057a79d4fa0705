//! The value of a key: one for all kinds, which compares, prints and travels as users write it.

use std::cmp::Ordering;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::call::{Called, Word};
use crate::key::load::{Share, Step};
use crate::transport::option::OptionValue;
use crate::units::{self, BitRate, Size, Time};

/// One value of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number.
    Count(u64),
    /// A number.
    Number(f64),
    /// A number of bytes.
    Size(Size),
    /// A length of time.
    Time(Time),
    /// A share of all.
    Percent(units::Share),
    /// Bits for each second.
    Bits(BitRate),
    /// A word, or a name.
    Word(String),
    /// Rates that follow each other.
    Steps(Vec<Step>),
    /// Calls that are drawn, with their weights.
    Shares(Vec<Share>),
    /// Calls in their order.
    Calls(Vec<Called>),
}

impl Setting {
    /// The value that stands for that word.
    pub fn word(word: impl Into<String>) -> Self {
        Setting::Word(word.into())
    }

    /// Its text where it is a word.
    pub fn as_word(&self) -> Option<&str> {
        if let Setting::Word(word) = self { Some(word) } else { None }
    }

    /// The word of a closed set that it is.
    pub fn of_set<W: Word>(&self) -> Option<W> {
        W::ALL.iter().copied().find(|known| self.as_word() == Some(known.word()))
    }

    /// The number that it is, in its smallest unit: bytes, nanoseconds, bits for each second, billionths.
    pub fn number(&self) -> Option<f64> {
        match self {
            Setting::Count(count) => Some(*count as f64),
            Setting::Number(number) => Some(*number),
            Setting::Size(size) => Some(size.bytes() as f64),
            Setting::Time(time) => Some(time.ns() as f64),
            Setting::Percent(share) => Some(share.0 as f64),
            Setting::Bits(rate) => Some(rate.bits() as f64),
            Setting::Flag(_) | Setting::Word(_) | Setting::Steps(_) | Setting::Shares(_) | Setting::Calls(_) => None,
        }
    }

    /// The whole number that it is, in its smallest unit.
    pub fn count(&self) -> Option<u64> {
        match self {
            Setting::Count(count) => Some(*count),
            Setting::Size(size) => Some(size.bytes()),
            Setting::Time(time) => Some(time.ns()),
            _ => None,
        }
    }

    /// Orders numbers by how large they are, after whatever is no number.
    pub fn by_amount(&self, other: &Self) -> Ordering {
        match (self.number(), other.number()) {
            (Some(own), Some(other)) => own.total_cmp(&other),
            (own, other) => own.is_some().cmp(&other.is_some()),
        }
    }

    /// What JSON has of a key that this engine does not know.
    pub(crate) fn of_json(value: &serde_json::Value) -> Option<Self> {
        Some(match value {
            serde_json::Value::Bool(flag) => Setting::Flag(*flag),
            serde_json::Value::Number(number) => match number.as_u64() {
                Some(count) => Setting::Count(count),
                None => Setting::Number(number.as_f64()?),
            },
            serde_json::Value::String(word) => Setting::Word(word.clone()),
            _ => return None,
        })
    }
}

impl From<&OptionValue> for Setting {
    fn from(value: &OptionValue) -> Self {
        match value {
            OptionValue::Flag(flag) => Setting::Flag(*flag),
            OptionValue::Count(count) => Setting::Count(*count),
            OptionValue::Word(word) => Setting::Word(word.clone()),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Flag(flag) => flag.fmt(f),
            Setting::Count(count) => count.fmt(f),
            Setting::Number(number) => number.fmt(f),
            Setting::Size(size) => size.fmt(f),
            Setting::Time(time) => time.fmt(f),
            Setting::Percent(share) => share.fmt(f),
            Setting::Bits(rate) => rate.fmt(f),
            Setting::Word(word) => f.pad(word),
            Setting::Steps(steps) => {
                let step = |step: &Step| match step.end {
                    None => format!("{}/s for {}", step.rate, Time(step.time)),
                    Some(end) => format!("{} to {end}/s for {}", step.rate, Time(step.time)),
                };
                f.pad(&steps.iter().map(step).collect::<Vec<_>>().join(", "))
            }
            Setting::Shares(shares) => {
                let shares: Vec<String> =
                    shares.iter().map(|share| format!("{}: {}", share.call, share.weight)).collect();
                f.pad(&shares.join(", "))
            }
            Setting::Calls(calls) => f.pad(&calls.iter().map(Called::name).collect::<Vec<_>>().join(", ")),
        }
    }
}

/// As a scenario has it: a whole number is written as one.
impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Setting::Flag(flag) => serializer.serialize_bool(*flag),
            Setting::Count(count) => serializer.serialize_u64(*count),
            Setting::Number(number) if number.fract() == 0.0 => serializer.serialize_u64(*number as u64),
            Setting::Number(number) => serializer.serialize_f64(*number),
            Setting::Size(size) => size.serialize(serializer),
            Setting::Time(time) => time.serialize(serializer),
            Setting::Percent(share) => share.serialize(serializer),
            Setting::Bits(rate) => rate.serialize(serializer),
            Setting::Word(word) => serializer.serialize_str(word),
            Setting::Steps(steps) => {
                let (number, time) = (Setting::Number, |step: &Step| Time(step.time));
                let step = |step: &Step| match step.end {
                    None => serde_json::json!({"rate": number(step.rate), "for": time(step)}),
                    Some(end) => {
                        serde_json::json!({"start": number(step.rate), "end": number(end), "for": time(step)})
                    }
                };
                serializer.collect_seq(steps.iter().map(step))
            }
            Setting::Shares(shares) => {
                serializer.collect_map(shares.iter().map(|share| (share.call.name(), share.weight)))
            }
            Setting::Calls(calls) => serializer.collect_seq(calls),
        }
    }
}

impl JsonSchema for Setting {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Setting".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A value as a scenario has it: a flag, a number, a word, a size, a time, a share or a rate of bits with its unit, the steps of a ramp, the weights of a mix, or calls in their order.",
            "type": ["boolean", "number", "string", "array", "object"],
        })
    }
}
