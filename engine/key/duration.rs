//! `duration`: how long calls are begun.

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

/// The key.
pub struct Lasting;

impl Entry for Lasting {
    fn name(&self) -> &'static str {
        "duration"
    }
    fn about(&self) -> &'static str {
        "How long calls are begun; this or `iterations`. Of a search, how long each probe lasts."
    }
}

impl Key for Lasting {
    fn is_axis(&self) -> bool {
        false
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        some_time(generator)
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("10s")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_some_time(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.duration = value.count().map(Duration::from_nanos);
    }
}
