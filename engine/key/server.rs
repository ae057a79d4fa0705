//! `server`: how the server gives clients their turn.

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
use crate::server::contract::Model;

/// The key.
pub struct Servers;

impl Entry for Servers {
    fn name(&self) -> &'static str {
        "server"
    }
    fn about(&self) -> &'static str {
        "How the server gives clients their turn."
    }
}

impl Key for Servers {
    fn of(&self) -> Of {
        Of::Target
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Named<dyn Model>>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("threaded"), json!(["threaded", "forking"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_name::<dyn Model>(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.model = named(value);
    }
}
