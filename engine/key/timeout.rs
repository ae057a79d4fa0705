//! `timeout`: how long a call may take.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::time::Duration;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::{read_some_time, some_time};
use crate::registry::Entry;
use crate::units::Time;

/// The key.
pub struct Timeout;

impl Entry for Timeout {
    fn name(&self) -> &'static str {
        "timeout"
    }
    fn about(&self) -> &'static str {
        "How long a call may take from its actual send."
    }
}

impl Key for Timeout {
    fn is_axis(&self) -> bool {
        false
    }
    fn at_top(&self) -> bool {
        true
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        some_time(generator)
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("5m")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_some_time(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Time(Time(Duration::from_secs(30))))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        let time = value.count().map(Duration::from_nanos).unwrap_or_default();
        // Draining lasts as long, unless its own key, which comes later, says otherwise.
        (point.load.timeout, point.load.drain) = (time, time);
    }
}
