//! `work`: how far `compute` sums.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::contract::Runs;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Work;

impl Entry for Work {
    fn name(&self) -> &'static str {
        "work"
    }
    fn about(&self) -> &'static str {
        "How far `compute` sums."
    }
}

impl Key for Work {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<u64>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!(10000)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        u64::read(self.name(), node, mistakes).map(Setting::Count)
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.load.uses("work")).then_some(Unused::Call)
    }
    fn needed(&self, point: &Point) -> Option<&'static str> {
        point.load.requires("work").then_some("work: 10000")
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.work = value.count();
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Numbers)
    }
}
