//! `split`: how a body with chunks is carried.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::Split;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct Splits;

impl Entry for Splits {
    fn name(&self) -> &'static str {
        "split"
    }
    fn about(&self) -> &'static str {
        "How a body with chunks is carried: by one call, or by one call for each chunk."
    }
}

impl Key for Splits {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Split>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("calls")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<Split>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("body"))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        match (point.load.has_body(), point.load.chunk) {
            (false, _) => Some(Unused::Call),
            (true, None) => Some(Unused::Else {
                by: "a body that travels whole",
                help: "leave it out, or give a `chunk` such as `chunk: 64KiB`",
            }),
            (true, Some(_)) => None,
        }
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.split = word;
        }
    }
}
