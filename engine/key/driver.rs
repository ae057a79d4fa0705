//! `driver`: whose client makes the calls.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::contract::Of;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::{Named, named, read_name};
use crate::registry::Entry;
use crate::stack::contract::Driver;

/// The key.
pub struct Drivers;

impl Entry for Drivers {
    fn name(&self) -> &'static str {
        "driver"
    }
    fn about(&self) -> &'static str {
        "Whose client makes the calls."
    }
}

impl Key for Drivers {
    fn of(&self) -> Of {
        Of::Target
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Named<dyn Driver>>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("python")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_name::<dyn Driver>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("native"))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.driver = named(value);
    }
}
