//! `ramp`: rates that follow each other, in place of `rate` and of `duration`.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, empty_list};
use crate::key::contract::Key;
use crate::key::load::{Point, Step};
use crate::key::rate::{self, Rate};
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
                return steps.into_iter().collect::<Option<Vec<Step>>>().map(Setting::Steps);
            }
            _ => mistakes.push(
                Mistake::new(format!("`{key}` takes a list, not {}", node.kind()), node.place)
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
        let (mut rate, mut time) = (generator.subschema_for::<Rate>(), some_time(generator));
        for (schema, about, example) in [
            (&mut rate, "Calls per second of all clients together.", json!(1000)),
            (&mut time, "For how long.", json!("10s")),
        ] {
            schema.insert("description".to_owned(), about.into());
            schema.insert("default".to_owned(), example);
        }
        json_schema!({
            "type": "object",
            "description": "A rate that is held for a time.",
            "properties": {"rate": rate, "for": time},
            "required": ["rate", "for"],
            "additionalProperties": false,
        })
    }
}

fn step(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Step> {
    let mut fields = Fields::of("a step of a ramp", node, mistakes)?;
    let rate = fields.needed("rate", "rate: 1000", mistakes);
    let rate = rate.and_then(|node| rate::read("rate", node, mistakes));
    let time = fields.needed("for", "for: 10s", mistakes);
    let time = time.and_then(|node| read_some_time("for", node, mistakes));
    fields.finish(mistakes);
    match time? {
        Setting::Time(time) => Some(Step { rate: rate?, time: time.0 }),
        _ => None,
    }
}
