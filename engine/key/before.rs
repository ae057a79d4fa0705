//! `before`: calls that each client makes once, before anything is timed.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value as Json, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::steps::{list_schema, read_list};
use crate::registry::Entry;

/// The key.
pub struct Before;

impl Entry for Before {
    fn name(&self) -> &'static str {
        "before"
    }
    fn about(&self) -> &'static str {
        "Calls that each client makes once, in their order, before it warms up: untimed, and all of them have to succeed."
    }
}

impl Key for Before {
    fn is_axis(&self) -> bool {
        false
    }
    fn tells_apart(&self) -> bool {
        true
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        list_schema()
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!("ping")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_list(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Setting::Calls(calls) = value {
            point.load.before.clone_from(calls);
        }
    }
}
