//! `drain`: how long after the window calls may still be answered.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Time;

/// The key.
pub struct Drain;

impl Entry for Drain {
    fn name(&self) -> &'static str {
        "drain"
    }
    fn about(&self) -> &'static str {
        "How long after the window calls may still be answered; without it as long as the timeout."
    }
}

impl Key for Drain {
    fn is_axis(&self) -> bool {
        false
    }
    fn at_top(&self) -> bool {
        true
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Time>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("5s")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        Time::read(self.name(), node, mistakes).map(Setting::Time)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.drain = value.count().map(Duration::from_nanos).unwrap_or_default();
    }
}
