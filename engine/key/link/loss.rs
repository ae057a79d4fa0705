//! `link.loss`: the share of packets that is lost by chance.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Of, Runs};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Share;
/// The key.
pub struct Loss;

impl Entry for Loss {
    fn name(&self) -> &'static str {
        "link.loss"
    }
    fn about(&self) -> &'static str {
        "The share of packets that is lost, each by a chance of its own, each way."
    }
}

impl Key for Loss {
    fn of(&self) -> Of {
        Of::Link
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<Share>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("0.1%"), json!(["0%", "1%"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        Share::read("loss", node, mistakes).map(Setting::Percent)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let (Some(link), Setting::Percent(share)) = (&mut point.link, value) {
            link.loss = *share;
        }
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Shares)
    }
}
