//! `iterations`: timed calls by each client.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::num::NonZeroU64;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Iterations;

impl Entry for Iterations {
    fn name(&self) -> &'static str {
        "iterations"
    }
    fn about(&self) -> &'static str {
        "Timed calls by each client; this or `duration`."
    }
}

impl Key for Iterations {
    fn is_axis(&self) -> bool {
        false
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<NonZeroU64>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!(1000)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        NonZeroU64::read(self.name(), node, mistakes).map(|count| Setting::Count(count.get()))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.iterations = value.count();
    }
}
