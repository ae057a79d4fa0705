//! `warmup`: calls before anything is timed, by their number or for a time.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value as Json;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::{read_some_time, some_time};
use crate::registry::Entry;

/// The key.
pub struct Warmup;

impl Entry for Warmup {
    fn name(&self) -> &'static str {
        "warmup"
    }
    fn about(&self) -> &'static str {
        "Calls by each client before anything is timed, or for how long each makes them: `5s`."
    }
}

impl Key for Warmup {
    fn is_axis(&self) -> bool {
        false
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let (count, time) = (generator.subschema_for::<u64>(), some_time(generator));
        json_schema!({"anyOf": [count, time]})
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!(10)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        match &node.value {
            Value::Text(_) => read_some_time(self.name(), node, mistakes),
            _ => u64::read(self.name(), node, mistakes).map(Setting::Count),
        }
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Count(0))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        match value {
            Setting::Time(time) => point.load.warmup_time = Some(time.0),
            value => point.load.warmup = value.count().unwrap_or(0),
        }
    }
}
