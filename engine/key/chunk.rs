//! `chunk`: in what pieces a body travels.

use schemars::json_schema;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;
use serde_json::json;
use std::str::FromStr;

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::{at_most, parsed};
use crate::error::ParseError;
use crate::key::contract::Key;
use crate::key::contract::Unused;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::word::not_zero;
use crate::registry::Entry;
use crate::units::Size;

/// The word for a body in one piece.
const WHOLE: &str = "whole";

enum Told {
    Whole,
    Of(Size),
}

impl FromStr for Told {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text == WHOLE { Ok(Told::Whole) } else { text.parse().map(Told::Of) }
    }
}

/// The key.
pub struct Chunk;

impl Entry for Chunk {
    fn name(&self) -> &'static str {
        "chunk"
    }
    fn about(&self) -> &'static str {
        "In what pieces a body travels."
    }
}

impl Key for Chunk {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        let mut size = generator.subschema_for::<Size>();
        not_zero(&mut size);
        json_schema!({"anyOf": [{"const": WHOLE, "description": "In one piece."}, size]})
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("64KiB")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let told = parsed::<Told>(self.name(), node, "`whole` or a size with its unit", mistakes)?;
        let Told::Of(size) = told else { return Some(Setting::word(WHOLE)) };
        if size == Size(0) {
            mistakes.push(Mistake::new(format!("`{}` is zero", self.name()), node.span).help("the least is 1B"));
            return None;
        }
        at_most(Size::MOST, size, self.name(), node, mistakes).map(Setting::Size)
    }
    fn default(&self) -> Option<Setting> {
        Some(Setting::word(WHOLE))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (!point.load.has_body()).then_some(Unused::Call)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.chunk = value.count();
    }
}
