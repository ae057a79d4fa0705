//! `link.delay`: how long a packet is under way, one way.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{Read, at_most};
use crate::key::contract::{Key, Of, Runs};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;
use crate::units::Time;

/// What takes longer is no network that anyone calls over.
pub(crate) const MOST: Time = Time(Duration::from_secs(10));

/// The key.
pub struct Delay;

impl Entry for Delay {
    fn name(&self) -> &'static str {
        "link.delay"
    }
    fn about(&self) -> &'static str {
        "How long a packet is under way, one way and each way: a round trip takes twice that more."
    }
}

impl Key for Delay {
    fn of(&self) -> Of {
        Of::Link
    }
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        schema(generator)
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("10ms"), json!(["5ms", "50ms"])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let time = Time::read("delay", node, mistakes)?;
        at_most(MOST, time, "delay", node, mistakes).map(Setting::Time)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let (Some(link), Setting::Time(time)) = (&mut point.link, value) {
            link.delay = time.0;
        }
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Times)
    }
}

/// The schema of a time that a packet is under way.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Time::json_schema(generator);
    schema.insert("pattern".to_owned(), format!("^({})$", Time::up_to(MOST)).into());
    schema.insert("description".to_owned(), format!("A length of time with its unit, at most {MOST}.").into());
    schema
}
