//! `fill`: what the bytes of a body are.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::FillKind;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct Fill;

impl Entry for Fill {
    fn name(&self) -> &'static str {
        "fill"
    }
    fn about(&self) -> &'static str {
        "What the bytes of a body are; their entropy decides what compression can do."
    }
}

impl Key for Fill {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<FillKind>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("random")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<FillKind>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("zeros"))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.load.has_body()).then_some(Unused::Call)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.fill = word;
        }
    }
}
