//! `processes`: how many client processes share the load.

use std::num::NonZeroU32;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{Read, at_most};
use crate::key::contract::Key;
use crate::key::contract::Runs;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Processes;

/// The most that there can be: more than any machine has cores.
const MOST: u32 = 1_000;

impl Entry for Processes {
    fn name(&self) -> &'static str {
        "processes"
    }
    fn about(&self) -> &'static str {
        "How many client processes share the clients and the rate; each makes its calls on one core."
    }
}

impl Key for Processes {
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": MOST})
    }
    fn examples(&self) -> Vec<Value> {
        // What an editor inserts has to hold beside one client.
        vec![json!(1)]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let count = NonZeroU32::read(self.name(), node, mistakes)?.get();
        at_most(MOST, count, self.name(), node, mistakes).map(|count| Setting::Count(count.into()))
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::Count(1))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.processes = value.count().map_or(1, |count| count as u32);
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Numbers)
    }
}
