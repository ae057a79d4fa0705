//! `call`: what is asked.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use serde_json::json;

use crate::call::{Call, Called};
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::wrong_kind;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Calls;

impl Entry for Calls {
    fn name(&self) -> &'static str {
        "call"
    }
    fn about(&self) -> &'static str {
        "What is asked: a call of the service that all servers here answer, or one that `calls` defines."
    }
}

impl Key for Calls {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let service = generator.subschema_for::<Call>();
        json_schema!({"anyOf": [service, own_schema()]})
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!("ping"), json!(["upload", "download"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_name(self.name(), node, mistakes).map(|name| Setting::word(name.to_owned()))
    }
    fn needed(&self, point: &Point) -> Option<&'static str> {
        // A mix says itself what is called, and so do steps.
        (point.load.mix.is_empty() && point.load.steps.is_empty()).then_some("call: ping")
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(name) = value.as_word() {
            point.load.call = Called::named(name);
        }
    }
}

/// The name of a call. Whether there is one of that name is for the scenario to say, which knows those that it defines.
pub(crate) fn read_name<'n>(key: &str, node: &'n Node, mistakes: &mut Vec<Mistake>) -> Option<&'n str> {
    match &node.value {
        Value::Text(text) if is_name(text) => return Some(text),
        Value::Text(text) => {
            let mistake = Mistake::new(format!("`{text}` is no name of a call"), node.span);
            mistakes.push(mistake.help("write it with letters, digits, dashes, dots and underscores"));
        }
        _ => mistakes.push(wrong_kind(key, "the name of a call", node)),
    }
    None
}

/// Whether calls can be called so.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// The pattern of the name of a call.
pub(crate) const NAME: &str = "^[A-Za-z0-9._-]+$";

/// The schema of the name of a call of one's own.
pub(crate) fn own_schema() -> Schema {
    json_schema!({"type": "string", "pattern": NAME, "description": "A call of the scenario's own, by its name under `calls`."})
}
