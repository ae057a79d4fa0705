//! `rate`: calls per second of all clients together, or that the highest one is searched.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::wrong_kind;
use crate::key::contract::{Key, Runs};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The word that asks for a search.
pub const SEARCH: &str = "search";
/// The lowest rate that can be asked for, in calls per second.
pub const LEAST: f64 = 1e-3;
/// The highest rate that can be asked for, in calls per second.
pub const MOST: f64 = 1e7;

/// The key.
pub struct Rates;

impl Entry for Rates {
    fn name(&self) -> &'static str {
        "rate"
    }
    fn about(&self) -> &'static str {
        "Calls per second of all clients together. With it the load is an open loop: calls are due by the clock, not \
         when others are over, and a call that finds no client free waits for one. `search` finds the highest rate at \
         which each `expect` that holds a figure down is met, and every call is answered. Without it: a closed loop."
    }
}

impl Key for Rates {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let rate = generator.subschema_for::<Rate>();
        let about = "The highest rate at which every `expect` of a response time holds; each probe takes `duration`.";
        json_schema!({"anyOf": [{"const": SEARCH, "description": about}, rate]})
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!(1000)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let key = self.name();
        match &node.value {
            Value::Text(text) if text == SEARCH => Some(Setting::word(SEARCH)),
            Value::Count(_) | Value::Number(_) => read(key, node, mistakes).map(Setting::Number),
            _ => {
                let mistake = wrong_kind(key, "a number of calls per second or `search`", node);
                mistakes.push(mistake.help(format!("write it like `{key}: 1000` or `{key}: {SEARCH}`")));
                None
            }
        }
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.rate = value.number();
        point.searches = value.as_word() == Some(SEARCH);
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Numbers)
    }
}

/// The schema of a rate.
pub(crate) struct Rate;

impl JsonSchema for Rate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "number", "minimum": LEAST, "maximum": MOST})
    }
}

/// The schema of a rate of a ramp.
pub(crate) fn in_ramp(generator: &mut SchemaGenerator) -> Schema {
    let rate = generator.subschema_for::<Rate>();
    json_schema!({"anyOf": [rate, {"const": 0, "description": "A pause."}]})
}

/// A rate that is given as a number.
pub(crate) fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<f64> {
    let rate = number(key, node, mistakes)?;
    bounded(key, rate, node, mistakes)
}

/// A rate of a ramp, which may be none at all.
pub(crate) fn read_in_ramp(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<f64> {
    let rate = number(key, node, mistakes)?;
    if rate == 0.0 { Some(0.0) } else { bounded(key, rate, node, mistakes) }
}

fn number(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<f64> {
    match node.value {
        Value::Count(count) => Some(count as f64),
        Value::Number(number) => Some(number),
        _ => {
            let mistake = wrong_kind(key, "a number of calls per second", node);
            mistakes.push(match &node.value {
                Value::Text(text) if text == SEARCH => {
                    mistake.help("a rate is searched by a workload of its own, with `rate: search` and no ramp")
                }
                _ => mistake,
            });
            None
        }
    }
}

fn bounded(key: &str, rate: f64, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<f64> {
    if !(LEAST..=MOST).contains(&rate) {
        let what = format!("`{key}` is {}", if rate < LEAST { "too small" } else { "too large" });
        mistakes.push(Mistake::new(what, node.span).help(format!("calls per second, from {LEAST} to {MOST}")));
        return None;
    }
    Some(rate)
}
