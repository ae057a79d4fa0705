//! `trials`: how often each cell is measured.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::num::NonZeroU32;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Trials;

impl Entry for Trials {
    fn name(&self) -> &'static str {
        "trials"
    }
    fn about(&self) -> &'static str {
        "How often each cell is measured, each time with a freshly launched server."
    }
}

impl Key for Trials {
    fn is_axis(&self) -> bool {
        false
    }
    fn at_top(&self) -> bool {
        true
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<NonZeroU32>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!(3)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        NonZeroU32::read(self.name(), node, mistakes).map(|count| Setting::Count(count.get().into()))
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Count(10))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.trials = value.count().map_or(1, |count| count as u32);
    }
}
