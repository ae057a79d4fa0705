//! `warmup`: calls before anything is timed.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Warmup;

impl Entry for Warmup {
    fn name(&self) -> &'static str {
        "warmup"
    }
    fn about(&self) -> &'static str {
        "Calls by each client before anything is timed."
    }
}

impl Key for Warmup {
    fn is_axis(&self) -> bool {
        false
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<u64>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!(10)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        u64::read(self.name(), node, mistakes).map(Setting::Count)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Count(0))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.warmup = value.count().unwrap_or(0);
    }
}
