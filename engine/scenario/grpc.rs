//! A call of the user's own as a call of gRPC: `grpc`, `message` and `metadata`.

use serde_json::{Map, Value as Json, json};

use crate::call::own::Text;
use crate::call::own::grpc::GrpcCall;
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, wrong_kind};
use crate::scenario::request::{as_json, compiled, fields_of};

/// Fields that gRPC writes itself, beside all that begin with `grpc-`.
const WRITTEN: [&str; 3] = ["content-type", "te", "user-agent"];

const EXAMPLE: &str = "write it like `grpc: shop.v1.Orders/Place`";

/// The method of a call with its message; none where there is none, or where it cannot be read.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<GrpcCall> {
    let asked = fields.has("grpc");
    let method = fields.entry("grpc", mistakes).map(|(_, node)| method(node, mistakes));
    let message = fields.entry("message", mistakes).map(|(_, node)| message(node, mistakes));
    let metadata = fields.entry("metadata", mistakes).map(|(_, node)| metadata(node, mistakes));
    if !asked {
        for (key, span) in ["message", "metadata"].iter().filter_map(|key| Some((key, fields.span_of(key)?))) {
            let mistake = Mistake::new(format!("`{key}` belongs to a method of gRPC, and there is no `grpc`"), span);
            mistakes.push(mistake.help("name one, such as `grpc: shop.v1.Orders/Place`, or leave it out"));
        }
        return None;
    }
    let (service, method) = method??;
    Some(GrpcCall {
        service,
        method,
        message: message.unwrap_or(Some(Map::new()))?,
        metadata: metadata.unwrap_or(Some(Vec::new()))?,
        status: Vec::new(),
        compiled: None,
    })
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A service and a method of it.
fn method(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<(String, String)> {
    let text = String::read("grpc", node, mistakes)?;
    let parts = text.split_once('/').filter(|(service, method)| service.split('.').all(is_name) && is_name(method));
    if parts.is_none() {
        let bare = text.trim_start_matches('/');
        // The last dot of what has no slash stands where one should.
        let (service, method) = bare.split_once('/').or_else(|| bare.rsplit_once('.')).unwrap_or(("", ""));
        let help = match service.split('.').all(is_name) && is_name(method) {
            true => format!("write it like `grpc: {service}/{method}`"),
            false => EXAMPLE.to_owned(),
        };
        mistakes.push(Mistake::new(format!("`{text}` is no service with a method of it"), node.span).help(help));
    }
    parts.map(|(service, method)| (service.to_owned(), method.to_owned()))
}

fn message(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Map<String, Json>> {
    let Value::Map(_) = &node.value else {
        let mistake = wrong_kind("message", "a map of fields", node);
        mistakes.push(mistake.help("write it like `message: {sku: a-1, quantity: 3}`"));
        return None;
    };
    let before = mistakes.len();
    words(node, mistakes);
    match as_json("`message`", node, mistakes)? {
        Json::Object(message) if mistakes.len() == before => Some(message),
        _ => None,
    }
}

/// Notes the words in texts that nobody gives a value, and the keys that hold some.
fn words(node: &Node, mistakes: &mut Vec<Mistake>) {
    match &node.value {
        Value::Text(text) => drop(compiled(text, node, text, 0, mistakes)),
        Value::List(items) => items.iter().for_each(|item| words(item, mistakes)),
        Value::Map(entries) => {
            for (key, node) in entries {
                if Text::parse(&key.name).map_or(true, |text| text.varies()) {
                    let mistake = Mistake::new("the name of a field cannot differ from call to call", key.span);
                    mistakes.push(mistake.help("words such as `${client}` may stand in texts"));
                }
                words(node, mistakes);
            }
        }
        _ => {}
    }
}

fn metadata(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Vec<(String, Text)>> {
    let ours = |name: &str| name.starts_with("grpc-") || WRITTEN.contains(&name);
    let refused = |name: &str| ours(name).then_some("gRPC itself");
    let metadata = fields_of("metadata", "`metadata`", node, &refused, mistakes)?;
    Some(metadata.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
}

/// The schemas of the keys of such a call.
pub(crate) fn schema() -> Json {
    json!({
        "grpc": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*/[A-Za-z_][A-Za-z0-9_]*$",
            "examples": ["shop.v1.Orders/Place"],
            "description": "A method of gRPC: one message is sent, and one or a stream of them comes back. The target says by `proto` what its messages are."},
        "message": {"type": "object", "examples": [{"sku": "a-1", "quantity": 3}],
            "description": "The message that is sent, as JSON (the mapping of proto3). `${client}`, `${number}` and `${unique}` may stand in fields of text, and of bytes, which are then sent as they stand. Results do not show it."},
        "metadata": {"type": "object", "additionalProperties": {"type": ["string", "integer", "boolean"]}, "examples": [{"x-tenant": "t-1"}],
            "description": "Fields sent beside the message. Results show only how long a value is."},
    })
}
