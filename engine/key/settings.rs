//! One value of each key that a cell has, by name.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Serialize, Serializer};

use crate::call::{Called, ServiceCall};
use crate::document::tree::Node;
use crate::key::KEYS;
use crate::key::contract::{Key, Of};
use crate::key::setting::Setting;

/// The settings of a cell: keys of its target, options, keys of its workload, in that order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings(Vec<(String, Setting)>);

/// The key of that name; none where it is an option, or of another engine.
pub fn key(name: &str) -> Option<&'static dyn Key> {
    KEYS.iter().copied().find(|key| key.name() == name)
}

impl Settings {
    /// The value of a key.
    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// What the call that is made tells about itself; of calls that are drawn, one with a body if there is one.
    pub fn call(&self) -> Option<&'static dyn ServiceCall> {
        match self.get("call") {
            Some(call) => Some(Called::named(call.as_word()?).kind()),
            None => match self.get("mix").or_else(|| self.get("steps"))? {
                Setting::Shares(shares) => {
                    shares.iter().map(|share| share.call.kind()).max_by_key(|kind| kind.has_body())
                }
                Setting::Calls(calls) => calls.iter().map(Called::kind).max_by_key(|kind| kind.has_body()),
                _ => None,
            },
        }
    }

    /// The text of a value.
    pub fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(Setting::to_string)
    }

    /// Adds a key, or gives it another value.
    pub fn put(&mut self, name: &str, value: Setting) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Adds all of another's.
    pub fn extend(&mut self, other: &Settings) {
        other.iter().for_each(|(name, value)| self.put(name, value.clone()));
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Those by which a cell is told from others: all but what only says how often and how long it is measured.
    pub fn axes(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.iter().filter(|(name, _)| is_axis(name))
    }

    /// Those of a target or of a workload; options are of neither.
    pub fn of(&self, of: Of) -> Settings {
        let own = self.0.iter().filter(|(name, _)| key(name).is_some_and(|key| key.of() == of));
        Settings(own.cloned().collect())
    }

    /// True where both are asked the same of the same: an axis that only one of them knows stands at its default.
    pub fn alike(&self, other: &Settings) -> bool {
        let holds = |one: &Settings, other: &Settings| {
            one.axes().all(|(name, value)| match other.get(name) {
                Some(own) => own == value,
                None => key(name).and_then(Key::default).is_some_and(|default| default == *value),
            })
        };
        holds(self, other) && holds(other, self)
    }
}

/// True for keys by which cells differ: axes, options, and those of one value that say what is asked and how often.
pub fn is_axis(name: &str) -> bool {
    key(name).is_none_or(|key| key.is_axis() || key.tells_apart())
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> Deserialize<'de> for Settings {
    /// Reads each value as its key does; of one that no key takes, what JSON has.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Settings;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of keys and their values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Settings, A::Error> {
                let mut settings = Settings::default();
                while let Some((name, value)) = map.next_entry::<String, serde_json::Value>()? {
                    if let Some(value) = setting(&name, &value) {
                        settings.put(&name, value);
                    }
                }
                Ok(settings)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

/// The value of a key, as JSON has it.
pub(crate) fn setting(name: &str, value: &serde_json::Value) -> Option<Setting> {
    let read = key(name).and_then(|key| key.read(&Node::of_json(value), &mut Vec::new()));
    read.or_else(|| Setting::of_json(value))
}

impl JsonSchema for Settings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<Setting>();
        json_schema!({"type": "object", "additionalProperties": value, "description": "Each key by name, with its value."})
    }
}
