//! `steps`: calls in an order, which each client goes through again and again.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::call::Called;
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{empty_list, wrong_kind};
use crate::key::call::{NAME, read_name};
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::mix::MOST;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Steps;

impl Entry for Steps {
    fn name(&self) -> &'static str {
        "steps"
    }
    fn about(&self) -> &'static str {
        "In place of `call`: calls in their order; each client goes through them again and again, once through is a pass. `iterations` and `rate` count passes."
    }
}

impl Key for Steps {
    fn is_axis(&self) -> bool {
        false
    }
    fn tells_apart(&self) -> bool {
        true
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        list_schema()
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!("ping")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_list(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Setting::Calls(calls) = value {
            point.load.steps.clone_from(calls);
            if let Some(first) = calls.first() {
                point.load.call = first.clone();
            }
        }
    }
}

/// The schema of calls in an order, or of one.
pub(crate) fn list_schema() -> Schema {
    let name = json!({"type": "string", "pattern": NAME});
    json_schema!({"anyOf": [name, {"type": "array", "items": name, "minItems": 1, "maxItems": MOST}]})
}

/// Calls in an order, or one.
pub(crate) fn read_list(key: &'static str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Text(_) => std::slice::from_ref(node),
        _ => {
            mistakes.push(wrong_kind(key, "calls", node).help(format!("write it like `{key}: [login]`")));
            return None;
        }
    };
    if items.is_empty() {
        mistakes.push(empty_list(key, node));
        return None;
    }
    if items.len() > MOST {
        let mistake = Mistake::new(format!("`{key}` has {} calls", items.len()), node.span);
        mistakes.push(mistake.help(format!("the most is {MOST}: each keeps figures of its own")));
        return None;
    }
    let calls: Vec<Option<Called>> =
        items.iter().map(|item| read_name(key, item, mistakes).map(Called::named)).collect();
    calls.into_iter().collect::<Option<_>>().map(Setting::Calls)
}
