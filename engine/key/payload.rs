//! `payload`: the bytes of a body.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::Key;
use crate::key::contract::Runs;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Size;

/// The key.
pub struct Payload;

impl Entry for Payload {
    fn name(&self) -> &'static str {
        "payload"
    }
    fn about(&self) -> &'static str {
        "Bytes of a body, for echo, upload and download."
    }
}

impl Key for Payload {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Size>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("64KiB")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        Size::read(self.name(), node, mistakes).map(Setting::Size)
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.load.has_body()).then_some(Unused::Call)
    }
    fn needed(&self, point: &Point) -> Option<&'static str> {
        point.load.has_body().then_some("payload: 64KiB")
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.payload = value.count();
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Bytes)
    }
}
