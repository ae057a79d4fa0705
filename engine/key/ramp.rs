//! `ramp`: rates that follow each other, in place of `rate` and of `duration`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, empty_list};
use crate::key::contract::Key;
use crate::key::load::{Point, Step};
use crate::key::rate::{self, in_ramp};
use crate::key::setting::Setting;
use crate::key::word::{read_some_time, some_time};
use crate::registry::Entry;

const EXAMPLE: &str = "ramp: [{rate: 100, for: 10s}, {rate: 1000, for: 10s}]";

/// The key.
pub struct Ramp;

impl Entry for Ramp {
    fn name(&self) -> &'static str {
        "ramp"
    }
    fn about(&self) -> &'static str {
        "Rates that follow each other; in place of `rate` and of `duration`."
    }
}

impl Key for Ramp {
    fn is_axis(&self) -> bool {
        false
    }
    fn tells_apart(&self) -> bool {
        true
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "array", "minItems": 1, "items": generator.subschema_for::<StepSchema>()})
    }
    // An editor makes the first step from the items; it could not show a list of maps.
    fn examples(&self) -> Vec<Json> {
        Vec::new()
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let key = self.name();
        match &node.value {
            Value::List(items) if items.is_empty() => mistakes.push(empty_list(key, node)),
            Value::List(items) => {
                let steps: Vec<Option<Step>> = items.iter().map(|item| step(item, mistakes)).collect();
                let steps = steps.into_iter().collect::<Option<Vec<Step>>>()?;
                if steps.iter().all(|step| step.calls() == 0.0) {
                    let mistake = Mistake::new("this ramp is one pause: it never calls", node.span);
                    mistakes.push(mistake.help("give one of its steps a rate, such as `rate: 1000`"));
                    return None;
                }
                return Some(Setting::Steps(steps));
            }
            _ => mistakes.push(
                Mistake::new(format!("`{key}` takes a list, not {}", node.kind()), node.span)
                    .help(format!("begin each item with a dash, or write `{EXAMPLE}`")),
            ),
        }
        None
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Setting::Steps(steps) = value {
            point.load.ramp.clone_from(steps);
        }
    }
}

/// A step as a scenario has it.
struct StepSchema;

impl JsonSchema for StepSchema {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Step".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (mut rate, mut time) = (in_ramp(generator), some_time(generator));
        let [mut start, mut end] = [in_ramp(generator), in_ramp(generator)];
        for (schema, about, key, example) in [
            (&mut rate, "Calls per second of all clients together, held; 0 is a pause.", "default", json!(1000)),
            (
                &mut start,
                "In place of `rate`: the rate at the beginning, which changes evenly.",
                "examples",
                json!([0]),
            ),
            (&mut end, "The rate at the end, where there is a `start`.", "examples", json!([1000])),
            (&mut time, "For how long.", "default", json!("10s")),
        ] {
            schema.insert("description".to_owned(), about.into());
            // An editor takes the first type for that of what it inserts.
            if example.is_number() {
                schema.insert("type".to_owned(), "number".into());
            }
            schema.insert(key.to_owned(), example);
        }
        json_schema!({
            "type": "object",
            "description": "A rate that is held for a time, or changes evenly in it.",
            "properties": {"rate": rate, "start": start, "end": end, "for": time},
            "additionalProperties": false,
            // Behind a condition, so that an editor begins a step with every key that has a default.
            "if": {},
            "then": {
                "required": ["for"],
                "oneOf": [{"required": ["rate"]}, {"required": ["start", "end"]}],
                "dependentRequired": {"start": ["end"], "end": ["start"]},
            },
        })
    }
}

fn step(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Step> {
    let mut fields = Fields::of("a step of a ramp", node, mistakes)?;
    let rates = ["rate", "start", "end"].map(|key| {
        let (_, node) = fields.entry(key, mistakes)?;
        rate::read_in_ramp(key, node, mistakes)
    });
    match ["rate", "start", "end"].map(|key| fields.has(key)) {
        [false, false, false] => fields.lacks("rate", "rate: 1000"),
        [false, true, false] => fields.lacks("end", "end: 1000"),
        [false, false, true] => fields.lacks("start", "start: 0"),
        [false, true, true] | [true, false, false] => {}
        [true, ..] => {
            let of = |key| fields.span_of(key);
            if let (Some(rate), Some(other)) = (of("rate"), of("start").or(of("end"))) {
                mistakes.push(
                    Mistake::new("a step has one `rate`, or a `start` and an `end`", rate.max(other))
                        .elsewhere(rate.min(other), "the other one")
                        .help("keep `rate` to hold it, or the others to change it evenly"),
                );
            }
            return None;
        }
    }
    let time = fields.needed("for", "for: 10s", mistakes);
    let time = time.and_then(|node| read_some_time("for", node, mistakes));
    fields.finish(mistakes);
    match time? {
        Setting::Time(time) => match rates {
            [Some(rate), _, _] => Some(Step { rate, end: None, time: time.0 }),
            [None, Some(rate), end] => Some(Step { rate, end: Some(end?), time: time.0 }),
            _ => None,
        },
        _ => None,
    }
}
