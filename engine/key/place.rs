//! `place`: where the server runs, by its name.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Of};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The place that needs no definition: the machine that the run is started on.
pub const HERE: &str = "here";

/// The key.
pub struct Place;

impl Entry for Place {
    fn name(&self) -> &'static str {
        "place"
    }
    fn about(&self) -> &'static str {
        "Where its server runs: one of `places` by its name, or `here`, the machine that the run is started on, as where \
         nothing is said."
    }
}

impl Key for Place {
    fn of(&self) -> Of {
        Of::Target
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$"})
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!("web")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        String::read(self.name(), node, mistakes).map(Setting::Word)
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.place = elsewhere(value);
    }
}

/// The name of a place that is not `here`.
pub(crate) fn elsewhere(value: &Setting) -> Option<String> {
    value.as_word().filter(|name| *name != HERE).map(str::to_owned)
}
