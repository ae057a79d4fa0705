//! `call`: what is asked.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::Call;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct Calls;

impl Entry for Calls {
    fn name(&self) -> &'static str {
        "call"
    }
    fn about(&self) -> &'static str {
        "What is asked."
    }
}

impl Key for Calls {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Call>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("ping"), json!(["upload", "download"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<Call>(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.call = word;
        }
    }
}
