//! `link`: the emulated network between both ends, by its name; each property of one is a key of its own beside it.

pub mod delay;
pub mod jitter;
pub mod loss;
pub mod properties;
pub mod queue;
pub mod rate;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Unused};
use crate::key::link::properties::Link;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The word for no network at all: both ends meet on this machine's loopback.
pub const NONE: &str = "none";

/// What stands before the word of a property in ids, settings and tables: `rate` alone is calls per second.
pub const PREFIX: &str = "link.";

/// The key.
pub struct Links;

impl Entry for Links {
    fn name(&self) -> &'static str {
        "link"
    }
    fn about(&self) -> &'static str {
        "The emulated network between both ends: one of `links` by its name, or `none` for this machine's loopback. \
         Each property of a link that is a list is an axis too."
    }
}

impl Key for Links {
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$"})
    }
    fn examples(&self) -> Vec<Value> {
        // Of two an editor would insert neither.
        vec![json!("wan")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        String::read(self.name(), node, mistakes).map(Setting::Word)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word(NONE))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.has_links).then_some(Unused::Else {
            by: "a scenario without `links`",
            help: "say what the network is like: `links: [{name: wan, delay: 10ms}]`",
        })
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.link = value.as_word().filter(|name| *name != NONE).map(Link::named);
    }
}
