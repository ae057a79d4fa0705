//! `hold`: how long `sleep` waits.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::contract::Runs;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Time;

/// The key.
pub struct Hold;

impl Entry for Hold {
    fn name(&self) -> &'static str {
        "hold"
    }
    fn about(&self) -> &'static str {
        "How long `sleep` waits."
    }
}

impl Key for Hold {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Time>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("10ms")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        Time::read(self.name(), node, mistakes).map(Setting::Time)
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.load.uses("hold")).then_some(Unused::Call)
    }
    fn needed(&self, point: &Point) -> Option<&'static str> {
        point.load.requires("hold").then_some("hold: 10ms")
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.hold = value.count().map(Duration::from_nanos);
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Times)
    }
}
