//! How keys read words, names of lists and times, and what their schemas are.

use std::borrow::Cow;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::call::Word;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{Read, word};
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::server::MODELS;
use crate::server::contract::Model;
use crate::stack::STACKS;
use crate::stack::contract::{Driver, Stack};
use crate::stack::driver::DRIVERS;
use crate::transport::TRANSPORTS;
use crate::transport::contract::Transport;
use crate::units::Time;

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

/// The schema of a name out of a list.
pub(crate) struct Named<T: ?Sized>(PhantomData<T>);

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

/// The entry that a setting names.
pub(crate) fn named<T: Listed + ?Sized>(value: &Setting) -> Option<&'static T> {
    T::list().iter().copied().find(|entry| value.as_word() == Some(entry.name()))
}

/// A name out of a list.
pub(crate) fn read_name<T: Listed + ?Sized>(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
    let known: Vec<(&'static str, &'static str)> = T::list().iter().map(|it| (it.name(), it.name())).collect();
    word(key, T::WHAT, node, &known, mistakes).map(Setting::word)
}

/// A word out of a closed set.
pub(crate) fn read_word<W: Word>(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
    W::read(key, node, mistakes).map(|it| Setting::word(it.word()))
}

/// A time that may not be nothing.
pub(crate) fn read_some_time(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
    let time = Time::read(key, node, mistakes)?;
    if time.ns() == 0 {
        mistakes.push(Mistake::new(format!("`{key}` is zero"), node.span).help("write it like `30s`"));
        return None;
    }
    Some(Setting::Time(time))
}

/// The schema of a time that may not be nothing.
pub(crate) fn some_time(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = generator.subschema_for::<Time>();
    not_zero(&mut schema);
    schema
}

/// The schema of an axis with values of that schema.
pub(crate) fn one_or_several(one: &Schema) -> Schema {
    json_schema!({"anyOf": [one, {"type": "array", "items": one, "minItems": 1, "uniqueItems": true}]})
}

/// Forbids quantities of nothing.
pub(crate) fn not_zero(schema: &mut Schema) {
    schema.insert("not".to_owned(), serde_json::json!({"pattern": "^[0.]+ ?[A-Za-zµ]+$"}));
}
