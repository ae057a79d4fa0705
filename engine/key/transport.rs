//! `transport`: how bytes travel and calls are framed.

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
use crate::transport::contract::Transport;

/// The key.
pub struct Transports;

impl Entry for Transports {
    fn name(&self) -> &'static str {
        "transport"
    }
    fn about(&self) -> &'static str {
        "How bytes travel and calls are framed."
    }
}

impl Key for Transports {
    fn of(&self) -> Of {
        Of::Target
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Named<dyn Transport>>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("tcp")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        read_name::<dyn Transport>(self.name(), node, mistakes)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.transport = named(value);
    }
}
