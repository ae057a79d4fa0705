//! A call of the user's own as a method of an RPyC service: `rpyc`, `args` and `kwargs`.

use schemars::SchemaGenerator;
use serde_json::{Value as Json, json};

use crate::call::own::{Argument, RpycCall};
use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, at_most, wrong_kind};
use crate::scenario::request::compiled;
use crate::units::Size;

/// The longest payload of an argument.
const LONGEST: Size = Size(256 << 20);
/// How deep tuples may stand in each other.
const DEEPEST: usize = 16;

/// The method of a call; none where there is none, or where it cannot be read.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<RpycCall> {
    let asked = fields.has("rpyc");
    let method = fields.entry("rpyc", mistakes).map(|(_, node)| method(node, mistakes));
    let args = fields.entry("args", mistakes).map(|(_, node)| args(node, mistakes));
    let kwargs = fields.entry("kwargs", mistakes).map(|(_, node)| kwargs(node, mistakes));
    if !asked {
        for (key, span) in ["args", "kwargs"].iter().filter_map(|key| Some((key, fields.span_of(key)?))) {
            let mistake = Mistake::new(format!("`{key}` belongs to a method, and there is no `rpyc`"), span);
            mistakes.push(mistake.help("name one, such as `rpyc: read_sensor`, or leave it out"));
        }
        return None;
    }
    Some(RpycCall {
        method: method??,
        args: args.unwrap_or(Some(Vec::new()))?,
        kwargs: kwargs.unwrap_or(Some(Vec::new()))?,
    })
}

fn is_name(text: &str) -> bool {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    first && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn method(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<String> {
    let name = String::read("rpyc", node, mistakes)?;
    if !is_name(&name) {
        let mistake = Mistake::new(format!("`{name}` is no name of a method"), node.span);
        let bare = name.split(['.', '(']).find(|part| is_name(part) && *part != "root").unwrap_or("read_sensor");
        mistakes.push(mistake.help(format!("write the name alone: `rpyc: {bare}`")));
        return None;
    }
    Some(name)
}

fn args(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Vec<Argument>> {
    let Value::List(items) = &node.value else {
        mistakes.push(wrong_kind("args", "a list", node).help("write it like `args: [7]`"));
        return None;
    };
    let items: Vec<Option<Argument>> = items.iter().map(|item| argument(item, 0, mistakes)).collect();
    items.into_iter().collect()
}

fn kwargs(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Vec<(String, Argument)>> {
    let Value::Map(entries) = &node.value else {
        mistakes
            .push(wrong_kind("kwargs", "a map of names and values", node).help("write it like `kwargs: {unit: K}`"));
        return None;
    };
    Fields::of("`kwargs`", node, mistakes)?;
    let entry = |(key, node): &(crate::document::tree::Key, Node)| {
        if !is_name(&key.name) {
            let mistake = Mistake::new(format!("`{}` is no name of an argument", key.name), key.span);
            mistakes.push(mistake.help("write it as Python does: letters, digits and underscores"));
            return None;
        }
        Some((key.name.clone(), argument(node, 0, mistakes)?))
    };
    let entries: Vec<Option<(String, Argument)>> = entries.iter().map(entry).collect();
    entries.into_iter().collect()
}

fn argument(node: &Node, depth: usize, mistakes: &mut Vec<Mistake>) -> Option<Argument> {
    let wrong = |what: &str, help: &str, mistakes: &mut Vec<Mistake>| {
        mistakes.push(Mistake::new(what, node.span).help(help));
        None
    };
    match &node.value {
        Value::Nothing => Some(Argument::None),
        Value::Flag(flag) => Some(Argument::Flag(*flag)),
        Value::Count(count) => match i64::try_from(*count) {
            Ok(int) => Some(Argument::Int(int)),
            Err(_) => wrong("this whole number has more than 64 bits", "send it as text", mistakes),
        },
        Value::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 && *number < 0.0 => {
            Some(Argument::Int(*number as i64))
        }
        Value::Number(number) => Some(Argument::Float(*number)),
        Value::Text(text) => compiled(text, node, text, 0, mistakes).map(Argument::Text),
        Value::List(_) if depth == DEEPEST => {
            wrong("these tuples stand too deep in each other", "send fewer", mistakes)
        }
        Value::List(items) => {
            let items: Vec<Option<Argument>> = items.iter().map(|item| argument(item, depth + 1, mistakes)).collect();
            items.into_iter().collect::<Option<_>>().map(Argument::Tuple)
        }
        Value::Map(entries) => match entries.as_slice() {
            [(key, size)] if key.name == "bytes" => {
                let size = Size::read("bytes", size, mistakes)?;
                at_most(LONGEST, size, "bytes", node, mistakes).map(|size| Argument::Bytes(size.bytes()))
            }
            _ => {
                let help = "`{bytes: 64KiB}` is a payload; what has keys travels as text, such as JSON";
                wrong("RPyC carries no maps as values", help, mistakes)
            }
        },
    }
}

/// The schemas of the keys of a method.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Json {
    let mut size = json!(generator.subschema_for::<Size>());
    size["description"] = "A payload of so many bytes.".into();
    size["examples"] = json!(["64KiB"]);
    let payload =
        json!({"type": "object", "properties": {"bytes": size}, "required": ["bytes"], "additionalProperties": false});
    let value = json!({"anyOf": [{"type": ["string", "number", "boolean", "array"]}, payload]});
    json!({
        "rpyc": {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "examples": ["read_sensor"],
            "description": "A method of an RPyC service's root; what it answers with is dropped once it is looked at."},
        "args": {"type": "array", "items": value, "examples": [[7]],
            "description": "Its arguments: text, numbers, flags, lists (sent as tuples), and `{bytes: 64KiB}` for a payload. Results do not show them."},
        "kwargs": {"type": "object", "additionalProperties": value, "examples": [{"unit": "K"}],
            "description": "Its arguments by name."},
    })
}
