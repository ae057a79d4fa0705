//! `link.jitter`: by how much the time varies that a packet is under way.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{Read, at_most};
use crate::key::contract::{Key, Of, Runs};
use crate::key::link::delay::{MOST, schema};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Time;
/// The key.
pub struct Jitter;

impl Entry for Jitter {
    fn name(&self) -> &'static str {
        "link.jitter"
    }
    fn about(&self) -> &'static str {
        "By how much the delay of each packet varies at most, up and down, any value as likely; packets keep their order."
    }
}

impl Key for Jitter {
    fn of(&self) -> Of {
        Of::Link
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        schema(generator)
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("2ms")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let time = Time::read("jitter", node, mistakes)?;
        at_most(MOST, time, "jitter", node, mistakes).map(Setting::Time)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let (Some(link), Setting::Time(time)) = (&mut point.link, value) {
            link.jitter = time.0;
        }
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Times)
    }
}
