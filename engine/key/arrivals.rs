//! `arrivals`: how the due times of an open loop are spaced.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::call::Arrivals;
use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::read_word;
use crate::registry::Entry;

/// The key.
pub struct ArrivalsKey;

impl Entry for ArrivalsKey {
    fn name(&self) -> &'static str {
        "arrivals"
    }
    fn about(&self) -> &'static str {
        "How the due times of an open loop are spaced."
    }
}

impl Key for ArrivalsKey {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Arrivals>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("poisson")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_word::<Arrivals>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("constant"))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        let closed = Unused::Else { by: "a closed loop", help: "leave it out, or give a `rate` such as `rate: 1000`" };
        (!point.is_open()).then_some(closed)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Some(word) = value.of_set() {
            point.load.arrivals = word;
        }
    }
}
