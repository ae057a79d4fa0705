//! `link.rate`: how many bits the wire carries in a second.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Of, Runs};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::not_zero;
use crate::registry::Entry;
use crate::units::BitRate;
/// The key.
pub struct Rate;

impl Entry for Rate {
    fn name(&self) -> &'static str {
        "link.rate"
    }
    fn about(&self) -> &'static str {
        "How many bits of packets, headers among them, the wire carries in a second, each way; without it as many as this \\
         machine can move."
    }
}

impl Key for Rate {
    fn of(&self) -> Of {
        Of::Link
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut schema = generator.subschema_for::<BitRate>();
        not_zero(&mut schema);
        schema
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("100Mbit"), json!(["10Mbit", "1Gbit"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let rate = BitRate::read("rate", node, mistakes)?;
        if rate.bits() == 0 {
            mistakes.push(Mistake::new("`rate` is zero", node.span).help("write it like `100Mbit`"));
            return None;
        }
        Some(Setting::Bits(rate))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let (Some(link), Setting::Bits(rate)) = (&mut point.link, value) {
            link.rate = Some(*rate);
        }
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Bits)
    }
}
