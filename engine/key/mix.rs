//! `mix`: calls that are drawn, each as often as its weight says.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::call::Called;
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Read, at_most, wrong_kind};
use crate::key::call::{NAME, is_name};
use crate::key::contract::Key;
use crate::key::load::{Point, Share};
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The most calls that a mix may have: each keeps histograms of its own.
pub const MOST: usize = 64;
/// The largest weight.
const HEAVIEST: u64 = 1_000_000;

/// The key.
pub struct Mix;

impl Entry for Mix {
    fn name(&self) -> &'static str {
        "mix"
    }
    fn about(&self) -> &'static str {
        "In place of `call`: calls with their weights; each call is drawn by them, and each has figures of its own."
    }
}

impl Key for Mix {
    fn is_axis(&self) -> bool {
        false
    }
    fn tells_apart(&self) -> bool {
        true
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": HEAVIEST},
            "minProperties": 1,
            "maxProperties": MOST,
        })
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!({"ping": 80, "upload": 20})]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let key = self.name();
        let Value::Map(entries) = &node.value else {
            mistakes.push(
                wrong_kind(key, "calls with their weights", node).help("write it like `mix: {ping: 80, upload: 20}`"),
            );
            return None;
        };
        if entries.is_empty() {
            mistakes.push(Mistake::new(format!("`{key}` is empty"), node.span).help("give it at least one call"));
            return None;
        }
        if entries.len() > MOST {
            let mistake = Mistake::new(format!("`{key}` has {} calls", entries.len()), node.span);
            mistakes.push(mistake.help(format!("the most is {MOST}: each keeps figures of its own")));
            return None;
        }
        let mut shares: Vec<Share> = Vec::new();
        let mut good = true;
        for (name, node) in entries {
            let call = Called::named(&name.name);
            if !is_name(&name.name) {
                let mistake = Mistake::new(format!("`{}` is no name of a call", name.name), name.span);
                mistakes.push(mistake.help("write it with letters, digits, dashes, dots and underscores"));
                good = false;
            } else if shares.iter().any(|share| share.call == call) {
                let mistake = Mistake::new(format!("`{}` stands twice in `{key}`", name.name), name.span);
                mistakes.push(mistake.help("give it one weight"));
                good = false;
            }
            let weight = weight(&name.name, node, mistakes);
            good &= weight.is_some();
            shares.push(Share { call, weight: weight.unwrap_or(1) });
        }
        good.then_some(Setting::Shares(shares))
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        if let Setting::Shares(shares) = value {
            point.load.mix.clone_from(shares);
            if let Some(first) = shares.first() {
                point.load.call = first.call.clone();
            }
        }
    }
}

fn weight(name: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<u32> {
    let weight = at_most(HEAVIEST, u64::read(name, node, mistakes)?, name, node, mistakes)?;
    if weight == 0 {
        let mistake = Mistake::new(format!("the weight of `{name}` is zero"), node.span).label("expected at least 1");
        mistakes.push(mistake.help("leave the call out of the mix, or give it a weight"));
        return None;
    }
    Some(weight as u32)
}
