//! `wait`: how the client process waits for replies.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::Wait;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct Waits;

impl Entry for Waits {
    fn name(&self) -> &'static str {
        "wait"
    }
    fn about(&self) -> &'static str {
        "How the client process waits for replies."
    }
}

impl Key for Waits {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Wait>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("spin")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<Wait>(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.wait = word;
        }
    }
}
