//! `stack`: whose server it is.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::key::contract::Key;
use crate::key::contract::{Of, Unused};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::{Named, named, read_name};
use crate::registry::Entry;
use crate::stack::contract::Stack;

/// The key.
pub struct Stacks;

impl Entry for Stacks {
    fn name(&self) -> &'static str {
        "stack"
    }
    fn about(&self) -> &'static str {
        "Whose server it is."
    }
}

impl Key for Stacks {
    fn of(&self) -> Of {
        Of::Target
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Named<dyn Stack>>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("python")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_name::<dyn Stack>(self.name(), node, mistakes)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word("native"))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        point.own.then_some(Unused::Else { by: "a server of your own", help: "leave it out" })
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.stack = named(value);
    }
}
