//! `link.queue`: how many bytes may wait for the wire.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Of, Runs};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Size;
/// The key.
pub struct Queue;

impl Entry for Queue {
    fn name(&self) -> &'static str {
        "link.queue"
    }
    fn about(&self) -> &'static str {
        "How many bytes of packets may wait for the wire, each way; what comes on top is dropped. Default: what arrives in \\
         a round trip of delay at that rate, and at least 64KB."
    }
}

impl Key for Queue {
    fn of(&self) -> Of {
        Of::Link
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Size>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("250KB")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        Size::read("queue", node, mistakes).map(Setting::Size)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let (Some(link), Setting::Size(size)) = (&mut point.link, value) {
            link.queue = Some(*size);
        }
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Bytes)
    }
}
