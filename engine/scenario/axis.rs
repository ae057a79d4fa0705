//! One value, or a list of values where a comparison is wanted.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

use crate::registry::Entry;
use crate::scenario::schema::not_zero;
use crate::server::MODELS;
use crate::server::contract::Model;
use crate::stack::STACKS;
use crate::stack::contract::{Driver, Stack};
use crate::stack::driver::DRIVERS;
use crate::transport::TRANSPORTS;
use crate::transport::contract::Transport;
use crate::units::Size;

/// The values of an axis: at least one, none twice.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis<T>(Vec<T>);

impl<T: PartialEq> Axis<T> {
    /// An axis with one value.
    pub fn one(value: T) -> Self {
        Axis(vec![value])
    }

    /// An axis with these values; none where there are none. What stands twice is kept once.
    pub fn new(values: impl IntoIterator<Item = T>) -> Option<Self> {
        let mut kept = Vec::new();
        for value in values {
            if !kept.contains(&value) {
                kept.push(value);
            }
        }
        (!kept.is_empty()).then_some(Axis(kept))
    }

    /// The values in the order of the file.
    pub fn values(&self) -> &[T] {
        &self.0
    }

    /// True where there is something to compare.
    pub fn varies(&self) -> bool {
        self.0.len() > 1
    }

    /// The axis with each value changed; values that become equal become one.
    pub fn map(self, change: impl Fn(T) -> T) -> Self {
        Axis::new(self.0.into_iter().map(change)).unwrap_or(Axis(Vec::new()))
    }
}

impl<T: Serialize> Serialize for Axis<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Axis<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("One or several of {}", T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        one_or_several(&one)
    }
}

/// The schema of an axis with values of that schema.
pub(crate) fn one_or_several(one: &Schema) -> Schema {
    json_schema!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "uniqueItems": true}]})
}

/// A list whose entries a scenario refers to by name.
pub trait Listed: Entry + 'static {
    /// What an entry is, in words.
    const WHAT: &'static str;
    /// What the schema calls it.
    const TITLE: &'static str;
    /// The list.
    fn list() -> &'static [&'static Self];
}

impl Listed for dyn Transport {
    const WHAT: &'static str = "transport";
    const TITLE: &'static str = "Transport";
    fn list() -> &'static [&'static Self] {
        TRANSPORTS
    }
}

impl Listed for dyn Model {
    const WHAT: &'static str = "server model";
    const TITLE: &'static str = "Model";
    fn list() -> &'static [&'static Self] {
        MODELS
    }
}

impl Listed for dyn Stack {
    const WHAT: &'static str = "stack";
    const TITLE: &'static str = "Stack";
    fn list() -> &'static [&'static Self] {
        STACKS
    }
}

impl Listed for dyn Driver {
    const WHAT: &'static str = "driver";
    const TITLE: &'static str = "Driver";
    fn list() -> &'static [&'static Self] {
        DRIVERS
    }
}

/// An entry of a list, written as its name.
pub struct Named<T: Listed + ?Sized>(pub &'static T);

impl<T: Listed + ?Sized> Clone for Named<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T: Listed + ?Sized> Copy for Named<T> {}
impl<T: Listed + ?Sized> PartialEq for Named<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}
impl<T: Listed + ?Sized> fmt::Debug for Named<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}
impl<T: Listed + ?Sized> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name())
    }
}
impl<T: Listed + ?Sized> JsonSchema for Named<T> {
    fn schema_name() -> Cow<'static, str> {
        T::TITLE.into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<Schema> = T::list()
            .iter()
            .map(|entry| json_schema!({"type": "string", "const": entry.name(), "description": entry.about()}))
            .collect();
        json_schema!({"oneOf": words})
    }
}

/// Calls per second of all clients together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(pub f64);

impl Serialize for Rate {
    /// A whole number is written as one.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.fract() == 0.0 { serializer.serialize_u64(self.0 as u64) } else { serializer.serialize_f64(self.0) }
    }
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": Rate::LEAST, "maximum": Rate::MOST})
    }
}

impl Rate {
    /// The lowest rate that can be asked for.
    pub const LEAST: f64 = 1e-3;
    /// The highest rate that can be asked for.
    pub const MOST: f64 = 1e7;
}

/// What a workload writes as its rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Offered {
    /// This one.
    At(Rate),
    /// The highest one at which all that is expected holds: it is searched.
    Search,
}

impl Offered {
    /// The word that asks for a search.
    pub const SEARCH: &'static str = "search";

    /// The rate, where it is given.
    pub fn rate(self) -> Option<Rate> {
        match self {
            Offered::At(rate) => Some(rate),
            Offered::Search => None,
        }
    }
}

impl Serialize for Offered {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Offered::At(rate) => rate.serialize(serializer),
            Offered::Search => serializer.serialize_str(Offered::SEARCH),
        }
    }
}

impl JsonSchema for Offered {
    fn schema_name() -> Cow<'static, str> {
        "Offered".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rate = generator.subschema_for::<Rate>();
        let about = "The highest rate at which every `expect` of a response time holds; each probe takes `duration`.";
        json_schema!({"anyOf": [{"const": Offered::SEARCH, "description": about}, rate]})
    }
}

/// In what pieces a body travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chunk {
    /// In one.
    Whole,
    /// In pieces of this size, the last one short. A payload no larger than that is one short chunk.
    Of(Size),
}

impl Chunk {
    /// The bytes of a piece, or none for a whole body.
    pub fn bytes(self) -> Option<u64> {
        match self {
            Chunk::Whole => None,
            Chunk::Of(size) => Some(size.bytes()),
        }
    }
}

impl FromStr for Chunk {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "whole" { Ok(Chunk::Whole) } else { text.parse().map(Chunk::Of) }
    }
}

impl fmt::Display for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Chunk::Whole => f.pad("whole"),
            Chunk::Of(size) => size.fmt(f),
        }
    }
}

impl Serialize for Chunk {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Chunk {
    fn schema_name() -> Cow<'static, str> {
        "Chunk".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let size = not_zero(generator.subschema_for::<Size>());
        json_schema!({"anyOf": [{"const": "whole", "description": "In one piece."}, size]})
    }
}
