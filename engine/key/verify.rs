//! `verify`: what is checked of each reply.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::Verify;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct VerifyKey;

impl Entry for VerifyKey {
    fn name(&self) -> &'static str {
        "verify"
    }
    fn about(&self) -> &'static str {
        "What is checked of each reply; the content of each client's first reply always is."
    }
}

impl Key for VerifyKey {
    fn is_axis(&self) -> bool {
        false
    }
    fn at_top(&self) -> bool {
        true
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Verify>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("content")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<Verify>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("length"))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.verify = word;
        }
    }
}
