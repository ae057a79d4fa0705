//! `from`: where the clients run, by the name of a place.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::load::Point;
use crate::key::place::elsewhere;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key.
pub struct Origin;

impl Entry for Origin {
    fn name(&self) -> &'static str {
        "from"
    }
    fn about(&self) -> &'static str {
        "Where its clients run: one of `places` by its name, over whose hosts they are split evenly, or `here`, the machine \
         that the run is started on, as where nothing is said."
    }
}

impl Key for Origin {
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$"})
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("farm")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        String::read(self.name(), node, mistakes).map(Setting::Word)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.from = elsewhere(value);
    }
}
