//! `clients`: how many callers.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::num::NonZeroU32;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::contract::Runs;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Clients;

impl Entry for Clients {
    fn name(&self) -> &'static str {
        "clients"
    }
    fn about(&self) -> &'static str {
        "How many callers, each with at most one call in flight."
    }
}

impl Key for Clients {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<NonZeroU32>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!(10)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        NonZeroU32::read(self.name(), node, mistakes).map(|count| Setting::Count(count.get().into()))
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Count(1))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.clients = value.count().map_or(1, |count| count as u32);
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Numbers)
    }
}
