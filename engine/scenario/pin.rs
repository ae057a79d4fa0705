//! Which cores each end runs on, as a scenario says it.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, at_most, empty_list};

/// The largest number of a core that the kernel takes.
const LAST_CORE: u64 = 1_023;

/// Which cores each end runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// The client has one for itself and the server the rest, as far as there are enough.
    Auto,
    /// Any: the kernel places them.
    None,
    /// These, by the numbers that the kernel gives them.
    Cores {
        /// The server's.
        server: Vec<usize>,
        /// The client's.
        client: Vec<usize>,
    },
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Pin::Auto => serializer.serialize_str("auto"),
            Pin::None => serializer.serialize_str("none"),
            Pin::Cores { server, client } => json!({"server": server, "client": client}).serialize(serializer),
        }
    }
}

impl JsonSchema for Pin {
    fn schema_name() -> Cow<'static, str> {
        "Pin".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let cores = |of: &str, example: u32| {
            json!({"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": LAST_CORE, "default": example},
                "minItems": 1, "description": format!("The cores of the {of}.")})
        };
        json_schema!({"anyOf": [
            {"const": "auto", "description": "One core for the client, the rest for the server."},
            {"const": "none", "description": "Any: the kernel places both ends, and moves them as it likes."},
            {"type": "object", "required": ["server", "client"], "additionalProperties": false,
                "properties": {"server": cores("server", 0), "client": cores("client", 1)}},
        ]})
    }
}

impl Read for Pin {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if text == "auto" => Some(Pin::Auto),
            Value::Text(text) if text == "none" => Some(Pin::None),
            Value::Map(_) => {
                let mut fields = Fields::of("`pin`", node, mistakes)?;
                let server: Option<Cores> = fields.required("server", "server: [0]", mistakes);
                let client: Option<Cores> = fields.required("client", "client: [1]", mistakes);
                fields.finish(mistakes);
                Some(Pin::Cores { server: server?.0, client: client?.0 })
            }
            _ => {
                let mistake = Mistake::new(format!("`{key}` takes `auto`, `none` or the cores of each end"), node.span);
                mistakes.push(mistake.help("write it like `pin: {server: [0], client: [1]}`"));
                None
            }
        }
    }
}

/// Numbers of cores, at least one.
struct Cores(Vec<usize>);

impl Read for Cores {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let cores: Option<Vec<usize>> = match &node.value {
            Value::List(items) if items.is_empty() => {
                mistakes.push(empty_list(key, node));
                None
            }
            Value::List(items) => {
                let core = |item: &Node, mistakes: &mut Vec<Mistake>| {
                    let core = u64::read(key, item, mistakes)?;
                    at_most(LAST_CORE, core, key, item, mistakes).map(|core| core as usize)
                };
                items.iter().map(|item| core(item, mistakes)).collect()
            }
            _ => {
                let mistake = Mistake::new(format!("`{key}` takes a list of cores, not {}", node.kind()), node.span);
                mistakes.push(mistake.help(format!("write it like `{key}: [0]`")));
                None
            }
        };
        cores.map(Cores)
    }
}
